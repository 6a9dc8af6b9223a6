/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/stride.h"

#include <stdlib.h>

#include "harness/test.h"

static void the_heaviest_is_the_scale(void **state)
{
    const double weights[] = { 1, 2, 4 };
    struct stride stride = tulle__stride_of(weights, 3);

    (void)state;
    assert_int_equal(tulle__stride_weight(&stride, 4), STRIDE_MAX);
    assert_int_equal(tulle__stride_weight(&stride, 2), 32768);
    assert_int_equal(tulle__stride_weight(&stride, 1), 16384);
}

static void who_has_no_weight_has_the_mean_of_the_others(void **state)
{
    const double weights[] = { 1, 0, 3, 0 };
    struct stride stride = tulle__stride_of(weights, 4);

    (void)state;
    assert_int_equal(tulle__stride_weight(&stride, 0), tulle__stride_weight(&stride, 2));
}

static void a_weight_is_within_a_tenth_and_ten_times_of_the_mean(void **state)
{
    double weights[100];
    struct stride stride;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        weights[i] = 1;
    }
    weights[0] = 1e24; /* says an attacker: the mean is 1e22 */
    stride = tulle__stride_of(weights, 100);
    assert_int_equal(tulle__stride_weight(&stride, 1e24), STRIDE_MAX);
    assert_in_range(tulle__stride_weight(&stride, 1), STRIDE_MAX / 101, STRIDE_MAX / 99);
}

/* gRPC's own check: the shares of a schedule are its weights'. */
static void shares_are_as_the_weights(void **state)
{
    const uint16_t weights[] = { STRIDE_MAX, 32768, 16384, 1 };
    unsigned taken[4] = { 0 };

    (void)state;
    for (uint64_t generation = 0; generation < STRIDE_MAX; generation++) {
        for (size_t i = 0; i < 4; i++) {
            taken[i] += stride_takes(weights[i], i, generation);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(taken[i], weights[i] - 1U, weights[i] + 1U);
    }
}

static void turns_are_spread_evenly(void **state)
{
    unsigned since = 0;

    (void)state;
    for (uint64_t generation = 0; generation < 100000; generation++) {
        since++;
        if (stride_takes(STRIDE_MAX / 4, 3, generation)) {
            assert_true(since >= 3 || generation < 4);
            since = 0;
        }
        assert_true(since <= 5);
    }
}

TEST_MAIN(cmocka_unit_test(the_heaviest_is_the_scale),
          cmocka_unit_test(who_has_no_weight_has_the_mean_of_the_others),
          cmocka_unit_test(a_weight_is_within_a_tenth_and_ten_times_of_the_mean),
          cmocka_unit_test(shares_are_as_the_weights), cmocka_unit_test(turns_are_spread_evenly))
