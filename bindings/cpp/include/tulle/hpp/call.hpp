// SPDX-License-Identifier: Apache-2.0

// Requests, calls under way, and the queue their events go to.

#ifndef TULLE_HPP_CALL_HPP
#define TULLE_HPP_CALL_HPP

#include <cstdint>

#include <tulle/hpp/reply.hpp>
#include <tulle/hpp/trace.hpp>

namespace tullepp
{

class queue
{
  public:
    explicit queue(tulle_queue *owned) noexcept : queue_(owned)
    {
    }
    static result<queue> make()
    {
        tulle_queue *made;
        auto code = tulle_queue_new(&made);

        return detail::owned<queue>(code, made);
    }

    // Readable while events are waiting.
    int fd() const
    {
        return tulle_queue_fd(queue_.get());
    }
    // At most `most` of the oldest events; it never waits.
    std::vector<tulle_event> take(std::size_t most = 64)
    {
        std::vector<tulle_event> events(most);

        events.resize(tulle_queue_take(queue_.get(), events.data(), most));
        return events;
    }
    tulle_queue *get() const noexcept
    {
        return queue_.get();
    }

  private:
    detail::handle<tulle_queue, tulle_queue_free> queue_;
};

// A request; its zeroes and empty texts are the defaults of the C struct.
struct request {
    std::string url;
    std::string method = {};
    tullepp::headers headers = {};
    std::string body = {};
    nanoseconds deadline{ 0 }; // tullepp::none: none
    bool retry = true;
    bool explain = false;
    std::string idempotency_key = {};
    std::size_t body_max = 0;
    int stream = 0; // enum tulle_stream, or-ed
    std::optional<std::uint64_t> stream_size = {};
    std::size_t window = 0;
    const tullepp::context *context = nullptr;
};

// A call that someone else owns.
class call_view
{
  public:
    explicit call_view(struct tulle_call *call) noexcept : call_(call)
    {
    }

    void cancel()
    {
        tulle_call_cancel(call_);
    }
    // TULLE_E_AGAIN while it runs.
    tulle_error code() const
    {
        return tulle_call_error(call_);
    }
    std::optional<reply_view> reply() const
    {
        auto *found = tulle_call_reply(call_);

        return found ? std::optional<reply_view>(found) : std::nullopt;
    }
    const tulle_failure *failure() const
    {
        return tulle_call_failure(call_);
    }
    std::string_view explain() const
    {
        return tulle_call_explain(call_);
    }

    // --- of a call that streams (tulle/stream.h); TULLE_E_AGAIN: not now ---

    // How many bytes there was room for.
    result<std::size_t> write(std::string_view data)
    {
        std::size_t taken = 0;
        auto code = tulle_call_write(call_, data.data(), data.size(), &taken);

        return code == TULLE_OK ? result<std::size_t>(taken) : result<std::size_t>(code);
    }
    [[nodiscard]] tulle_error write_end(const headers &trailers = {})
    {
        auto lines = detail::lines_of(trailers);

        return tulle_call_write_end(call_, lines.data(), lines.size());
    }
    // How many bytes came; 0: the body is over.
    result<std::size_t> read(char *data, std::size_t size)
    {
        std::size_t got = 0;
        auto code = tulle_call_read(call_, data, size, &got);

        return code == TULLE_OK ? result<std::size_t>(got) : result<std::size_t>(code);
    }
    // Which of `kinds` (enum tulle_event_kind, or-ed) are there.
    result<std::int32_t> wait(std::int32_t kinds, nanoseconds timeout = nanoseconds{ 0 })
    {
        std::int32_t ready = 0;
        auto code = tulle_call_wait(call_, kinds, timeout.count(), &ready);

        return code == TULLE_OK ? result<std::int32_t>(ready) : result<std::int32_t>(code);
    }
    struct tulle_call *get() const noexcept
    {
        return call_;
    }

  protected:
    struct tulle_call *call_;
};

// A call under way or over; destroying it before its end cancels.
class call : public call_view
{
  public:
    explicit call(struct tulle_call *owned) noexcept : call_view(owned), owned_(owned)
    {
    }

  private:
    detail::handle<struct tulle_call, tulle_call_free> owned_;
};

namespace detail
{

// A C request that borrows from a request.
struct raw_request {
    explicit raw_request(const request &wanted) : lines(lines_of(wanted.headers))
    {
        raw.size = sizeof(raw);
        raw.method = text_or_null(wanted.method);
        raw.url = wanted.url.c_str();
        raw.headers = lines.data();
        raw.header_count = lines.size();
        raw.body = wanted.body.empty() ? nullptr : wanted.body.data();
        raw.body_size = wanted.body.size();
        raw.deadline_ns = wanted.deadline.count();
        raw.retry = wanted.retry ? TULLE_RETRY_DEFAULT : TULLE_RETRY_OFF;
        raw.explain = wanted.explain;
        raw.idempotency_key = text_or_null(wanted.idempotency_key);
        raw.body_max = wanted.body_max;
        raw.stream = wanted.stream;
        raw.has_stream_size = wanted.stream_size.has_value();
        raw.stream_size = wanted.stream_size.value_or(0);
        raw.window = wanted.window;
        raw.context = wanted.context ? wanted.context->get() : nullptr;
    }

    std::vector<tulle_header> lines;
    tulle_request raw{};
};

} // namespace detail
} // namespace tullepp

#endif
