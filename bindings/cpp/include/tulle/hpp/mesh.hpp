// SPDX-License-Identifier: Apache-2.0

// The mesh: calls, picks, and what one can see.

#ifndef TULLE_HPP_MESH_HPP
#define TULLE_HPP_MESH_HPP

#include <functional>
#include <new>

#include <tulle/hpp/call.hpp>
#include <tulle/hpp/config.hpp>
#include <tulle/hpp/pick.hpp>

namespace tullepp
{

class mesh
{
  public:
    static result<mesh> open(options wanted)
    {
        return open_by(std::move(wanted), tulle_open);
    }
    // For who opens a mesh in another way (tulle_mock_open()): `opener` gets the C
    // options and gives a handle, as tulle_open() does.
    template <typename F> static result<mesh> open_by(options wanted, F opener)
    {
        auto kept = std::make_unique<options>(std::move(wanted));
        tulle_options given = detail::raw_options(*kept);
        tulle *made = nullptr;
        tulle_error code = opener(&given, &made);

        return code == TULLE_OK ? result<mesh>(mesh(made, std::move(kept))) : result<mesh>(code);
    }

    mesh(mesh &&) noexcept = default;
    // The old mesh is closed before what it calls back goes.
    mesh &operator=(mesh &&other) noexcept
    {
        mesh_ = std::move(other.mesh_);
        kept_ = std::move(other.kept_);
        return *this;
    }
    // As the destructor, which cannot say that it was called from a callback.
    tulle_error close()
    {
        tulle_error code = tulle_close(mesh_.get());

        if (code == TULLE_OK) {
            (void)mesh_.release();
        }
        return code;
    }
    [[nodiscard]] tulle_error wait_ready(nanoseconds timeout = nanoseconds{ 0 })
    {
        return tulle_wait_ready(mesh_.get(), timeout.count());
    }

    result<reply> get(std::string url)
    {
        request wanted;

        wanted.url = std::move(url);
        return call(wanted);
    }
    result<reply> call(const request &wanted)
    {
        detail::raw_request given(wanted);
        tulle_failure why{};
        tulle_reply *made;

        why.size = sizeof(why);
        given.raw.failure = &why;
        auto code = tulle_call(mesh_.get(), &given.raw, &made);
        return detail::owned<reply>(code, made, why);
    }

    // `done` is called once, on a loop of the library's, also when the call was
    // destroyed by then; `event` before it (of a call that streams).
    result<tullepp::call> start(const request &wanted, std::function<void(call_view)> done,
                                std::function<void(call_view, std::int32_t)> event = {})
    {
        detail::raw_request given(wanted);
        auto kept = std::make_unique<heard>(heard{ std::move(done), std::move(event) });

        if (kept->event) {
            given.raw.event = [](struct tulle_call *call, std::int32_t kind, void *user) noexcept {
                static_cast<heard *>(user)->event(call_view(call), kind);
            };
        }
        auto made = start_raw(
            given.raw,
            [](struct tulle_call *ended, tulle_error, void *user) noexcept {
                std::unique_ptr<heard> mine(static_cast<heard *>(user));

                if (mine->done) {
                    mine->done(call_view(ended));
                }
            },
            kept.get());
        if (made) {
            (void)kept.release();
        }
        return made;
    }
    // Its events go to `events`, with `user`.
    result<tullepp::call> start(const request &wanted, const queue &events, void *user = nullptr)
    {
        detail::raw_request given(wanted);

        given.raw.queue = events.get();
        return start_raw(given.raw, nullptr, user);
    }
    // To be waited for: call_view::wait().
    result<tullepp::call> start(const request &wanted)
    {
        detail::raw_request given(wanted);

        return start_raw(given.raw, nullptr, nullptr);
    }

