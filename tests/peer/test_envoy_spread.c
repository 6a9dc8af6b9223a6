/* SPDX-License-Identifier: Apache-2.0 */

/* Priorities, panic, degraded endpoints, weights of localities, zones: whom the
 * library and a live Envoy choose, told of the same endpoints, is the same to
 * within chance. */

#include "balance/picker.h"
#include "peer/spread.h"

static const struct spread_case cases[] = {
    { "half of the first", SPREAD_ROUND,
      .groups = { { 0, .count = 10, .unhealthy = 5 }, { 1, .count = 10 } } },
    { "71 of 100 parts", SPREAD_LEAST,
      .groups = { { 0, .count = 7, .unhealthy = 3 }, { 1, .count = 3 } } },
    { "three priorities", SPREAD_RANDOM,
      .groups = { { 0, .count = 20, .unhealthy = 15 },
                  { 1, .count = 20, .unhealthy = 15 },
                  { 2, .count = 20, .unhealthy = 16 } } },
    { "degraded", SPREAD_ROUND, .groups = { { 0, .count = 20, .degraded = 13, .unhealthy = 2 } } },
    { "degraded in two", SPREAD_LEAST,
      .groups = { { 0, .count = 20, .degraded = 2, .unhealthy = 15 },
                  { 1, .count = 20, .degraded = 4, .unhealthy = 12 } } },
    { "one in panic", SPREAD_ROUND, .panic = 50,
      .groups = { { 0, .count = 20, .unhealthy = 19 }, { 1, .count = 20, .unhealthy = 7 } } },
    { "50 and 60 percent", SPREAD_LEAST, .panic = 50,
      .groups = { { 0, .count = 20, .unhealthy = 10 }, { 1, .count = 20, .unhealthy = 8 } } },
    { "25 and all", SPREAD_ROUND, .panic = 50,
      .groups = { { 0, .count = 20, .unhealthy = 15 }, { 1, .count = 20 } } },
    { "all in panic", SPREAD_RANDOM, .panic = 50,
      .groups = { { 0, .count = 4, .unhealthy = 3 }, { 1, .count = 7, .unhealthy = 7 } } },
    { "no panic, no health", SPREAD_ROUND,
      .groups = { { 0, .count = 3, .unhealthy = 3 }, { 1, .count = 3, .unhealthy = 3 } } },
    { "localities 1 to 2", SPREAD_LEAST, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 10, .unhealthy = 5 }, { 0, "y", 2, .count = 2 } } },
    { "localities and endpoints weigh", SPREAD_ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 3, .count = 2, .weight = 5 },
                  { 0, "y", 2, .count = 4, .weight = 1 },
                  { 0, "z", 0, .count = 3 } } },
    { "localities of two priorities", SPREAD_ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 4, .unhealthy = 3 },
                  { 0, "y", 1, .count = 4, .unhealthy = 2 },
                  { 1, "x", 1, .count = 2 },
                  { 1, "y", 4, .count = 2 } } },
    { "localities, degraded", SPREAD_ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 10, .degraded = 4, .unhealthy = 4 },
                  { 0, "y", 2, .count = 10, .degraded = 2, .unhealthy = 6 } } },
    { "zones, some stay", SPREAD_ROUND, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, all stay", SPREAD_LEAST, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 4 }, { 0, "b", .count = 4 }, { 0, "c", .count = 2 } } },
    { "zones, nobody here", SPREAD_RANDOM, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 4, .unhealthy = 4 },
                  { 0, "b", .count = 4 },
                  { 0, "c", .count = 6 } } },
    { "zones, 40 percent of them", SPREAD_ROUND, LOCALITY_ZONE_AWARE, .routing = 40,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, too small", SPREAD_ROUND, LOCALITY_ZONE_AWARE, .min_cluster = 21,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, and a second priority", SPREAD_ROUND, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 6, .unhealthy = 4 },
                  { 0, "b", .count = 12, .unhealthy = 5 },
                  { 1, "a", .count = 2 },
                  { 1, "b", .count = 4 } } },
    { "zones, panic", SPREAD_ROUND, LOCALITY_ZONE_AWARE, .panic = 50,
      .groups = { { 0, "a", .count = 5, .unhealthy = 4 },
                  { 0, "b", .count = 10, .unhealthy = 7 } } },
    { "zones, panic fails", SPREAD_ROUND, LOCALITY_ZONE_AWARE, .panic = 50, .fail_on_panic = true,
      .groups = { { 0, "a", .count = 5, .unhealthy = 4 },
                  { 0, "b", .count = 10, .unhealthy = 7 } } },
};

enum { FIRST_LOCALITY = 10, FIRST_ZONE = 14 };

static void library_pick(const struct cluster_live *live, struct rand *rand,
                         struct spread_choice *choice)
{
    for (int i = 0; i < SPREAD_PICKS; i++) {
        struct pick pick = { .rand = rand, .now = 1 };
        struct view *view;

        if (tulle__pick(live, &pick, &view) == PICK_ENDPOINT) {
            spread_count(choice, peer_address(view->peer).data);
        } else {
            choice->none++;
        }
    }
}

static void library_choose(size_t number, struct spread_choice *choice)
{
    struct cluster *cluster = spread_cluster(&cases[number]);
    struct live_set set;
    struct cluster_live *live;
    struct rand rand;
    bool changed;

    tulle__rand_init(&rand, number);
    tulle__live_set_init(&set, 1, NULL);
    live = tulle__live_adopt(&set, cluster, &changed);
    assert_non_null(live);
    live->picker = tulle__picker_new(live, &cluster->balancer, 1, number, 1);
    assert_non_null(live->picker);
    library_pick(live, &rand, choice);
    tulle__live_set_fini(&set);
    tulle__part_unref(cluster);
}

static void compare_all(size_t first, size_t end)
{
    struct spread_envoy *envoy = spread_envoy_start(cases, COUNT_OF(cases));

    for (size_t i = first; i < end; i++) {
        struct spread_choice ours = { 0 }, envoys = { 0 };

        library_choose(i, &ours);
        spread_envoy_choose(envoy, &cases[i], i, ours.none > 0, &envoys);
        assert_int_equal(spread_total(&ours), SPREAD_PICKS);
        spread_compare(&cases[i], &ours, &envoys, COUNT_OF(cases));
    }
    spread_envoy_stop(envoy);
}

static void priorities_and_panic_have_the_shares_of_envoy(void **state)
{
    (void)state;
    compare_all(0, FIRST_LOCALITY);
}

static void weighted_localities_have_the_shares_of_envoy(void **state)
{
    (void)state;
    compare_all(FIRST_LOCALITY, FIRST_ZONE);
}

static void zones_have_the_shares_of_envoy(void **state)
{
    (void)state;
    compare_all(FIRST_ZONE, COUNT_OF(cases));
}

TEST_MAIN(cmocka_unit_test(priorities_and_panic_have_the_shares_of_envoy),
          cmocka_unit_test(weighted_localities_have_the_shares_of_envoy),
          cmocka_unit_test(zones_have_the_shares_of_envoy))
