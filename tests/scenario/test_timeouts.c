/* SPDX-License-Identifier: Apache-2.0 */

/* The app's deadline, the route's timeout, the timeout of a try: which of them
 * cuts what, when, and what is told of it. */

#include "harness/world.h"
#include "scenario/reviews.h"

static int64_t length_of(const struct test_world *world)
{
    return world->last.ended_at - world->last.started_at;
}

static void the_deadline_is_30_s_where_nobody_says_anything(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_E_TIMEOUT);
    assert_int_equal(length_of(world), 30 * NS_PER_S);
    assert_int_equal(world->last.status, 504);
    assert_int_equal(world->last.attempts, 1);
    assert_string_equal(world->last.failure.flags, "DT");
    assert_string_equal(world->last.failure.layer, "deadline");
    assert_string_equal(world->last.failure.endpoint, FIRST);
    assert_string_equal(world->last.failure.cluster,
                        "outbound|80||reviews.default.svc.cluster.local");
    assert_string_equal(world->last.failure.text,
                        "the deadline of 30.000 s was over while waiting for " FIRST);
    assert_int_equal(world->last.failure.progress, TULLE_PERHAPS_EXECUTED);
    CHECK(world_metric(world, "istio_requests_total{response_code=\"504\"}") == 1);
done:
    world_close(world);
}

static void the_mesh_and_the_call_may_say_another(void **state)
{
    struct test_world *world =
        world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .deadline_ns = TULLE_S(3) });

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    assert_int_equal(length_of(world), 3 * NS_PER_S);
    SEND(world, .method = "GET", .deadline_ns = TULLE_MS(20));
    assert_int_equal(length_of(world), 20 * NS_PER_MS);
    assert_string_equal(world->last.failure.flags, "DT");
    world_close(world);
}

static void without_a_deadline_a_call_waits_as_long_as_it_takes(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .delay_ns = 3000 * NS_PER_S);
    SEND(world, .method = "GET", .deadline_ns = TULLE_NONE);
    assert_int_equal(world->last.status, 200);
    assert_int_equal(length_of(world), 3000 * NS_PER_S);
    world_close(world);
}

static void a_mesh_may_have_none_either(void **state)
{
    struct test_world *world =
        world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .deadline_ns = TULLE_NONE });

    (void)state;
    world_answer(world, FIRST, .delay_ns = 3000 * NS_PER_S);
    world_get(world, URL);
    assert_int_equal(world->last.status, 200);
    world_close(world);
}

