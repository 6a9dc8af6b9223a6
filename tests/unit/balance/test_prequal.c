/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/prequal.h"

#include "base/clock.h"
#include "endpoint/report.h"
#include "harness/test.h"
#include "unit/balance/field.h"

static bool fill(enum prequal_reports reports, size_t count)
{
    if (!field_fill(BALANCER_PREQUAL, count, NULL)) {
        return false;
    }
    field.config.prequal.reports = reports;
    return field_rebuild();
}

static void say(size_t i, double rif, double latency_ms)
{
    tulle__peer_report(field_view(i)->peer, &(struct load){ .rif = rif, .latency_ms = latency_ms },
                       field.now);
}

static struct pick a_pick(void)
{
    return (struct pick){ .loop = field.loop, .rand = &field.rand, .now = field.now };
}

static void hear(size_t i, double rif, double latency_ms)
{
    struct pick pick = a_pick();

    say(i, rif, latency_ms);
    tulle__prequal_hear(field.live, &pick, field_view(i));
}

static void without_reports_it_is_a_fair_draw(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 4));
    field_pick_many(40000);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(field.counts[i], 9500, 10500); /* sigma 87 */
    }
}

static void a_loaded_replica_gets_less(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 10));
    for (unsigned round = 0; round < 1000; round++) {
        struct view *view;

        for (size_t i = 0; i < 10; i++) {
            say(i, i == 0 ? 60 : (double)(i % 3), i == 0 ? 500 : 20);
        }
        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        field.counts[field_index(view)]++;
        field.now += 10 * NS_PER_MS;
    }
    assert_true(field.counts[0] < 10); /* a fair share is 100 */
}

static void what_is_on_its_way_since_a_report_counts(void **state)
{
    struct view *view;

    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 2));
    field.config.prequal.hot_quantile = 0; /* load alone */
    assert_true(field_rebuild());
    say(0, 0, 1);
    say(1, 5, 1);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        atomic_fetch_add(&view->peer->in_flight, 1);
    }
    /* 5 more here than there, but for a few that went by stale copies or a draw. */
    assert_in_range(field_view(0)->peer->in_flight, 17, 28);
}

static void reports_of_more_than_a_second_ago_are_none(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 2));
    say(0, 0, 1);
    say(1, 50, 900);
    field_pick_many(100);
    assert_true(field.counts[0] > 80);
    field.now += NS_PER_S + 1;
    field_pick_many(10000);
    assert_in_range(field.counts[0], 4700, 5300);
}

static void a_fast_failing_replica_is_not_chosen(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 4));
    for (int i = 0; i < 20; i++) {
        tulle__peer_report_reply(field_view(0)->peer, false, field.now);
    }
    say(0, 0, 0.1);
    for (size_t i = 1; i < 4; i++) {
        say(i, 5, 50);
    }
    field_pick_many(1000);
    assert_true(field.counts[0] < 60); /* draws, where a pool held too little */
}

static void local_numbers_stand_in_for_reports(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_LOCAL, 10));
    for (size_t i = 0; i < 10; i++) {
        tulle__ewma_add(&field_view(i)->peer->latency, (int64_t)(10 + 10 * i) * NS_PER_MS,
                        field.config.ewma_tau_ns, field.now);
    }
    field_view(0)->peer->in_flight = 40; /* fast, and hot */
    field_pick_many(1000);
    assert_true(field.counts[0] < 50);
    assert_true(field.counts[1] > 200);
    assert_true(field.counts[1] > field.counts[9]);
}

static void probes_go_to_whomever_and_answers_count(void **state)
{
    struct view *targets[PREQUAL_TARGETS_MAX], *view;
    struct pick pick;
    unsigned asked[5] = { 0 };

    (void)state;
    assert_true(fill(PREQUAL_PROBE, 5));
    pick = a_pick();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(tulle__prequal_targets(field.live, &pick, field_view(0), targets), 3);
        for (int k = 0; k < 3; k++) {
            asked[field_index(targets[k])]++;
        }
    }
    for (size_t i = 0; i < 5; i++) {
        assert_in_range(asked[i], 450, 750); /* sigma 22 */
    }
    hear(3, 0, 5);
    hear(4, 0, 9);
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
    assert_ptr_equal(view, field_view(3));
}