    result<tullepp::pick> pick(const pick_request &wanted)
    {
        detail::raw_pick given(wanted);
        tulle_failure why{};
        struct tulle_pick *made;

        why.size = sizeof(why);
        given.raw.failure = &why;
        auto code = tulle_pick(mesh_.get(), &given.raw, &made);
        return detail::owned<tullepp::pick>(code, made, why);
    }
    // `decided` is called once, on a loop of the library's, also when the pick was
    // destroyed by then.
    result<tullepp::pick> start_pick(const pick_request &wanted,
                                     std::function<void(tulle_error)> decided)
    {
        using held = std::function<void(tulle_error)>;
        detail::raw_pick given(wanted);
        auto kept = std::make_unique<held>(std::move(decided));
        struct tulle_pick *made;
        auto code = tulle_pick_start(
            mesh_.get(), &given.raw,
            [](struct tulle_pick *, tulle_error why, void *user) noexcept {
                (*std::unique_ptr<held>(static_cast<held *>(user)))(why);
            },
            kept.get(), &made);

        if (code == TULLE_OK) {
            (void)kept.release();
        }
        return detail::owned<tullepp::pick>(code, made);
    }
    result<tullepp::pick> start_pick(const pick_request &wanted, const queue &events,
                                     void *user = nullptr)
    {
        detail::raw_pick given(wanted);
        struct tulle_pick *made;

        given.raw.queue = events.get();
        auto code = tulle_pick_start(mesh_.get(), &given.raw, nullptr, user, &made);
        return detail::owned<tullepp::pick>(code, made);
    }

    // All metrics as Prometheus text.
    result<std::string> metrics() const
    {
        char *text;
        std::size_t size;
        auto code = tulle_metrics(mesh_.get(), &size, &text);
        detail::handle<char, tulle_text_free> owned(text);

        return code == TULLE_OK ? result<std::string>(std::string(text, size))
                                : result<std::string>(code);
    }
    result<std::vector<tulle_endpoint_state>> endpoints() const
    {
        seen all;
        auto code = tulle_endpoints(mesh_.get(), see, &all);

        if (code == TULLE_OK && all.no_memory) {
            code = TULLE_E_NOMEM;
        }
        return code == TULLE_OK ? result<std::vector<tulle_endpoint_state>>(std::move(all.states))
                                : result<std::vector<tulle_endpoint_state>>(code);
    }

    // --- the app's own loop: `options.more.threads` is TULLE_NONE_COUNT ---

    int fd() const
    {
        return tulle_fd(mesh_.get());
    }
    nanoseconds due() const
    {
        return nanoseconds{ tulle_due(mesh_.get()) };
    }
    [[nodiscard]] tulle_error run()
    {
        return tulle_run(mesh_.get());
    }

    tulle *get() const noexcept
    {
        return mesh_.get();
    }

  private:
    struct heard {
        std::function<void(call_view)> done;
        std::function<void(call_view, std::int32_t)> event;
    };
    struct seen {
        std::vector<tulle_endpoint_state> states = {};
        bool no_memory = false;
    };

    mesh(tulle *owned, std::unique_ptr<options> kept) noexcept
        : kept_(std::move(kept)), mesh_(owned)
    {
    }
    result<tullepp::call> start_raw(const tulle_request &given, tulle_call_done_fn *done,
                                    void *user)
    {
        struct tulle_call *made;
        auto code = tulle_call_start(mesh_.get(), &given, done, user, &made);

        return detail::owned<tullepp::call>(code, made);
    }
    // Called by C, through which no std::bad_alloc may go.
    static void see(const tulle_endpoint_state *state, void *user) noexcept
    {
        auto *all = static_cast<seen *>(user);

        try {
            all->states.push_back(*state);
        } catch (const std::bad_alloc &) {
            all->no_memory = true;
        }
    }

    std::unique_ptr<options> kept_; // outlives the mesh, which calls back while it closes
    detail::handle<tulle, tulle_close> mesh_;
};

} // namespace tullepp

#endif
