/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "policy/deadline_text.h"

#include "base/clock.h"

static int64_t grpc(const char *value)
{
    return tulle__deadline_read(STR("grpc-timeout"), str_of(value));
}

static int64_t envoy(const char *value)
{
    return tulle__deadline_read(STR("X-Envoy-Expected-Rq-Timeout-Ms"), str_of(value));
}

static void every_unit_of_grpc_is_read(void **state)
{
    (void)state;
    assert_int_equal(grpc("1n"), 1);
    assert_int_equal(grpc("250u"), 250000);
    assert_int_equal(grpc("300m"), 300 * NS_PER_MS);
    assert_int_equal(grpc(" 7S "), 7 * NS_PER_S);
    assert_int_equal(grpc("2M"), 120 * NS_PER_S);
    assert_int_equal(grpc("1H"), 3600 * NS_PER_S);
    assert_int_equal(grpc("99999999S"), 99999999 * NS_PER_S);
}

/* 11,000 years are no bound. */
static void what_is_malformed_or_without_end_is_none(void **state)
{
    static const char *const bad[] = { "",          "m",  "300",  "300ms", "-1m",
                                       "+1m",       "0m", "1.5S", "1 m",   "123456789m",
                                       "99999999H", "1s", "\xc3m" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_true(grpc(bad[i]) == NEVER);
    }
}

/* Envoy takes 0 for no timeout. */
static void envoys_are_milliseconds(void **state)
{
    static const char *const bad[] = {
        "", "0", "-1", "1.5", "1m", "0x10", "18446744073709551616", "18446744073709551615"
    };

    (void)state;
    assert_int_equal(envoy("300"), 300 * NS_PER_MS);
    assert_int_equal(envoy("9000000000000"), INT64_C(9000000000000) * NS_PER_MS);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_true(envoy(bad[i]) == NEVER);
    }
}

static void no_other_header_says_anything(void **state)
{
    (void)state;
    assert_true(tulle__deadline_read(STR("grpc-timeout-x"), STR("1m")) == NEVER);
    assert_true(tulle__deadline_read(STR(""), STR("1m")) == NEVER);
}

static void check_grpc(int64_t left, const char *wanted)
{
    char text[DEADLINE_TEXT_MAX];
    size_t size = tulle__grpc_timeout_write(left, text);

    assert_true(str_equal((struct str){ text, size }, str_of(wanted)));
    assert_true(size <= 9);
    assert_true(tulle__deadline_read(STR("grpc-timeout"), (struct str){ text, size }) <= left ||
                left < 1000);
}

static void grpcs_number_has_at_most_eight_digits(void **state)
{
    (void)state;
    check_grpc(1, "1u");
    check_grpc(1999, "1u");
    check_grpc(300 * NS_PER_MS, "300000u");
    check_grpc(INT64_C(99999999) * 1000 + 999, "99999999u");
    check_grpc(INT64_C(100000000) * 1000, "100000m");
    check_grpc(INT64_C(99999999) * NS_PER_MS, "99999999m");
    check_grpc(INT64_C(100000000) * NS_PER_MS, "100000S");
    check_grpc(NEVER - 1, "2562047H");
}

static void check_envoy(int64_t left, const char *wanted)
{
    char text[DEADLINE_TEXT_MAX];
    size_t size = tulle__expected_timeout_write(left, text);

    assert_true(str_equal((struct str){ text, size }, str_of(wanted)));
}

static void envoys_is_never_more_than_what_is_left_and_never_0(void **state)
{
    (void)state;
    check_envoy(1, "1");
    check_envoy(NS_PER_MS * 3 / 2, "1");
    check_envoy(300 * NS_PER_MS - 1, "299");
    check_envoy(300 * NS_PER_MS, "300");
    check_envoy(NEVER - 1, "9223372036854");
}

TEST_MAIN(cmocka_unit_test(every_unit_of_grpc_is_read),
          cmocka_unit_test(what_is_malformed_or_without_end_is_none),
          cmocka_unit_test(envoys_are_milliseconds),
          cmocka_unit_test(no_other_header_says_anything),
          cmocka_unit_test(grpcs_number_has_at_most_eight_digits),
          cmocka_unit_test(envoys_is_never_more_than_what_is_left_and_never_0))
