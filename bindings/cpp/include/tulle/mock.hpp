// SPDX-License-Identifier: Apache-2.0

// A mesh that a test scripts (tulle/mock.h), from C++. As that header it is no part
// of the ABI promise, and tulle.hpp does not include it.
//
//     auto mock = tullepp::mock::make().value();
//     tullepp::check(mock.add_service("reviews", 80));
//     tullepp::check(mock.add_endpoint("reviews", "10.0.0.1:9080"));
//     auto mesh = mock.open().value();
//     ...
//     assert(mock.check() == "");

#ifndef TULLE_MOCK_HPP
#define TULLE_MOCK_HPP

#include <cstdint>

#include <tulle/mock.h>
#include <tulle/tulle.hpp>

namespace tullepp
{

// What an endpoint does; its zeroes are the defaults of struct tulle_mock_answer.
struct mock_answer {
    tulle_mock_kind kind = TULLE_MOCK_ANSWER;
    int status = 0;
    std::uint32_t times = 0;
    std::string method = {};
    std::string path = {};
    std::string prefix = {};
    tullepp::headers headers = {};
    std::string body = {};
    std::size_t body_size = 0; // of a body of 'x'
    tullepp::headers trailers = {};
    nanoseconds delay{ 0 };
    nanoseconds connect{ 0 };
    std::size_t chunk_size = 0;
    nanoseconds chunk{ 0 };
    std::size_t break_at = 0;
    bool close = false;
};

// One thread at a time uses a mock and its meshes.
class mock
{
  public:
    explicit mock(tulle_mock *owned) noexcept : mock_(owned)
    {
    }
    static result<mock> make(tulle_mock_options wanted = {})
    {
        tulle_mock *made;

        wanted.size = sizeof(wanted);
        auto code = tulle_mock_new(&wanted, &made);
        return detail::owned<mock>(code, made);
    }
    result<mesh> open(options wanted = {})
    {
        auto opener = [this](const tulle_options *given, tulle **out) {
            return tulle_mock_open(mock_.get(), given, out);
        };

        return mesh::open_by(std::move(wanted), opener);
    }

    // --- time ---

    nanoseconds now() const
    {
        return nanoseconds{ tulle_mock_now(mock_.get()) };
    }
    [[nodiscard]] tulle_error run()
    {
        return tulle_mock_run(mock_.get());
    }
    [[nodiscard]] tulle_error advance(nanoseconds by)
    {
        return tulle_mock_advance(mock_.get(), by.count());
    }

    // --- discovery ---

    [[nodiscard]] tulle_error add_service(const std::string &host, std::uint16_t port,
                                          tulle_protocol protocol = TULLE_PROTOCOL_HTTP)
    {
        return tulle_mock_add_service(mock_.get(), host.c_str(), port, protocol);
    }
    [[nodiscard]] tulle_error remove_service(const std::string &host)
    {
        return tulle_mock_remove_service(mock_.get(), host.c_str());
    }
    [[nodiscard]] tulle_error add_endpoint(const std::string &host, const std::string &address,
                                           const std::string &labels = {}, std::uint32_t weight = 0)
    {
        return tulle_mock_add_endpoint(mock_.get(), host.c_str(), address.c_str(),
                                       detail::text_or_null(labels), weight);
    }
    [[nodiscard]] tulle_error remove_endpoint(const std::string &host, const std::string &address)
    {
        return tulle_mock_remove_endpoint(mock_.get(), host.c_str(), address.c_str());
    }
    // Nothing for a text: removes it.
    [[nodiscard]] tulle_error yaml(const std::string &name, const std::optional<std::string> &text)
    {
        return tulle_mock_yaml(mock_.get(), name.c_str(), text ? text->c_str() : nullptr);
    }
    [[nodiscard]] tulle_error discovery(enum tulle_mock_discovery state)
    {
        return tulle_mock_discovery(mock_.get(), state);
    }

    // --- endpoints; "" for an address: every endpoint ---

    [[nodiscard]] tulle_error answer(const std::string &address, const mock_answer &said)
    {
        auto lines = detail::lines_of(said.headers), behind = detail::lines_of(said.trailers);
        auto raw = raw_answer(said);

        raw.headers = lines.data();
        raw.header_count = lines.size();
        raw.trailers = behind.data();
        raw.trailer_count = behind.size();
        return tulle_mock_answer(mock_.get(), detail::text_or_null(address), &raw);
    }
    void unsay(const std::string &address = {})
    {
        tulle_mock_unsay(mock_.get(), detail::text_or_null(address));
    }
    [[nodiscard]] tulle_error kill(const std::string &address)
    {
        return tulle_mock_kill(mock_.get(), address.c_str());
    }
    void revive(const std::string &address)
    {
        tulle_mock_revive(mock_.get(), address.c_str());
    }

    // --- what came of it; texts are borrowed until forget() ---

    // What is wrong, a line each; "" when nothing is.
    std::string check()
    {
        char *text = nullptr;
        auto code = tulle_mock_check(mock_.get(), &text);
        detail::handle<char, tulle_text_free> owned(text);

        return code == TULLE_OK ? "" : text ? text : tulle_error_text(code);
    }
    void forget()
    {
        tulle_mock_forget(mock_.get());
    }
    std::vector<tulle_mock_request> requests() const
    {
        return all<tulle_mock_request>(tulle_mock_request_at);
    }
    std::vector<tulle_mock_pick> picks() const
    {
        return all<tulle_mock_pick>(tulle_mock_pick_at);
    }
    std::vector<tulle_mock_event> events() const
    {
        return all<tulle_mock_event>(tulle_mock_event_at);
    }
    std::vector<tulle_mock_candidate> candidates(std::size_t pick) const
    {
        return all<tulle_mock_candidate>(
            [pick](const tulle_mock *from, std::size_t index, tulle_mock_candidate *out) {
                return tulle_mock_candidate_at(from, pick, index, out);
            });
    }
    result<double> metric(const std::string &selector)
    {
        double value = 0;
        auto code = tulle_mock_metric(mock_.get(), selector.c_str(), &value);

        return code == TULLE_OK ? result<double>(value) : result<double>(code);
    }
    std::string_view gate(const std::string &address)
    {
        return tulle_mock_gate(mock_.get(), address.c_str());
    }
    tulle_mock *get() const noexcept
    {
        return mock_.get();
    }

  private:
    template <typename T, typename F> std::vector<T> all(F at) const
    {
        std::vector<T> found;
        T one{};

        one.size = sizeof(one);
        for (std::size_t i = 0; at(mock_.get(), i, &one) == TULLE_OK; i++) {
            found.push_back(one);
            one.size = sizeof(one);
        }
        return found;
    }
    static struct tulle_mock_answer raw_answer(const mock_answer &said)
    {
        struct tulle_mock_answer raw {
        };

        raw.size = sizeof(raw);
        raw.kind = said.kind;
        raw.status = said.status;
        raw.times = said.times;
        raw.method = detail::text_or_null(said.method);
        raw.path = detail::text_or_null(said.path);
        raw.prefix = detail::text_or_null(said.prefix);
        raw.body = said.body.empty() ? nullptr : said.body.data();
        raw.body_size = said.body.empty() ? said.body_size : said.body.size();
        raw.delay_ns = said.delay.count();
        raw.connect_ns = said.connect.count();
        raw.chunk_size = said.chunk_size;
        raw.chunk_ns = said.chunk.count();
        raw.break_at = said.break_at;
        raw.close = said.close;
        return raw;
    }

    detail::handle<tulle_mock, tulle_mock_free> mock_;
};

} // namespace tullepp

#endif
