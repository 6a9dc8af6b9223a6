// SPDX-License-Identifier: Apache-2.0

// Traces that go on (tulle/trace.h).

#ifndef TULLE_HPP_TRACE_HPP
#define TULLE_HPP_TRACE_HPP

#include <cstddef>

#include <tulle/hpp/result.hpp>

namespace tullepp
{

// The trace of a request that is being served, from its headers.
class context
{
  public:
    explicit context(tulle_context *owned) noexcept : context_(owned)
    {
    }
    static result<context> from(const headers &all)
    {
        auto lines = detail::lines_of(all);
        tulle_context *made;
        auto code = tulle_context_new(lines.data(), lines.size(), &made);

        return detail::owned<context>(code, made);
    }

    // 32 hex digits; "" when the headers had none.
    std::string_view trace_id() const
    {
        return tulle_context_trace_id(context_.get());
    }
    tulle_context *get() const noexcept
    {
        return context_.get();
    }

  private:
    detail::handle<tulle_context, tulle_context_free> context_;
};

// Calls that this thread starts while a scope stands carry its context on; the
// one before comes back afterwards. The context outlives the scope.
class [[nodiscard]] scope
{
  public:
    explicit scope(const context &entered) noexcept : before_(tulle_scope_enter(entered.get()))
    {
    }
    // No context at all.
    explicit scope(std::nullptr_t) noexcept : before_(tulle_scope_enter(nullptr))
    {
    }
    ~scope()
    {
        (void)tulle_scope_enter(before_);
    }
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;

  private:
    tulle_context *before_;
};

} // namespace tullepp

#endif
