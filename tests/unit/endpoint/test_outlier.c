/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/outlier.h"
#include "endpoint/past.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/thread.h"
#include "harness/test.h"
#include "unit/endpoint/fixture.h"

enum { ENDPOINTS = 10, THREADS = 2, ROUNDS = 20000 };

static struct live_set set;
static struct cluster *cluster;
static struct cluster_live *live;
static struct view *view;
static struct outlier_config *config;

static int setup(void **state)
{
    bool changed;

    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    cluster = fixture_cluster(&(struct fixture_endpoints){ .count = ENDPOINTS });
    live = tulle__live_adopt(&set, cluster, &changed);
    view = fixture_view(live, 0);
    config = &cluster->outlier;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&set);
    tulle__part_unref(cluster);
    return 0;
}

static int record(enum verdict verdict, int count)
{
    return fixture_record(live, view, verdict, count, NS_PER_S);
}

static bool sweep_at(int64_t seconds)
{
    return tulle__outlier_sweep(live, config, NULL, seconds * NS_PER_S);
}

static bool is_ejected(void)
{
    return view->gate == GATE_EJECTED;
}

static void the_fifth_5xx_in_a_row_ejects(void **state)
{
    (void)state;
    assert_int_equal(record(VERDICT_5XX, 4), 0);
    assert_false(is_ejected());
    assert_int_equal(record(VERDICT_5XX, 1), 1);
    assert_true(is_ejected());
    assert_true(live->gates_changed);
    assert_int_equal(live->ejected, 1);
    assert_int_equal(view_ejections(view), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_5XX), 1);
}

static void a_success_starts_the_row_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(record(VERDICT_5XX, 4), 0);
        assert_int_equal(record(VERDICT_SUCCESS, 1), 0);
    }
    assert_int_equal(view_past(view)->row_5xx, 0);
}

static void nothing_is_learned_from_what_was_refused_here(void **state)
{
    (void)state;
    assert_int_equal(record(VERDICT_5XX, 4), 0);
    assert_int_equal(record(VERDICT_NONE, 100), 0);
    assert_int_equal(record(VERDICT_5XX, 1), 1);
}

static void without_outlier_detection_nobody_is_ejected(void **state)
{
    (void)state;
    config->enabled = false;
    assert_int_equal(record(VERDICT_5XX, 1000), 0);
    assert_int_equal(view_past(view)->row_5xx, 0);
}

static void a_threshold_of_zero_is_off(void **state)
{
    (void)state;
    config->consecutive_5xx = 0;
    assert_int_equal(record(VERDICT_GATEWAY, 1000), 0);
    assert_int_equal(record(VERDICT_LOCAL, 1000), 0);
}

static void gateway_errors_count_in_both_rows(void **state)
{
    (void)state;
    config->consecutive_gateway = 3;
    assert_int_equal(record(VERDICT_GATEWAY, 2), 0);
    assert_int_equal(view_past(view)->row_5xx, 2);
    assert_int_equal(record(VERDICT_GATEWAY, 1), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_GATEWAY), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_5XX), 0);
}

static void a_5xx_that_is_no_gateway_error_ends_the_gateway_row_alone(void **state)
{
    (void)state;
    config->consecutive_gateway = 3;
    assert_int_equal(record(VERDICT_GATEWAY, 2), 0);
    assert_int_equal(record(VERDICT_5XX, 1), 0);
    assert_int_equal(view_past(view)->row_gateway, 0);
    assert_int_equal(record(VERDICT_GATEWAY, 1), 0);
    assert_int_equal(record(VERDICT_5XX, 1), 1);
}

static void local_failures_are_gateway_errors_where_they_are_not_split(void **state)
{
    (void)state;
    config->consecutive_gateway = 4;
    assert_int_equal(record(VERDICT_LOCAL, 3), 0);
    assert_int_equal(view_past(view)->row_5xx, 3);
    assert_int_equal(view_past(view)->row_local, 0);
    assert_int_equal(record(VERDICT_LOCAL, 1), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_GATEWAY), 1);
}

static void split_local_failures_have_a_row_of_their_own(void **state)
{
    (void)state;
    config->split_local_origin = true;
    assert_int_equal(record(VERDICT_5XX, 4), 0);
    assert_int_equal(record(VERDICT_LOCAL, 4), 0);
    assert_int_equal(view_past(view)->row_5xx, 4);
    assert_int_equal(record(VERDICT_LOCAL, 1), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_LOCAL), 1);
}

static void any_answer_ends_the_split_local_row(void **state)
{
    const enum verdict answers[] = { VERDICT_SUCCESS, VERDICT_5XX, VERDICT_GATEWAY,
                                     VERDICT_CONNECTED };

    (void)state;
    config->split_local_origin = true;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_int_equal(record(VERDICT_LOCAL, 4), 0);
        assert_int_equal(record(answers[i], 1), 0);
        assert_int_equal(view_past(view)->row_local, 0);
    }
    assert_int_equal(view_past(view)->row_5xx, 2);
}

