/* SPDX-License-Identifier: Apache-2.0 */

#include "render_world.h"

#define NAME "outbound|80||reviews.default"

static struct metrics *metrics_with(uint32_t series_max)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 1, .series_max = series_max });

    assert_non_null(metrics);
    return metrics;
}

static void render(struct metrics *metrics, const struct cluster_live *const *clusters,
                   size_t count, struct buf *text)
{
    struct render_input input = { .metrics = metrics,
                                  .clusters = clusters,
                                  .cluster_count = count };

    tulle__render_clusters(&input, text);
    assert_true(tulle__buf_ok(text));
}

static const char *const counted_as[COUNTERS] = {
    [COUNT_RETRIES] = "tulle_retries_total{cluster=\"" NAME "\"}",
    [COUNT_RETRY_SUCCESS] = "tulle_retry_success_total{cluster=\"" NAME "\"}",
    [COUNT_RETRY_SKIPPED_BUDGET] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"budget\"}",
    [COUNT_RETRY_SKIPPED_LIMIT] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"limit\"}",
    [COUNT_RETRY_SKIPPED_METHOD] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"method\"}",
    [COUNT_RETRY_SKIPPED_DEADLINE] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"deadline\"}",
    [COUNT_RETRY_SKIPPED_BODY] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"body\"}",
    [COUNT_OVERFLOW_REQUESTS] = "tulle_overflow_total{cluster=\"" NAME "\",limit=\"requests\"}",
    [COUNT_OVERFLOW_PENDING] = "tulle_overflow_total{cluster=\"" NAME "\",limit=\"pending\"}",
    [COUNT_NO_ENDPOINT] = "tulle_no_endpoint_total{cluster=\"" NAME "\"}",
    [COUNT_HELD] = "tulle_held_total{cluster=\"" NAME "\"}",
    [COUNT_TIMEOUT_TRY] = "tulle_timeouts_total{cluster=\"" NAME "\",kind=\"try\"}",
    [COUNT_TIMEOUT_ROUTE] = "tulle_timeouts_total{cluster=\"" NAME "\",kind=\"route\"}",
    [COUNT_EJECTIONS_5XX] = "tulle_ejections_total{cluster=\"" NAME "\",kind=\"5xx\"}",
    [COUNT_EJECTIONS_GATEWAY] = "tulle_ejections_total{cluster=\"" NAME "\",kind=\"gateway\"}",
    [COUNT_EJECTIONS_LOCAL] = "tulle_ejections_total{cluster=\"" NAME "\",kind=\"local\"}",
    [COUNT_EJECTIONS_SUCCESS_RATE] =
        "tulle_ejections_total{cluster=\"" NAME "\",kind=\"success_rate\"}",
    [COUNT_EJECTIONS_LOCAL_SUCCESS_RATE] =
        "tulle_ejections_total{cluster=\"" NAME "\",kind=\"local_success_rate\"}",
    [COUNT_EJECTIONS_FAILURE_PERCENTAGE] =
        "tulle_ejections_total{cluster=\"" NAME "\",kind=\"failure_percentage\"}",
    [COUNT_EJECTIONS_LOCAL_FAILURE_PERCENTAGE] =
        "tulle_ejections_total{cluster=\"" NAME "\",kind=\"local_failure_percentage\"}",
    [COUNT_EJECTIONS_LATENCY] = "tulle_ejections_total{cluster=\"" NAME "\",kind=\"latency\"}",
    [COUNT_EJECTIONS_BREAKER] = "tulle_ejections_total{cluster=\"" NAME "\",kind=\"breaker\"}",
    [COUNT_DETECTED_5XX] = "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"5xx\"}",
    [COUNT_DETECTED_GATEWAY] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"gateway\"}",
    [COUNT_DETECTED_LOCAL] = "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"local\"}",
    [COUNT_DETECTED_SUCCESS_RATE] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"success_rate\"}",
    [COUNT_DETECTED_LOCAL_SUCCESS_RATE] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"local_success_rate\"}",
    [COUNT_DETECTED_FAILURE_PERCENTAGE] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"failure_percentage\"}",
    [COUNT_DETECTED_LOCAL_FAILURE_PERCENTAGE] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"local_failure_percentage\"}",
    [COUNT_DETECTED_LATENCY] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"latency\"}",
    [COUNT_DETECTED_BREAKER] =
        "tulle_outliers_detected_total{cluster=\"" NAME "\",kind=\"breaker\"}",
    [COUNT_EJECTIONS_OVERFLOW] = "tulle_ejections_overflow_total{cluster=\"" NAME "\"}",
    [COUNT_CONNECT_FAIL] = "tulle_connect_failures_total{cluster=\"" NAME "\"}",
    [COUNT_PICK_UNREPORTED] = "tulle_picks_unreported_total{cluster=\"" NAME "\"}",
    [COUNT_PERHAPS_EXECUTED] = "tulle_perhaps_executed_total{cluster=\"" NAME "\"}",
    [COUNT_RETRY_SKIPPED_CONCURRENCY] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"concurrency\"}",
    [COUNT_RETRY_SKIPPED_PUSHBACK] =
        "tulle_retries_skipped_total{cluster=\"" NAME "\",reason=\"pushback\"}",
    [COUNT_TIMEOUT_IDLE] = "tulle_timeouts_total{cluster=\"" NAME "\",kind=\"idle\"}",
    [COUNT_HEDGES] = "tulle_hedges_total{cluster=\"" NAME "\"}",
    [COUNT_HEDGES_WON] = "tulle_hedges_won_total{cluster=\"" NAME "\"}",
    [COUNT_HEDGES_SKIPPED_BUDGET] =
        "tulle_hedges_skipped_total{cluster=\"" NAME "\",reason=\"budget\"}",
    [COUNT_HEDGES_SKIPPED_ROOM] =
        "tulle_hedges_skipped_total{cluster=\"" NAME "\",reason=\"room\"}",
    [COUNT_PANIC] = "tulle_panic_picks_total{cluster=\"" NAME "\"}",
    [COUNT_SPILLED] = "tulle_spilled_picks_total{cluster=\"" NAME "\"}",
    [COUNT_DROPPED] = "tulle_dropped_total{cluster=\"" NAME "\"}",
    [COUNT_SHED_ADAPTIVE] = "tulle_shed_total{cluster=\"" NAME "\",by=\"adaptive_concurrency\"}",
    [COUNT_SHED_ADMISSION] = "tulle_shed_total{cluster=\"" NAME "\",by=\"admission_control\"}",
    [COUNT_SHED_THROTTLING] = "tulle_shed_total{cluster=\"" NAME "\",by=\"adaptive_throttling\"}",
    [COUNT_LOAD_REPORTS] = "tulle_load_reports_total{cluster=\"" NAME "\",result=\"read\"}",
    [COUNT_LOAD_REPORTS_BAD] = "tulle_load_reports_total{cluster=\"" NAME "\",result=\"refused\"}",
    [COUNT_PROBES_ANSWERED] = "tulle_probes_total{cluster=\"" NAME "\",result=\"answered\"}",
    [COUNT_PROBES_LOST] = "tulle_probes_total{cluster=\"" NAME "\",result=\"lost\"}",
    [COUNT_CHECKS] = "tulle_health_check_attempts_total{cluster=\"" NAME "\"}",
    [COUNT_CHECKS_PASSED] = "tulle_health_checks_total{cluster=\"" NAME "\",result=\"passed\"}",
    [COUNT_CHECKS_FAILED] = "tulle_health_checks_total{cluster=\"" NAME "\",result=\"failed\"}",
    [COUNT_CHECKS_UNREACHED] =
        "tulle_health_checks_total{cluster=\"" NAME "\",result=\"unreached\"}",
    [COUNT_CHECKS_VOID] = "tulle_health_checks_total{cluster=\"" NAME "\",result=\"void\"}",
};

