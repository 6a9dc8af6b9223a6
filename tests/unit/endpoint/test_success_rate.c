/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/success_rate.h"

#include "harness/test.h"

static double threshold_of(const double *values, size_t count, uint32_t factor)
{
    struct success_rates rates = { 0 };

    for (size_t i = 0; i < count; i++) {
        success_rates_add(&rates, values[i]);
    }
    for (size_t i = 0; i < count; i++) {
        success_rates_deviate(&rates, values[i]);
    }
    return tulle__success_rates_threshold(&rates, factor);
}

/* The example in Envoy's source: mean 90, deviation 20. */
static void the_threshold_is_envoys_for_its_own_example(void **state)
{
    const double rates[] = { 50, 100, 100, 100, 100 };

    (void)state;
    assert_true(threshold_of(rates, 5, 1900) == 52.0);
    assert_true(threshold_of(rates, 5, 2000) == 50.0);
    assert_true(threshold_of(rates, 5, 0) == 90.0);
}

static void equal_rates_have_no_outlier(void **state)
{
    const double rates[] = { 70, 70, 70 };

    (void)state;
    assert_true(threshold_of(rates, 3, 1900) == 70.0);
}

static void one_word_counts_requests_and_successes(void **state)
{
    uint64_t word = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        word += i < 2 ? MONITOR_SUCCESS : MONITOR_REQUEST;
    }
    assert_int_equal(monitor_requests(word), 8);
    assert_int_equal(monitor_successes(word), 2);
    assert_true(monitor_rate(word) == 25.0);
}

TEST_MAIN(cmocka_unit_test(the_threshold_is_envoys_for_its_own_example),
          cmocka_unit_test(equal_rates_have_no_outlier),
          cmocka_unit_test(one_word_counts_requests_and_successes))