static void an_answer_is_heard_on_the_loop_that_asked(void **state)
{
    (void)state;
    assert_true(fill(PREQUAL_PROBE, 5));
    field.config.prequal.removals = 0;
    assert_true(field_rebuild());
    hear(3, 0, 5);
    hear(4, 90, 900);
    field_pick_many(50);
    assert_int_equal(field.counts[3], 50);
    field.loop = 1;
    field_pick_many(1000);
    assert_in_range(field.counts[3], 100, 300);
}

static void who_is_not_among_them_is_not_heard(void **state)
{
    struct pick pick;
    struct view stranger = { .peer = NULL };
    struct view *targets[PREQUAL_TARGETS_MAX];

    (void)state;
    assert_true(fill(PREQUAL_PROBE, 2));
    pick = a_pick();
    tulle__prequal_hear(field.live, &pick, &stranger);
    assert_int_equal(tulle__prequal_targets(field.live, &pick, &stranger, targets), 0);
    assert_true(fill(PREQUAL_PIGGYBACK, 2));
    assert_int_equal(tulle__prequal_targets(field.live, &pick, field_view(0), targets), 0);
}

static void a_new_picker_begins_with_what_is_known(void **state)
{
    struct view *view;

    (void)state;
    assert_true(fill(PREQUAL_PROBE, 3));
    field.config.prequal.removals = 0;
    say(0, 9, 90);
    say(1, 0, 1);
    say(2, 9, 90);
    assert_true(field_rebuild());
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
    assert_ptr_equal(view, field_view(1));
}

static void who_is_ejected_or_tried_is_never_chosen_while_others_are_there(void **state)
{
    struct view *view;

    (void)state;
    assert_true(fill(PREQUAL_PIGGYBACK, 3));
    say(0, 0, 1);
    say(1, 0, 2);
    say(2, 0, 3);
    field.tried[0] = field_view(0);
    field.tried_count = 1;
    field_pick_many(1000);
    assert_int_equal(field.counts[0], 0);
    field_eject(1);
    field_pick_many(1000);
    assert_int_equal(field.counts[2], 1000);
    field_eject(2);
    field_eject(0);
    assert_int_equal(field_pick(&view), PICK_FAIL);
}

static void places_find_everyone_among_many(void **state)
{
    struct pick pick;
    struct view *targets[PREQUAL_TARGETS_MAX];

    (void)state;
    assert_true(fill(PREQUAL_PROBE, 1000));
    pick = a_pick();
    for (size_t i = 0; i < field.live->view_count; i++) {
        assert_int_equal(tulle__prequal_targets(field.live, &pick, field.live->views[i], targets),
                         3);
    }
}

static void without_memory_there_is_no_picker(void **state)
{
    struct view *view;

    (void)state;
    CHECK_OR_DONE(fill(PREQUAL_PROBE, 3));
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
done:
    return;
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(without_reports_it_is_a_fair_draw),
          BALANCER_TEST(a_loaded_replica_gets_less),
          BALANCER_TEST(what_is_on_its_way_since_a_report_counts),
          BALANCER_TEST(reports_of_more_than_a_second_ago_are_none),
          BALANCER_TEST(a_fast_failing_replica_is_not_chosen),
          BALANCER_TEST(local_numbers_stand_in_for_reports),
          BALANCER_TEST(probes_go_to_whomever_and_answers_count),
          BALANCER_TEST(an_answer_is_heard_on_the_loop_that_asked),
          BALANCER_TEST(who_is_not_among_them_is_not_heard),
          BALANCER_TEST(a_new_picker_begins_with_what_is_known),
          BALANCER_TEST(who_is_ejected_or_tried_is_never_chosen_while_others_are_there),
          BALANCER_TEST(places_find_everyone_among_many),
          TEST_OOM_WITH(without_memory_there_is_no_picker, field_setup, field_teardown))
