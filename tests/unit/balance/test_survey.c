/* SPDX-License-Identifier: Apache-2.0 */

/* The leaves that come of localities: by weight and by zone. */

#include "balance/survey.h"

#include "harness/test.h"
#include "unit/balance/groups.h"

enum { PICKS = 1000 };

static const struct locality_weight one_two[] = { { { "x", 1 }, 0, 1 }, { { "y", 1 }, 0, 2 } };

static void weigh(const struct locality_weight *weights, size_t count)
{
    groups.config.locality.mode = LOCALITY_WEIGHTED;
    groups.weights = weights;
    groups.weight_count = count;
}

/* The table of locality_weight.rst, of picks. */
static void localities_get_their_weight_of_what_is_available(void **state)
{
    static const struct {
        size_t unhealthy;
        double x;
    } rows[] = { { 0, 33.3 }, { 30, 32.9 }, { 31, 32.57 }, { 50, 25.9 }, { 75, 14.9 }, { 100, 0 } };

    (void)state;
    groups_reset(BALANCER_RANDOM);
    weigh(one_two, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(GROUPS_FILL({ .locality = "x", .count = 100, .unhealthy = rows[i].unhealthy },
                                { .locality = "y", .count = 1 }));
        GROUPS_EXPECT(PICKS, rows[i].x, 100 - rows[i].x);
    }
}

static void a_locality_that_weighs_nothing_gets_nothing(void **state)
{
    static const struct locality_weight weights[] = { { { "x", 1 }, 0, 1 }, { { "y", 1 }, 0, 0 } };

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    weigh(weights, 2);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 2 },
                            { .locality = "z", .count = 3 }));
    GROUPS_EXPECT(PICKS, 100, 0, 0);
}

static void where_none_weighs_anything_all_are_alike(void **state)
{
    static const struct locality_weight weights[] = { { { "y", 1 }, 1, 5 } };

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    weigh(weights, 1);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 3 }));
    GROUPS_EXPECT(PICKS, 25, 75);
    groups_reset(BALANCER_ROUND_ROBIN);
    weigh(NULL, 0);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 3 }));
    GROUPS_EXPECT(PICKS, 25, 75);
    assert_int_equal(field.live->picker->leaf_count, 1);
}

static void a_weight_is_of_a_locality_in_a_priority(void **state)
{
    static const struct locality_weight weights[] = {
        { { "x", 1 }, 0, 1 }, { { "y", 1 }, 0, 1 }, { { "x", 1 }, 1, 1 }, { { "y", 1 }, 1, 4 }
    };

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    weigh(weights, 4);
    assert_true(GROUPS_FILL({ .priority = 0, .locality = "x", .count = 4, .unhealthy = 2 },
                            { .priority = 0, .locality = "y", .count = 4, .unhealthy = 2 },
                            { .priority = 1, .locality = "x", .count = 1 },
                            { .priority = 1, .locality = "y", .count = 1 }));
    GROUPS_EXPECT(PICKS, 35, 35, 6, 24);
}

static void new_weights_of_localities_make_a_new_picker(void **state)
{
    static const struct locality_weight even[] = { { { "x", 1 }, 0, 1 }, { { "y", 1 }, 0, 1 } };
    uint64_t version;

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    weigh(one_two, 2);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 1 }));
    version = field.live->version;
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 1 }));
    assert_int_equal(field.live->version, version);
    weigh(even, 2);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 1 }));
    assert_int_equal(field.live->version, version + 1);
    GROUPS_EXPECT(PICKS, 50, 50);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 },
                            { .locality = "y", .count = 1, .priority = 1 }));
    assert_int_equal(field.live->version, version + 2);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1, .unhealthy = 1 },
                            { .locality = "y", .count = 1, .priority = 1 }));
    assert_int_equal(field.live->version, version + 3);
}

