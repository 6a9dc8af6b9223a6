/* SPDX-License-Identifier: Apache-2.0 */

/* That the choice is Envoy's is shown by tests/peer/test_envoy_hash.c. */

#include "harness/test.h"
#include "unit/balance/hashing.h"

static void ring(struct balancer_config *config)
{
    config->kind = BALANCER_RING_HASH;
}

static void murmur(struct balancer_config *config)
{
    ring(config);
    config->hash_function = HASH_MURMUR2;
}

/* A place for each hundredth of the weights. */
static void hundred(struct balancer_config *config)
{
    ring(config);
    config->ring_min = 1;
    config->ring_max = 100;
}

static void bounded(struct balancer_config *config)
{
    ring(config);
    config->hash_balance = 100;
}

static void the_same_hash_goes_to_the_same_endpoint(void **state)
{
    (void)state;
    hashing_is_steady(ring);
    hashing_is_steady(murmur);
}

static void shares_follow_the_weights(void **state)
{
    (void)state;
    hashing_follows_weights(ring, 200);
    hashing_follows_weights(murmur, 200);
}

/* One place each, however many there are. */
static void single(struct balancer_config *config)
{
    ring(config);
    config->ring_min = 1;
}

static void when_an_endpoint_leaves_only_its_keys_move(void **state)
{
    (void)state;
    assert_int_equal(hashing_moved(single), 0);
}

/* The 19 that stay have 54 places each in place of 52: two of 54 keys at most. */
static void when_the_others_get_more_places_few_keys_move(void **state)
{
    (void)state;
    assert_in_range(hashing_moved(ring), 1, 10000 * 2 / 54 + 100);
}

static void behind_the_last_place_comes_the_first(void **state)
{
    size_t first;

    (void)state;
    assert_true(field_fill_as(ring, 5, NULL));
    first = field_pick_hash(0);
    assert_int_equal(field_pick_hash(UINT64_MAX), first);
}

static void a_ring_may_be_smaller_than_its_endpoints(void **state)
{
    bool seen[60] = { false };
    size_t used = 0;

    (void)state;
    assert_true(field_fill_as(hundred, 60, NULL));
    for (uint64_t key = 0; key < 10000; key++) {
        seen[field_pick_hash(hashing_key(key))] = true;
    }
    for (size_t i = 0; i < 60; i++) {
        used += seen[i];
    }
    assert_true(used > 1 && used <= 60);
}

static void a_retry_goes_on_along_the_ring(void **state)
{
    (void)state;
    hashing_passes_what_was_tried(ring);
}

static void without_a_hash_all_are_asked(void **state)
{
    (void)state;
    hashing_without_a_hash(ring);
}

static void an_ejected_endpoint_gets_nothing(void **state)
{
    (void)state;
    hashing_avoids_the_ejected(ring);
}

static void who_has_more_than_his_share_is_left_for_another(void **state)
{
    (void)state;
    hashing_bounds_load(bounded);
}

static void running_out_of_memory_leaves_the_ring_that_is_there(void **state)
{
    (void)state;
    hashing_survives_no_memory(ring);
}

#define RING_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(RING_TEST(the_same_hash_goes_to_the_same_endpoint), RING_TEST(shares_follow_the_weights),
          RING_TEST(when_an_endpoint_leaves_only_its_keys_move),
          RING_TEST(when_the_others_get_more_places_few_keys_move),
          RING_TEST(behind_the_last_place_comes_the_first),
          RING_TEST(a_ring_may_be_smaller_than_its_endpoints),
          RING_TEST(a_retry_goes_on_along_the_ring), RING_TEST(without_a_hash_all_are_asked),
          RING_TEST(an_ejected_endpoint_gets_nothing),
          RING_TEST(who_has_more_than_his_share_is_left_for_another),
          TEST_OOM_WITH(running_out_of_memory_leaves_the_ring_that_is_there, field_setup,
                        field_teardown))
