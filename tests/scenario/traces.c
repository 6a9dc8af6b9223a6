/* SPDX-License-Identifier: Apache-2.0 */

#include "scenario/traces.h"

#include <ctype.h>
#include <stdio.h>

static void seen_add(char *digits, char digit)
{
    size_t size = strlen(digits);

    assert_true(isdigit(digit) || (digit >= 'a' && digit <= 'f'));
    if (size < 64) {
        digits[size] = digit;
    }
}

struct seen traces_expect(const struct test_world *world, size_t index, const char *wanted)
{
    char *got = world_request(world, index)->headers,
         *count = strstr(got, "x-envoy-attempt-count: ");
    struct seen seen = { .span = "" };
    size_t i;

    if (count) {
        *count = '\0'; /* the last line, and none of the trace's */
    }

    if (strlen(got) != strlen(wanted)) {
        fail_msg("wanted\n%sgot\n%s", wanted, got);
    }
    for (i = 0; wanted[i]; i++) {
        char *digits = wanted[i] == got[i] ? NULL
                       : wanted[i] == 's'  ? seen.span
                       : wanted[i] == 't'  ? seen.trace
                       : wanted[i] == 'u'  ? seen.request
                                           : NULL;

        if (digits) {
            seen_add(digits, got[i]);
        } else if (wanted[i] != got[i]) {
            fail_msg("wanted\n%sgot\n%s", wanted, got);
        }
    }
    return seen;
}

static void span_keep(void *user, const struct tulle_span *span)
{
    struct spans *spans = user;
    size_t i = spans->count++;

    assert_true(i < COUNT_OF(spans->each));
    assert_int_equal(span->size, sizeof(*span));
    snprintf(spans->each[i].trace, sizeof(spans->each[i].trace), "%s", span->trace_id);
    snprintf(spans->each[i].span, sizeof(spans->each[i].span), "%s", span->span_id);
    snprintf(spans->each[i].parent, sizeof(spans->each[i].parent), "%s", span->parent_id);
    snprintf(spans->each[i].endpoint, sizeof(spans->each[i].endpoint), "%s", span->endpoint);
    snprintf(spans->each[i].method, sizeof(spans->each[i].method), "%s", span->method);
    snprintf(spans->each[i].path, sizeof(spans->each[i].path), "%s", span->path);
    snprintf(spans->each[i].authority, sizeof(spans->each[i].authority), "%s", span->authority);
    snprintf(spans->each[i].cluster, sizeof(spans->each[i].cluster), "%s", span->cluster);
    spans->each[i].sampled = span->sampled;
    spans->each[i].status = span->status;
    spans->each[i].error = span->error;
    spans->each[i].attempt = span->attempt;
    spans->each[i].start_ns = span->start_ns;
    spans->each[i].end_ns = span->end_ns;
}

struct test_world *traces_open(const char *yaml, int32_t trace, struct spans *spans)
{
    return world_open(yaml, &(struct tulle_options){ TULLE_OPTIONS_INIT, .trace = trace,
                                                     .span = spans ? span_keep : NULL,
                                                     .span_user = spans });
}
