/* SPDX-License-Identifier: Apache-2.0 */

/* Outlier detection beyond failures in a row: the breaker with its trial, success
 * rates, failure percentages, latency; and what a reload keeps of them. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define EJECTED        "tulle_endpoints_ejected{" CLUSTER "}"
#define KIND(k)        "tulle_ejections_total{" CLUSTER ",kind=\"" k "\"}"
#define DETECTED(k)    "tulle_outliers_detected_total{" CLUSTER ",kind=\"" k "\"}"
#define POLICY(fields) TRAFFIC_POLICY("  outlierDetection: {" fields "}\n")
#define BREAKER        POLICY("consecutive5xx: 0, breaker: {jitter: 0}")
#define FIVE                                                                                       \
    "{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}, {address: 10.0.0.4}, "         \
    "{address: 10.0.0.5}"
#define TOLD                                                                                       \
    &(struct tulle_options)                                                                        \
    {                                                                                              \
        TULLE_OPTIONS_INIT, .log_level = TULLE_LEVEL_INFO                                          \
    }

static void call_often(struct test_world *world, unsigned count)
{
    while (count-- > 0) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    }
}

static bool gate_is(struct test_world *world, const char *gate)
{
    return strcmp(world_gate(world, FIRST), gate) == 0;
}

/* Calls until the first endpoint is out. */
static void trip(struct test_world *world)
{
    world_answer(world, FIRST, .status = 500);
    for (int i = 0; i < 100 && !gate_is(world, "ejected"); i++) {
        call_often(world, 1);
    }
}

/* --- the breaker --- */

static void a_penalty_ends_on_its_own_and_one_request_decides(void **state)
{
    struct test_world *world = world_open(REVIEWS BREAKER, TOLD);
    struct world_call calls[20];
    unsigned before;

    (void)state;
    trip(world);
    assert_true(world_metric(world, KIND("breaker")) == 1);
    assert_int_equal(world_requests(world, FIRST), 5);
    world_advance(world, NS_PER_S - 10 * NS_PER_MS);
    assert_true(gate_is(world, "ejected"));
    world_advance(world, 10 * NS_PER_MS); /* not the next sweep, which is seconds away */
    assert_true(gate_is(world, "trial"));

    world_answer_all(world, .status = 200, .delay_ns = 5 * NS_PER_S);
    before = world_requests(world, FIRST);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
    world_advance(world, NS_PER_S);
    assert_int_equal(world_requests(world, FIRST) - before, 1);
    assert_true(gate_is(world, "trial"));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.status, 200);
        world_call_free(&calls[i]);
    }
    assert_true(gate_is(world, "ready"));
    assert_non_null(strstr(world->log, "(success rate 0.0 % of 5 requests, below 80.0 %)"));
    assert_non_null(strstr(world->log, FIRST " is tried by one request"));
    assert_non_null(strstr(world->log, FIRST " is back"));
    world_close(world);
}

static void a_trial_that_fails_doubles_the_penalty(void **state)
{
    struct test_world *world = world_open(ONE BREAKER, TOLD);

    (void)state;
    trip(world);
    for (int64_t penalty = 1; penalty <= 8; penalty *= 2) {
        call_often(world, 1);
        assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
        world_advance(world, penalty * NS_PER_S - 10 * NS_PER_MS);
        assert_true(gate_is(world, "ejected"));
        world_advance(world, 10 * NS_PER_MS);
        assert_true(gate_is(world, "trial"));
        call_often(world, 1);
        assert_int_equal(world->last.status, 500);
        assert_true(gate_is(world, "ejected"));
    }
    assert_non_null(strstr(world->log, "is ejected for 8000 ms (the trial request failed)"));
    world_advance(world, 16 * NS_PER_S);
    world_answer(world, FIRST, .status = 200);
    call_often(world, 1);
    assert_int_equal(world->last.status, 200);
    assert_true(gate_is(world, "ready"));
    world_close(world);
}

