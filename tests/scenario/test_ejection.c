/* SPDX-License-Identifier: Apache-2.0 */

/* Outlier detection as Envoy does it, with Istio's translation: who is ejected,
 * for how long, and what is told of it. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define ALL      ", maxEjectionPercent: 100"
#define EJECTED  "tulle_endpoints_ejected{" CLUSTER "}"
#define OVERFLOW "tulle_ejections_overflow_total{" CLUSTER "}"
#define KIND(k)  "tulle_ejections_total{" CLUSTER ",kind=\"" k "\"}"
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

static void without_outlier_detection_nobody_is_ejected(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    SAY_ALL(world, .status = 500);
    call_often(world, 300);
    world_kill(world, FIRST);
    call_often(world, 300);
    assert_true(world_metric(world, EJECTED) == 0);
    assert_true(world_metric(world, "tulle_ejections_total{}") == 0);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_close(world);
}

static void five_500s_in_a_row_eject(void **state)
{
    struct test_world *world = world_open(ONE OUTLIER("interval: 10s" ALL), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 500);
    for (int i = 0; i < 5; i++) {
        CHECK(strcmp(world_gate(world, FIRST), "ready") == 0);
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    CHECK(strcmp(world_gate(world, FIRST), "ejected") == 0);
    CHECK(world_metric(world, KIND("5xx")) == 1);
    CHECK(world_metric(world, KIND("gateway")) == 0);
done:
    world_close(world);
}

static void one_good_answer_between_them_starts_the_row_anew(void **state)
{
    struct test_world *world = world_open(ONE OUTLIER("interval: 10s" ALL), NULL);

    (void)state;
    for (int i = 0; i < 20; i++) {
        world_answer(world, FIRST, .status = 500, .times = 4);
        world_answer(world, FIRST, .status = i % 2 ? 404 : 200, .times = 1);
    }
    call_often(world, 100);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_close(world);
}

static void gateway_errors_are_counted_apart_when_asked_for(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("consecutiveGatewayErrors: 3, consecutive5xxErrors: 0" ALL), NULL);

    (void)state;
    world_answer(world, FIRST, .status = 500);
    call_often(world, 20);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_answer(world, FIRST, .status = 502, .times = 1);
    world_answer(world, FIRST, .status = 503, .times = 1);
    world_answer(world, FIRST, .status = 504, .times = 1);
    call_often(world, 2);
    assert_string_equal(world_gate(world, FIRST), "ready");
    call_often(world, 1);
    assert_string_equal(world_gate(world, FIRST), "ejected");
    assert_true(world_metric(world, KIND("gateway")) == 1);
    world_close(world);
}

static void an_endpoint_that_cannot_be_reached_counts_as_5xx(void **state)
{
    struct test_world *world = world_open(ONE OUTLIER("interval: 10s" ALL), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE, .times = 3);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    world_answer(world, FIRST, .status = 500, .times = 1);
    call_often(world, 5);
    assert_string_equal(world_gate(world, FIRST), "ejected");
    assert_true(world_metric(world, KIND("5xx")) == 1);
    world_close(world);
}

static void split_local_failures_have_a_row_of_their_own(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("splitExternalLocalOriginErrors: true, "
                               "consecutiveLocalOriginFailures: 3, consecutive5xxErrors: 2" ALL),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 2);
    world_answer(world, FIRST, .status = 500, .times = 1);
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE, .times = 2);
    call_often(world, 5);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE, .times = 1);
    call_often(world, 1);
    assert_string_equal(world_gate(world, FIRST), "ejected");
    assert_true(world_metric(world, KIND("local")) == 1);
    assert_true(world_metric(world, KIND("5xx")) == 0);
    world_close(world);
}

static unsigned times_told(const struct test_world *world, const char *text)
{
    unsigned count = 0;

    for (const char *at = world->log; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}

/* Ten per cent of three is nobody: counted each time, told once. */
static void the_default_cap_ejects_nobody_of_three(void **state)
{
    struct test_world *world = world_open(REVIEWS OUTLIER("consecutive5xxErrors: 5"), NULL);

    (void)state;
    SAY_ALL(world, .status = 500);
    call_often(world, 300);
    assert_true(world_metric(world, EJECTED) == 0);
    assert_in_range(world_metric(world, OVERFLOW), 58, 60);
    assert_int_equal(times_told(world, "maxEjectionPercent 10"), 1);
    assert_non_null(strstr(world->log, "allows it for 0 of 3 endpoints"));
    world_close(world);
}

#define TEN                                                                                        \
    "{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}, {address: 10.0.0.4}, "         \
    "{address: 10.0.0.5}, {address: 10.0.0.6}, {address: 10.0.0.7}, {address: 10.0.0.8}, "         \
    "{address: 10.0.0.9}, {address: 10.0.0.10}"

static void the_default_cap_ejects_one_of_ten(void **state)
{
    struct test_world *world =
        world_open(SERVICE(HTTP_80, TEN) OUTLIER("consecutive5xxErrors: 5"), NULL);
    char address[32];

    (void)state;
    for (int i = 1; i <= 10; i++) {
        snprintf(address, sizeof(address), "10.0.0.%d:80", i);
        world_answer(world, address, .status = 500);
    }
    call_often(world, 300);
    assert_true(world_metric(world, EJECTED) == 1);
    assert_true(world_metric(world, OVERFLOW) > 0);
    world_close(world);
}

