/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "unit/balance/field.h"

static void shares_are_even_and_weights_are_ignored(void **state)
{
    const uint32_t weights[] = { 1, 1000, 1, 5 };

    (void)state;
    assert_true(field_fill(BALANCER_RANDOM, 4, weights));
    field_pick_many(100000);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(field.counts[i], 24400, 25600);
    }
}

static void load_is_ignored(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_RANDOM, 2, NULL));
    field_view(0)->peer->in_flight = 100;
    field_pick_many(10000);
    assert_in_range(field.counts[0], 4700, 5300);
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(shares_are_even_and_weights_are_ignored), BALANCER_TEST(load_is_ignored))
