/* SPDX-License-Identifier: Apache-2.0 */

/* Slow start in the balancers that weigh: usable.c says how much, these whether
 * it counts. */

#include "base/clock.h"
#include "harness/test.h"
#include "unit/balance/field.h"

enum { OLD = 4, NEW = 4, ALL };
static enum balancer_kind kind;

static void slow(struct balancer_config *config)
{
    config->kind = kind;
    config->slow_start.window_ns = 60 * NS_PER_S;
}

/* Four that are here for long, and a fifth that has come this very moment. */
static void fill(enum balancer_kind wanted)
{
    kind = wanted;
    assert_true(field_fill_as(slow, ALL, NULL));
    field.now = 1000 * NS_PER_S;
    for (size_t i = 0; i < ALL; i++) {
        field_view(i)->joined_at = i == NEW ? field.now : NS_PER_S;
    }
    assert_true(field_rebuild());
    assert_true(field.live->picker->leaves->young);
}

static void share_of_the_new_is(double share)
{
    unsigned wanted = (unsigned)(40000 * share / (OLD + share));

    field_pick_many(40000);
    assert_in_range(field.counts[NEW], wanted * 9 / 10, wanted * 11 / 10);
}

static void grows_with_its_age(enum balancer_kind wanted)
{
    fill(wanted);
    share_of_the_new_is(0.1);
    field.now += 30 * NS_PER_S;
    share_of_the_new_is(0.5);
    field.now += 30 * NS_PER_S;
    share_of_the_new_is(1);
    assert_true(field_rebuild());
    assert_false(field.live->picker->leaves->young);
    share_of_the_new_is(1);
}

static void round_robin_begins_slowly(void **state)
{
    (void)state;
    grows_with_its_age(BALANCER_ROUND_ROBIN);
}

static void least_request_begins_slowly(void **state)
{
    (void)state;
    grows_with_its_age(BALANCER_LEAST_REQUEST);
}

/* Two draws: who costs ten times as much is never the better one. */
static void peak_ewma_avoids_the_new_while_others_are_as_fast(void **state)
{
    (void)state;
    fill(BALANCER_PEAK_EWMA);
    for (size_t i = 0; i < OLD; i++) {
        tulle__ewma_add(&field_view(i)->peer->latency, field.config.ewma_default_ns,
                        field.config.ewma_tau_ns, field.now);
    }
    field_pick_many(10000);
    assert_int_equal(field.counts[NEW], 0);
    for (size_t i = 0; i < OLD; i++) {
        field_view(i)->peer->in_flight = 10;
    }
    field_pick_many(10000);
    assert_in_range(field.counts[NEW], 3700, 4300); /* each pair that it is in */
}

#define SLOW_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(SLOW_TEST(round_robin_begins_slowly), SLOW_TEST(least_request_begins_slowly),
          SLOW_TEST(peak_ewma_avoids_the_new_while_others_are_as_fast))
