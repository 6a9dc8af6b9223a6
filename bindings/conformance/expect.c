/* SPDX-License-Identifier: Apache-2.0 */

/* What came, against what is expected. */

#include "run.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void expect_text(struct run *run, const json_t *expected, const char *key, const char *text)
{
    const char *wanted = text_at(expected, key);

    if (wanted && strcmp(wanted, text ? text : "") != 0) {
        fault(run, "%s is \"%s\", not \"%s\"", key, text ? text : "", wanted);
    }
}

static void expect_part(struct run *run, const json_t *expected, const char *key, const char *text)
{
    const char *wanted = text_at(expected, key);

    if (wanted && (!text || !strstr(text, wanted))) {
        fault(run, "%s: \"%s\" is not in \"%s\"", key, wanted, text ? text : "");
    }
}

static void expect_number(struct run *run, const json_t *expected, const char *key, int64_t number)
{
    const json_t *wanted = json_object_get(expected, key);

    if (wanted && json_integer_value(wanted) != number) {
        fault(run, "%s is %lld, not %lld", key, (long long)number,
              (long long)json_integer_value(wanted));
    }
}

static void expect_error(struct run *run, const json_t *expected, int32_t error)
{
    int32_t wanted = number_of(run, error_names, text_at(expected, "error"));

    if (wanted != error) {
        fault(run, "error is %s, not %s", error_names[error], error_names[wanted]);
    }
}

/* A star stands for any run of characters. */
static bool is_like(const char *pattern, const char *text)
{
    if (*pattern == '*') {
        return is_like(pattern + 1, text) || (*text && is_like(pattern, text + 1));
    }
    return *pattern == *text && (!*text || is_like(pattern + 1, text + 1));
}

/* --- calls, streams, picks --- */

static void expect_lines(struct run *run, const struct tulle_header *wanted, size_t count,
                         const struct tulle_reply *reply)
{
    struct tulle_header line = { NULL, NULL };
    size_t i;

    if (tulle_reply_header_count(reply) != count) {
        fault(run, "%zu header lines, not %zu", tulle_reply_header_count(reply), count);
        return;
    }
    for (i = 0; i < count; i++) {
        if (tulle_reply_header_at(reply, i, &line) != TULLE_OK ||
            strcmp(line.name, wanted[i].name) != 0 || strcmp(line.value, wanted[i].value) != 0) {
            fault(run, "line %zu is \"%s: %s\"", i, line.name, line.value);
        }
    }
}

static void expect_reply(struct run *run, const json_t *expected, const struct tulle_reply *reply)
{
    struct tulle_header lines[LINES_MAX];
    size_t i, count = lines_at(run, expected, "headers", lines);
    const char *value;

    for (i = 0; i < count; i++) {
        value = tulle_reply_header(reply, lines[i].name);
        if (!value || strcmp(value, lines[i].value) != 0) {
            fault(run, "header %s is \"%s\"", lines[i].name, value ? value : "");
        }
    }
    count = lines_at(run, expected, "trailers", lines);
    for (i = 0; i < count; i++) {
        value = tulle_reply_trailer(reply, lines[i].name);
        if (!value || strcmp(value, lines[i].value) != 0) {
            fault(run, "trailer %s is \"%s\"", lines[i].name, value ? value : "");
        }
    }
    if (json_object_get(expected, "headerLines")) {
        expect_lines(run, lines, lines_at(run, expected, "headerLines", lines), reply);
    }
    expect_number(run, expected, "status", tulle_reply_status(reply));
    expect_number(run, expected, "attempts", tulle_reply_attempts(reply));
    expect_text(run, expected, "endpoint", tulle_reply_endpoint(reply));
    expect_part(run, expected, "explainHas", tulle_reply_explain(reply));
}

static void expect_failure(struct run *run, const json_t *expected,
                           const struct tulle_failure *failure)
{
    expect_number(run, expected, "status", failure->status);
    expect_number(run, expected, "attempts", failure->attempts);
    expect_text(run, expected, "endpoint", failure->endpoint);
    expect_text(run, expected, "cluster", failure->cluster);
    expect_text(run, expected, "layer", failure->layer);
    expect_text(run, expected, "flags", failure->flags);
    expect_text(run, expected, "progress", progress_names[failure->progress]);
    if (failure->text[0] == '\0') {
        fault(run, "a failure without a sentence");
    }
}