static void a_connection_alone_says_nothing_where_it_is_not_split(void **state)
{
    (void)state;
    assert_int_equal(record(VERDICT_5XX, 4), 0);
    assert_int_equal(record(VERDICT_CONNECTED, 9), 0);
    assert_int_equal(view_past(view)->row_5xx, 4);
}

static void ten_percent_of_nine_ejects_nobody(void **state)
{
    bool changed;
    struct cluster *nine = fixture_cluster(&(struct fixture_endpoints){ .count = 9 });

    (void)state;
    nine->outlier.max_ejection_percent = 10;
    tulle__live_adopt(&set, nine, &changed);
    tulle__part_unref(nine);
    assert_int_equal(record(VERDICT_5XX, 20), 0);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 4);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_5XX), 0);
    assert_int_equal(live->ejected, 0);
}

static void ten_percent_of_ten_ejects_one(void **state)
{
    (void)state;
    config->max_ejection_percent = 10;
    assert_int_equal(record(VERDICT_5XX, 5), 1);
    view = fixture_view(live, 1);
    assert_int_equal(record(VERDICT_5XX, 5), 0);
    assert_int_equal(live->ejected, 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 1);
}

static void a_hundred_percent_ejects_the_last_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENDPOINTS; i++) {
        view = fixture_view(live, i);
        assert_int_equal(record(VERDICT_5XX, 5), 1);
    }
    assert_int_equal(live->ejected, ENDPOINTS);
}

static void late_results_of_an_ejected_endpoint_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(record(VERDICT_5XX, 50), 1);
    assert_int_equal(view_ejections(view), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 0);
}

static void a_sweep_lets_it_back_when_its_time_is_over(void **state)
{
    (void)state;
    record(VERDICT_5XX, 5); /* at 1 s, for 30 s */
    assert_false(sweep_at(10));
    assert_false(sweep_at(30));
    assert_true(is_ejected());
    assert_true(sweep_at(31));
    assert_false(is_ejected());
    assert_int_equal(live->ejected, 0);
    assert_int_equal(view_past(view)->ejected_at, 0);
    assert_false(sweep_at(41));
}

static void a_row_starts_anew_after_the_return(void **state)
{
    (void)state;
    config->consecutive_gateway = 4;
    record(VERDICT_GATEWAY, 9);
    sweep_at(31);
    assert_int_equal(view_past(view)->row_5xx, 0);
    assert_int_equal(view_past(view)->row_gateway, 0);
    assert_int_equal(record(VERDICT_GATEWAY, 3), 0);
}

/* Ejects at `at`, and gives how many whole seconds it lasts when swept each second. */
static int64_t ejection_lasts(int64_t at)
{
    int64_t now = at;

    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 5, at * NS_PER_S), 1);
    while (is_ejected()) {
        sweep_at(++now);
    }
    return now - at;
}

static void ejections_in_a_row_last_longer_up_to_the_most(void **state)
{
    int64_t now = 1;

    (void)state;
    config->max_ejection_ns = 100 * NS_PER_S;
    for (int64_t times = 1; times < 8; times++) {
        int64_t lasts = ejection_lasts(now);

        assert_int_equal(lasts, times * 30 < 100 ? times * 30 : 100);
        now += lasts;
    }
    assert_int_equal(view_past(view)->ejections_in_a_row,
                     5); /* Envoy stops at one above the most */
}

static void each_healthy_interval_takes_one_off_the_multiplier(void **state)
{
    (void)state;
    assert_int_equal(ejection_lasts(1), 30);  /* back at 31 */
    assert_int_equal(ejection_lasts(31), 60); /* back at 91 */
    assert_int_equal(view_past(view)->ejections_in_a_row, 2);
    sweep_at(95);
    assert_int_equal(view_past(view)->ejections_in_a_row, 2); /* no whole interval since */
    sweep_at(101);
    assert_int_equal(view_past(view)->ejections_in_a_row, 1);
    sweep_at(111);
    sweep_at(121);
    assert_int_equal(view_past(view)->ejections_in_a_row, 0);
    assert_int_equal(ejection_lasts(121), 30);
}

static void an_ejection_whose_instant_is_not_written_yet_is_left_alone(void **state)
{
    (void)state;
    live->ejected = 1;
    view->gate = GATE_EJECTED;
    assert_false(sweep_at(1000));
    assert_false(tulle__outlier_lift(live, view));
    assert_true(is_ejected());
    view_past(view)->ejected_at = 1;
    assert_true(sweep_at(1000));
    assert_int_equal(live->ejected, 0);
}

struct lines {
    int count;
    char last[1024];
};

static void write_line(void *user, int32_t level, const char *area, const char *text)
{
    struct lines *lines = user;

    (void)level;
    assert_string_equal(area, "outlier");
    lines->count++;
    snprintf(lines->last, sizeof(lines->last), "%s", text);
}

