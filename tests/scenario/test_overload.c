/* SPDX-License-Identifier: Apache-2.0 */

/* Load that is refused here so that servers live: adaptive concurrency, admission
 * control, adaptive throttling. What they do to a server's goodput is in
 * tests/sim/scenarios/overload.json. */

#include "harness/world.h"
#include "scenario/reviews.h"

#define ADAPTIVE   TRAFFIC_POLICY("  adaptiveConcurrency: {}\n")
#define ADMISSION  TRAFFIC_POLICY("  admissionControl: {}\n")
#define THROTTLING TRAFFIC_POLICY("  adaptiveThrottling: {}\n")
#define SHED(by)   "tulle_shed_total{" CLUSTER ",by=\"" by "\"}"
#define LIMIT      "tulle_concurrency_limit{" CLUSTER "}"
#define MEASURING  "tulle_concurrency_measuring{" CLUSTER "}"

enum { MANY = 20 };

static void start_all(struct test_world *world, struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
}

static unsigned finish_all(struct world_call *calls, size_t count)
{
    unsigned refused = 0;

    for (size_t i = 0; i < count; i++) {
        world_finish(&calls[i]);
        refused += calls[i].result.error == TULLE_E_LIMIT;
        world_call_free(&calls[i]);
    }
    return refused;
}

/* --- adaptive concurrency --- */

static void what_is_over_the_limit_is_refused_at_once_and_by_name(void **state)
{
    struct test_world *world = world_open(ONE ADAPTIVE, NULL);
    struct world_call calls[4] = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    for (size_t i = 0; i < 4; i++) {
        CHECK_OR_DONE(START(world, &calls[i], .method = "GET"));
    }
    world_run(world);
    CHECK_OR_DONE(calls[3].result.done && calls[3].result.error == TULLE_E_LIMIT);
    assert_int_equal(calls[3].result.status, 503);
    assert_int_equal(calls[3].result.attempts, 0);
    assert_int_equal(calls[3].result.ended_at, calls[3].result.started_at);
    assert_string_equal(calls[3].result.failure.layer, "adaptive");
    assert_string_equal(calls[3].result.failure.flags, "UO");
    assert_string_equal(calls[3].result.failure.text,
                        "adaptive concurrency: the limit of 3 is reached, while the least latency "
                        "is measured");
    CHECK(strstr(calls[3].result.story, "adaptive"));
    CHECK(world_metric(world, SHED("adaptive_concurrency")) == 1);
    CHECK(world_metric(world, LIMIT) == 3);
    CHECK(world_metric(world, MEASURING) == 1);
    world_finish(&calls[0]);
    CHECK_OK(calls[0].result.error);
done:
    for (size_t i = 0; i < 4; i++) {
        world_call_free(&calls[i]);
    }
    world_close(world);
}

/* One after the other, so that nothing is refused. */
static void call_for(struct test_world *world, int64_t ns)
{
    int64_t end = world->now + ns;

    while (world->now < end) {
        world_get(world, URL);
        assert_int_equal(world->last.error, TULLE_OK);
    }
}

static void the_limit_grows_while_answers_come_as_fast_as_ever(void **state)
{
    struct test_world *world = world_open(ONE ADAPTIVE, NULL);
    struct world_call calls[MANY];

    (void)state;
    world_answer(world, FIRST, .delay_ns = 10 * NS_PER_MS);
    call_for(world, 500 * NS_PER_MS);
    assert_true(world_metric(world, MEASURING) == 0);
    assert_true(world_metric(world, LIMIT) == 3);
    call_for(world, NS_PER_S);
    assert_true(world_metric(world, LIMIT) > MANY);
    start_all(world, calls, MANY);
    assert_int_equal(finish_all(calls, MANY), 0);
    world_close(world);
}

