/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "unit/balance/field.h"

static void each_has_its_turn(void **state)
{
    struct view *first, *view;

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 5, NULL));
    field_pick(&first);
    for (size_t i = 1; i < 11; i++) {
        field_pick(&view);
        assert_int_equal(field_index(view), (field_index(first) + i) % 5);
    }
}

static void each_loop_has_its_own_turn(void **state)
{
    struct view *first, *second;

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 50, NULL));
    field_pick(&first);
    field.loop = 1;
    field_pick(&second);
    assert_ptr_not_equal(first, second); /* they begin apart: seeds are fixed */
    field_pick_many(50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(field.counts[i], 1);
    }
}

static void unequal_weights_are_kept_exactly_in_every_cycle(void **state)
{
    const uint32_t weights[] = { 1, 3 };

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 2, weights));
    for (int cycle = 0; cycle < 1000; cycle++) {
        field_pick_many(4);
        assert_int_equal(field.counts[0], 1);
        assert_int_equal(field.counts[1], 3);
    }
}

static void many_unequal_weights_are_kept(void **state)
{
    uint32_t weights[40];
    unsigned total = 0;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        weights[i] = 1 + i * i % 17;
        total += weights[i];
    }
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 40, weights));
    field_pick_many(total * 50);
    for (size_t i = 0; i < 40; i++) {
        assert_in_range(field.counts[i], weights[i] * 50 - 1, weights[i] * 50 + 1);
    }
}

static void the_largest_weights_do_not_overflow(void **state)
{
    const uint32_t weights[] = { UINT32_MAX, 1, UINT32_MAX };

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 3, weights));
    field_pick_many(100000);
    assert_in_range(field.counts[0], 49990, 50010);
    assert_true(field.counts[1] <= 1);
}

static void new_pickers_do_not_all_begin_with_the_heaviest(void **state)
{
    const uint32_t weights[] = { 1, 1, 2 };
    struct view *view;
    unsigned firsts[3] = { 0 };

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 3, weights));
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct picker *picker =
            tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, seed * 1000, field.now);

        tulle__picker_free(atomic_exchange(&field.live->picker, picker));
        field_pick(&view);
        firsts[field_index(view)]++;
    }
    assert_in_range(firsts[0], 600, 1200);
    assert_in_range(firsts[1], 600, 1200);
    assert_in_range(firsts[2], 1800, 2700);
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(each_has_its_turn), BALANCER_TEST(each_loop_has_its_own_turn),
          BALANCER_TEST(unequal_weights_are_kept_exactly_in_every_cycle),
          BALANCER_TEST(many_unequal_weights_are_kept),
          BALANCER_TEST(the_largest_weights_do_not_overflow),
          BALANCER_TEST(new_pickers_do_not_all_begin_with_the_heaviest))
