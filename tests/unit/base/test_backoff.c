/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/backoff.h"

enum { BASE = 25000000, MAX = 250000000, DRAWS = 10000 };

static int64_t greatest(uint32_t retry, double *mean)
{
    struct rand rand;
    int64_t most = 0;
    double sum = 0;
    int i;

    tulle__rand_init(&rand, 1);
    for (i = 0; i < DRAWS; i++) {
        int64_t delay = tulle__backoff(BASE, MAX, retry, &rand);
        assert_true(delay >= 0);
        most = delay > most ? delay : most;
        sum += (double)delay;
    }
    *mean = sum / DRAWS;
    return most;
}

static void the_bound_doubles_with_each_retry_up_to_the_greatest(void **state)
{
    static const int64_t bounds[] = { 25000000, 50000000, 100000000, 200000000, MAX, MAX };
    uint32_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(bounds); i++) {
        double mean;
        int64_t most = greatest(i + 1, &mean);
        assert_in_range(most, bounds[i] / 100 * 99, bounds[i] - 1);
        assert_in_range((int64_t)mean, bounds[i] / 100 * 48, bounds[i] / 100 * 52);
    }
}

static void a_great_number_of_retries_does_not_overflow(void **state)
{
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 7);
    assert_in_range(tulle__backoff(BASE, INT64_MAX, UINT32_MAX, &rand), 0, INT64_MAX - 1);
    assert_in_range(tulle__backoff(BASE, MAX, UINT32_MAX, &rand), 0, MAX - 1);
}

static void a_base_of_one_waits_not_at_all(void **state)
{
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 7);
    assert_int_equal(tulle__backoff(1, 1, 1, &rand), 0);
}

static void a_rest_is_kept_and_up_to_a_half_added(void **state)
{
    int64_t least = INT64_MAX, most = 0;
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 7);
    for (int i = 0; i < DRAWS; i++) {
        int64_t delay = tulle__backoff_above(MAX, &rand);

        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_in_range(least, MAX, MAX / 100 * 101);
    assert_in_range(most, MAX / 100 * 149, MAX / 2 * 3);
    for (int i = 0; i < 100; i++) {
        assert_true(tulle__backoff_above(INT64_MAX - 1, &rand) >= INT64_MAX - 1);
    }
}

TEST_MAIN(cmocka_unit_test(the_bound_doubles_with_each_retry_up_to_the_greatest),
          cmocka_unit_test(a_great_number_of_retries_does_not_overflow),
          cmocka_unit_test(a_base_of_one_waits_not_at_all),
          cmocka_unit_test(a_rest_is_kept_and_up_to_a_half_added))
