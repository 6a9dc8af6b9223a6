/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "unit/balance/field.h"

static void idle_endpoints_get_even_shares(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 10, NULL));
    field_pick_many(100000);
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(field.counts[i], 9500, 10500);
    }
}

static void of_two_the_one_with_fewer_in_flight_is_picked(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 2, NULL));
    field_view(0)->peer->in_flight = 1;
    field_pick_many(1000);
    assert_int_equal(field.counts[0], 0);
}

/* Of n endpoints the busiest is never picked: nobody is drawn against itself. */
static void the_busiest_is_never_picked(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 7, NULL));
    field_view(3)->peer->in_flight = 9;
    field_pick_many(10000);
    assert_int_equal(field.counts[3], 0);
    for (size_t i = 0; i < 7; i++) {
        assert_true(i == 3 || field.counts[i] > 1500);
    }
}

static void more_choices_find_the_least_more_often(void **state)
{
    unsigned of_two;

    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 10, NULL));
    for (size_t i = 1; i < 10; i++) {
        field_view(i)->peer->in_flight = 1;
    }
    field_pick_many(10000);
    of_two = field.counts[0];
    assert_in_range(of_two, 1800, 2200); /* 2 of 10 */
    field.config.choice_count = 8;
    assert_true(field_rebuild());
    field_pick_many(10000);
    assert_true(field.counts[0] > 2 * of_two);
}

static void unequal_weights_give_exact_shares_when_idle(void **state)
{
    const uint32_t weights[] = { 1, 3, 6 };

    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 3, weights));
    field_pick_many(10000);
    assert_in_range(field.counts[0], 999, 1001);
    assert_in_range(field.counts[1], 2999, 3001);
    assert_in_range(field.counts[2], 5999, 6001);
}

static void requests_in_flight_divide_a_weight(void **state)
{
    const uint32_t weights[] = { 1, 3 };

    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 2, weights));
    field_view(1)->peer->in_flight = 5; /* 3 / 6: half of the other's */
    field_pick_many(3000);
    assert_in_range(field.counts[0], 1990, 2010);
    assert_in_range(field.counts[1], 990, 1010);
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(idle_endpoints_get_even_shares),
          BALANCER_TEST(of_two_the_one_with_fewer_in_flight_is_picked),
          BALANCER_TEST(the_busiest_is_never_picked),
          BALANCER_TEST(more_choices_find_the_least_more_often),
          BALANCER_TEST(unequal_weights_give_exact_shares_when_idle),
          BALANCER_TEST(requests_in_flight_divide_a_weight))
