/* SPDX-License-Identifier: Apache-2.0 */

/* The odds of being refused, as the formulas of Envoy and of the SRE book give them. */

#include "policy/shedding.h"

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

static bool is_near(double value, double truth)
{
    return value > truth - 0.0005 && value < truth + 0.0005;
}

static struct recent_sum sum_of(uint64_t all, uint64_t good)
{
    return (struct recent_sum){ .all = all, .good = good };
}

static void admission_goes_by_the_success_rate(void **state)
{
    static const struct {
        uint64_t all, good;
        uint32_t aggression;
        double odds;
    } rows[] = {
        { 0, 0, 1000, 0 },           { 100, 100, 1000, 0 },
        { 100, 95, 1000, 0 },        /* at the threshold */
        { 100, 90, 1000, 0.0521 },   /* (100 - 94.737) / 101 */
        { 100, 50, 1000, 0.4690 },   /* (100 - 52.632) / 101 */
        { 100, 50, 2000, 0.6848 },   /* its square root */
        { 1000, 300, 1000, 0.6836 }, /* (1000 - 315.79) / 1001 */
        { 1000, 0, 1000, 0.8 },      /* 0.999: never more than the most */
        { 1, 0, 1000, 0.5 },
    };
    struct admission_config config = tulle__admission_default;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        config.aggression = rows[i].aggression;
        assert_true(is_near(tulle__admission_odds(&config, sum_of(rows[i].all, rows[i].good)),
                            rows[i].odds));
    }
}

static void admission_lets_in_a_trickle(void **state)
{
    struct admission_config config = tulle__admission_default;
    struct recent_sum sum = { .all = 99, .ticks = 10 };

    (void)state;
    assert_false(tulle__admission_is_idle(&config, sum, NS_PER_S));
    config.rps_threshold = 10;
    assert_true(tulle__admission_is_idle(&config, sum, NS_PER_S));
    sum.all = 100;
    assert_false(tulle__admission_is_idle(&config, sum, NS_PER_S));
    sum.ticks = 0; /* within the first second */
    assert_false(tulle__admission_is_idle(&config, sum, NS_PER_S));
    sum.all = 9;
    assert_true(tulle__admission_is_idle(&config, sum, NS_PER_S));
}

static void a_success_is_what_envoy_takes_for_one(void **state)
{
    static const bool grpc[] = { true, true,  true, true, false, true,  true,  false, false,
                                 true, false, true, true, false, false, false, true };

    (void)state;
    assert_true(tulle__admission_is_success(200, false, -1));
    assert_true(tulle__admission_is_success(429, false, -1));
    assert_true(tulle__admission_is_success(499, false, -1));
    assert_false(tulle__admission_is_success(500, false, -1));
    assert_false(tulle__admission_is_success(503, true, -1));
    assert_false(tulle__admission_is_success(200, true, -1));
    assert_false(tulle__admission_is_success(200, true, 17));
    for (int i = 0; i < (int)COUNT_OF(grpc); i++) {
        assert_int_equal(tulle__admission_is_success(200, true, i), grpc[i]);
    }
}

static void throttling_goes_by_what_was_taken_on(void **state)
{
    const struct throttling_config *config = &tulle__throttling_default;

    (void)state;
    assert_true(is_near(tulle__throttling_odds(config, sum_of(0, 0)), 0));
    assert_true(is_near(tulle__throttling_odds(config, sum_of(100, 100)), 0));
    assert_true(is_near(tulle__throttling_odds(config, sum_of(100, 50)), 0));
    assert_true(is_near(tulle__throttling_odds(config, sum_of(100, 40)), 0.1980)); /* 20 / 101 */
    assert_true(is_near(tulle__throttling_odds(config, sum_of(100, 0)), 0.9901));
    assert_true(is_near(
        tulle__throttling_odds(&(struct throttling_config){ .factor = 1100 }, sum_of(100, 80)),
        0.1188)); /* 12 / 101 */
}

static void refusals_are_those_that_say_so(void **state)
{
    (void)state;
    assert_true(tulle__throttling_is_accepted(200, -1));
    assert_true(tulle__throttling_is_accepted(500, -1));
    assert_true(tulle__throttling_is_accepted(200, 5));
    assert_false(tulle__throttling_is_accepted(429, -1));
    assert_false(tulle__throttling_is_accepted(503, -1));
    assert_false(tulle__throttling_is_accepted(200, 8));
    assert_false(tulle__throttling_is_accepted(200, 14));
}

TEST_MAIN(cmocka_unit_test(admission_goes_by_the_success_rate),
          cmocka_unit_test(admission_lets_in_a_trickle),
          cmocka_unit_test(a_success_is_what_envoy_takes_for_one),
          cmocka_unit_test(throttling_goes_by_what_was_taken_on),
          cmocka_unit_test(refusals_are_those_that_say_so))
