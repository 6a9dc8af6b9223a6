/* SPDX-License-Identifier: Apache-2.0 */

/* Success rate, failure percentage and latency, at Envoy's boundaries. */

#include "endpoint/eject.h"

#include <stdio.h>

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"
#include "unit/endpoint/fixture.h"

enum { ENDPOINTS = 10 };

static struct live_set set;
static struct cluster *cluster;
static struct cluster_live *live;
static struct outlier_config *config;
static int64_t now;

static int setup(void **state)
{
    bool changed;

    (void)state;
    now = NS_PER_S;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    cluster = fixture_cluster(&(struct fixture_endpoints){ .count = ENDPOINTS });
    config = &cluster->outlier;
    config->consecutive_5xx = 0;
    config->enforcing_success_rate = 100;
    config->latency = tulle__latency_ejection_default;
    live = tulle__live_adopt(&set, cluster, &changed);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&set);
    tulle__part_unref(cluster);
    return 0;
}

static int setup_percentage(void **state)
{
    setup(state);
    config->enforcing_success_rate = 0;
    config->enforcing_failure_percentage = 100;
    return 0;
}

/* `good` of `all` requests to the i-th went well. */
static void serve(size_t i, int good, int all)
{
    struct view *view = fixture_view(live, i);

    assert_int_equal(fixture_record(live, view, VERDICT_SUCCESS, good, now), 0);
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, all - good, now), 0);
}

static void serve_from(size_t first, size_t count, int good, int all)
{
    for (size_t i = first; i < first + count; i++) {
        serve(i, good, all);
    }
}

static bool sweep(void)
{
    now += config->interval_ns;
    return tulle__outlier_sweep(live, config, NULL, now);
}

static bool is_ejected(size_t i)
{
    return fixture_view(live, i)->gate == GATE_EJECTED;
}

/* --- success rate --- */

static void the_one_below_the_deviation_is_ejected(void **state)
{
    (void)state;
    serve(0, 50, 100);
    serve_from(1, 4, 100, 100); /* below 52 % */
    assert_true(sweep());
    assert_true(is_ejected(0));
    assert_int_equal(live->ejected, 1);
    assert_int_equal(sentence_kind(view_past(fixture_view(live, 0))), OUTLIER_SUCCESS_RATE);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_SUCCESS_RATE), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_SUCCESS_RATE), 1);
}

static void exactly_at_the_threshold_is_no_outlier(void **state)
{
    (void)state;
    config->success_rate_stdev = 2000;
    serve(0, 50, 100);
    serve_from(1, 4, 100, 100); /* not below 50 % */
    assert_false(sweep());
    assert_false(is_ejected(0));
}

static void a_request_too_few_and_it_does_not_count(void **state)
{
    (void)state;
    serve(0, 0, 99);
    serve_from(1, 5, 100, 100);
    assert_false(sweep());
    serve(0, 0, 100);
    serve_from(1, 5, 100, 100);
    assert_true(sweep());
}

static void a_host_too_few_and_nobody_is_compared(void **state)
{
    (void)state;
    serve(0, 0, 100);
    serve_from(1, 3, 100, 100);
    serve(4, 99, 99);
    assert_false(sweep());
    serve(0, 0, 100);
    serve_from(1, 4, 100, 100);
    assert_true(sweep());
}

static void an_interval_knows_nothing_of_the_one_before(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        serve(0, 0, 60);
        serve_from(1, 5, 60, 60);
        assert_false(sweep());
    }
}

static void who_is_out_is_not_compared(void **state)
{
    (void)state;
    config->base_ejection_ns = config->max_ejection_ns = 1000 * NS_PER_S;
    serve(0, 0, 100);
    serve_from(1, 5, 100, 100);
    assert_true(sweep());
    serve(0, 0, 100); /* what was on its way */
    serve_from(1, 4, 100, 100);
    serve(5, 50, 100); /* five of them: below 52 % */
    assert_true(sweep());
    assert_true(is_ejected(5));
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_SUCCESS_RATE), 2);
}

static void the_cap_holds_back_outliers_too(void **state)
{
    (void)state;
    config->max_ejection_percent = 10;
    serve_from(0, 2, 0, 100);
    serve_from(2, 8, 100, 100); /* below 4 % */
    assert_true(sweep());
    assert_int_equal(live->ejected, 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_SUCCESS_RATE), 2);
}

static void always_one_may_go_where_that_is_said(void **state)
{
    (void)state;
    config->max_ejection_percent = 0;
    config->always_eject_one = true;
    serve_from(0, 2, 0, 100);
    serve_from(2, 8, 100, 100);
    assert_true(sweep());
    assert_int_equal(live->ejected, 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 1);
}

