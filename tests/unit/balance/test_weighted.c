/* SPDX-License-Identifier: Apache-2.0 */

#include "base/clock.h"
#include "endpoint/report.h"
#include "harness/test.h"
#include "unit/balance/field.h"

static void say(size_t i, double cpu, double qps)
{
    tulle__peer_report(field_view(i)->peer, &(struct load){ .cpu = cpu, .qps = qps }, field.now);
}

static int64_t tend(void)
{
    return tulle__picker_tend(atomic_load(&field.live->picker), field.now);
}

/* Past the blackout, with the reports that came before it still young. */
static void let_it_count(void)
{
    field.now += 10 * NS_PER_S;
    (void)tend();
}

static void without_reports_it_is_plain_round_robin(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 5, NULL));
    field_pick_many(1000);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(field.counts[i], 200);
    }
}

static void one_known_weight_is_not_enough(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 4, NULL));
    say(0, 0.1, 1000);
    let_it_count();
    field_pick_many(1000);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(field.counts[i], 250);
    }
}

static void shares_follow_the_reports(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 3, NULL));
    say(0, 0.1, 100);
    say(1, 0.2, 100);
    say(2, 0.5, 100);
    let_it_count();
    field_pick_many(17000); /* 10 : 5 : 2 */
    assert_in_range(field.counts[0], 9950, 10050);
    assert_in_range(field.counts[1], 4950, 5050);
    assert_in_range(field.counts[2], 1950, 2050);
}

static void who_said_nothing_gets_the_mean(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 4, NULL));
    say(0, 1, 100);
    say(1, 1, 300);
    let_it_count();
    field_pick_many(8000); /* 100, 300, 200, 200 */
    assert_in_range(field.counts[0], 980, 1020);
    assert_in_range(field.counts[1], 2970, 3030);
    assert_in_range(field.counts[2], 1970, 2030);
    assert_in_range(field.counts[3], 1970, 2030);
}

static void in_its_blackout_a_weight_is_not_known(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 2, NULL));
    say(0, 1, 100);
    say(1, 1, 300);
    field.now += 10 * NS_PER_S - 1;
    (void)tend();
    field_pick_many(100);
    assert_int_equal(field.counts[0], 50);
    field.now += NS_PER_S;
    (void)tend();
    field_pick_many(400);
    assert_in_range(field.counts[0], 98, 102);
}

static void an_expired_weight_is_not_known(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 2, NULL));
    say(0, 1, 100);
    say(1, 1, 300);
    field.now += 180 * NS_PER_S - 1;
    (void)tend();
    field_pick_many(400);
    assert_in_range(field.counts[0], 98, 102);
    field.now += NS_PER_S;
    (void)tend();
    field_pick_many(400);
    assert_int_equal(field.counts[0], 200);
}

static void weights_change_at_the_update_period_and_not_before(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 2, NULL));
    say(0, 1, 100);
    say(1, 1, 100);
    field.now += 10 * NS_PER_S;
    assert_int_equal(tend(), field.now + NS_PER_S);
    say(0, 1, 300);
    field.now += NS_PER_S - 1;
    assert_int_equal(tend(), field.now + 1);
    field_pick_many(100);
    assert_in_range(field.counts[0], 49, 51);
    field.now += 1;
    assert_int_equal(tend(), field.now + NS_PER_S);
    field_pick_many(400);
    assert_in_range(field.counts[0], 298, 302);
}

static void updates_come_every_100_ms_at_most(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 2, NULL));
    field.config.weighted.update_ns = NS_PER_MS;
    assert_true(field_rebuild());
    assert_int_equal(tend(), field.now + 100 * NS_PER_MS);
}

static void a_new_picker_knows_the_weights_at_once(void **state)
{
    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 2, NULL));
    say(0, 1, 100);
    say(1, 1, 300);
    field.now += 10 * NS_PER_S;
    assert_true(field_rebuild());
    field_pick_many(400);
    assert_in_range(field.counts[0], 98, 102);
}

static void who_is_ejected_or_tried_is_passed_over(void **state)
{
    struct view *view;

    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 3, NULL));
    say(0, 1, 1000);
    say(1, 1, 100);
    say(2, 1, 100);
    let_it_count();
    field.tried[0] = field_view(0);
    field.tried_count = 1;
    field_pick_many(1000);
    assert_int_equal(field.counts[0], 0);
    field_eject(1);
    field_pick_many(1000);
    assert_int_equal(field.counts[2], 1000);
    field_eject(2);
    field_pick_many(10);
    assert_int_equal(field.counts[0], 10); /* tried, but there is no other */
    field_eject(0);
    assert_int_equal(field_pick(&view), PICK_FAIL);
}

static void loops_do_not_begin_together(void **state)
{
    unsigned first[2] = { 0 };

    (void)state;
    assert_true(field_fill(BALANCER_WEIGHTED, 64, NULL));
    for (field.loop = 0; field.loop < 2; field.loop++) {
        field_pick_many(1);
        while (field.counts[first[field.loop]] == 0) {
            first[field.loop]++;
        }
    }
    assert_int_not_equal(first[0], first[1]);
}

static void without_memory_there_is_no_picker_and_old_weights_stay(void **state)
{
    struct view *view;

    (void)state;
    CHECK_OR_DONE(field_fill(BALANCER_WEIGHTED, 3, NULL));
    say(0, 1, 100);
    say(1, 1, 300);
    let_it_count();
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
done:
    return;
}

#define BALANCER_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(BALANCER_TEST(without_reports_it_is_plain_round_robin),
          BALANCER_TEST(one_known_weight_is_not_enough), BALANCER_TEST(shares_follow_the_reports),
          BALANCER_TEST(who_said_nothing_gets_the_mean),
          BALANCER_TEST(in_its_blackout_a_weight_is_not_known),
          BALANCER_TEST(an_expired_weight_is_not_known),
          BALANCER_TEST(weights_change_at_the_update_period_and_not_before),
          BALANCER_TEST(updates_come_every_100_ms_at_most),
          BALANCER_TEST(a_new_picker_knows_the_weights_at_once),
          BALANCER_TEST(who_is_ejected_or_tried_is_passed_over),
          BALANCER_TEST(loops_do_not_begin_together),
          TEST_OOM_WITH(without_memory_there_is_no_picker_and_old_weights_stay, field_setup,
                        field_teardown))
