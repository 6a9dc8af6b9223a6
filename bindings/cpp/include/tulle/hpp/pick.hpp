// SPDX-License-Identifier: Apache-2.0

// Picks (tulle/pick.h).

#ifndef TULLE_HPP_PICK_HPP
#define TULLE_HPP_PICK_HPP

#include <tulle/hpp/call.hpp>

namespace tullepp
{

struct pick_request {
    std::string url;
    std::string method = {};
    tullepp::headers headers = {};
    nanoseconds deadline{ 0 };   // for waiting and for the report
    const char *place = nullptr; // told when it is never reported: "shop.cpp:12"; static text
};

// An endpoint to speak to; destroying it unreported says that it was nobody's
// fault, and cancels one that is not decided yet.
class pick
{
  public:
    explicit pick(struct tulle_pick *owned) noexcept : pick_(owned)
    {
    }

    // "" as long as there is none.
    std::string_view address() const
    {
        return tulle_pick_address(pick_.get());
    }
    std::string_view cluster() const
    {
        return tulle_pick_cluster(pick_.get());
    }
    // Null when it did not fail.
    const tulle_failure *failure() const
    {
        return tulle_pick_failure(pick_.get());
    }
    // What came of it; once.
    void done(tulle_error code = TULLE_OK, int status = 0) noexcept
    {
        report(pick_.release(), code, status);
    }
    struct tulle_pick *get() const noexcept
    {
        return pick_.get();
    }

  private:
    static void report(struct tulle_pick *given, tulle_error code, int status) noexcept
    {
        tulle_pick_result outcome{};

        outcome.size = sizeof(outcome);
        outcome.error = code;
        outcome.status = status;
        tulle_pick_done(given, &outcome);
    }
    struct giver {
        void operator()(struct tulle_pick *given) const noexcept
        {
            report(given, TULLE_E_CANCELLED, 0);
        }
    };

    std::unique_ptr<struct tulle_pick, giver> pick_;
};

namespace detail
{

struct raw_pick {
    explicit raw_pick(const pick_request &wanted) : lines(lines_of(wanted.headers))
    {
        raw.size = sizeof(raw);
        raw.url = wanted.url.c_str();
        raw.method = text_or_null(wanted.method);
        raw.headers = lines.data();
        raw.header_count = lines.size();
        raw.deadline_ns = wanted.deadline.count();
        raw.place = wanted.place;
    }

    std::vector<tulle_header> lines;
    tulle_pick_request raw{};
};

} // namespace detail
} // namespace tullepp

#endif
