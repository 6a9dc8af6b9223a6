/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/picker.h"

#include "base/thread.h"
#include "harness/test.h"
#include "unit/balance/field.h"

static const enum balancer_kind kinds[] = { BALANCER_LEAST_REQUEST, BALANCER_ROUND_ROBIN,
                                            BALANCER_RANDOM, BALANCER_PEAK_EWMA };
static const uint32_t unequal[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 };

static void without_endpoints_a_pick_is_held(void **state)
{
    struct view *view;

    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 0, NULL));
    assert_int_equal(field_pick(&view), PICK_HOLD);
    assert_null(view);
}

static void when_all_are_ejected_a_pick_fails(void **state)
{
    struct view *view;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 3, NULL));
        for (size_t i = 0; i < 3; i++) {
            field_eject(i);
        }
        assert_int_equal(field_pick(&view), PICK_FAIL); /* with the old picker */
        assert_true(field_rebuild());
        assert_int_equal(field_pick(&view), PICK_FAIL);
        assert_int_equal(field.live->picker->known, 3);
        assert_int_equal(field.live->picker->count, 0);
        assert_true(field_fill(kinds[k], 0, NULL));
        tulle__live_sweep(&field.set);
    }
}

static void what_was_ejected_a_moment_ago_is_passed_over(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        for (size_t weighted = 0; weighted < 2; weighted++) {
            assert_true(field_fill(kinds[k], 12, weighted ? unequal : NULL));
            for (size_t i = 0; i < 11; i++) {
                field_eject(i);
            }
            field_pick_many(100);
            assert_int_equal(field.counts[11], 100);
            assert_true(field_fill(kinds[k], 0, NULL));
        }
    }
}

static void what_was_tried_is_left_out_while_others_are_there(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 3, NULL));
        field.tried[0] = field_view(0);
        field.tried[1] = field_view(2);
        field.tried_count = 2;
        field_pick_many(200);
        assert_int_equal(field.counts[1], 200);
    }
}

static void when_all_were_tried_they_may_be_used_again(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 2, NULL));
        field.tried[0] = field_view(0);
        field.tried[1] = field_view(1);
        field.tried_count = 2;
        field_pick_many(200);
        assert_true(field.counts[0] > 50 && field.counts[1] > 50);
    }
}

static void what_was_tried_is_better_than_what_is_ejected(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 2, NULL));
        field_eject(1);
        field.tried[0] = field_view(0);
        field.tried_count = 1;
        field_pick_many(20);
        assert_int_equal(field.counts[0], 20);
        assert_true(field_fill(kinds[k], 0, NULL));
    }
}

static void a_single_endpoint_is_always_picked(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 1, NULL));
        field_pick_many(10);
        field.tried[0] = field_view(0);
        field.tried_count = 1;
        field_pick_many(10);
        field.tried_count = 0;
    }
}

static void a_picker_is_known_to_its_cluster_until_it_is_freed(void **state)
{
    struct picker *first, *second;

    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 2, NULL));
    first = field.live->picker;
    assert_ptr_equal(list_first(&field.live->pickers), &first->head.node);
    second = tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, 9, field.now);
    assert_ptr_equal(list_first(&field.live->pickers), &first->head.node);
    assert_ptr_equal(first->head.node.next, &second->head.node);
    tulle__picker_free(second);
    assert_ptr_equal(first->head.node.next, &field.live->pickers);
    tulle__picker_free(NULL);
}

static void halves_of_loops_share_no_cache_line(void **state)
{
    const struct picker *picker;

    (void)state;
    for (size_t weighted = 0; weighted < 2; weighted++) {
        assert_true(field_fill(BALANCER_ROUND_ROBIN, 3, weighted ? unequal : NULL));
        picker = field.live->picker;
        assert_int_equal(picker->leaves->weighted, weighted);
        assert_int_equal((uintptr_t)picker->leaves->loops[0] % 64, 0);
        assert_true((char *)picker->leaves->loops[1] - (char *)picker->leaves->loops[0] >= 64);
        assert_int_equal(((char *)picker->leaves->loops[1] - (char *)picker->leaves->loops[0]) % 64,
                         0);
    }
}

static void each_kind_has_its_balancer(void **state)
{
    const struct balancer_type *types[] = { &tulle__least_request, &tulle__round_robin,
                                            &tulle__random, &tulle__peak_ewma };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 2, NULL));
        assert_ptr_equal(field.live->picker->leaves->type, types[k]);
    }
}

static void a_pick_allocates_nothing(void **state)
{
    uint64_t before;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        assert_true(field_fill(kinds[k], 12, unequal));
        before = test_allocations();
        field_pick_many(1000);
        assert_int_equal(test_allocations(), before);
    }
}

