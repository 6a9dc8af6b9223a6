/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/picker_patch.h"

#include "endpoint/lines.h"
#include "harness/test.h"
#include "unit/balance/field.h"

static bool adopt(size_t from, size_t count, const uint32_t *weights)
{
    struct cluster *cluster = fixture_cluster(
        &(struct fixture_endpoints){ .from = from, .count = count, .weights = weights });
    bool changed;

    if (cluster == NULL) {
        return false;
    }
    cluster->balancer = field.config;
    field.live = tulle__live_adopt(&field.set, cluster, &changed);
    tulle__part_unref(cluster);
    return field.live != NULL;
}

/* Of the picker that is there and of the views as they are now. False: it has to be built. */
static bool is_patched(void)
{
    const struct picker head = { .head = { .version = field.live->version },
                                 .config = field.config,
                                 .loop_count = FIXTURE_LOOPS };
    struct picker *picker = tulle__picker_patched(&head, field.live, field.now);
    bool patched = picker != NULL;

    tulle__lines_free(picker);
    return patched;
}

static void entries_check(size_t count)
{
    const struct picker *picker = field.live->picker;

    assert_int_equal(picker->count, count);
    assert_int_equal(picker->leaves->count, count);
    assert_int_equal(picker->known, field.live->view_count);
    assert_int_equal(picker->head.version, field.live->version);
    for (size_t i = 0, k = 0; i < field.live->view_count; i++) {
        struct view *view = field.live->views[i];

        if (view->gate != GATE_EJECTED) {
            assert_ptr_equal(picker->entries[k].view, view);
            assert_ptr_equal(picker->entries[k].peer, view->peer);
            assert_int_equal(picker->entries[k++].weight, 1);
        }
    }
}

static void a_picker_that_is_patched_is_as_one_that_is_built(void **state)
{
    static const size_t from[] = { 1, 3, 2, 0, 5, 4, 4, 9, 1 };

    (void)state;
    assert_true(field_fill(BALANCER_LEAST_REQUEST, 60, NULL));
    for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        assert_true(adopt(from[i], 60 + i % 3, NULL));
        assert_true(field.live->version == field.live->picker->head.version || is_patched());
        assert_true(field_rebuild());
        entries_check(60 + i % 3);
        field_pick_many(500);
    }
}

static void who_was_ejected_has_no_entry_to_lose(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 20, NULL));
    field_eject(0);
    field_eject(7);
    field.live->gates_changed = false;
    assert_true(field_rebuild());
    entries_check(18);
    assert_true(adopt(1, 20, NULL));
    assert_true(is_patched());
    assert_true(field_rebuild());
    entries_check(19);
}

static void a_gate_that_changed_since_calls_for_another_build(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 20, NULL));
    field_eject(7);
    assert_true(adopt(1, 20, NULL));
    assert_false(is_patched());
    assert_true(field_rebuild());
    entries_check(19);
}

static void another_weight_calls_for_another_build(void **state)
{
    uint32_t weights[20];

    (void)state;
    for (size_t i = 0; i < 20; i++) {
        weights[i] = i == 19 ? 2 : 1;
    }
    assert_true(field_fill(BALANCER_ROUND_ROBIN, 20, NULL));
    assert_true(adopt(1, 20, weights));
    assert_false(is_patched());
    assert_true(field_rebuild());
    assert_true(field.live->picker->leaves->weighted);
    assert_true(adopt(2, 20, NULL));
    assert_false(is_patched());
}

static void who_keeps_a_table_is_built_anew(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_MAGLEV, 20, NULL));
    assert_true(adopt(1, 20, NULL));
    assert_false(is_patched());
}

static void many_changes_and_two_versions_are_no_patch(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_RANDOM, 100, NULL));
    assert_true(adopt(50, 100, NULL));
    assert_false(is_patched());
    assert_true(field_rebuild());
    assert_true(adopt(51, 100, NULL));
    assert_true(is_patched());
    assert_true(adopt(52, 100, NULL));
    assert_false(is_patched());
}

#define PATCH_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(PATCH_TEST(a_picker_that_is_patched_is_as_one_that_is_built),
          PATCH_TEST(who_was_ejected_has_no_entry_to_lose),
          PATCH_TEST(a_gate_that_changed_since_calls_for_another_build),
          PATCH_TEST(another_weight_calls_for_another_build),
          PATCH_TEST(who_keeps_a_table_is_built_anew),
          PATCH_TEST(many_changes_and_two_versions_are_no_patch))