/* Of 1,000 with an even chance: 400 to 600 but for one in ten thousand million. */
static void it_is_enforced_as_often_as_it_is_said(void **state)
{
    uint64_t enforced;

    (void)state;
    config->enforcing_success_rate = 50;
    config->base_ejection_ns = config->max_ejection_ns = NS_PER_S;
    for (int i = 0; i < 1000; i++) {
        serve(0, 0, 100);
        serve_from(1, 5, 100, 100);
        sweep();
        now += 2 * NS_PER_S;
        sweep();
    }
    enforced = tulle__live_counter(live, COUNT_EJECTIONS_SUCCESS_RATE);
    assert_in_range(enforced, 400, 600);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_SUCCESS_RATE), 1000);
}

/* Envoy counts what the cap holds back before it throws the dice. */
static void what_is_not_enforced_is_detected_and_may_overflow(void **state)
{
    struct view *view = fixture_view(live, 0);

    (void)state;
    config->consecutive_5xx = 5;
    config->enforcing_5xx = 0;
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 5, now), 0);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_5XX), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 0);
    config->max_ejection_percent = 0;
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 5, now), 0);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_5XX), 2);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_5XX), 0);
}

static void split_local_failures_are_compared_apart(void **state)
{
    (void)state;
    config->split_local_origin = true;
    config->consecutive_local_origin = 0;
    config->enforcing_local_success_rate = 100;
    serve_from(1, 5, 100, 100);
    fixture_record(live, fixture_view(live, 0), VERDICT_LOCAL, 100, now);
    assert_true(sweep());
    assert_true(is_ejected(0));
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_LOCAL_SUCCESS_RATE), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_SUCCESS_RATE), 0);
}

/* An answer of 500 says that the way there is good. */
static void bad_answers_are_local_successes(void **state)
{
    (void)state;
    config->split_local_origin = true;
    config->enforcing_success_rate = 0;
    config->enforcing_local_success_rate = 100;
    serve(0, 0, 100);
    serve_from(1, 5, 100, 100);
    assert_false(sweep());
}

static void not_split_local_failures_are_failures_like_others(void **state)
{
    (void)state;
    serve_from(1, 5, 100, 100);
    fixture_record(live, fixture_view(live, 0), VERDICT_LOCAL, 100, now);
    assert_true(sweep());
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_SUCCESS_RATE), 1);
}

/* --- failure percentage --- */

static void exactly_the_threshold_is_too_many(void **state)
{
    (void)state;
    serve(0, 15, 100); /* 85 % */
    serve(1, 16, 100);
    serve_from(2, 3, 100, 100);
    assert_true(sweep());
    assert_true(is_ejected(0));
    assert_false(is_ejected(1));
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_FAILURE_PERCENTAGE), 1);
}

static void it_has_a_volume_of_its_own(void **state)
{
    (void)state;
    serve(0, 0, 49);
    serve_from(1, 5, 50, 50);
    assert_false(sweep());
    serve(0, 0, 50);
    serve_from(1, 5, 50, 50);
    assert_true(sweep());
}

static void it_has_its_own_number_of_hosts(void **state)
{
    (void)state;
    serve_from(0, 4, 0, 50);
    serve(4, 0, 49);
    assert_false(sweep());
    serve_from(0, 5, 0, 50);
    assert_true(sweep());
    assert_int_equal(live->ejected, 5);
}

/* Envoy would eject it a second time, and count two ejections of one host. */
static void who_was_ejected_by_his_rate_is_not_ejected_again(void **state)
{
    (void)state;
    config->enforcing_success_rate = 100;
    serve(0, 0, 100);
    serve_from(1, 5, 100, 100);
    assert_true(sweep());
    assert_int_equal(live->ejected, 1);
    assert_int_equal(view_ejections(fixture_view(live, 0)), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_FAILURE_PERCENTAGE), 0);
}

static void split_local_failures_have_a_percentage_too(void **state)
{
    (void)state;
    config->split_local_origin = true;
    config->consecutive_local_origin = 0;
    config->enforcing_local_failure_percentage = 100;
    serve_from(1, 5, 100, 100);
    fixture_record(live, fixture_view(live, 0), VERDICT_LOCAL, 100, now);
    assert_true(sweep());
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_LOCAL_FAILURE_PERCENTAGE), 1);
}

/* --- latency --- */

static void take(size_t i, int64_t ms, int answers)
{
    while (answers-- > 0) {
        tulle__outlier_time(fixture_view(live, i), ms * NS_PER_MS);
    }
}

static bool slow_interval(int64_t ms, int answers)
{
    take(0, ms, answers);
    for (size_t i = 1; i < 5; i++) {
        take(i, 10, 20);
    }
    return sweep();
}

static void three_slow_intervals_eject(void **state)
{
    (void)state;
    assert_false(slow_interval(31, 20));
    assert_false(slow_interval(31, 20));
    assert_true(slow_interval(31, 20));
    assert_true(is_ejected(0));
    assert_int_equal(sentence_kind(view_past(fixture_view(live, 0))), OUTLIER_LATENCY);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_LATENCY), 1);
}

