/* SPDX-License-Identifier: Apache-2.0 */

/* Deadlines travel: what is left goes out with each attempt, and what is left of
 * a request that is served bounds what is done for it. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define LEFT(ms) "x-envoy-expected-rq-timeout-ms: " #ms "\n"

static const struct tulle_header grpc = { "content-type", "application/grpc" };

static bool was_told(const struct test_world *world, size_t index, const char *line)
{
    return strstr(world_request(world, index)->headers, line) != NULL;
}

static struct test_world *quiet_world(const char *yaml)
{
    return world_open(yaml,
                      &(struct tulle_options){ TULLE_OPTIONS_INIT, .trace = TULLE_TRACE_OFF });
}

static void the_default_deadline_is_nobodys_wish(void **state)
{
    struct test_world *world = quiet_world(ONE);

    (void)state;
    CHECK_OR_DONE(world);
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_string_equal(world_request(world, 0)->headers, "x-envoy-attempt-count: 1\n");
done:
    world_close(world);
}

static void the_deadline_of_a_call_is_told(void **state)
{
    struct test_world *world = quiet_world(ONE);

    (void)state;
    CHECK_OR_DONE(world);
    SEND(world, .deadline_ns = TULLE_MS(300));
    CHECK_OK(world->last.error);
    assert_string_equal(world_request(world, 0)->headers, "x-envoy-attempt-count: 1\n" LEFT(300));
    SEND(world, .deadline_ns = TULLE_NONE);
    CHECK_OK(world->last.error);
    assert_string_equal(world_request(world, 1)->headers, "x-envoy-attempt-count: 1\n");
done:
    world_close(world);
}

static void and_that_of_the_mesh_where_the_app_set_one(void **state)
{
    struct test_world *world =
        world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .deadline_ns = TULLE_S(2) });

    (void)state;
    world_get(world, URL);
    assert_true(was_told(world, 0, LEFT(2000)));
    world_close(world);
}

static void a_grpc_call_tells_it_as_grpc_does(void **state)
{
    struct test_world *world = quiet_world(ONE);

    (void)state;
    CHECK_OR_DONE(world);
    SEND(world, .method = "POST", .headers = &grpc, .header_count = 1,
         .deadline_ns = TULLE_MS(300));
    CHECK_OK(world->last.error);
    assert_string_equal(world_request(world, 0)->headers,
                        "content-type: application/grpc\n"
                        "x-envoy-attempt-count: 1\n" LEFT(300) "grpc-timeout: 300000u\n");
done:
    world_close(world);
}

/* As Envoy's router: the per-try timeout, or what is left of the route's. */
static void each_attempt_tells_the_timeout_that_applies_to_it(void **state)
{
    struct test_world *world = quiet_world(
        ONE ROUTE(TO_REVIEWS "    timeout: 1s\n"
                             "    retries: {attempts: 3, perTryTimeout: 0.4s, backoff: 1ms, "
                             "retryOn: reset}\n"));

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.attempts, 3);
    assert_string_equal(world_request(world, 0)->headers, "x-envoy-attempt-count: 1\n" LEFT(400));
    assert_string_equal(world_request(world, 1)->headers, "x-envoy-attempt-count: 2\n" LEFT(400));
    assert_true(was_told(world, 2, "x-envoy-attempt-count: 3\nx-envoy-expected-rq-timeout-ms: 19"));
done:
    world_close(world);
}

static void what_the_app_says_itself_stands(void **state)
{
    static const struct tulle_header own[] = { { "Content-Type", "application/grpc+proto" },
                                               { "Grpc-Timeout", "1H" },
                                               { "X-Envoy-Expected-Rq-Timeout-Ms", "7" },
                                               { "X-Envoy-Attempt-Count", "9" } };
    struct test_world *world = quiet_world(ONE);

    (void)state;
    SEND(world, .method = "POST", .headers = own, .header_count = 4, .deadline_ns = TULLE_MS(300));
    assert_int_equal(world->last.error, TULLE_OK);
    assert_string_equal(world_request(world, 0)->headers,
                        "Content-Type: application/grpc+proto\nGrpc-Timeout: 1H\n"
                        "X-Envoy-Expected-Rq-Timeout-Ms: 7\nX-Envoy-Attempt-Count: 9\n");
    world_close(world);
}

static void the_count_of_attempts_can_be_left_out(void **state)
{
    struct test_world *world =
        quiet_world(ONE TRAFFIC_POLICY("  retry: {includeAttemptCount: false}\n"));

    (void)state;
    world_get(world, URL);
    assert_string_equal(world_request(world, 0)->headers, "");
    world_close(world);
}