static void of_deadline_and_routes_timeout_the_shorter_cuts(void **state)
{
    struct test_world *world = world_open(ONE TIMEOUT("1s"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    assert_int_equal(length_of(world), NS_PER_S);
    assert_string_equal(world->last.failure.flags, "UT");
    assert_string_equal(world->last.failure.layer, "timeout");
    SEND(world, .method = "GET", .deadline_ns = TULLE_MS(200));
    assert_int_equal(length_of(world), 200 * NS_PER_MS);
    assert_string_equal(world->last.failure.flags, "DT");
    assert_string_equal(world->last.failure.layer, "deadline");
    SEND(world, .method = "GET", .deadline_ns = TULLE_NONE);
    assert_int_equal(length_of(world), NS_PER_S);
    assert_true(world_metric(world, "tulle_timeouts_total{" CLUSTER ",kind=\"route\"}") == 2);
    world_close(world);
}

/* Both are due at the same instant: who is nearer to the app speaks. */
static void of_equals_the_deadline_does(void **state)
{
    struct test_world *world = world_open(ONE TIMEOUT("1s"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    SEND(world, .method = "GET", .deadline_ns = TULLE_S(1));
    assert_string_equal(world->last.failure.layer, "deadline");
    assert_string_equal(world->last.failure.flags, "DT");
    world_close(world);
}

static void the_routes_timeout_spans_all_tries(void **state)
{
    struct test_world *world =
        world_open(ONE ROUTE(TO_REVIEWS "    timeout: 1s\n"
                                        "    retries: {attempts: 9, perTryTimeout: 0.3s, "
                                        "retryOn: reset}\n"),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    assert_int_equal(length_of(world), NS_PER_S);
    assert_string_equal(world->last.failure.layer, "timeout");
    assert_in_range(world->last.attempts, 3, 4);
    world_close(world);
}

static void the_deadline_cuts_a_call_that_waits_for_a_connection(void **state)
{
    struct test_world *world = world_open(ONE POOL("tcp: {maxConnections: 1}"), NULL);
    struct world_call first = { 0 }, second = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    CHECK_OR_DONE(world_start_get(world, URL, &first));
    world_run(world);
    CHECK_OR_DONE(!first.result.done);
    CHECK_OR_DONE(START(world, &second, .method = "GET", .deadline_ns = TULLE_MS(50)));
    world_finish(&second);
    CHECK_OR_DONE(second.result.error == TULLE_E_TIMEOUT);
    assert_int_equal(second.result.ended_at - second.result.started_at, 50 * NS_PER_MS);
    assert_int_equal(second.result.attempts, 0);
    assert_int_equal(second.result.failure.progress, TULLE_NOTHING_SENT);
    assert_string_equal(second.result.failure.endpoint, "");
    assert_string_equal(second.result.failure.text,
                        "the deadline of 0.050 s was over before anything was sent");
    CHECK(world_metric(world, "tulle_pending{" CLUSTER "}") == 0);
done:
    world_call_free(&first);
    world_call_free(&second);
    world_close(world);
}

/* There is no use in waiting for what cannot be. */
static void a_backoff_beyond_the_routes_timeout_is_not_begun(void **state)
{
    struct test_world *world =
        world_open(ONE ROUTE(TO_REVIEWS "    timeout: 1s\n"
                                        "    retries: {attempts: 1, backoff: 1000s, "
                                        "retryOn: reset}\n"),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    SEND(world, .method = "GET", .deadline_ns = TULLE_NONE);
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    assert_non_null(strstr(world->last.story, "no retry: no time is left"));
    assert_int_equal(length_of(world), NS_PER_MS);
    assert_int_equal(world->last.attempts, 1);
    assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 0);
    world_close(world);
}

static void the_deadline_cuts_a_body_that_drips(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .body_size = 1000, .chunk_size = 1, .chunk_ns = NS_PER_S);
    SEND(world, .method = "GET", .deadline_ns = TULLE_S(10));
    CHECK_OR_DONE(world->last.error == TULLE_E_TIMEOUT);
    assert_int_equal(length_of(world), 10 * NS_PER_S);
    assert_int_equal(world->last.failure.progress, TULLE_ANSWERED);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
done:
    world_close(world);
}

static void a_connection_that_never_comes_about_is_given_up(void **state)
{
    struct test_world *world =
        world_open(ONE POOL("tcp: {connectTimeout: 2s}") RETRIES("attempts: 0"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_CONNECT_HANG);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    assert_int_equal(length_of(world), 2 * NS_PER_S);
    assert_int_equal(world->last.failure.progress, TULLE_NOTHING_SENT);
    assert_string_equal(world->last.failure.flags, "UF");
    assert_string_equal(world->last.failure.layer, "transport");
    world_close(world);
}

static void an_endpoint_that_hangs_is_ejected_for_it(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("consecutive5xxErrors: 3, maxEjectionPercent: 100"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(world_gate(world, FIRST), "ready");
        SEND(world, .method = "GET", .deadline_ns = TULLE_MS(100));
        assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    }
    assert_string_equal(world_gate(world, FIRST), "ejected");
    world_close(world);
}

static void a_call_that_the_app_gives_up_is_no_failure_of_the_endpoint(void **state)
{
    struct test_world *world =
        world_open(ONE OUTLIER("consecutive5xxErrors: 1, maxEjectionPercent: 100"), NULL);
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    assert_true(world_start_get(world, URL, &call));
    world_advance(world, NS_PER_S);
    tulle_call_cancel(call.call);
    world_finish(&call);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_call_free(&call);
    world_close(world);
}

static void past_the_mesh_only_the_deadline_holds(void **state)
{
    struct test_world *world = world_open(ONE TIMEOUT("1s"), NULL);

    (void)state;
    world_answer(world, "outside.test:80", .kind = SCRIPT_HANG);
    world_get(world, "http://outside.test/");
    assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    assert_int_equal(length_of(world), 30 * NS_PER_S);
    assert_string_equal(world->last.failure.flags, "DT");
    world_close(world);
}

TEST_MAIN(TEST_OOM(the_deadline_is_30_s_where_nobody_says_anything),
          cmocka_unit_test(the_mesh_and_the_call_may_say_another),
          cmocka_unit_test(without_a_deadline_a_call_waits_as_long_as_it_takes),
          cmocka_unit_test(a_mesh_may_have_none_either),
          cmocka_unit_test(of_deadline_and_routes_timeout_the_shorter_cuts),
          cmocka_unit_test(of_equals_the_deadline_does),
          cmocka_unit_test(the_routes_timeout_spans_all_tries),
          TEST_OOM(the_deadline_cuts_a_call_that_waits_for_a_connection),
          cmocka_unit_test(a_backoff_beyond_the_routes_timeout_is_not_begun),
          TEST_OOM(the_deadline_cuts_a_body_that_drips),
          cmocka_unit_test(a_connection_that_never_comes_about_is_given_up),
          cmocka_unit_test(an_endpoint_that_hangs_is_ejected_for_it),
          cmocka_unit_test(a_call_that_the_app_gives_up_is_no_failure_of_the_endpoint),
          cmocka_unit_test(past_the_mesh_only_the_deadline_holds))