static void exactly_the_factor_is_fast_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_false(slow_interval(30, 20));
    }
}

static void one_interval_that_is_not_slow_starts_the_count_anew(void **state)
{
    (void)state;
    assert_false(slow_interval(500, 20));
    assert_false(slow_interval(500, 20));
    assert_false(slow_interval(10, 20));
    assert_false(slow_interval(500, 20));
    assert_false(slow_interval(500, 20));
    assert_false(slow_interval(500, 19)); /* too few to tell */
    assert_false(slow_interval(500, 20));
}

static void too_few_peers_are_no_measure(void **state)
{
    (void)state;
    config->latency.min_hosts = 6;
    for (int i = 0; i < 5; i++) {
        assert_false(slow_interval(500, 20));
    }
}

static void one_slow_answer_among_many_is_no_slow_endpoint(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        take(0, 10, 99);
        assert_false(slow_interval(1000, 1)); /* a mean of 20 ms */
    }
}

/* Hedges cut them short: where all of them are cut that tells, and never for the better. */
static void answers_that_were_cut_count_with_at_least_their_time(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int answers = 0; answers < 20; answers++) {
            tulle__outlier_time_at_least(fixture_view(live, 0), 31 * NS_PER_MS);
        }
        assert_int_equal(slow_interval(0, 0), i == 2);
    }
    now += config->base_ejection_ns;
    assert_true(sweep());
    for (int i = 0; i < 3; i++) {
        take(0, 31, 20);
        tulle__outlier_time_at_least(fixture_view(live, 0), 20 * NS_PER_MS);
        assert_int_equal(slow_interval(0, 0), i == 2);
    }
}

static void an_ejection_by_latency_ends_like_the_others(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        slow_interval(500, 20);
    }
    assert_true(is_ejected(0));
    now += config->base_ejection_ns;
    assert_true(sweep());
    assert_false(is_ejected(0));
}

/* --- what is told --- */

static void write_line(void *user, int32_t level, const char *area, const char *text)
{
    (void)level, (void)area;
    snprintf(user, 256, "%s", text);
}

static void the_log_has_the_numbers(void **state)
{
    char last[256] = "";
    const struct log log = { .write = write_line, .user = last, .level = LOG_INFO };

    (void)state;
    serve(0, 50, 100);
    serve_from(1, 4, 100, 100);
    tulle__outlier_sweep(live, config, &log, now);
    assert_string_equal(last, "outbound|80||shop: 10.0.00000:80 is ejected for 30000 ms "
                              "(success rate 50.0 % of 100 requests, below 52.0 %)");
}

#define RATE_TEST(test)       cmocka_unit_test_setup_teardown(test, setup, teardown)
#define PERCENTAGE_TEST(test) cmocka_unit_test_setup_teardown(test, setup_percentage, teardown)

TEST_MAIN(
    RATE_TEST(the_one_below_the_deviation_is_ejected),
    RATE_TEST(exactly_at_the_threshold_is_no_outlier),
    RATE_TEST(a_request_too_few_and_it_does_not_count),
    RATE_TEST(a_host_too_few_and_nobody_is_compared),
    RATE_TEST(an_interval_knows_nothing_of_the_one_before), RATE_TEST(who_is_out_is_not_compared),
    RATE_TEST(the_cap_holds_back_outliers_too), RATE_TEST(always_one_may_go_where_that_is_said),
    RATE_TEST(it_is_enforced_as_often_as_it_is_said),
    RATE_TEST(what_is_not_enforced_is_detected_and_may_overflow),
    RATE_TEST(split_local_failures_are_compared_apart), RATE_TEST(bad_answers_are_local_successes),
    RATE_TEST(not_split_local_failures_are_failures_like_others),
    PERCENTAGE_TEST(exactly_the_threshold_is_too_many), PERCENTAGE_TEST(it_has_a_volume_of_its_own),
    PERCENTAGE_TEST(it_has_its_own_number_of_hosts),
    PERCENTAGE_TEST(who_was_ejected_by_his_rate_is_not_ejected_again),
    PERCENTAGE_TEST(split_local_failures_have_a_percentage_too),
    RATE_TEST(three_slow_intervals_eject), RATE_TEST(exactly_the_factor_is_fast_enough),
    RATE_TEST(one_interval_that_is_not_slow_starts_the_count_anew),
    RATE_TEST(too_few_peers_are_no_measure),
    RATE_TEST(one_slow_answer_among_many_is_no_slow_endpoint),
    RATE_TEST(answers_that_were_cut_count_with_at_least_their_time),
    RATE_TEST(an_ejection_by_latency_ends_like_the_others), RATE_TEST(the_log_has_the_numbers))
