/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/subset.h"

#include "harness/test.h"
#include "unit/balance/groups.h"

enum { SERVERS = 100, CLIENTS = 30 };

/* How many of the endpoints this process can reach, and which. */
static size_t subset_seen(bool *seen)
{
    const struct picker *picker = field.live->picker;

    memset(seen, 0, FIELD_MAX * sizeof(*seen));
    for (size_t i = 0; i < picker->count; i++) {
        seen[field_index(picker->entries[i].view)] = true;
    }
    return picker->count;
}

static void a_random_subset_has_its_size_and_stays(void **state)
{
    bool seen[FIELD_MAX], again[FIELD_MAX];

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.subsetting =
        (struct subsetting_config){ .kind = SUBSETTING_RANDOM, .size = 20, .seed = 7 };
    assert_true(GROUPS_FILL({ .count = SERVERS }));
    assert_int_equal(subset_seen(seen), 20);
    assert_true(field_rebuild());
    assert_int_equal(subset_seen(again), 20);
    assert_memory_equal(seen, again, sizeof(seen));
    assert_true(GROUPS_FILL({ .count = 10 }));
    assert_int_equal(subset_seen(seen), 10);
}

static void one_server_more_changes_one_place_at_most(void **state)
{
    bool before[FIELD_MAX], after[FIELD_MAX];

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.subsetting = (struct subsetting_config){ .kind = SUBSETTING_RANDOM, .size = 20 };
    for (uint64_t seed = 0; seed < 50; seed++) {
        unsigned left = 0;

        groups.config.subsetting.seed = seed;
        assert_true(GROUPS_FILL({ .count = SERVERS }));
        subset_seen(before);
        assert_true(GROUPS_FILL({ .count = SERVERS + 1 }));
        assert_int_equal(subset_seen(after), 20);
        for (size_t i = 0; i < SERVERS; i++) {
            left += before[i] && !after[i];
        }
        assert_true(left <= 1);
    }
}

static void random_subsets_of_many_clients_spread_over_the_servers(void **state)
{
    unsigned clients[FIELD_MAX] = { 0 };
    bool seen[FIELD_MAX];

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.subsetting = (struct subsetting_config){ .kind = SUBSETTING_RANDOM, .size = 20 };
    for (uint64_t seed = 0; seed < 200; seed++) {
        groups.config.subsetting.seed = seed;
        assert_true(GROUPS_FILL({ .count = SERVERS }));
        subset_seen(seen);
        for (size_t i = 0; i < SERVERS; i++) {
            clients[i] += seen[i];
        }
    }
    for (size_t i = 0; i < SERVERS; i++) {
        assert_in_range(clients[i], 10, 75); /* 40, and five deviations of 5.7 */
    }
}

static void a_subset_is_of_each_priority(void **state)
{
    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.subsetting = (struct subsetting_config){ .kind = SUBSETTING_RANDOM, .size = 4 };
    assert_true(GROUPS_FILL({ .count = 20 }, { .priority = 1, .count = 3 }));
    assert_int_equal(field.live->picker->count, 7);
}

/* The whole point of it: every server is seen by as much of the clients as any other. */
static void apertures_of_all_clients_cover_each_server_alike(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 40; size += 13) {
        for (size_t servers = 1; servers < 60; servers++) {
            unsigned most = 0, least = UINT32_MAX;

            for (size_t i = 0; i < servers; i++) {
                unsigned sum = 0;

                for (uint32_t client = 0; client < CLIENTS; client++) {
                    struct subsetting_config config = { .size = size,
                                                        .peer_index = client,
                                                        .peer_count = CLIENTS };

                    sum += tulle__aperture_part(&config, servers, i);
                }
                most = sum > most ? sum : most;
                least = sum < least ? sum : least;
            }
            assert_true(most - least <= CLIENTS); /* a part is rounded up to a permille */
        }
    }
}

static void an_aperture_is_of_twelve_at_least(void **state)
{
    struct subsetting_config config = { .size = 1, .peer_index = 3, .peer_count = 7 };
    unsigned sum = 0;

    (void)state;
    for (size_t i = 0; i < SERVERS; i++) {
        sum += tulle__aperture_part(&config, SERVERS, i);
    }
    assert_in_range(sum, 14200, 14300); /* 100 / 7, the least whole client distance above 12 */
    sum = 0;
    for (size_t i = 0; i < 12; i++) {
        sum += tulle__aperture_part(&config, 12, i);
    }
    assert_int_equal(sum, 12 * PART_WHOLE);
}

/* Seven clients of 100 servers see 14 whole ones and 2/7 of one, or two parts of it. */
static void servers_at_its_ends_get_their_part(void **state)
{
    bool seen[FIELD_MAX];
    unsigned total[FIELD_MAX] = { 0 };

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    for (uint32_t client = 0; client < 7; client++) {
        groups.config.subsetting = (struct subsetting_config){ .kind = SUBSETTING_APERTURE,
                                                               .peer_index = client,
                                                               .peer_count = 7 };
        assert_true(GROUPS_FILL({ .count = SERVERS }));
        assert_in_range(subset_seen(seen), 15, 16);
        field_pick_many(10000);
        for (size_t i = 0; i < SERVERS; i++) {
            total[i] += field.counts[i];
        }
    }
    for (size_t i = 0; i < SERVERS; i++) {
        assert_in_range(total[i], 680, 720);
    }
}

static void a_process_that_does_not_know_its_place_takes_twelve_at_random(void **state)
{
    bool seen[FIELD_MAX];

    (void)state;
    groups_reset(BALANCER_ROUND_ROBIN);
    groups.config.subsetting = (struct subsetting_config){ .kind = SUBSETTING_APERTURE, .seed = 1 };
    assert_true(GROUPS_FILL({ .count = SERVERS }));
    assert_int_equal(subset_seen(seen), APERTURE_LEAST);
}

#define SUBSET_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(SUBSET_TEST(a_random_subset_has_its_size_and_stays),
          SUBSET_TEST(one_server_more_changes_one_place_at_most),
          SUBSET_TEST(random_subsets_of_many_clients_spread_over_the_servers),
          SUBSET_TEST(a_subset_is_of_each_priority),
          SUBSET_TEST(apertures_of_all_clients_cover_each_server_alike),
          SUBSET_TEST(an_aperture_is_of_twelve_at_least),
          SUBSET_TEST(servers_at_its_ends_get_their_part),
          SUBSET_TEST(a_process_that_does_not_know_its_place_takes_twelve_at_random))
