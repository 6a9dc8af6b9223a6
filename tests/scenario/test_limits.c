/* SPDX-License-Identifier: Apache-2.0 */

/* connectionPool: what is taken, what waits, what is refused and by which name. */

#include "harness/world.h"
#include "scenario/reviews.h"

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
#define FOUR_AND_EIGHT POOL("tcp: {maxConnections: 4}, http: {http1MaxPendingRequests: 8}")

static void start_all(struct test_world *world, struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
}

static void free_all(struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        world_call_free(&calls[i]);
    }
}

static void twelve_of_a_hundred_are_taken_and_the_rest_refused_by_name(void **state)
{
    struct test_world *world = world_open(REVIEWS FOUR_AND_EIGHT, NULL);
    struct world_call calls[100];
    unsigned taken = 0, refused = 0;

    (void)state;
    SAY_ALL(world, .delay_ns = 100 * NS_PER_MS);
    start_all(world, calls, COUNT_OF(calls));
    world_run(world);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        const struct world_result *result = &calls[i].result;

        if (!result->done) {
            taken++;
            continue;
        }
        refused++;
        assert_int_equal(result->error, TULLE_E_LIMIT);
        assert_int_equal(result->status, 503);
        assert_int_equal(result->attempts, 0);
        assert_string_equal(result->failure.flags, "UO");
        assert_string_equal(result->failure.layer, "admit");
        assert_string_equal(result->failure.text, "http1MaxPendingRequests of 8 is reached");
        assert_int_equal(result->failure.progress, TULLE_NOTHING_SENT);
    }
    assert_int_equal(taken, 12);
    assert_int_equal(refused, 88);
    assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == 8);
    assert_true(world_metric(world, "tulle_overflow_total{" CLUSTER ",limit=\"pending\"}") == 88);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_true(calls[i].result.error == TULLE_OK || calls[i].result.error == TULLE_E_LIMIT);
    }
    assert_int_equal(world->script.most_open, 4);
    assert_int_equal(world_requests(world, NULL), 12);
    free_all(calls, COUNT_OF(calls));
    world_close(world);
}

static void there_is_never_a_fifth_connection_over_two_loops(void **state)
{
    struct test_world *world = world_open(REVIEWS POOL("tcp: {maxConnections: 4}"), TWO_LOOPS);
    struct world_call calls[60];

    (void)state;
    for (int round = 0; round < 20; round++) {
        start_all(world, calls, COUNT_OF(calls));
        for (size_t i = 0; i < COUNT_OF(calls); i++) {
            world_finish(&calls[i]);
            assert_int_equal(calls[i].result.status, 200);
        }
        free_all(calls, COUNT_OF(calls));
    }
    assert_int_equal(world->script.most_open, 4);
    world_close(world);
}

static void who_waits_is_served_in_the_order_of_coming(void **state)
{
    struct test_world *world = world_open(ONE POOL("tcp: {maxConnections: 1}"), ONE_LOOP);
    struct world_call calls[20];

    (void)state;
    start_all(world, calls, COUNT_OF(calls));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.ended_at - calls[i].result.started_at,
                         ((int64_t)i + 1) * NS_PER_MS);
    }
    assert_int_equal(world_endpoint(world, FIRST)->opened, 1);
    assert_true(world_metric(world, "tulle_held_total{" CLUSTER "}") == 19);
    free_all(calls, COUNT_OF(calls));
    world_close(world);
}

/* The room is taken by an idle connection to another endpoint, or of another loop. */
static void an_idle_connection_makes_room_for_one_that_is_needed(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE("  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, "
                                "connectionPool: {tcp: {maxConnections: 1}}}\n"),
                   TWO_LOOPS);
    struct world_call calls[2];

    (void)state;
    for (int i = 0; i < 12; i++) {
        start_all(world, calls, 2);
        world_finish(&calls[0]);
        world_finish(&calls[1]);
        assert_int_equal(calls[0].result.status, 200);
        assert_int_equal(calls[1].result.status, 200);
        free_all(calls, 2);
    }
    assert_int_equal(world->script.most_open, 1);
    assert_true(world_metric(world, "tulle_connections{" CLUSTER "}") == 1);
    assert_true(world_requests(world, FIRST) > 0 && world_requests(world, SECOND) > 0 &&
                world_requests(world, THIRD) > 0);
    world_close(world);
}

static void requests_are_bounded_at_once_and_by_name(void **state)
{
    struct test_world *world = world_open(REVIEWS POOL("http: {http2MaxRequests: 3}"), ONE_LOOP);
    struct world_call calls[5];

    (void)state;
    start_all(world, calls, COUNT_OF(calls));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
    }
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_int_equal(calls[i].result.error, i < 3 ? TULLE_OK : TULLE_E_LIMIT);
    }
    assert_string_equal(calls[4].result.failure.text, "http2MaxRequests of 3 is reached");
    assert_string_equal(calls[4].result.failure.flags, "UO");
    assert_true(world_metric(world, "tulle_overflow_total{" CLUSTER ",limit=\"requests\"}") == 2);
    free_all(calls, COUNT_OF(calls));
    world_get(world, URL);
    assert_int_equal(world->last.status, 200);
    world_close(world);
}