static void the_limit_falls_when_answers_are_late(void **state)
{
    struct test_world *world = world_open(ONE ADAPTIVE, NULL);
    double high;

    (void)state;
    world_answer(world, FIRST, .delay_ns = 10 * NS_PER_MS);
    call_for(world, 3 * NS_PER_S);
    high = world_metric(world, LIMIT);
    world_answer(world, FIRST, .delay_ns = 30 * NS_PER_MS);
    call_for(world, NS_PER_S);
    assert_true(world_metric(world, LIMIT) < high / 4);
    world_close(world);
}

static void once_a_minute_it_measures_anew(void **state)
{
    struct test_world *world = world_open(ONE ADAPTIVE, NULL);
    struct world_call calls[MANY];

    (void)state;
    world_answer(world, FIRST, .delay_ns = 10 * NS_PER_MS);
    call_for(world, 55 * NS_PER_S);
    assert_true(world_metric(world, MEASURING) == 0);
    for (int i = 0; i < 20 * 100 && world_metric(world, MEASURING) == 0; i++) {
        world_get(world, URL);
    }
    assert_true(world_metric(world, MEASURING) == 1);
    start_all(world, calls, MANY);
    assert_int_equal(finish_all(calls, MANY), MANY - 3);
    call_for(world, NS_PER_S);
    assert_true(world_metric(world, MEASURING) == 0);
    assert_true(world_metric(world, LIMIT) > MANY);
    world_close(world);
}

/* Fast failures are no sign of room. */
static void failures_measure_nothing(void **state)
{
    struct test_world *world = world_open(ONE ADAPTIVE, NULL);

    (void)state;
    world_answer(world, FIRST, .status = 500);
    for (int i = 0; i < 200; i++) {
        world_get(world, URL);
        assert_int_equal(world->last.status, 500);
    }
    assert_true(world_metric(world, MEASURING) == 1);
    world_close(world);
}

static void a_call_counts_once_whatever_its_attempts_are(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RETRIES("attempts: 2, retryOn: 5xx") ADAPTIVE, NULL);
    struct world_call calls[3];

    (void)state;
    SAY_ALL(world, .status = 503);
    start_all(world, calls, 3);
    for (size_t i = 0; i < 3; i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.status, 503);
        assert_int_equal(calls[i].result.attempts, 3);
        world_call_free(&calls[i]);
    }
    assert_true(world_metric(world, SHED("adaptive_concurrency")) == 0);
    world_close(world);
}

/* --- admission control --- */

/* How many of so many calls were refused, one each millisecond or two. */
static unsigned refused_of(struct test_world *world, unsigned count)
{
    unsigned refused = 0;

    for (unsigned i = 0; i < count; i++) {
        world_get(world, URL);
        refused += world->last.error == TULLE_E_LIMIT;
        world_advance(world, NS_PER_MS);
    }
    return refused;
}

static void admission_sheds_by_the_success_rate_and_lets_some_in(void **state)
{
    struct test_world *world = world_open(ONE ADMISSION, NULL);
    unsigned refused;

    (void)state;
    assert_int_equal(refused_of(world, 100), 0);
    world_answer(world, FIRST, .status = 500);
    refused = refused_of(world, 5000);
    assert_in_range(refused, 5000 * 6 / 10, 5000 * 8 / 10); /* 0.8 at the most */
    assert_true(world_metric(world, SHED("admission_control")) == refused);
    assert_int_equal(world_requests(world, FIRST), 5100 - refused);
    world_advance(world, 31 * NS_PER_S);
    assert_int_equal(refused_of(world, 1), 0); /* nothing is known any more */
    world_close(world);
}

static void what_admission_refuses_has_its_name(void **state)
{
    struct test_world *world = world_open(ONE ADMISSION, NULL);
    bool told = false;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 500);
    for (int i = 0; i < 100 && !told; i++) {
        world_get(world, URL);
        told = world->last.error == TULLE_E_LIMIT;
    }
    CHECK_OR_DONE(told);
    assert_int_equal(world->last.status, 503);
    assert_int_equal(world->last.attempts, 0);
    assert_string_equal(world->last.failure.layer, "admission");
    assert_string_equal(world->last.failure.flags, "UO");
    assert_non_null(strstr(world->last.failure.text, "admission control: 0 of the last"));
