/* SPDX-License-Identifier: Apache-2.0 */

/* Picks over several leaves: shares, panic, what was tried, what changes. */

#include "balance/spread.h"

#include "base/clock.h"
#include "harness/test.h"
#include "unit/balance/groups.h"

enum { PICKS = 1000 };

static void a_priority_spills_what_its_health_cannot_carry(void **state)
{
    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    assert_true(GROUPS_FILL({ .priority = 0, .count = 10, .unhealthy = 5 },
                            { .priority = 1, .count = 10 }));
    GROUPS_EXPECT(PICKS, 70, 30);
    assert_int_equal(groups.unhealthy[0], 0);
}

static void when_it_is_healthy_again_calls_come_back(void **state)
{
    (void)state;
    groups_reset(BALANCER_LEAST_REQUEST);
    assert_true(GROUPS_FILL({ .priority = 0, .count = 4 }, { .priority = 1, .count = 4 }));
    GROUPS_EXPECT(PICKS, 100, 0);
    for (size_t ejected = 1; ejected <= 4; ejected++) {
        static const double shares[] = { 0, 100, 70, 35, 0 };

        field_eject(ejected - 1);
        assert_true(field_rebuild());
        GROUPS_EXPECT(PICKS, shares[ejected], 100 - shares[ejected]);
    }
    tulle__outlier_sweep(field.live, &field.live->config->outlier, NULL, INT64_MAX / 2);
    assert_true(field_rebuild());
    GROUPS_EXPECT(PICKS, 100, 0);
}

static void degraded_endpoints_take_what_healthy_ones_cannot(void **state)
{
    (void)state;
    groups_reset(BALANCER_RANDOM);
    assert_true(GROUPS_FILL({ .count = 20, .degraded = 13, .unhealthy = 2 }));
    GROUPS_EXPECT(PICKS, 100);
    assert_in_range(groups.degraded[0], 646, 654);
    assert_int_equal(groups.unhealthy[0], 0);
    assert_true(GROUPS_FILL({ .count = 3, .degraded = 3 }));
    GROUPS_EXPECT(PICKS, 100);
}

static void in_panic_health_is_not_asked(void **state)
{
    const struct leaf *leaf;

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.locality.panic_percent = 50;
    assert_true(GROUPS_FILL({ .count = 10, .unhealthy = 8 }));
    leaf = field.live->picker->leaves;
    assert_true(leaf->panic);
    GROUPS_EXPECT(PICKS, 100);
    assert_int_equal(groups.unhealthy[0], 800);
    groups.config.locality.panic_percent = 20;
    assert_true(GROUPS_FILL({ .count = 10, .unhealthy = 8 }));
    GROUPS_EXPECT(PICKS, 100);
    assert_int_equal(groups.unhealthy[0], 0);
}

static void in_panic_the_ejected_are_picked_too(void **state)
{
    (void)state;
    groups_reset(BALANCER_LEAST_REQUEST);
    groups.config.locality.panic_percent = 50;
    assert_true(GROUPS_FILL({ .priority = 0, .count = 4 }, { .priority = 1, .count = 4 }));
    for (size_t i = 0; i < 8; i++) {
        field_eject(i);
    }
    assert_true(field_rebuild());
    GROUPS_EXPECT(PICKS, 50, 50);
}

static void without_panic_no_endpoint_is_left(void **state)
{
    struct view *view;

    (void)state;
    groups_reset(BALANCER_LEAST_REQUEST);
    assert_true(GROUPS_FILL({ .count = 3, .unhealthy = 3 }, { .priority = 1, .count = 1 }));
    field_eject(3);
    assert_int_equal(field_pick(&view), PICK_FAIL);
    assert_true(field_rebuild());
    assert_int_equal(field_pick(&view), PICK_FAIL);
    assert_int_equal(field.live->picker->known, 4);
}

static void an_ejection_since_never_costs_a_pick(void **state)
{
    struct view *view;

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    assert_true(GROUPS_FILL({ .priority = 0, .count = 2 }, { .priority = 1, .count = 1 }));
    field_eject(0);
    field_eject(1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        assert_ptr_equal(view, field_view(2));
    }
}

static void what_was_tried_is_left_for_another_locality(void **state)
{
    static const struct locality_weight weights[] = { { { "a", 1 }, 0, 1 }, { { "b", 1 }, 0, 1 } };
    unsigned again = 0;

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.locality.mode = LOCALITY_WEIGHTED;
    groups.weights = weights;
    groups.weight_count = 2;
    assert_true(GROUPS_FILL({ .locality = "a", .count = 1 }, { .locality = "b", .count = 1 }));
    field.tried[0] = field_view(0);
    field.tried_count = 1;
    for (int i = 0; i < PICKS; i++) {
        struct view *view;

        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        again += view == field_view(0);
    }
    assert_int_equal(again, 0);
}

static void a_priority_that_was_tried_is_left_for_the_others(void **state)
{
    struct view *view;
    unsigned counts[3] = { 0 };

    (void)state;
    groups_reset(BALANCER_RANDOM);
    assert_true(GROUPS_FILL({ .priority = 0, .count = 3 },
                            { .priority = 1, .count = 2, .unhealthy = 1 },
                            { .priority = 2, .count = 1 }));
    for (int i = 0; i < 10000; i++) {
        struct pick pick = { .rand = &field.rand, .now = 1, .tried_priorities = 1 };

        assert_int_equal(tulle__pick(field.live, &pick, &view), PICK_ENDPOINT);
        assert_int_equal(pick.priority, pick.leaf->priority);
        counts[pick.priority]++;
    }
    assert_int_equal(counts[0], 0);
    assert_in_range(counts[1], 6700, 7300);
}