static void the_log_tells_of_the_cap_once(void **state)
{
    struct lines lines = { 0 };
    struct log log = { .write = write_line, .user = &lines, .level = LOG_WARNING };

    (void)state;
    config->max_ejection_percent = 9;
    for (int i = 0; i < 50; i++) {
        tulle__outlier_record(live, 1, view, config, VERDICT_5XX, &log, NS_PER_S);
    }
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.last, "maxEjectionPercent 9 allows it for 0 of 10 endpoints"));
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_OVERFLOW), 10);
}

static void the_log_tells_who_was_ejected_and_for_how_long(void **state)
{
    struct lines lines = { 0 };
    struct log log = { .write = write_line, .user = &lines, .level = LOG_INFO };

    (void)state;
    for (int i = 0; i < 5; i++) {
        tulle__outlier_record(live, 1, view, config, VERDICT_5XX, &log, NS_PER_S);
    }
    assert_string_equal(
        lines.last,
        "outbound|80||shop: 10.0.00000:80 is ejected for 30000 ms (5xx 5 times in a row)");
    tulle__outlier_sweep(live, config, &log, 40 * NS_PER_S);
    assert_string_equal(lines.last, "outbound|80||shop: 10.0.00000:80 is back");
}

struct hammer {
    struct thread thread;
    size_t loop;
};

static void hammer_run(void *user)
{
    struct hammer *hammer = user;

    for (int i = 0; i < ROUNDS; i++) {
        struct view *victim = live->views[(size_t)i % ENDPOINTS];

        tulle__outlier_record(live, hammer->loop, victim, config,
                              i % 64 == 0 ? VERDICT_SUCCESS : VERDICT_5XX, NULL, NS_PER_S + i);
    }
}

/* Run under TSan, too. The control step sweeps meanwhile. */
static void loops_eject_at_once_and_the_count_stays_exact(void **state)
{
    struct hammer hammers[THREADS] = { { .loop = 0 }, { .loop = 1 } };
    unsigned ejected = 0;
    uint64_t ejections = 0;

    (void)state;
    config->base_ejection_ns = 1;
    config->max_ejection_ns = 1;
    config->max_ejection_percent = 50;
    for (int i = 0; i < THREADS; i++) {
        assert_true(tulle__thread_start(&hammers[i].thread, "hammer", hammer_run, &hammers[i]));
    }
    for (int i = 0; i < 200; i++) {
        tulle__outlier_sweep(live, config, NULL, 2 * NS_PER_S + i);
        assert_true(live->ejected <= ENDPOINTS / 2);
    }
    for (int i = 0; i < THREADS; i++) {
        tulle__thread_join(&hammers[i].thread);
    }
    for (size_t i = 0; i < ENDPOINTS; i++) {
        ejected += live->views[i]->gate == GATE_EJECTED;
        ejections += view_ejections(live->views[i]);
    }
    assert_int_equal(live->ejected, ejected);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_5XX), ejections);
}

#define OUTLIER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(OUTLIER_TEST(the_fifth_5xx_in_a_row_ejects), OUTLIER_TEST(a_success_starts_the_row_anew),
          OUTLIER_TEST(nothing_is_learned_from_what_was_refused_here),
          OUTLIER_TEST(without_outlier_detection_nobody_is_ejected),
          OUTLIER_TEST(a_threshold_of_zero_is_off), OUTLIER_TEST(gateway_errors_count_in_both_rows),
          OUTLIER_TEST(a_5xx_that_is_no_gateway_error_ends_the_gateway_row_alone),
          OUTLIER_TEST(local_failures_are_gateway_errors_where_they_are_not_split),
          OUTLIER_TEST(split_local_failures_have_a_row_of_their_own),
          OUTLIER_TEST(any_answer_ends_the_split_local_row),
          OUTLIER_TEST(a_connection_alone_says_nothing_where_it_is_not_split),
          OUTLIER_TEST(ten_percent_of_nine_ejects_nobody),
          OUTLIER_TEST(ten_percent_of_ten_ejects_one),
          OUTLIER_TEST(a_hundred_percent_ejects_the_last_one),
          OUTLIER_TEST(late_results_of_an_ejected_endpoint_change_nothing),
          OUTLIER_TEST(a_sweep_lets_it_back_when_its_time_is_over),
          OUTLIER_TEST(a_row_starts_anew_after_the_return),
          OUTLIER_TEST(ejections_in_a_row_last_longer_up_to_the_most),
          OUTLIER_TEST(each_healthy_interval_takes_one_off_the_multiplier),
          OUTLIER_TEST(an_ejection_whose_instant_is_not_written_yet_is_left_alone),
          OUTLIER_TEST(the_log_tells_of_the_cap_once),
          OUTLIER_TEST(the_log_tells_who_was_ejected_and_for_how_long),
          OUTLIER_TEST(loops_eject_at_once_and_the_count_stays_exact))
