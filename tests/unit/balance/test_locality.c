/* SPDX-License-Identifier: Apache-2.0 */

/* The table of Envoy's locality_weight.rst, the example of residual capacity in
 * its source, and when it does not route by zones. */

#include "balance/locality.h"

#include <math.h>

#include "harness/test.h"

static void expect_near(double is, double should)
{
    if (fabs(is - should) > 0.0001) {
        fail_msg("%f is not %f", is, should);
    }
}

static void weights_follow_what_is_available(void **state)
{
    /* X weighs 1, Y weighs 2; how much of X is healthy, and what X gets of 100. */
    static const struct {
        uint32_t healthy;
        int percent;
    } rows[] = { { 100, 33 }, { 70, 33 }, { 69, 33 }, { 50, 26 }, { 25, 15 }, { 0, 0 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double x = tulle__locality_weight(1, 100, rows[i].healthy, 1400);
        double y = tulle__locality_weight(2, 100, 100, 1400);

        assert_int_equal((int)lround(100 * x / (x + y)), rows[i].percent);
    }
    expect_near(tulle__locality_weight(5, 0, 0, 1400), 0);
    expect_near(tulle__locality_weight(0, 10, 10, 1400), 0);
}

static const struct caller_share callers[] = { { { "a", 1 }, 40 },
                                               { { "b", 1 }, 40 },
                                               { { "c", 1 }, 20 } };
static const struct locality_config config = { .mode = LOCALITY_ZONE_AWARE,
                                               .local = { "a", 1 },
                                               .routing_enabled = 100,
                                               .min_cluster_size = 6,
                                               .callers = callers,
                                               .caller_count = 3 };

/* 40/40/20 of the callers, 25/50/25 of the endpoints. */
static void what_does_not_fit_here_goes_where_there_is_room(void **state)
{
    struct zone zones[] = { { .callers = 40, .healthy = 5, .local = true },
                            { .callers = 40, .healthy = 10 },
                            { .callers = 20, .healthy = 5 } };

    (void)state;
    assert_true(tulle__zone_shares(zones, 3, &config));
    expect_near(zones[0].share, 0.625);
    expect_near(zones[1].share, 0.375 * 2 / 3);
    expect_near(zones[2].share, 0.375 / 3);
}

static void where_there_are_endpoints_enough_all_stays(void **state)
{
    struct zone zones[] = { { .callers = 40, .healthy = 4, .local = true },
                            { .callers = 40, .healthy = 4 },
                            { .callers = 20, .healthy = 2 } };

    (void)state;
    assert_true(tulle__zone_shares(zones, 3, &config));
    expect_near(zones[0].share, 1);
    expect_near(zones[1].share + zones[2].share, 0);
}

static void from_a_zone_without_healthy_endpoints_all_goes_away(void **state)
{
    struct zone zones[] = { { .callers = 40, .healthy = 0, .local = true },
                            { .callers = 40, .healthy = 6 },
                            { .callers = 20, .healthy = 4 } };

    (void)state;
    assert_true(tulle__zone_shares(zones, 3, &config));
    expect_near(zones[0].share, 0);
    expect_near(zones[1].share, 0.5);
    expect_near(zones[2].share, 0.5);
}

/* Shares are rounded down: here no zone has any room on paper. */
static void where_nobody_has_room_any_zone_with_endpoints_will_do(void **state)
{
    static const struct caller_share even[] = { { { "a", 1 }, 1 }, { { "b", 1 }, 1 } };
    struct locality_config few = config;
    struct zone zones[] = { { .callers = 1, .healthy = 5000, .local = true },
                            { .callers = 1, .healthy = 5001 },
                            { .callers = 0, .healthy = 0 } };

    (void)state;
    few.callers = even;
    few.caller_count = 2;
    assert_true(tulle__zone_shares(zones, 3, &few));
    expect_near(zones[0].share, 0.9998 + 0.0002 / 2);
    expect_near(zones[1].share, 0.0002 / 2);
    expect_near(zones[2].share, 0);
}

static void small_clusters_and_unknown_callers_are_not_routed_by_zones(void **state)
{
    struct zone zones[] = { { .callers = 40, .healthy = 5, .local = true },
                            { .callers = 40, .healthy = 5 } };
    struct locality_config other = config;

    (void)state;
    assert_true(tulle__zone_shares(zones, 2, &other));
    assert_false(tulle__zone_shares(zones, 1, &other));
    other.min_cluster_size = 11;
    assert_false(tulle__zone_shares(zones, 2, &other));
    other = config;
    other.caller_count = 1;
    assert_false(tulle__zone_shares(zones, 2, &other));
    other = config;
    other.local = STR("d");
    assert_false(tulle__zone_shares(zones, 2, &other));
    other.local = STR_NONE;
    assert_false(tulle__zone_shares(zones, 2, &other));
    zones[0].healthy = zones[1].healthy = 0;
    other = config;
    other.min_cluster_size = 0;
    assert_false(tulle__zone_shares(zones, 2, &other));
}

TEST_MAIN(cmocka_unit_test(weights_follow_what_is_available),
          cmocka_unit_test(what_does_not_fit_here_goes_where_there_is_room),
          cmocka_unit_test(where_there_are_endpoints_enough_all_stays),
          cmocka_unit_test(from_a_zone_without_healthy_endpoints_all_goes_away),
          cmocka_unit_test(where_nobody_has_room_any_zone_with_endpoints_will_do),
          cmocka_unit_test(small_clusters_and_unknown_callers_are_not_routed_by_zones))