static void every_counter_is_written_and_added_up_over_loops(void **state)
{
    static struct world_cluster room;
    struct cluster_live *live = world_cluster(&room, NAME);
    struct metrics *metrics = metrics_with(0);
    struct buf text = { 0 };
    struct buf line = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNTERS; i++) {
        atomic_store(&live->loops[0].counters[i], 100 * (i + 1));
        atomic_store(&live->loops[1].counters[i], i);
    }
    render(metrics, (const struct cluster_live *const[]){ live }, 1, &text);
    for (size_t i = 0; i < COUNTERS; i++) {
        assert_non_null(counted_as[i]);
        tulle__buf_clear(&line);
        assert_true(tulle__buf_addf(&line, "%s %zu", counted_as[i], 100 * (i + 1) + i));
        assert_line(&text, line.data);
    }
    tulle__buf_fini(&text);
    tulle__buf_fini(&line);
    tulle__metrics_free(metrics);
}

static void gauges_say_how_it_stands(void **state)
{
    static struct world_cluster room;
    struct cluster_live *live = world_cluster(&room, NAME);
    struct metrics *metrics = metrics_with(0);
    struct buf text = { 0 };

    (void)state;
    atomic_store(&live->requests, 7);
    atomic_store(&live->pending, 2);
    atomic_store(&live->retries, 1);
    atomic_store(&live->endpoint_count, 3);
    atomic_store(&live->ejected, 1);
    atomic_store(&live->connections.open, 4);
    atomic_store(&live->connections.opened, 9);
    render(metrics, (const struct cluster_live *const[]){ live }, 1, &text);
    assert_line(&text, "tulle_requests_in_flight{cluster=\"" NAME "\"} 7");
    assert_line(&text, "tulle_pending{cluster=\"" NAME "\"} 2");
    assert_line(&text, "tulle_retries_in_flight{cluster=\"" NAME "\"} 1");
    assert_line(&text, "tulle_endpoints{cluster=\"" NAME "\"} 3");
    assert_line(&text, "tulle_endpoints_ejected{cluster=\"" NAME "\"} 1");
    assert_line(&text, "tulle_connections{cluster=\"" NAME "\"} 4");
    assert_line(&text, "tulle_connections_opened_total{cluster=\"" NAME "\"} 9");
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void a_family_is_headed_once_and_contiguous(void **state)
{
    static struct world_cluster rooms[2];
    const struct cluster_live *clusters[] = { world_cluster(&rooms[0], "a"),
                                              world_cluster(&rooms[1], "b") };
    struct metrics *metrics = metrics_with(0);
    struct buf text = { 0 };

    (void)state;
    render(metrics, clusters, 2, &text);
    assert_int_equal(times_in(&text, "# TYPE tulle_retries_skipped_total counter\n"), 1);
    assert_non_null(strstr(text.data,
                           "# TYPE tulle_timeouts_total counter\n"
                           "tulle_timeouts_total{cluster=\"a\",kind=\"try\"} 0\n"
                           "tulle_timeouts_total{cluster=\"b\",kind=\"try\"} 0\n"
                           "tulle_timeouts_total{cluster=\"a\",kind=\"route\"} 0\n"
                           "tulle_timeouts_total{cluster=\"b\",kind=\"route\"} 0\n"
                           "tulle_timeouts_total{cluster=\"a\",kind=\"idle\"} 0\n"
                           "tulle_timeouts_total{cluster=\"b\",kind=\"idle\"} 0\n# HELP"));
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void clusters_over_the_cap_are_added_up(void **state)
{
    static struct world_cluster rooms[4];
    const struct cluster_live *clusters[4];
    struct metrics *metrics = metrics_with(2);
    struct buf text = { 0 };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = { "a", "b", "c", "d" };
        struct cluster_live *live = world_cluster(&rooms[i], names[i]);

        atomic_store(&live->endpoint_count, (unsigned)(i + 1));
        clusters[i] = live;
    }
    render(metrics, clusters, 4, &text);
    assert_line(&text, "tulle_endpoints{cluster=\"a\"} 1");
    assert_line(&text, "tulle_endpoints{cluster=\"b\"} 2");
    assert_line(&text, "tulle_endpoints{cluster=\"__other__\"} 7");
    assert_null(strstr(text.data, "tulle_endpoints{cluster=\"c\"}"));
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

TEST_MAIN(cmocka_unit_test(every_counter_is_written_and_added_up_over_loops),
          cmocka_unit_test(gauges_say_how_it_stands),
          cmocka_unit_test(a_family_is_headed_once_and_contiguous),
          cmocka_unit_test(clusters_over_the_cap_are_added_up))
