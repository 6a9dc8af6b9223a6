// SPDX-License-Identifier: Apache-2.0

// What comes back.

#ifndef TULLE_HPP_REPLY_HPP
#define TULLE_HPP_REPLY_HPP

#include <tulle/hpp/result.hpp>

namespace tullepp
{

using header_views = std::vector<std::pair<std::string_view, std::string_view>>;

// A reply that someone else owns. All views are the reply's.
class reply_view
{
  public:
    explicit reply_view(const tulle_reply *reply) noexcept : reply_(reply)
    {
    }

    int status() const
    {
        return tulle_reply_status(reply_);
    }
    std::string_view body() const
    {
        return { tulle_reply_body(reply_), tulle_reply_body_size(reply_) };
    }
    std::optional<std::string_view> header(const std::string &name) const
    {
        return detail::view_of(tulle_reply_header(reply_, name.c_str()));
    }
    std::optional<std::string_view> trailer(const std::string &name) const
    {
        return detail::view_of(tulle_reply_trailer(reply_, name.c_str()));
    }
    // In the order of the wire.
    header_views headers() const
    {
        return lines(tulle_reply_header_at);
    }
    header_views trailers() const
    {
        return lines(tulle_reply_trailer_at);
    }
    unsigned attempts() const
    {
        return tulle_reply_attempts(reply_);
    }
    std::string_view endpoint() const
    {
        return tulle_reply_endpoint(reply_);
    }
    std::string_view explain() const
    {
        return tulle_reply_explain(reply_);
    }
    tulle_timings timings() const
    {
        tulle_timings out{};

        out.size = sizeof(out);
        (void)!tulle_reply_timings(reply_, &out);
        return out;
    }
    const tulle_reply *get() const noexcept
    {
        return reply_;
    }

  private:
    template <typename F> header_views lines(F line_at) const
    {
        header_views all;
        tulle_header line;

        for (std::size_t i = 0; line_at(reply_, i, &line) == TULLE_OK; i++) {
            all.emplace_back(line.name, line.value);
        }
        return all;
    }

    const tulle_reply *reply_;
};

class reply : public reply_view
{
  public:
    explicit reply(tulle_reply *owned) noexcept : reply_view(owned), owned_(owned)
    {
    }

  private:
    detail::handle<tulle_reply, tulle_reply_free> owned_;
};

} // namespace tullepp

#endif