static void running_out_of_memory_leaves_the_picker_that_is_there(void **state)
{
    struct view *view;

    (void)state;
    CHECK_OR_DONE(field_fill(BALANCER_LEAST_REQUEST, 3, unequal));
    field_eject(1);
    CHECK(field_rebuild());
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
done:
    return;
}

/* A loop of core, as far as a picker knows it: rounds, in each a few picks, whose
 * views are used for some rounds more. */
struct picking_loop {
    struct thread thread;
    size_t index;
    const struct outlier_config *outlier;
    atomic_uint seen; /* the reload that its present round began after */
};

enum { HELD = 16, RELOADS = 300 };
static atomic_uint reloads;
static atomic_bool stop;
static struct picking_loop loops[FIXTURE_LOOPS];

static void loop_run(void *user)
{
    struct picking_loop *loop = user;
    struct view *held[HELD] = { NULL };
    struct rand rand;
    struct pick pick = { .loop = loop->index, .rand = &rand, .now = 1 };

    tulle__rand_init(&rand, loop->index);
    for (size_t round = 0; !atomic_load(&stop); round++) {
        struct view **view = &held[round % HELD];

        atomic_store(&loop->seen, atomic_load(&reloads));
        if (*view != NULL) {
            atomic_fetch_add(&(*view)->peer->in_flight, 1);
            tulle__outlier_record(field.live, loop->index, *view, loop->outlier,
                                  round % 3 ? VERDICT_GATEWAY : VERDICT_SUCCESS, NULL, 1);
            view_release(*view);
        }
        if (tulle__pick(field.live, &pick, view) == PICK_ENDPOINT) {
            view_use(*view);
        }
    }
    for (size_t i = 0; i < HELD; i++) {
        if (held[i] != NULL) {
            view_release(held[i]);
        }
    }
}

static void wait_for_a_round_of_each_loop(void)
{
    for (size_t i = 0; i < FIXTURE_LOOPS; i++) {
        while (atomic_load(&loops[i].seen) < atomic_load(&reloads)) {
        }
    }
}

/* Run under ASan and TSan, too. */
static void picks_go_on_while_endpoints_come_and_go(void **state)
{
    bool changed;
    struct cluster *sets[4];
    const struct outlier_config *outlier;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        sets[i] = fixture_cluster(&(struct fixture_endpoints){ .from = i * 3, .count = 8 });
    }
    outlier = &sets[0]->outlier;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 8, unequal));
    for (size_t i = 0; i < FIXTURE_LOOPS; i++) {
        loops[i] = (struct picking_loop){ .index = i, .outlier = outlier };
        assert_true(tulle__thread_start(&loops[i].thread, "loop", loop_run, &loops[i]));
    }
    for (size_t i = 0; i < RELOADS; i++) {
        struct picker *old = atomic_load(&field.live->picker);

        assert_non_null(tulle__live_adopt(&field.set, sets[i % COUNT_OF(sets)], &changed));
        assert_true(changed);
        atomic_store(&field.live->picker,
                     tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, i, field.now));
        atomic_fetch_add(&reloads, 1);
        tulle__outlier_sweep(field.live, outlier, NULL, INT64_MAX / 2);
        wait_for_a_round_of_each_loop();
        tulle__picker_free(old);
        tulle__live_sweep(&field.set);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < FIXTURE_LOOPS; i++) {
        tulle__thread_join(&loops[i].thread);
    }
    tulle__live_sweep(&field.set);
    assert_int_equal(field.live->view_count, 8);
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        tulle__part_unref(sets[i]);
    }
}

#define PICKER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(PICKER_TEST(picks_go_on_while_endpoints_come_and_go),
          PICKER_TEST(without_endpoints_a_pick_is_held),
          PICKER_TEST(when_all_are_ejected_a_pick_fails),
          PICKER_TEST(what_was_ejected_a_moment_ago_is_passed_over),
          PICKER_TEST(what_was_tried_is_left_out_while_others_are_there),
          PICKER_TEST(when_all_were_tried_they_may_be_used_again),
          PICKER_TEST(what_was_tried_is_better_than_what_is_ejected),
          PICKER_TEST(a_single_endpoint_is_always_picked),
          PICKER_TEST(a_picker_is_known_to_its_cluster_until_it_is_freed),
          PICKER_TEST(halves_of_loops_share_no_cache_line), PICKER_TEST(each_kind_has_its_balancer),
          PICKER_TEST(a_pick_allocates_nothing),
          TEST_OOM_WITH(running_out_of_memory_leaves_the_picker_that_is_there, field_setup,
                        field_teardown))
