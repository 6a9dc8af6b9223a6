// SPDX-License-Identifier: Apache-2.0

// What came, against what is expected; what differs throws.

#ifndef TULLE_CPP_TESTS_EXPECT_HPP
#define TULLE_CPP_TESTS_EXPECT_HPP

#include "json.hpp"

#include <strings.h>
#include <tulle/mock.hpp>

using namespace std::string_literals;

inline const std::vector<std::string> error_names = {
    "OK",          "USAGE",   "NOMEM",    "CONFIG", "REFUSED",   "LIMIT",
    "NO_ENDPOINT", "NETWORK", "TLS",      "PEER",   "TOO_LARGE", "TIMEOUT",
    "CANCELLED",   "CLOSED",  "INTERNAL", "AGAIN",  "FORKED"
};
inline const std::vector<std::string> progress_names = { "NOTHING_SENT", "PERHAPS_EXECUTED",
                                                         "REFUSED_UNPROCESSED", "ANSWERED" };
inline const std::vector<std::string> kind_names = { "ANSWER",         "HANG",  "REFUSE",
                                                     "CONNECT_HANG",   "RESET", "RESET_BEFORE",
                                                     "REFUSED_STREAM", "BREAK" };
inline const std::set<std::string> request_keys = {
    "method",         "url",     "headers", "body", "deadline", "retry", "explain",
    "idempotencyKey", "bodyMax", "context", "scope"
};

inline std::set<std::string> and_keys(std::set<std::string> keys, std::set<std::string> more)
{
    keys.merge(more);
    return keys;
}

template <typename A, typename B> void same(const char *what, const A &got, const B &wanted)
{
    if (got != wanted) {
        if constexpr (std::is_arithmetic_v<A>) {
            throw fault(what + " is "s + std::to_string(got) + ", not " + std::to_string(wanted));
        } else {
            throw fault(what + " is \""s + std::string(got) + "\", not \"" + wanted + "\"");
        }
    }
}

// A star stands for any run of characters.
inline bool is_like(std::string_view pattern, std::string_view text)
{
    if (pattern.empty()) {
        return text.empty();
    }
    if (pattern[0] == '*') {
        return is_like(pattern.substr(1), text) ||
               (!text.empty() && is_like(pattern, text.substr(1)));
    }
    return !text.empty() && pattern[0] == text[0] && is_like(pattern.substr(1), text.substr(1));
}

// --- what came, against what is expected ---

struct outcome {
    tulle_error code = TULLE_OK;
    const tulle_failure *failure = nullptr;
    std::optional<tullepp::reply_view> reply = {};
    std::string body = {};
    std::string endpoint = {}, cluster = {}; // of a pick
    tullepp::nanoseconds took{ 0 };
};

inline void expect_text(node expected, const char *key, std::string_view text)
{
    if (expected[key]) {
        same(key, text, expected[key].text());
    }
}

inline void expect_count(node expected, const char *key, long long number)
{
    if (expected[key]) {
        same(key, number, expected[key].count());
    }
}

inline void expect_reply(node expected, const tullepp::reply_view &reply)
{
    for (const auto &[name, value] : expected["headers"].lines()) {
        same(name.c_str(), reply.header(name).value_or("(none)"), value);
    }
    for (const auto &[name, value] : expected["trailers"].lines()) {
        same(name.c_str(), reply.trailer(name).value_or("(none)"), value);
    }
    if (expected["headerLines"]) {
        tullepp::headers all;
        for (auto [name, value] : reply.headers()) {
            all.emplace_back(name, value);
        }
        if (all != expected["headerLines"].lines()) {
            throw fault("the header lines are others");
        }
    }
    expect_count(expected, "status", reply.status());
    expect_count(expected, "attempts", reply.attempts());
    expect_text(expected, "endpoint", reply.endpoint());
    if (reply.explain().find(expected["explainHas"].text()) == std::string_view::npos) {
        throw fault("explain is " + std::string(reply.explain()));
    }
}

inline void expect_failure(node expected, const tulle_failure &why)
{
    expect_count(expected, "status", why.status);
    expect_count(expected, "attempts", why.attempts);
    expect_text(expected, "endpoint", why.endpoint);
    expect_text(expected, "cluster", why.cluster);
    expect_text(expected, "layer", why.layer);
    expect_text(expected, "flags", why.flags);
    expect_text(expected, "progress", progress_names.at(static_cast<std::size_t>(why.progress)));
}

inline void expect_code(node expected, tulle_error code)
{
    auto wanted = expected["error"].among(error_names);

    same("error", error_names.at(code), error_names.at(static_cast<std::size_t>(wanted)));
}

inline void expect_outcome(node expected, const outcome &came)
{
    expected.only({ "error", "status", "attempts", "endpoint", "headers", "headerLines", "trailers",
                    "body", "bodySize", "layer", "flags", "progress", "cluster", "explainHas",
                    "took" });
    expect_code(expected, came.code);
    if (expected["took"]) {
        same("took", came.took.count(), expected["took"].duration().count());
    }
    expect_text(expected, "body", came.body);
    expect_count(expected, "bodySize", static_cast<long long>(came.body.size()));
    if (came.failure) {
        return expect_failure(expected, *came.failure);
    }
    if (came.reply) {
        return expect_reply(expected, *came.reply);
    }
    expect_text(expected, "endpoint", came.endpoint);
    expect_text(expected, "cluster", came.cluster);
}

inline tullepp::headers sent_lines(const char *text)
{
    tullepp::headers all;
    std::string rest = text;

    for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
        auto colon = rest.find(": ");
        all.emplace_back(rest.substr(0, colon), rest.substr(colon + 2, end - colon - 2));
    }
    return all;
}

inline void expect_sent(node expected, const tulle_mock_request &seen)
{
    auto sent = sent_lines(seen.headers), wanted = expected["headers"].lines();
    auto value_of = [&sent](const std::string &name) {
        for (const auto &[each, value] : sent) {
            if (strcasecmp(each.c_str(), name.c_str()) == 0) {
                return std::optional<std::string>(value);
            }
        }
        return std::optional<std::string>();
    };

    if (expected["headers"]) {
        same("sent lines", sent.size(), wanted.size());
        for (std::size_t i = 0; i < sent.size(); i++) {
            same("sent name", sent[i].first, wanted[i].first);
            if (!is_like(wanted[i].second, sent[i].second)) {
                throw fault("sent " + sent[i].first + ": " + sent[i].second);
            }
        }
    }
    for (const auto &[name, pattern] : expected["has"].lines()) {
        if (!is_like(pattern, value_of(name).value_or(""))) {
            throw fault("no " + name + ": " + pattern + " in\n" + seen.headers);
        }
    }
    for (const auto &name : expected["hasNot"].texts()) {
        if (value_of(name)) {
            throw fault("it was sent " + name);
        }
    }
}

inline void expect_seen(node expected, const tulle_mock_request &seen)
{
    expected.only({ "endpoint", "method", "url", "headers", "has", "hasNot", "body", "bodySize" });
    expect_text(expected, "endpoint", seen.endpoint);
    expect_text(expected, "method", seen.method);
    expect_text(expected, "url", seen.url);
    expect_text(expected, "body", seen.body);
    expect_count(expected, "bodySize", static_cast<long long>(seen.body_size));
    expect_sent(expected, seen);
}

#endif
