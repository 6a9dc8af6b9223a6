/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/clock.h"
#include "base/ewma.h"

enum { MS = NS_PER_MS };

#define TAU (10 * NS_PER_S)

static void assert_near(double value, double expected)
{
    double off = value > expected ? value - expected : expected - value;

    assert_true(off <= expected / 1e6);
}

static void without_a_sample_it_is_nothing(void **state)
{
    struct ewma ewma = { 0 };

    (void)state;
    assert_true(tulle__ewma_read(&ewma, TAU, 5 * NS_PER_S) == 0.0);
}

static void a_peak_is_taken_at_once(void **state)
{
    struct ewma ewma = { 0 };

    (void)state;
    tulle__ewma_add(&ewma, 10 * MS, TAU, NS_PER_S);
    tulle__ewma_add(&ewma, 500 * MS, TAU, NS_PER_S + 1);
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S + 1), 500.0 * MS);
}

static void a_lower_sample_pulls_it_down_by_its_age(void **state)
{
    struct ewma ewma = { 0 };

    (void)state;
    tulle__ewma_add(&ewma, 100 * MS, TAU, NS_PER_S);
    tulle__ewma_add(&ewma, 50 * MS, TAU, NS_PER_S + TAU);
    /* 100/e + 50 * (1 - 1/e) */
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S + TAU), 68393972.06);
}

static void it_decays_while_nothing_comes_and_reading_changes_nothing(void **state)
{
    struct ewma ewma = { 0 };

    (void)state;
    tulle__ewma_add(&ewma, 100 * MS, TAU, NS_PER_S);
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S + TAU), 36787944.117);
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S + TAU), 36787944.117);
    assert_true(tulle__ewma_read(&ewma, TAU, NS_PER_S + 100 * TAU) < 1.0);
}

static void a_clock_of_another_loop_that_is_behind_does_no_harm(void **state)
{
    struct ewma ewma = { 0 };

    (void)state;
    tulle__ewma_add(&ewma, 100 * MS, TAU, 2 * NS_PER_S);
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S), 100.0 * MS);
    tulle__ewma_add(&ewma, 10 * MS, TAU, NS_PER_S);
    assert_near(tulle__ewma_read(&ewma, TAU, NS_PER_S), 100.0 * MS);
}

TEST_MAIN(cmocka_unit_test(without_a_sample_it_is_nothing),
          cmocka_unit_test(a_peak_is_taken_at_once),
          cmocka_unit_test(a_lower_sample_pulls_it_down_by_its_age),
          cmocka_unit_test(it_decays_while_nothing_comes_and_reading_changes_nothing),
          cmocka_unit_test(a_clock_of_another_loop_that_is_behind_does_no_harm))