static void a_key_stays_in_its_priority(void **state)
{
    (void)state;
    groups_reset(BALANCER_MAGLEV);
    groups.config.table_size = 251;
    assert_true(GROUPS_FILL({ .priority = 0, .count = 10, .unhealthy = 5 },
                            { .priority = 1, .count = 10 }));
    for (uint64_t hash = 0; hash < 1000; hash++) {
        struct pick pick = { .rand = &field.rand, .now = 1, .hash = hash, .has_hash = true };
        struct view *view;

        assert_int_equal(tulle__pick(field.live, &pick, &view), PICK_ENDPOINT);
        assert_int_equal(pick.priority, hash % 100 < 70 ? 0 : 1);
    }
}

static void some_calls_are_dropped_but_not_when_tried_again(void **state)
{
    unsigned dropped = 0;
    struct view *view;

    (void)state;
    groups_reset(BALANCER_RANDOM);
    groups.config.drop_per_million = 100000;
    assert_true(GROUPS_FILL({ .count = 3 }));
    for (int i = 0; i < 20000; i++) {
        dropped += field_pick(&view) == PICK_DROP;
    }
    assert_in_range(dropped, 1780, 2220); /* five deviations */
    for (int i = 0; i < 1000; i++) {
        struct pick pick = { .rand = &field.rand, .now = 1, .is_again = true };

        assert_int_equal(tulle__pick(field.live, &pick, &view), PICK_ENDPOINT);
    }
}

static void any_few_calls_in_a_row_are_spread_evenly(void **state)
{
    static const struct locality_weight weights[] = { { { "a", 1 }, 0, 1 },
                                                      { { "b", 1 }, 0, 2 },
                                                      { { "c", 1 }, 0, 7 } };

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.locality.mode = LOCALITY_WEIGHTED;
    groups.weights = weights;
    groups.weight_count = 3;
    assert_true(GROUPS_FILL({ .locality = "a", .count = 2 }, { .locality = "b", .count = 1 },
                            { .locality = "c", .count = 3 }));
    for (int i = 0; i < 100; i++) {
        GROUPS_EXPECT(20, 10, 20, 70);
    }
}

static void slow_starts_end_with_the_last_of_them(void **state)
{
    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.slow_start.window_ns = 10 * NS_PER_S;
    field.now = 100 * NS_PER_S;
    assert_true(GROUPS_FILL({ .count = 2 }));
    assert_true(field.live->picker->leaves->young);
    assert_true(field.live->picker->leaves->weighted);
    assert_int_equal(field.live->picker->young_until, 110 * NS_PER_S);
    field.now = 105 * NS_PER_S;
    assert_true(GROUPS_FILL({ .count = 3 }));
    assert_int_equal(field_view(0)->joined_at, 100 * NS_PER_S);
    assert_int_equal(field.live->picker->young_until, 115 * NS_PER_S);
    field.now = 115 * NS_PER_S;
    assert_true(field_rebuild());
    assert_false(field.live->picker->leaves->young);
    assert_int_equal(field.live->picker->young_until, NEVER);
}

static void running_out_of_memory_leaves_no_half_of_a_picker(void **state)
{
    static const struct locality_weight weights[] = { { { "a", 1 }, 0, 1 }, { { "b", 1 }, 0, 1 } };
    struct view *view;

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.locality.mode = LOCALITY_WEIGHTED;
    groups.weights = weights;
    groups.weight_count = 2;
    CHECK_OR_DONE(GROUPS_FILL({ .locality = "a", .count = 2 },
                              { .locality = "b", .count = 2, .weight = 2, .unhealthy = 1 },
                              { .priority = 1, .locality = "a", .count = 1 }));
    field_eject(0);
    CHECK(field_rebuild());
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
done:
    return;
}

#define SPREAD_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(SPREAD_TEST(a_priority_spills_what_its_health_cannot_carry),
          SPREAD_TEST(when_it_is_healthy_again_calls_come_back),
          SPREAD_TEST(degraded_endpoints_take_what_healthy_ones_cannot),
          SPREAD_TEST(in_panic_health_is_not_asked),
          SPREAD_TEST(in_panic_the_ejected_are_picked_too),
          SPREAD_TEST(without_panic_no_endpoint_is_left),
          SPREAD_TEST(an_ejection_since_never_costs_a_pick),
          SPREAD_TEST(what_was_tried_is_left_for_another_locality),
          SPREAD_TEST(a_priority_that_was_tried_is_left_for_the_others),
          SPREAD_TEST(a_key_stays_in_its_priority),
          SPREAD_TEST(some_calls_are_dropped_but_not_when_tried_again),
          SPREAD_TEST(any_few_calls_in_a_row_are_spread_evenly),
          SPREAD_TEST(slow_starts_end_with_the_last_of_them),
          TEST_OOM_WITH(running_out_of_memory_leaves_no_half_of_a_picker, field_setup,
                        field_teardown))
