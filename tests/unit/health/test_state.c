/* SPDX-License-Identifier: Apache-2.0 */

#include "health/state.h"

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

#define S NS_PER_S

/* Thresholds three and two, each interval another. */
static struct health_check config(void)
{
    struct health_check check = tulle__health_check_default;

    check.unhealthy_threshold = 3;
    check.healthy_threshold = 2;
    check.interval_ns = 5 * S;
    check.unhealthy_ns = 7 * S;
    check.unhealthy_edge_ns = S;
    check.healthy_edge_ns = 2 * S;
    check.no_traffic_ns = 60 * S;
    check.no_traffic_healthy_ns = 90 * S;
    return check;
}

static struct check_state healthy(void)
{
    return (struct check_state){ .is_checked = true, .is_healthy = true };
}

static void the_first_result_of_a_new_endpoint_decides(void **state)
{
    struct health_check check = config();
    struct check_state good = { 0 }, bad = { 0 };

    (void)state;
    assert_int_equal(tulle__check_note(&good, &check, CHECK_PASSED), CHANGE_MADE);
    assert_true(good.is_healthy && good.is_checked);
    assert_int_equal(tulle__check_note(&bad, &check, CHECK_UNREACHED), CHANGE_NONE);
    assert_true(!bad.is_healthy && bad.is_checked);
    assert_int_equal(tulle__check_note(&bad, &check, CHECK_PASSED), CHANGE_PENDING);
    assert_false(bad.is_healthy);
}

static void so_many_in_a_row_change_it_and_one_between_starts_anew(void **state)
{
    struct health_check check = config();
    struct check_state it = healthy();

    (void)state;
    assert_int_equal(tulle__check_note(&it, &check, CHECK_UNREACHED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_RETRIABLE), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_NONE);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_UNREACHED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_UNREACHED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_UNREACHED), CHANGE_MADE);
    assert_false(it.is_healthy);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_UNREACHED), CHANGE_NONE);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_MADE);
    assert_true(it.is_healthy);
}

static void an_answer_that_is_a_failure_decides_at_once(void **state)
{
    struct health_check check = config();
    struct check_state it = healthy();

    (void)state;
    assert_int_equal(tulle__check_note(&it, &check, CHECK_FAILED), CHANGE_MADE);
    assert_false(it.is_healthy);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_FAILED), CHANGE_NONE);
}

static void degraded_comes_and_goes_at_once(void **state)
{
    struct health_check check = config();
    struct check_state it = healthy();

    (void)state;
    assert_int_equal(check_fitness(&it), FIT);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_DEGRADED), CHANGE_MADE);
    assert_int_equal(check_fitness(&it), FIT_DEGRADED);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_DEGRADED), CHANGE_NONE);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_FAILED), CHANGE_MADE);
    assert_int_equal(check_fitness(&it), FIT_NOT);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_PENDING);
    assert_int_equal(tulle__check_note(&it, &check, CHECK_PASSED), CHANGE_MADE);
    assert_int_equal(check_fitness(&it), FIT);
}

static int64_t wait_of(enum check_result result, enum check_change change, bool in_use)
{
    struct health_check check = config();
    struct rand rand;

    tulle__rand_init(&rand, 1);
    return tulle__check_wait(&check, result, change, in_use, &rand);
}

static void intervals_are_those_of_envoy(void **state)
{
    (void)state;
    assert_int_equal(wait_of(CHECK_PASSED, CHANGE_NONE, true), 5 * S);
    assert_int_equal(wait_of(CHECK_PASSED, CHANGE_MADE, true), 5 * S);
    assert_int_equal(wait_of(CHECK_PASSED, CHANGE_PENDING, true), 2 * S);
    assert_int_equal(wait_of(CHECK_UNREACHED, CHANGE_PENDING, true), S);
    assert_int_equal(wait_of(CHECK_RETRIABLE, CHANGE_PENDING, true), S);
    assert_int_equal(wait_of(CHECK_UNREACHED, CHANGE_MADE, true), 7 * S);
    assert_int_equal(wait_of(CHECK_FAILED, CHANGE_NONE, true), 7 * S);
    assert_int_equal(wait_of(CHECK_PASSED, CHANGE_NONE, false), 90 * S);
    assert_int_equal(wait_of(CHECK_PASSED, CHANGE_PENDING, false), 60 * S);
    assert_int_equal(wait_of(CHECK_FAILED, CHANGE_NONE, false), 60 * S);
}

static void what_is_not_set_is_what_it_is_for(void **state)
{
    struct health_check check = config();
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 1);
    check.unhealthy_edge_ns = check.healthy_edge_ns = check.no_traffic_healthy_ns = 0;
    assert_int_equal(tulle__check_wait(&check, CHECK_UNREACHED, CHANGE_PENDING, true, &rand),
                     7 * S);
    assert_int_equal(tulle__check_wait(&check, CHECK_PASSED, CHANGE_PENDING, true, &rand), 5 * S);
    assert_int_equal(tulle__check_wait(&check, CHECK_PASSED, CHANGE_NONE, false, &rand), 60 * S);
    check.unhealthy_ns = 0;
    assert_int_equal(tulle__check_wait(&check, CHECK_UNREACHED, CHANGE_PENDING, true, &rand),
                     5 * S);
    assert_int_equal(tulle__check_wait(&check, CHECK_FAILED, CHANGE_MADE, true, &rand), 5 * S);
}

static void what_found_nothing_is_tried_again_soon(void **state)
{
    (void)state;
    assert_int_equal(wait_of(CHECK_NONE, CHANGE_NONE, true), S);
    assert_int_equal(wait_of(CHECK_NONE, CHANGE_NONE, false), S);
}

static void jitter_adds_up_and_stays_below_its_bounds(void **state)
{
    struct health_check check = config();
    int64_t least = INT64_MAX, most = 0;
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 7);
    check.interval_jitter_ns = S;
    check.interval_jitter_percent = 20;
    for (int i = 0; i < 10000; i++) {
        int64_t wait = tulle__check_wait(&check, CHECK_PASSED, CHANGE_NONE, true, &rand);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 5 * S, 5 * S + S / 10);
    assert_in_range(most, 7 * S - S / 10, 7 * S - 1);
}

static void the_first_check_is_at_once_or_within_its_jitter(void **state)
{
    struct health_check check = config();
    int64_t most = 0;
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 7);
    assert_int_equal(tulle__check_wait_first(&check, &rand), 0);
    check.initial_jitter_ns = 3 * S;
    for (int i = 0; i < 1000; i++) {
        int64_t wait = tulle__check_wait_first(&check, &rand);

        assert_in_range(wait, NS_PER_MS, 3 * S - 1);
        most = wait > most ? wait : most;
    }
    assert_true(most > 2 * S);
}

TEST_MAIN(cmocka_unit_test(the_first_result_of_a_new_endpoint_decides),
          cmocka_unit_test(so_many_in_a_row_change_it_and_one_between_starts_anew),
          cmocka_unit_test(an_answer_that_is_a_failure_decides_at_once),
          cmocka_unit_test(degraded_comes_and_goes_at_once),
          cmocka_unit_test(intervals_are_those_of_envoy),
          cmocka_unit_test(what_is_not_set_is_what_it_is_for),
          cmocka_unit_test(what_found_nothing_is_tried_again_soon),
          cmocka_unit_test(jitter_adds_up_and_stays_below_its_bounds),
          cmocka_unit_test(the_first_check_is_at_once_or_within_its_jitter))
