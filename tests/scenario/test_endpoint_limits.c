/* SPDX-License-Identifier: Apache-2.0 */

/* What one endpoint may have at once: the pick passes over who is full, and where
 * all are, calls wait. */

#include <stdio.h>

#include "harness/world.h"
#include "scenario/reviews.h"

#define REQUESTS(n) TRAFFIC_POLICY("  limits: {perEndpointRequests: " #n "}\n")
#define ONE_LOOP                                                                                   \
    &(struct tulle_options)                                                                        \
    {                                                                                              \
        TULLE_OPTIONS_INIT, .loops = 1                                                             \
    }
#define TWO_LOOPS                                                                                  \
    &(struct tulle_options)                                                                        \
    {                                                                                              \
        TULLE_OPTIONS_INIT, .loops = 2                                                             \
    }
#define CONNECTIONS(n) TRAFFIC_POLICY("  limits: {perEndpointConnections: " #n "}\n")
#define TWO            SERVICE(HTTP_80, "{address: 10.0.0.1}, {address: 10.0.0.2}")

enum { MANY = 30 };

static const char *const balancers[] = { "{simple: LEAST_REQUEST}", "{simple: ROUND_ROBIN}",
                                         "{simple: RANDOM}",
                                         "{consistentHash: {httpHeaderName: x-user}}",
                                         "{consistentHash: {httpHeaderName: x-user, maglev: {}}}" };

static void start_all(struct test_world *world, struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
}

static void finish_all(struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.status, 200);
        world_call_free(&calls[i]);
    }
}

static void no_endpoint_has_more_than_it_may_and_none_less_whatever_chooses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(balancers); i++) {
        struct test_world *world;
        struct world_call calls[MANY];
        char yaml[2048];

        snprintf(yaml, sizeof(yaml), "%s%s  trafficPolicy: {loadBalancer: %s}\n%s", REVIEWS,
                 RULE(""), balancers[i], REQUESTS(4));
        world = world_open(yaml, TWO_LOOPS);
        SAY_ALL(world, .delay_ns = 10 * NS_PER_MS);
        start_all(world, calls, MANY);
        world_run(world);
        assert_int_equal(world_endpoint(world, FIRST)->active, 4);
        assert_int_equal(world_endpoint(world, SECOND)->active, 4);
        assert_int_equal(world_endpoint(world, THIRD)->active, 4);
        assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == MANY - 12);
        finish_all(calls, MANY);
        assert_int_equal(world_endpoint(world, FIRST)->most_active, 4);
        assert_int_equal(world_endpoint(world, SECOND)->most_active, 4);
        assert_int_equal(world_endpoint(world, THIRD)->most_active, 4);
        assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == 0);
        world_close(world);
    }
}

static void who_waits_for_a_place_is_served_in_the_order_of_coming(void **state)
{
    struct test_world *world = world_open(ONE REQUESTS(1), ONE_LOOP);
    struct world_call calls[10] = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        CHECK_OR_DONE(START(world, &calls[i], .method = "GET"));
    }
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        CHECK_OK(calls[i].result.error);
        CHECK(calls[i].result.ended_at - calls[i].result.started_at ==
              ((int64_t)i + 1) * NS_PER_MS);
    }
    CHECK(strstr(calls[1].result.story, "waits: every endpoint has the 1 attempts that it may"));
done:
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_call_free(&calls[i]);
    }
    world_close(world);
}

static void the_line_is_bounded_and_refuses_by_name(void **state)
{
    struct test_world *world =
        world_open(TWO POOL("http: {http1MaxPendingRequests: 2}") REQUESTS(1), ONE_LOOP);
    struct world_call calls[5];

    (void)state;
    start_all(world, calls, 5);
    world_run(world);
    assert_true(calls[4].result.done);
    assert_int_equal(calls[4].result.error, TULLE_E_LIMIT);
    assert_string_equal(calls[4].result.failure.layer, "pick");
    assert_string_equal(calls[4].result.failure.flags, "UO");
    assert_string_equal(calls[4].result.failure.text,
                        "every endpoint is full, and http1MaxPendingRequests of 2 wait already");
    world_call_free(&calls[4]);
    finish_all(calls, 4);
    world_close(world);
}