/* A ring knows weights of endpoints alone: 1 of x weighs as the 2 of y together. */
static void a_table_of_hashes_has_the_weights_of_localities(void **state)
{
    unsigned counts[2] = { 0 };

    (void)state;
    groups_reset(BALANCER_MAGLEV);
    groups.config.table_size = 1009;
    weigh(one_two, 2);
    assert_true(GROUPS_FILL({ .locality = "x", .count = 1 }, { .locality = "y", .count = 4 }));
    assert_int_equal(field.live->picker->leaf_count, 1);
    for (uint64_t hash = 0; hash < 1009; hash++) {
        struct pick pick = { .rand = &field.rand, .now = 1, .hash = hash, .has_hash = true };
        struct view *view;

        assert_int_equal(tulle__pick(field.live, &pick, &view), PICK_ENDPOINT);
        counts[view != field_view(0)]++;
    }
    assert_in_range(counts[0], 330, 343);
}

/* --- zones --- */

static const struct caller_share callers[] = { { { "a", 1 }, 40 },
                                               { { "b", 1 }, 40 },
                                               { { "c", 1 }, 20 } };

static void zones_reset(void)
{
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.locality.mode = LOCALITY_ZONE_AWARE;
    groups.config.locality.local = STR("a");
    groups.config.locality.callers = callers;
    groups.config.locality.caller_count = 3;
}

static void as_many_calls_stay_in_the_zone_as_is_fair(void **state)
{
    (void)state;
    zones_reset();
    assert_true(GROUPS_FILL({ .locality = "a", .count = 5 }, { .locality = "b", .count = 10 },
                            { .locality = "c", .count = 5 }));
    GROUPS_EXPECT(PICKS, 62.5, 25, 12.5);
    groups.config.locality.routing_enabled = 40;
    assert_true(GROUPS_FILL({ .locality = "a", .count = 5 }, { .locality = "b", .count = 10 },
                            { .locality = "c", .count = 5 }));
    GROUPS_EXPECT(PICKS, 0.4 * 62.5 + 0.6 * 25, 0.4 * 25 + 0.6 * 50, 0.4 * 12.5 + 0.6 * 25);
}

static void too_few_endpoints_are_not_routed_by_zones(void **state)
{
    (void)state;
    zones_reset();
    assert_true(GROUPS_FILL({ .locality = "a", .count = 1 }, { .locality = "b", .count = 4 }));
    GROUPS_EXPECT(PICKS, 20, 80);
    assert_int_equal(field.live->picker->leaf_count, 1);
}

static void zones_are_of_the_first_priority(void **state)
{
    (void)state;
    zones_reset();
    assert_true(GROUPS_FILL({ .locality = "a", .count = 6, .unhealthy = 3 },
                            { .locality = "b", .count = 6, .unhealthy = 3 },
                            { .priority = 1, .locality = "a", .count = 1 },
                            { .priority = 1, .locality = "b", .count = 3 }));
    GROUPS_EXPECT(PICKS, 70, 0, 7.5, 22.5);
}

static void in_panic_zones_do_not_count_or_calls_fail(void **state)
{
    struct view *view;

    (void)state;
    zones_reset();
    groups.config.locality.panic_percent = 50;
    assert_true(GROUPS_FILL({ .locality = "a", .count = 10, .unhealthy = 6 },
                            { .locality = "b", .count = 30, .unhealthy = 24 }));
    GROUPS_EXPECT(PICKS, 25, 75);
    groups.config.locality.fail_on_panic = true;
    assert_true(GROUPS_FILL({ .locality = "a", .count = 10, .unhealthy = 6 },
                            { .locality = "b", .count = 30, .unhealthy = 24 }));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(field_pick(&view), PICK_FAIL);
    }
}

#define SURVEY_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(SURVEY_TEST(localities_get_their_weight_of_what_is_available),
          SURVEY_TEST(a_locality_that_weighs_nothing_gets_nothing),
          SURVEY_TEST(where_none_weighs_anything_all_are_alike),
          SURVEY_TEST(a_weight_is_of_a_locality_in_a_priority),
          SURVEY_TEST(new_weights_of_localities_make_a_new_picker),
          SURVEY_TEST(a_table_of_hashes_has_the_weights_of_localities),
          SURVEY_TEST(as_many_calls_stay_in_the_zone_as_is_fair),
          SURVEY_TEST(too_few_endpoints_are_not_routed_by_zones),
          SURVEY_TEST(zones_are_of_the_first_priority),
          SURVEY_TEST(in_panic_zones_do_not_count_or_calls_fail))