static void strangers_hear_only_what_grpc_says(void **state)
{
    struct test_world *world = quiet_world(ONE);

    (void)state;
    world_send(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://10.9.9.9:8080/",
                                               .deadline_ns = TULLE_S(1) });
    assert_string_equal(world_request(world, 0)->headers, "");
    world_send(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://10.9.9.9:8080/",
                                               .headers = &grpc, .header_count = 1,
                                               .deadline_ns = TULLE_S(1) });
    assert_string_equal(world_request(world, 1)->headers,
                        "content-type: application/grpc\ngrpc-timeout: 1000000u\n");
    world_close(world);
}

static void many_attempts_are_counted_right(void **state)
{
    struct test_world *world = quiet_world(ONE RETRIES("attempts: 11, retryOn: reset")
                                               BUDGET("percent: 100, minRetriesPerSecond: 10000"));
    char wanted[64];

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 12);
    for (unsigned i = 0; i < 12; i++) {
        snprintf(wanted, sizeof(wanted), "x-envoy-attempt-count: %u\n", i + 1);
        assert_string_equal(world_request(world, i)->headers, wanted);
    }
    world_close(world);
}

/* --- what is served --- */

static void what_is_left_of_a_served_request_bounds_every_call(void **state)
{
    static const struct tulle_header inbound[] = { { "grpc-timeout", "500m" },
                                                   { "x-envoy-expected-rq-timeout-ms", "300" } };
    struct test_world *world = quiet_world(ONE);
    struct tulle_context *context = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .delay_ns = 100 * NS_PER_MS);
    CHECK_OK(tulle_context_new(inbound, 2, &context));
    SEND(world, .context = context);
    CHECK_OK(world->last.error);
    SEND(world, .context = context, .deadline_ns = TULLE_NONE);
    CHECK_OK(world->last.error);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    SEND(world, .context = context, .deadline_ns = TULLE_S(10));
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.ended_at - world->last.started_at, 100 * NS_PER_MS);
    assert_string_equal(world->flags, "DT");
    assert_true(was_told(world, 0, LEFT(300)));
    assert_true(was_told(world, 1, LEFT(200)));
    assert_true(was_told(world, 2, LEFT(100)));
done:
    tulle_context_free(context);
    world_close(world);
}

static void when_nothing_is_left_nothing_is_sent(void **state)
{
    static const struct tulle_header inbound = { "grpc-timeout", "5m" };
    struct test_world *world = quiet_world(ONE);
    struct tulle_context *context = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(&inbound, 1, &context));
    SEND(world, .context = context);
    CHECK_OK(world->last.error);
    world_advance(world, 4 * NS_PER_MS);
    SEND(world, .context = context);
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.attempts, 0);
    assert_int_equal(world->last.status, 504);
    assert_int_equal(world->last.failure.progress, TULLE_NOTHING_SENT);
    assert_string_equal(world->last.failure.layer, "deadline");
    assert_int_equal(world_requests(world, FIRST), 1);
done:
    tulle_context_free(context);
    world_close(world);
}

static void a_shorter_deadline_of_the_call_stands(void **state)
{
    static const struct tulle_header inbound = { "x-envoy-expected-rq-timeout-ms", "300" };
    struct test_world *world = quiet_world(ONE);
    struct tulle_context *context, *before;

    (void)state;
    assert_int_equal(tulle_context_new(&inbound, 1, &context), TULLE_OK);
    before = tulle_scope_enter(context);
    SEND(world, .deadline_ns = TULLE_MS(50));
    tulle_scope_enter(before);
    assert_true(was_told(world, 0, LEFT(50)));
    tulle_context_free(context);
    world_close(world);
}

static void a_malformed_inbound_deadline_is_none(void **state)
{
    static const struct tulle_header inbound[] = { { "x-envoy-expected-rq-timeout-ms", "0" },
                                                   { "grpc-timeout", "300" } };
    struct test_world *world = quiet_world(ONE);
    struct tulle_context *context;

    (void)state;
    assert_int_equal(tulle_context_new(inbound, 2, &context), TULLE_OK);
    SEND(world, .context = context);
    assert_string_equal(world_request(world, 0)->headers, "x-envoy-attempt-count: 1\n");
    tulle_context_free(context);
    world_close(world);
}

TEST_MAIN(TEST_OOM(the_default_deadline_is_nobodys_wish), TEST_OOM(the_deadline_of_a_call_is_told),
          cmocka_unit_test(and_that_of_the_mesh_where_the_app_set_one),
          TEST_OOM(a_grpc_call_tells_it_as_grpc_does),
          TEST_OOM(each_attempt_tells_the_timeout_that_applies_to_it),
          cmocka_unit_test(what_the_app_says_itself_stands),
          cmocka_unit_test(the_count_of_attempts_can_be_left_out),
          cmocka_unit_test(strangers_hear_only_what_grpc_says),
          cmocka_unit_test(many_attempts_are_counted_right),
          TEST_OOM(what_is_left_of_a_served_request_bounds_every_call),
          TEST_OOM(when_nothing_is_left_nothing_is_sent),
          cmocka_unit_test(a_shorter_deadline_of_the_call_stands),
          cmocka_unit_test(a_malformed_inbound_deadline_is_none))
