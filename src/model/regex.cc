// SPDX-License-Identifier: Apache-2.0

// The only C++ of the library. Options are Envoy's (source/common/common/regex.cc):
// UTF-8, quiet. Istio's admission once let any pattern through (ISTIO-SECURITY-2026-006),
// so the pattern's size and the compiled program's are both bounded here.

#include "model/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <new>

extern "C" {
#include "base/alloc.h"
}

namespace
{

// RE2 walks at worst program x text when its automaton runs out of memory; an
// 8 KiB header against this many instructions stays in the low tens of ms.
constexpr int PROGRAM_SIZE_MAX = 4096;
constexpr int64_t MEMORY_MAX = 1 << 20;

void say(char *why, size_t why_size, const char *text)
{
    size_t size = std::min(std::strlen(text), why_size - 1);

    std::memcpy(why, text, size);
    why[size] = '\0';
}

re2::RE2::Options envoy_options()
{
    re2::RE2::Options options;

    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(MEMORY_MAX);
    return options;
}

} // namespace

struct regex {
    regex(const char *pattern, size_t size)
        : re2(re2::StringPiece(pattern, size), envoy_options()), refs(1)
    {
    }

    re2::RE2 re2;
    size_t refs; // control step only
};

namespace
{

bool is_usable(const struct regex &regex, char *why, size_t why_size)
{
    if (!regex.re2.ok()) {
        say(why, why_size, regex.re2.error().c_str());
        return false;
    }
    if (regex.re2.ProgramSize() > PROGRAM_SIZE_MAX) {
        say(why, why_size, "the expression is too complex");
        return false;
    }
    return true;
}

} // namespace

struct regex *tulle__regex_new(const char *pattern, size_t size, char *why, size_t why_size)
{
    if (size > REGEX_SIZE_MAX) {
        say(why, why_size, "the expression is longer than 1024 bytes");
        return nullptr;
    }
    void *room = tulle__alloc(sizeof(struct regex));
    if (room != nullptr) {
        try {
            auto *regex = new (room) struct regex(pattern, size);
            if (is_usable(*regex, why, why_size)) {
                return regex;
            }
            tulle__regex_free(regex);
            return nullptr;
        } catch (...) {
            tulle__free(room);
        }
    }
    say(why, why_size, "out of memory");
    return nullptr;
}

struct regex *tulle__regex_ref(const struct regex *regex)
{
    auto *shared = const_cast<struct regex *>(regex);

    shared->refs++;
    return shared;
}

void tulle__regex_free(struct regex *regex)
{
    if (regex == nullptr || --regex->refs > 0) {
        return;
    }
    regex->~regex();
    tulle__free(regex);
}

struct str tulle__regex_pattern(const struct regex *regex)
{
    return { regex->re2.pattern().data(), regex->re2.pattern().size() };
}

bool tulle__regex_matches(const struct regex *regex, const char *text, size_t size)
{
    try {
        return re2::RE2::FullMatch(re2::StringPiece(text, size), regex->re2);
    } catch (...) {
        return false;
    }
}
