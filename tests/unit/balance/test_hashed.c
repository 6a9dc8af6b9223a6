/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/hashed.h"

#include "harness/test.h"
#include "unit/balance/field.h"

static void bounded(struct balancer_config *config)
{
    config->kind = BALANCER_MAGLEV;
    config->hash_balance = 100;
}

/* The order that std::mt19937, seeded with the hash, gives in Envoy's code. */
static void the_overloaded_are_left_in_the_order_of_envoy(void **state)
{
    static const size_t order[] = { 5, 8, 0, 7, 4, 3, 6, 9, 2, 1 };
    const uint64_t hash = UINT64_C(0x0123456789abcdef);
    size_t first;

    (void)state;
    assert_true(field_fill_as(bounded, COUNT_OF(order), NULL));
    first = field_pick_hash(hash);
    atomic_store(&field.live->requests, 1);
    atomic_store(&field_view(first)->peer->in_flight, 100);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (order[i] != first) {
            assert_int_equal(field_pick_hash(hash), order[i]);
            atomic_store(&field_view(order[i])->peer->in_flight, 100);
        }
    }
}

static void a_hash_key_stands_for_the_address(void **state)
{
    const struct endpoint_place place = { .hash_key = STR("shard-7") };
    const struct endpoint_record named = { .place = &place };
    const struct endpoint_record *own;
    struct leaf *leaf;

    (void)state;
    assert_true(field_fill_as(bounded, 3, NULL));
    leaf = field.live->picker->leaves;
    assert_true(str_equal(tulle__hashed_key(leaf, 0), peer_address(leaf->entries[0].view->peer)));
    own = leaf->entries[0].view->endpoint;
    leaf->entries[0].view->endpoint = &named;
    assert_true(str_equal(tulle__hashed_key(leaf, 0), STR("shard-7")));
    leaf->entries[0].view->endpoint = own;
}

#define HASHED_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(HASHED_TEST(the_overloaded_are_left_in_the_order_of_envoy),
          HASHED_TEST(a_hash_key_stands_for_the_address))
