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

static void bias_none(struct balancer_config *config)
{
    config->request_bias = 0;
}

static void bias_half(struct balancer_config *config)
{
    config->request_bias = 500;
}

/* Envoy: as round robin. */
static void without_a_bias_load_is_ignored(void **state)
{
    (void)state;
    assert_true(field_fill_as(bias_none, 2, NULL));
    field_view(0)->peer->in_flight = 50;
    field_pick_many(1000);
    assert_in_range(field.counts[0], 499, 501);
}

/* 8 in flight and this one: three times as many to the idle one, not nine times. */
static void a_bias_of_a_half_takes_the_root_of_the_load(void **state)
{
    (void)state;
    assert_true(field_fill_as(bias_half, 2, NULL));
    field_view(0)->peer->in_flight = 8;
    field_pick_many(1000);
    assert_in_range(field.counts[0], 249, 251);
}

static void scan(struct balancer_config *config)
{
    config->full_scan = true;
}

static void a_full_scan_finds_the_least_of_all(void **state)
{
    (void)state;
    assert_true(field_fill_as(scan, 50, NULL));
    for (size_t i = 0; i < 50; i++) {
        field_view(i)->peer->in_flight = i == 33 ? 3 : 4;
    }
    field_pick_many(100);
    assert_int_equal(field.counts[33], 100);
}

static void a_full_scan_takes_each_of_those_that_tie(void **state)
{
    (void)state;
    assert_true(field_fill_as(scan, 5, NULL));
    field_view(0)->peer->in_flight = 1;
    field_pick_many(40000);
    assert_int_equal(field.counts[0], 0);
    for (size_t i = 1; i < 5; i++) {
        assert_in_range(field.counts[i], 9600, 10400);
    }
}

static void a_full_scan_passes_what_may_not_be_used(void **state)
{
    (void)state;
    assert_true(field_fill_as(scan, 3, NULL));
    field_view(0)->peer->in_flight = 1;
    field_eject(1);
    field.tried[0] = field_view(2);
    field.tried_count = 1;
    field_pick_many(10);
    assert_int_equal(field.counts[0], 10);
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(without_a_bias_load_is_ignored),
          BALANCER_TEST(a_bias_of_a_half_takes_the_root_of_the_load),
          BALANCER_TEST(a_full_scan_finds_the_least_of_all),
          BALANCER_TEST(a_full_scan_takes_each_of_those_that_tie),
          BALANCER_TEST(a_full_scan_passes_what_may_not_be_used),
          BALANCER_TEST(idle_endpoints_get_even_shares),
          BALANCER_TEST(of_two_the_one_with_fewer_in_flight_is_picked),
          BALANCER_TEST(the_busiest_is_never_picked),
          BALANCER_TEST(more_choices_find_the_least_more_often),
          BALANCER_TEST(unequal_weights_give_exact_shares_when_idle),
          BALANCER_TEST(requests_in_flight_divide_a_weight))