static void a_trial_that_is_cancelled_is_given_to_the_next(void **state)
{
    struct test_world *world = world_open(ONE BREAKER, NULL);
    struct world_call call;

    (void)state;
    trip(world);
    world_advance(world, NS_PER_S);
    world_answer(world, FIRST, .status = 200, .delay_ns = 5 * NS_PER_S);
    assert_true(world_start_get(world, URL, &call));
    world_run(world);
    call_often(world, 1);
    assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
    world_call_free(&call);
    world_run(world);
    assert_true(gate_is(world, "trial"));
    call_often(world, 1);
    assert_int_equal(world->last.status, 200);
    assert_true(gate_is(world, "ready"));
    world_close(world);
}

static void explain_names_the_trial(void **state)
{
    struct test_world *world = world_open(ONE BREAKER, NULL);

    (void)state;
    trip(world);
    world_advance(world, NS_PER_S);
    world_answer(world, FIRST, .status = 200);
    SEND(world, .method = "GET");
    assert_non_null(strstr(world->last.story, "its trial request"));
    assert_non_null(strstr(world->last.story, FIRST " is back"));
    world_close(world);
}

static void the_breaker_does_not_leak_when_memory_runs_out(void **state)
{
    struct test_world *world = world_open(ONE BREAKER, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 500, .times = 5);
    for (int i = 0; i < 5; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    CHECK(gate_is(world, "ejected"));
    world_advance(world, NS_PER_S);
    CHECK(gate_is(world, "trial"));
    world_get(world, URL);
    CHECK_OK(world->last.error);
    CHECK(gate_is(world, "ready"));
done:
    world_close(world);
}

/* --- a reload --- */

static void a_reload_keeps_penalties_and_trials(void **state)
{
    char *path = test_folder_new();
    struct test_world *world;

    (void)state;
    test_folder_write(path, "mesh.yaml",
                      ONE POLICY("consecutive5xx: 0, breaker: {jitter: 0, "
                                 "minPenalty: 20s, maxPenalty: 60s}"));
    world =
        world_open(NULL, &(struct tulle_options){ TULLE_OPTIONS_INIT, .config = path, .loops = 1 });
    trip(world);
    test_folder_write(path, "mesh.yaml",
                      ONE POLICY("consecutive5xx: 0, interval: 7s, breaker: {jitter: 0, "
                                 "minPenalty: 30s, maxPenalty: 60s}"));
    world_advance(world, 10 * NS_PER_S);
    assert_true(world_metric(world, "tulle_config_generation") == 2);
    assert_true(gate_is(world, "ejected"));
    world_advance(world, 10 * NS_PER_S);
    assert_true(gate_is(world, "trial"));
    test_folder_write(path, "mesh.yaml",
                      ONE POLICY("consecutive5xx: 0, breaker: {jitter: 0, "
                                 "minPenalty: 30s, maxPenalty: 60s}"));
    world_advance(world, 10 * NS_PER_S);
    assert_true(world_metric(world, "tulle_config_generation") == 3);
    assert_true(gate_is(world, "trial"));
    call_often(world, 1);
    assert_true(gate_is(world, "ejected"));
    world_advance(world, 59 * NS_PER_S); /* the second penalty */
    assert_true(gate_is(world, "ejected"));
    world_advance(world, NS_PER_S);
    assert_true(gate_is(world, "trial"));
    world_close(world);
    test_folder_free(path);
}

/* --- who is compared --- */

static void a_low_success_rate_ejects_at_the_end_of_an_interval(void **state)
{
    struct test_world *world = world_open(
        SERVICE(HTTP_80, FIVE) POLICY("consecutive5xx: 0, enforcingSuccessRate: 100, interval: 2s, "
                                      "successRateRequestVolume: 10, maxEjectionPercent: 20"),
        TOLD);

    (void)state;
    world_advance(world, 100 * NS_PER_MS);
    world_answer(world, FIRST, .status = 500);
    call_often(world, 200);
    assert_true(gate_is(world, "ready"));
    world_advance(world, 2 * NS_PER_S);
    assert_true(gate_is(world, "ejected"));
    assert_true(world_metric(world, EJECTED) == 1);
    assert_true(world_metric(world, KIND("success_rate")) == 1);
    assert_true(world_metric(world, DETECTED("success_rate")) == 1);
    assert_non_null(strstr(world->log, "(success rate 0.0 % of "));
    assert_non_null(strstr(world->log, " requests, below 4.0 %)"));
    world_close(world);
}

static void a_high_failure_percentage_ejects_at_the_end_of_an_interval(void **state)
{
    struct test_world *world =
        world_open(SERVICE(HTTP_80, FIVE)
                       POLICY("consecutive5xx: 0, enforcingFailurePercentage: 100, interval: 2s, "
                              "failurePercentageRequestVolume: 10, maxEjectionPercent: 20"),
                   TOLD);

    (void)state;
    world_advance(world, 100 * NS_PER_MS);
    SAY_ALL(world, .status = 500);
    call_often(world, 200);
    world_advance(world, 2 * NS_PER_S);
    assert_true(world_metric(world, EJECTED) == 1);
    assert_true(world_metric(world, KIND("failure_percentage")) == 1);
    assert_true(world_metric(world, DETECTED("failure_percentage")) >= 3);
    assert_non_null(strstr(world->log, "(100.0 % of "));
    world_close(world);
}

#define SLOW                                                                                       \
    SERVICE(HTTP_80, FIVE)                                                                         \
    POLICY("consecutive5xx: 0, interval: 2s, maxEjectionPercent: 20, "                             \
           "latency: {factor: 3, intervals: 3, requestVolume: 10, minHosts: 2}")

/* By the balancer of the mesh, which does not ask for latencies itself. */
static void three_slow_intervals_eject(void **state)
{
    struct test_world *world = world_open(SLOW, TOLD);

    (void)state;
    world_answer(world, FIRST, .status = 200, .delay_ns = 20 * NS_PER_MS);
    for (int i = 1; i <= 3; i++) {
        assert_true(gate_is(world, "ready"));
        call_often(world, 150);
        world_advance(world, 2 * NS_PER_S - world->now % (2 * NS_PER_S));
    }
    assert_true(gate_is(world, "ejected"));
    assert_true(world_metric(world, KIND("latency")) == 1);
    assert_non_null(strstr(world->log, "(latency 20.0 ms, the median of its peers is 1.0 ms)"));
    world_close(world);
}

/* Who fails at once is not fast, and does not make the others slow. */
static void fast_failures_are_no_measure_of_latency(void **state)
{
    struct test_world *world = world_open(SLOW, NULL);

    (void)state;
    SAY_ALL(world, .status = 200, .delay_ns = 20 * NS_PER_MS);
    world_answer(world, THIRD, .status = 503);
    world_answer(world, "10.0.0.4:80", .status = 503);
    world_answer(world, "10.0.0.5:80", .status = 503);
    for (int i = 1; i <= 5; i++) {
        call_often(world, 80);
        world_advance(world, 2 * NS_PER_S - world->now % (2 * NS_PER_S));
    }
    assert_true(world_metric(world, EJECTED) == 0);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(a_penalty_ends_on_its_own_and_one_request_decides),
          cmocka_unit_test(a_trial_that_fails_doubles_the_penalty),
          cmocka_unit_test(a_trial_that_is_cancelled_is_given_to_the_next),
          cmocka_unit_test(explain_names_the_trial),
          TEST_OOM(the_breaker_does_not_leak_when_memory_runs_out),
          cmocka_unit_test(a_reload_keeps_penalties_and_trials),
          cmocka_unit_test(a_low_success_rate_ejects_at_the_end_of_an_interval),
          cmocka_unit_test(a_high_failure_percentage_ejects_at_the_end_of_an_interval),
          cmocka_unit_test(three_slow_intervals_eject),
          cmocka_unit_test(fast_failures_are_no_measure_of_latency))
