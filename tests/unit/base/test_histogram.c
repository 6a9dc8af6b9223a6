/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/histogram.h"

static void a_value_on_a_bound_belongs_to_it(void **state)
{
    struct histogram histogram = { 0 };

    (void)state;
    tulle__histogram_add(&histogram, 0.5);
    tulle__histogram_add(&histogram, 0.50001);
    tulle__histogram_add(&histogram, 1);
    assert_int_equal(histogram.counts[0], 1);
    assert_int_equal(histogram.counts[1], 2);
}

static void what_is_above_every_bound_is_counted_last(void **state)
{
    struct histogram histogram = { 0 };

    (void)state;
    tulle__histogram_add(&histogram, 3600000);
    tulle__histogram_add(&histogram, 3600001);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS - 1], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
}

static void the_sum_is_that_of_all_values(void **state)
{
    struct histogram histogram = { 0 };
    int i;

    (void)state;
    for (i = 1; i <= 1000; i++) {
        tulle__histogram_add(&histogram, i);
    }
    assert_true(histogram.sum == 500500.0);
}

static void the_bounds_ascend(void **state)
{
    int i;

    (void)state;
    for (i = 1; i < HISTOGRAM_BOUNDS; i++) {
        assert_true(tulle__histogram_bounds[i - 1] < tulle__histogram_bounds[i]);
    }
}

TEST_MAIN(cmocka_unit_test(a_value_on_a_bound_belongs_to_it),
          cmocka_unit_test(what_is_above_every_bound_is_counted_last),
          cmocka_unit_test(the_sum_is_that_of_all_values), cmocka_unit_test(the_bounds_ascend))
