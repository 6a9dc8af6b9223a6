// SPDX-License-Identifier: Apache-2.0

// A value or why there is none, and what the other headers share.

#ifndef TULLE_HPP_RESULT_HPP
#define TULLE_HPP_RESULT_HPP

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <tulle/tulle.h>

namespace tullepp
{

using nanoseconds = std::chrono::nanoseconds;
using headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr nanoseconds none{ TULLE_NONE };

// A failure of which only the code is known.
inline tulle_failure failure_of(tulle_error code) noexcept
{
    tulle_failure why{};

    why.size = sizeof(why);
    why.error = code;
    why.flags[0] = '-';
    std::snprintf(why.text, sizeof(why.text), "%s", tulle_error_text(code));
    return why;
}

class error : public std::runtime_error
{
  public:
    explicit error(const tulle_failure &why) : std::runtime_error(why.text), why_(why)
    {
    }
    explicit error(tulle_error code) : error(failure_of(code))
    {
    }

    const tulle_failure &failure() const noexcept
    {
        return why_;
    }
    tulle_error code() const noexcept
    {
        return static_cast<tulle_error>(why_.error);
    }

  private:
    tulle_failure why_;
};

// Throws what a code stands for.
inline void check(tulle_error code)
{
    if (code != TULLE_OK) {
        throw error(code);
    }
}

template <typename T> class [[nodiscard]] result
{
  public:
    result(T value) : held_(std::in_place_index<0>, std::move(value))
    {
    }
    result(const tulle_failure &why) : held_(std::in_place_index<1>, why)
    {
    }
    result(tulle_error code) : result(failure_of(code))
    {
    }

    explicit operator bool() const noexcept
    {
        return held_.index() == 0;
    }
    // These throw `error` where there is no value.
    T &value() &
    {
        held();
        return *std::get_if<0>(&held_);
    }
    const T &value() const &
    {
        held();
        return *std::get_if<0>(&held_);
    }
    T value() &&
    {
        held();
        return std::move(*std::get_if<0>(&held_));
    }
    T &operator*()
    {
        return value();
    }
    const T &operator*() const
    {
        return value();
    }
    T *operator->()
    {
        return &value();
    }
    const T *operator->() const
    {
        return &value();
    }
    // Of a result that is none; else std::bad_variant_access.
    const tulle_failure &failure() const
    {
        return std::get<1>(held_);
    }
    tulle_error code() const
    {
        return *this ? TULLE_OK : static_cast<tulle_error>(failure().error);
    }

  private:
    void held() const
    {
        if (!*this) {
            throw error(failure());
        }
    }

    std::variant<T, tulle_failure> held_;
};

namespace detail
{

template <typename T, auto free> struct freer {
    void operator()(T *handle) const noexcept
    {
        (void)free(handle);
    }
};
template <typename T, auto free> using handle = std::unique_ptr<T, freer<T, free>>;

// The owner of a handle that a C function gave, or why there is none.
template <typename Owner, typename T> result<Owner> owned(tulle_error code, T *made)
{
    return code == TULLE_OK ? result<Owner>(Owner(made)) : result<Owner>(code);
}

template <typename Owner, typename T>
result<Owner> owned(tulle_error code, T *made, const tulle_failure &why)
{
    return code != TULLE_OK && why.error == code ? result<Owner>(why) : owned<Owner>(code, made);
}

inline const char *text_or_null(const std::string &text)
{
    return text.empty() ? nullptr : text.c_str();
}

inline std::vector<tulle_header> lines_of(const headers &all)
{
    std::vector<tulle_header> lines;

    lines.reserve(all.size());
    for (const auto &[name, value] : all) {
        lines.push_back({ name.c_str(), value.c_str() });
    }
    return lines;
}

inline std::optional<std::string_view> view_of(const char *text)
{
    return text ? std::optional<std::string_view>(text) : std::nullopt;
}

} // namespace detail
} // namespace tullepp

#endif