/* When the gate opens again, looked at every 100 ms. */
static int64_t gate_opens(struct test_world *world, const char *address, int64_t since)
{
    while (strcmp(world_gate(world, address), "ejected") == 0) {
        world_advance(world, 100 * NS_PER_MS);
        assert_true(world->now - since < 1000 * NS_PER_S);
    }
    return world->now - since;
}

static void it_comes_back_at_the_first_sweep_after_its_time_which_grows(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("interval: 1s, baseEjectionTime: 3s" ALL), TOLD);
    int64_t ejected;

    (void)state;
    world_answer(world, FIRST, .status = 500);
    for (int n = 1; n <= 4; n++) {
        call_often(world, 5);
        ejected = world->now;
        assert_string_equal(world_gate(world, FIRST), "ejected");
        assert_in_range(gate_opens(world, FIRST, ejected), n * 3 * NS_PER_S,
                        (n * 3 + 1) * NS_PER_S + 200 * NS_PER_MS);
    }
    assert_int_equal(times_told(world, "is ejected for"), 4);
    assert_int_equal(times_told(world, "is ejected for 12000 ms"), 1);
    assert_int_equal(times_told(world, FIRST " is back"), 4);
    world_close(world);
}

static void a_good_time_takes_the_growth_back(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("interval: 1s, baseEjectionTime: 3s" ALL), TOLD);

    (void)state;
    world_answer(world, FIRST, .status = 500);
    for (int n = 1; n <= 3; n++) {
        call_often(world, 5);
        gate_opens(world, FIRST, world->now);
    }
    world_advance(world, 10 * NS_PER_S);
    call_often(world, 5);
    assert_int_equal(times_told(world, "is ejected for 3000 ms"), 2);
    world_close(world);
}

static void when_all_are_ejected_calls_are_refused(void **state)
{
    struct test_world *world = world_open(REVIEWS OUTLIER("consecutive5xxErrors: 1" ALL), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    SAY_ALL(world, .status = 503);
    for (int i = 0; i < 3; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    CHECK(world_metric(world, EJECTED) == 3);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_E_NO_ENDPOINT);
    assert_int_equal(world->last.status, 503);
    assert_int_equal(world->last.attempts, 0);
    assert_string_equal(world->last.failure.flags, "UH");
    assert_string_equal(world->last.failure.layer, "pick");
    assert_string_equal(world->last.failure.text, "every endpoint is ejected");
    assert_int_equal(world_requests(world, NULL), 3);
    CHECK(world_metric(world, "tulle_no_endpoint_total{" CLUSTER "}") == 1);
done:
    world_close(world);
}

/* One address in two clusters: each has its own view of it. */
static void an_ejection_is_of_a_cluster(void **state)
{
    struct test_world *world =
        world_open(SERVICE(HTTP_80 ", {number: 81, name: http-b, protocol: HTTP, targetPort: 80}",
                           "{address: 10.0.0.1}") OUTLIER("consecutive5xxErrors: 1" ALL),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .status = 500, .times = 1);
    world_get(world, "http://reviews:81/");
    world_get(world, "http://reviews:81/");
    assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
    world_get(world, "http://reviews/");
    assert_int_equal(world->last.status, 200);
    world_close(world);
}

static void the_retry_of_a_failure_goes_where_nobody_is_ejected(void **state)
{
    struct test_world *world =
        world_open(REVIEWS OUTLIER("consecutive5xxErrors: 1, baseEjectionTime: 1000s" ALL)
                       RETRIES("attempts: 2, retryOn: 5xx"),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .status = 503);
    world_answer(world, SECOND, .status = 503);
    for (int i = 0; i < 200; i++) {
        world_get(world, URL);
        assert_int_equal(world->last.status, 200);
    }
    assert_int_equal(world_requests(world, FIRST), 1);
    assert_int_equal(world_requests(world, SECOND), 1);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(without_outlier_detection_nobody_is_ejected),
          TEST_OOM(five_500s_in_a_row_eject),
          cmocka_unit_test(one_good_answer_between_them_starts_the_row_anew),
          cmocka_unit_test(gateway_errors_are_counted_apart_when_asked_for),
          cmocka_unit_test(an_endpoint_that_cannot_be_reached_counts_as_5xx),
          cmocka_unit_test(split_local_failures_have_a_row_of_their_own),
          cmocka_unit_test(the_default_cap_ejects_nobody_of_three),
          cmocka_unit_test(the_default_cap_ejects_one_of_ten),
          cmocka_unit_test(it_comes_back_at_the_first_sweep_after_its_time_which_grows),
          cmocka_unit_test(a_good_time_takes_the_growth_back),
          TEST_OOM(when_all_are_ejected_calls_are_refused),
          cmocka_unit_test(an_ejection_is_of_a_cluster),
          cmocka_unit_test(the_retry_of_a_failure_goes_where_nobody_is_ejected))
