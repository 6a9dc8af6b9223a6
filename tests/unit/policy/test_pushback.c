/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "policy/pushback.h"

#include "base/clock.h"

enum { NOW_S = 1700000000 };

struct row {
    const char *after, *reset, *grpc;
    enum pushback wanted;
    int64_t ms;
};

static const struct row rows[] = {
    { NULL, NULL, NULL, PUSHBACK_NONE },
    { "2", NULL, NULL, PUSHBACK_LEAST, 2000 },
    { " 2 ", NULL, NULL, PUSHBACK_LEAST, 2000 },
    { "0", NULL, NULL, PUSHBACK_NONE },
    { "-1", NULL, NULL, PUSHBACK_NONE },
    { "1.5", NULL, NULL, PUSHBACK_NONE },
    { "Wed, 21 Oct 2026 07:28:00 GMT", NULL, NULL, PUSHBACK_NONE },
    { "99999999999999999999", NULL, NULL, PUSHBACK_NONE },
    { "9223372036", NULL, NULL, PUSHBACK_NONE },
    { NULL, "1700000005", NULL, PUSHBACK_LEAST, 5000 },
    { NULL, "1700000000", NULL, PUSHBACK_NONE },
    { NULL, "1600000000", NULL, PUSHBACK_NONE },
    { NULL, "soon", NULL, PUSHBACK_NONE },
    { "2", "1700000005", NULL, PUSHBACK_LEAST, 2000 },
    { "later", "1700000005", NULL, PUSHBACK_LEAST, 5000 },
    { NULL, NULL, "150", PUSHBACK_EXACT, 150 },
    { NULL, NULL, "0", PUSHBACK_EXACT, 0 },
    { NULL, NULL, "-1", PUSHBACK_STOP },
    { NULL, NULL, "soon", PUSHBACK_STOP },
    { "2", "1700000005", "150", PUSHBACK_EXACT, 150 },
};

static void a_server_says_when_as_envoy_and_grpc_read_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pushback_said said = { .retry_after = str_of(rows[i].after),
                                      .ratelimit_reset = str_of(rows[i].reset),
                                      .grpc = str_of(rows[i].grpc) };
        int64_t interval = 0;

        if (tulle__pushback(&said, NOW_S * NS_PER_S + 999, &interval) != rows[i].wanted ||
            interval != rows[i].ms * NS_PER_MS) {
            fail_msg("row %zu: %lld ns", i, (long long)interval);
        }
    }
}

TEST_MAIN(cmocka_unit_test(a_server_says_when_as_envoy_and_grpc_read_it))
