/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "unit/balance/field.h"

static void first(struct balancer_config *config)
{
    config->kind = BALANCER_PICK_FIRST;
}

static void shuffled(struct balancer_config *config)
{
    first(config);
    config->shuffle = true;
}

static size_t pick_one(void)
{
    struct view *view;

    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
    return field_index(view);
}

static void lift(size_t i)
{
    assert_true(tulle__outlier_lift(field.live, field_view(i)));
}

static void all_calls_go_to_the_first(void **state)
{
    (void)state;
    assert_true(field_fill_as(first, 5, NULL));
    field_pick_many(100);
    assert_int_equal(field.counts[0], 100);
    field.loop = 1;
    field_pick_many(100);
    assert_int_equal(field.counts[0], 100);
}

static void who_took_over_keeps_the_calls(void **state)
{
    (void)state;
    assert_true(field_fill_as(first, 5, NULL));
    assert_int_equal(pick_one(), 0);
    field_eject(0);
    assert_int_equal(pick_one(), 1); /* with the old picker */
    assert_true(field_rebuild());
    assert_int_equal(pick_one(), 1);
    lift(0);
    assert_true(field_rebuild());
    assert_int_equal(pick_one(), 1);
    field_eject(1);
    assert_int_equal(pick_one(), 2);
}

static void a_retry_goes_on_and_moves_nobody(void **state)
{
    (void)state;
    assert_true(field_fill_as(first, 3, NULL));
    field.tried[0] = field_view(0);
    field.tried_count = 1;
    assert_int_equal(pick_one(), 1);
    field.tried_count = 0;
    assert_int_equal(pick_one(), 0);
}

static void processes_begin_with_different_ones_when_shuffled(void **state)
{
    bool seen[10] = { false };
    size_t used = 0;

    (void)state;
    assert_true(field_fill_as(shuffled, 10, NULL));
    for (uint64_t seed = 0; seed < 100; seed++) {
        atomic_store(&field.live->settled, NULL);
        tulle__picker_free(atomic_exchange(
            &field.live->picker,
            tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, seed * 77, field.now)));
        seen[pick_one()] = true;
    }
    for (size_t i = 0; i < 10; i++) {
        used += seen[i];
    }
    assert_int_equal(used, 10);
}

static void a_new_picker_goes_on_where_the_last_one_was(void **state)
{
    size_t settled;

    (void)state;
    assert_true(field_fill_as(shuffled, 10, NULL));
    settled = pick_one();
    for (uint64_t seed = 0; seed < 20; seed++) {
        tulle__picker_free(atomic_exchange(
            &field.live->picker,
            tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, seed, field.now)));
        assert_int_equal(pick_one(), settled);
    }
}

static void running_out_of_memory_leaves_the_list_that_is_there(void **state)
{
    (void)state;
    CHECK_OR_DONE(field_fill_as(shuffled, 3, NULL));
    CHECK(field_rebuild());
    assert_true(pick_one() < 3);
done:
    return;
}

#define FIRST_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(FIRST_TEST(all_calls_go_to_the_first), FIRST_TEST(who_took_over_keeps_the_calls),
          FIRST_TEST(a_retry_goes_on_and_moves_nobody),
          FIRST_TEST(processes_begin_with_different_ones_when_shuffled),
          FIRST_TEST(a_new_picker_goes_on_where_the_last_one_was),
          TEST_OOM_WITH(running_out_of_memory_leaves_the_list_that_is_there, field_setup,
                        field_teardown))