/* One who waited for a connection may meet the other limit when his turn comes. */
static void both_limits_hold_for_one_who_waited(void **state)
{
    struct test_world *world =
        world_open(ONE POOL("tcp: {maxConnections: 2}, http: {http2MaxRequests: 1}"), ONE_LOOP);
    struct world_call calls[3];

    (void)state;
    start_all(world, calls, COUNT_OF(calls));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
    }
    assert_int_equal(calls[0].result.error, TULLE_OK);
    assert_int_equal(calls[1].result.error, TULLE_E_LIMIT);
    assert_true(world_metric(world, "tulle_requests_in_flight{" CLUSTER "}") == 0);
    free_all(calls, COUNT_OF(calls));
    world_get(world, URL);
    assert_int_equal(world->last.status, 200);
    world_close(world);
}

static void over_http2_calls_share_a_connection(void **state)
{
    struct test_world *world =
        world_open(SERVICE("{number: 80, name: http2, protocol: HTTP2}", "{address: 10.0.0.1}")
                       POOL("tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}"),
                   ONE_LOOP);
    struct world_call calls[50];

    (void)state;
    start_all(world, calls, COUNT_OF(calls));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.status, 200);
    }
    assert_int_equal(world_endpoint(world, FIRST)->most_active, 50);
    assert_int_equal(world_endpoint(world, FIRST)->most_open, 1);
    free_all(calls, COUNT_OF(calls));
    world_close(world);
}

static void limits_count_for_each_cluster(void **state)
{
    struct test_world *world =
        world_open(SERVICE(HTTP_80 ", {number: 81, name: http-b, protocol: HTTP}",
                           "{address: 10.0.0.1}") POOL("http: {http2MaxRequests: 1}"),
                   ONE_LOOP);
    struct world_call calls[3];

    (void)state;
    assert_true(world_start_get(world, "http://reviews/", &calls[0]));
    assert_true(world_start_get(world, "http://reviews:81/", &calls[1]));
    assert_true(world_start_get(world, "http://reviews:81/", &calls[2]));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
    }
    assert_int_equal(calls[0].result.error, TULLE_OK);
    assert_int_equal(calls[1].result.error, TULLE_OK);
    assert_int_equal(calls[2].result.error, TULLE_E_LIMIT);
    free_all(calls, COUNT_OF(calls));
    world_close(world);
}

#define NO_ENDPOINT SERVICE(HTTP_80, "")

static void a_call_to_a_service_without_endpoints_waits(void **state)
{
    struct test_world *world =
        world_open(NO_ENDPOINT POOL("http: {http1MaxPendingRequests: 2}"), ONE_LOOP);
    struct world_call calls[3] = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    for (size_t i = 0; i < 3; i++) {
        CHECK_OR_DONE(START(world, &calls[i], .method = "GET", .deadline_ns = TULLE_S(5)));
    }
    world_run(world);
    CHECK_OR_DONE(calls[2].result.done && calls[2].result.error == TULLE_E_LIMIT);
    assert_string_equal(calls[2].result.failure.text,
                        "http1MaxPendingRequests of 2 wait for an endpoint already");
    assert_string_equal(calls[2].result.failure.flags, "UO");
    CHECK(world_metric(world, "tulle_pending{" CLUSTER "}") == 2);
    world_finish(&calls[0]);
    CHECK_OR_DONE(calls[0].result.error == TULLE_E_TIMEOUT);
    assert_int_equal(calls[0].result.ended_at - calls[0].result.started_at, 5 * NS_PER_S);
    CHECK(world_metric(world, "tulle_held_total{" CLUSTER "}") == 2);
done:
    free_all(calls, 3);
    world_close(world);
}

static void connections_may_go_with_their_answer(void **state)
{
    struct test_world *world = world_open(ONE POOL("tcp: {maxConnections: 2}"), NULL);
    struct world_call calls[10];

    (void)state;
    world_answer(world, FIRST, .close = true);
    start_all(world, calls, COUNT_OF(calls));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.status, 200);
    }
    assert_int_equal(world_endpoint(world, FIRST)->opened, 10);
    assert_int_equal(world->script.most_open, 2);
    assert_true(world_metric(world, "tulle_connections_opened_total{" CLUSTER "}") == 10);
    free_all(calls, COUNT_OF(calls));
    world_close(world);
}

static void connections_end_after_so_many_requests_or_so_long(void **state)
{
    struct test_world *world = world_open(ONE POOL("http: {maxRequestsPerConnection: 4}, "
                                                   "tcp: {maxConnectionDuration: 10s}"),
                                          NULL);

    (void)state;
    CHECK_OR_DONE(world);
    for (int i = 0; i < 10; i++) {
        CHECK_OR_DONE(world_get(world, URL)->status == 200);
    }
    CHECK(world_endpoint(world, FIRST)->opened == 3);
    world_advance(world, 9 * NS_PER_S);
    CHECK(world->script.open == 1);
    world_advance(world, NS_PER_S);
    CHECK(world->script.open == 0);
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(twelve_of_a_hundred_are_taken_and_the_rest_refused_by_name),
          cmocka_unit_test(there_is_never_a_fifth_connection_over_two_loops),
          cmocka_unit_test(who_waits_is_served_in_the_order_of_coming),
          cmocka_unit_test(an_idle_connection_makes_room_for_one_that_is_needed),
          cmocka_unit_test(requests_are_bounded_at_once_and_by_name),
          cmocka_unit_test(both_limits_hold_for_one_who_waited),
          cmocka_unit_test(over_http2_calls_share_a_connection),
          cmocka_unit_test(limits_count_for_each_cluster),
          TEST_OOM(a_call_to_a_service_without_endpoints_waits),
          cmocka_unit_test(connections_may_go_with_their_answer),
          cmocka_unit_test(connections_end_after_so_many_requests_or_so_long))
