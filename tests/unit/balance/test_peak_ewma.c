/* SPDX-License-Identifier: Apache-2.0 */

#include "base/clock.h"
#include "harness/test.h"
#include "unit/balance/field.h"

static void sample(size_t i, int64_t latency_ms)
{
    tulle__ewma_add(&field_view(i)->peer->latency, latency_ms * NS_PER_MS, field.config.ewma_tau_ns,
                    field.now);
}

static void the_faster_of_two_is_picked(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 2, NULL));
    sample(0, 10);
    sample(1, 5);
    field_pick_many(1000);
    assert_int_equal(field.counts[0], 0);
}

static void requests_in_flight_multiply_the_latency(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 2, NULL));
    sample(0, 10);
    sample(1, 5);
    field_view(1)->peer->in_flight = 2; /* 15 against 10 */
    field_pick_many(1000);
    assert_int_equal(field.counts[1], 0);
}

static void weights_divide_the_cost(void **state)
{
    const uint32_t weights[] = { 4, 1 };

    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 2, weights));
    sample(0, 10);
    sample(1, 5);
    field_pick_many(1000);
    assert_int_equal(field.counts[1], 0);
}

static void an_endpoint_without_history_costs_the_default(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 3, NULL));
    sample(0, 29);
    sample(1, 31);
    field_pick_many(3000); /* 29 beats 30 beats 31 */
    assert_in_range(field.counts[0], 1850, 2150);
    assert_in_range(field.counts[2], 850, 1150);
    assert_int_equal(field.counts[1], 0);
}

static void an_endpoint_without_history_is_asked_after_a_while(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 2, NULL));
    for (int second = 0; second < 40; second++) {
        field.now += NS_PER_S;
        sample(1, 1);
        field_pick_many(1);
        assert_int_equal(field.counts[0], second < 34 ? 0 : 1); /* 30 ms * e^(-34/10) < 1 ms */
        if (field.counts[0] > 0) {
            return;
        }
    }
    fail();
}

static void a_slow_endpoint_is_asked_again_after_a_while(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 2, NULL));
    sample(0, 1000);
    for (int second = 0; second < 60; second++) {
        field.now += NS_PER_S;
        sample(1, 20);
    }
    field_pick_many(10); /* 1000 ms, decayed for six times tau, is below 20 */
    assert_int_equal(field.counts[0], 10);
}

static void no_history_at_all_is_a_fair_draw(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_PEAK_EWMA, 4, NULL));
    field_pick_many(40000);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(field.counts[i], 9600, 10400);
    }
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(the_faster_of_two_is_picked),
          BALANCER_TEST(requests_in_flight_multiply_the_latency),
          BALANCER_TEST(weights_divide_the_cost),
          BALANCER_TEST(an_endpoint_without_history_costs_the_default),
          BALANCER_TEST(an_endpoint_without_history_is_asked_after_a_while),
          BALANCER_TEST(a_slow_endpoint_is_asked_again_after_a_while),
          BALANCER_TEST(no_history_at_all_is_a_fair_draw))