done:
    world_close(world);
}

/* What a limit of ours refuses is no failure of the server. */
static void admission_does_not_feed_on_refusals(void **state)
{
    struct test_world *world = world_open(ONE POOL("http: {http2MaxRequests: 1}") ADMISSION, NULL);
    struct world_call calls[MANY];

    (void)state;
    for (int i = 0; i < 20; i++) {
        start_all(world, calls, MANY);
        assert_int_equal(finish_all(calls, MANY), MANY - 1);
    }
    assert_true(world_metric(world, SHED("admission_control")) == 0);
    world_close(world);
}

/* --- adaptive throttling --- */

static void throttling_sends_about_twice_what_is_taken_on(void **state)
{
    struct test_world *world = world_open(ONE THROTTLING, NULL);
    unsigned requests;

    (void)state;
    assert_int_equal(refused_of(world, 100), 0);
    world_answer(world, FIRST, .status = 503);
    (void)refused_of(world, 10000);
    requests = world_requests(world, FIRST);
    /* A hundred were taken on, so a hundred more are sent; then 200 / n: 200 * ln(10100 / 200). */
    assert_in_range(requests, 900, 1100);
    assert_true(world_metric(world, SHED("adaptive_throttling")) == 10100 - requests);
    assert_string_equal(world->last.failure.layer, "throttling");
    world_answer(world, FIRST, .status = 200);
    world_advance(world, 120 * NS_PER_S);
    assert_int_equal(refused_of(world, 100), 0);
    world_close(world);
}

static void every_try_counts_for_throttling(void **state)
{
    struct test_world *world = world_open(REVIEWS RETRIES("attempts: 2, retryOn: 5xx")
                                              TRAFFIC_POLICY("  retryBudget: {percent: 100}\n"
                                                             "  adaptiveThrottling: {}\n"),
                                          NULL);

    (void)state;
    SAY_ALL(world, .status = 503);
    (void)refused_of(world, 2000);
    assert_true(world_requests(world, NULL) < 100);
    assert_true(world_metric(world, SHED("adaptive_throttling")) > 1500);
    world_close(world);
}

static void an_answer_that_is_an_error_is_taken_on(void **state)
{
    struct test_world *world = world_open(ONE THROTTLING, NULL);

    (void)state;
    world_answer(world, FIRST, .status = 500);
    assert_int_equal(refused_of(world, 500), 0);
    world_close(world);
}

static void who_does_not_ask_has_none_of_them(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call calls[MANY];

    (void)state;
    world_answer(world, FIRST, .status = 503);
    start_all(world, calls, MANY);
    assert_int_equal(finish_all(calls, MANY), 0);
    assert_int_equal(refused_of(world, 500), 0);
    SEND(world, .method = "GET");
    assert_null(strstr(world->last.story, "adaptive"));
    world_close(world);
}

TEST_MAIN(TEST_OOM(what_is_over_the_limit_is_refused_at_once_and_by_name),
          cmocka_unit_test(the_limit_grows_while_answers_come_as_fast_as_ever),
          cmocka_unit_test(the_limit_falls_when_answers_are_late),
          cmocka_unit_test(once_a_minute_it_measures_anew),
          cmocka_unit_test(failures_measure_nothing),
          cmocka_unit_test(a_call_counts_once_whatever_its_attempts_are),
          cmocka_unit_test(admission_sheds_by_the_success_rate_and_lets_some_in),
          TEST_OOM(what_admission_refuses_has_its_name),
          cmocka_unit_test(admission_does_not_feed_on_refusals),
          cmocka_unit_test(throttling_sends_about_twice_what_is_taken_on),
          cmocka_unit_test(every_try_counts_for_throttling),
          cmocka_unit_test(an_answer_that_is_an_error_is_taken_on),
          cmocka_unit_test(who_does_not_ask_has_none_of_them))