static void who_gives_up_leaves_the_line(void **state)
{
    struct test_world *world = world_open(ONE REQUESTS(1), NULL);
    struct world_call calls[3];

    (void)state;
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    assert_true(world_start_get(world, URL, &calls[0]));
    assert_true(START(world, &calls[1], .method = "GET", .deadline_ns = TULLE_MS(100)));
    assert_true(world_start_get(world, URL, &calls[2]));
    world_finish(&calls[1]);
    assert_int_equal(calls[1].result.error, TULLE_E_TIMEOUT);
    assert_int_equal(calls[1].result.attempts, 0);
    world_call_free(&calls[1]);
    assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == 1);
    world_call_free(&calls[0]); /* cancelled: its place is free */
    world_finish(&calls[2]);
    assert_int_equal(calls[2].result.status, 200);
    world_call_free(&calls[2]);
    world_close(world);
}

static void a_retry_goes_where_there_is_a_place(void **state)
{
    struct test_world *world =
        world_open(TWO RETRIES("attempts: 1, retryOn: 5xx") REQUESTS(1), NULL);
    struct world_call calls[2];

    (void)state;
    world_answer(world, FIRST, .status = 503, .delay_ns = NS_PER_MS);
    world_answer(world, SECOND, .delay_ns = NS_PER_S);
    start_all(world, calls, 2);
    world_run(world);
    assert_int_equal(world_endpoint(world, FIRST)->active, 1);
    assert_int_equal(world_endpoint(world, SECOND)->active, 1);
    for (size_t i = 0; i < 2; i++) {
        world_finish(&calls[i]);
        world_call_free(&calls[i]);
    }
    assert_int_equal(world_endpoint(world, FIRST)->most_active, 1);
    assert_int_equal(world_endpoint(world, SECOND)->most_active, 1);
    world_close(world);
}

static void over_http1_connections_of_an_endpoint_bound_its_requests(void **state)
{
    struct test_world *world = world_open(REVIEWS CONNECTIONS(2), ONE_LOOP);
    struct world_call calls[MANY];

    (void)state;
    SAY_ALL(world, .delay_ns = 10 * NS_PER_MS);
    for (int round = 0; round < 5; round++) {
        start_all(world, calls, MANY);
        finish_all(calls, MANY);
    }
    assert_int_equal(world_endpoint(world, FIRST)->most_open, 2);
    assert_int_equal(world_endpoint(world, SECOND)->most_open, 2);
    assert_int_equal(world_endpoint(world, THIRD)->most_open, 2);
    world_close(world);
}

/* Else a call might wait on one loop for what the other keeps. */
static void each_loop_may_have_one_connection_and_no_more_are_over_the_limit(void **state)
{
    struct test_world *world = world_open(ONE CONNECTIONS(2), TWO_LOOPS);
    struct world_call calls[MANY];

    (void)state;
    world_answer(world, FIRST, .delay_ns = 10 * NS_PER_MS);
    for (int round = 0; round < 5; round++) {
        start_all(world, calls, MANY);
        finish_all(calls, MANY);
    }
    assert_in_range(world_endpoint(world, FIRST)->most_open, 2, 3);
    assert_int_equal(world_endpoint(world, FIRST)->most_active, 2);
    world_close(world);
}

static void over_http2_one_connection_carries_all(void **state)
{
    struct test_world *world = world_open(
        SERVICE("{number: 80, name: http2, protocol: HTTP2}", "{address: 10.0.0.1}") CONNECTIONS(1),
        ONE_LOOP);
    struct world_call calls[MANY];

    (void)state;
    start_all(world, calls, MANY);
    finish_all(calls, MANY);
    assert_int_equal(world_endpoint(world, FIRST)->most_active, MANY);
    assert_int_equal(world_endpoint(world, FIRST)->most_open, 1);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(no_endpoint_has_more_than_it_may_and_none_less_whatever_chooses),
          TEST_OOM(who_waits_for_a_place_is_served_in_the_order_of_coming),
          cmocka_unit_test(the_line_is_bounded_and_refuses_by_name),
          cmocka_unit_test(who_gives_up_leaves_the_line),
          cmocka_unit_test(a_retry_goes_where_there_is_a_place),
          cmocka_unit_test(over_http1_connections_of_an_endpoint_bound_its_requests),
          cmocka_unit_test(each_loop_may_have_one_connection_and_no_more_are_over_the_limit),
          cmocka_unit_test(over_http2_one_connection_carries_all))
