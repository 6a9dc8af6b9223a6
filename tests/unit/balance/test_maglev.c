/* SPDX-License-Identifier: Apache-2.0 */

/* That the choice is Envoy's is shown by tests/peer/test_envoy_hash.c. */

#include "harness/test.h"
#include "unit/balance/hashing.h"

static void maglev(struct balancer_config *config)
{
    config->kind = BALANCER_MAGLEV;
}

static void no_prime(struct balancer_config *config)
{
    maglev(config);
    config->table_size = 1000;
}

static void tiny(struct balancer_config *config)
{
    maglev(config);
    config->table_size = 2;
}

static void bounded(struct balancer_config *config)
{
    maglev(config);
    config->hash_balance = 100;
}

static void the_same_hash_goes_to_the_same_endpoint(void **state)
{
    (void)state;
    hashing_is_steady(maglev);
}

/* Places, not draws: what is left is chance of the keys alone. */
static void shares_follow_the_weights(void **state)
{
    (void)state;
    hashing_follows_weights(maglev, 60);
}

static void when_an_endpoint_leaves_few_other_keys_move(void **state)
{
    (void)state;
    assert_in_range(hashing_moved(maglev), 0, 250); /* of 10,000; Eisenbud et al., 5.3 */
}

static void a_table_of_no_prime_is_made_larger(void **state)
{
    (void)state;
    hashing_is_steady(no_prime);
}

static void a_table_may_be_smaller_than_its_endpoints(void **state)
{
    (void)state;
    assert_true(field_fill_as(tiny, 5, NULL));
    for (uint64_t key = 0; key < 100; key++) {
        assert_true(field_pick_hash(key) < 5);
    }
}

static void a_retry_takes_another_place(void **state)
{
    (void)state;
    hashing_passes_what_was_tried(maglev);
}

static void without_a_hash_all_are_asked(void **state)
{
    (void)state;
    hashing_without_a_hash(maglev);
}

static void an_ejected_endpoint_gets_nothing(void **state)
{
    (void)state;
    hashing_avoids_the_ejected(maglev);
}

static void who_has_more_than_his_share_is_left_for_another(void **state)
{
    (void)state;
    hashing_bounds_load(bounded);
}

static void running_out_of_memory_leaves_the_table_that_is_there(void **state)
{
    (void)state;
    hashing_survives_no_memory(maglev);
}

#define MAGLEV_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(MAGLEV_TEST(the_same_hash_goes_to_the_same_endpoint),
          MAGLEV_TEST(shares_follow_the_weights),
          MAGLEV_TEST(when_an_endpoint_leaves_few_other_keys_move),
          MAGLEV_TEST(a_table_of_no_prime_is_made_larger),
          MAGLEV_TEST(a_table_may_be_smaller_than_its_endpoints),
          MAGLEV_TEST(a_retry_takes_another_place), MAGLEV_TEST(without_a_hash_all_are_asked),
          MAGLEV_TEST(an_ejected_endpoint_gets_nothing),
          MAGLEV_TEST(who_has_more_than_his_share_is_left_for_another),
          TEST_OOM_WITH(running_out_of_memory_leaves_the_table_that_is_there, field_setup,
                        field_teardown))