void expect_outcome(struct run *run, const json_t *expected, const struct outcome *outcome)
{
    if (!has_only(run, expected,
                  "error status attempts endpoint headers headerLines trailers body bodySize "
                  "layer flags progress cluster explainHas took")) {
        return;
    }
    expect_error(run, expected, outcome->error);
    if (json_object_get(expected, "took") &&
        duration_at(run, expected, "took") != outcome->took_ns) {
        fault(run, "it took %lld ns", (long long)outcome->took_ns);
    }
    expect_text(run, expected, "body", outcome->body);
    expect_number(run, expected, "bodySize", (int64_t)outcome->body_size);
    if (outcome->failure) {
        expect_failure(run, expected, outcome->failure);
    } else if (outcome->reply) {
        expect_reply(run, expected, outcome->reply);
    } else {
        expect_text(run, expected, "endpoint", outcome->endpoint);
        expect_text(run, expected, "cluster", outcome->cluster);
    }
}

void expect_code(struct run *run, const json_t *step, enum tulle_error error)
{
    const json_t *expected = json_object_get(step, "expect");

    if (expected && !has_only(run, expected, "error")) {
        return;
    }
    expect_error(run, expected, (int32_t)error);
}

/* --- what the endpoints saw --- */

/* The next of "Name: value\n", cut in two; false: there is none. */
static bool line_next(const char **at, char *name, char *value)
{
    int size = 0;

    if (sscanf(*at, "%255[^:]: %1023[^\n]%n", name, value, &size) < 2) {
        return false;
    }
    *at += size + 1;
    return true;
}

static bool has_line(const char *headers, const char *wanted, const char *pattern)
{
    char name[256], value[1024];

    while (line_next(&headers, name, value)) {
        if (strcasecmp(name, wanted) == 0) {
            return !pattern || is_like(pattern, value);
        }
    }
    return false;
}

static void expect_all_lines(struct run *run, const json_t *expected, const char *headers)
{
    struct tulle_header lines[LINES_MAX];
    size_t i, count = lines_at(run, expected, "headers", lines);
    char name[256], value[1024];
    const char *at = headers;

    if (!json_object_get(expected, "headers")) {
        return;
    }
    for (i = 0; line_next(&at, name, value); i++) {
        if (i >= count || strcmp(name, lines[i].name) != 0 || !is_like(lines[i].value, value)) {
            fault(run, "it was sent \"%s: %s\"", name, value);
        }
    }
    if (i < count) {
        fault(run, "it was sent %zu lines, not %zu", i, count);
    }
}

static void expect_request(struct run *run, const json_t *expected, size_t index)
{
    struct tulle_mock_request seen = { TULLE_MOCK_REQUEST_INIT };
    struct tulle_header lines[LINES_MAX];
    const json_t *names = json_object_get(expected, "hasNot");
    size_t i, count = lines_at(run, expected, "has", lines);

    if (!has_only(run, expected, "endpoint method url headers has hasNot body bodySize") ||
        tulle_mock_request_at(run->mock, index, &seen) != TULLE_OK) {
        return;
    }
    expect_text(run, expected, "endpoint", seen.endpoint);
    expect_text(run, expected, "method", seen.method);
    expect_text(run, expected, "url", seen.url);
    expect_text(run, expected, "body", seen.body);
    expect_number(run, expected, "bodySize", (int64_t)seen.body_size);
    expect_all_lines(run, expected, seen.headers);
    for (i = 0; i < count; i++) {
        if (!has_line(seen.headers, lines[i].name, lines[i].value)) {
            fault(run, "no \"%s: %s\" in\n%s", lines[i].name, lines[i].value, seen.headers);
        }
    }
    for (i = 0; i < json_array_size(names); i++) {
        if (has_line(seen.headers, json_string_value(json_array_get(names, i)), NULL)) {
            fault(run, "a header of hasNot in\n%s", seen.headers);
        }
    }
}

void expect_seen(struct run *run, const json_t *expected)
{
    size_t i, count = json_array_size(expected);

    if (tulle_mock_requests(run->mock, NULL) != count) {
        fault(run, "%zu requests came, not %zu", tulle_mock_requests(run->mock, NULL), count);
        return;
    }
    for (i = 0; i < count; i++) {
        expect_request(run, json_array_get(expected, i), i);
    }
}
