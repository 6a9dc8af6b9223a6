/* SPDX-License-Identifier: Apache-2.0 */

/* A process joins the mesh and calls: the spine, whole, on a virtual clock. */

#include "harness/world.h"
#include "scenario/reviews.h"

static const char *const ADDRESSES[] = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80" };

static void a_call_finds_its_service_and_comes_back(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, ADDRESSES[0], .body = "five stars");
    world_answer(world, ADDRESSES[1], .body = "five stars");
    world_answer(world, ADDRESSES[2], .body = "five stars");
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.status, 200);
    assert_string_equal(world->last.body, "five stars");
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
    assert_int_equal(world_requests(world, NULL), 1);
    assert_string_equal(world_request(world, 0)->address, world->last.endpoint);
    assert_string_equal(world_request(world, 0)->method, "GET");
done:
    world_close(world);
}

static void calls_are_spread_and_connections_kept(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE("  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n"),
                   &(struct tulle_options){ TULLE_OPTIONS_INIT, .loops = 1 });
    int i;

    (void)state;
    for (i = 0; i < 30; i++) {
        world_get(world, URL);
        assert_int_equal(world->last.status, 200);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(world_requests(world, ADDRESSES[i]), 10);
        assert_int_equal(world_endpoint(world, ADDRESSES[i])->opened, 1);
    }
    assert_true(world_metric(world, "istio_requests_total{response_code=\"200\"}") == 30);
    world_close(world);
}

static void what_never_came_to_an_endpoint_is_retried_elsewhere(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);
    int i;

    (void)state;
    CHECK_OR_DONE(world);
    world_kill(world, ADDRESSES[0]);
    world_kill(world, ADDRESSES[1]);
    for (i = 0; i < 20 && !test_oom_hit(); i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
        assert_int_equal(world->last.status, 200);
        assert_string_equal(world->last.endpoint, ADDRESSES[2]);
    }
    CHECK(world_metric(world, "tulle_retries_total{" CLUSTER "}") > 0);
done:
    world_close(world);
}

static void the_routes_timeout_cuts_an_endpoint_that_hangs(void **state)
{
    struct test_world *world =
        world_open(REVIEWS ROUTE("  - route: [{destination: {host: reviews}}]\n"
                                 "    timeout: 1s\n"),
                   NULL);
    int i;

    (void)state;
    CHECK_OR_DONE(world);
    for (i = 0; i < 3; i++) {
        world_answer(world, ADDRESSES[i], .kind = SCRIPT_HANG);
    }
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.status, 504);
    assert_string_equal(world->last.failure.flags, "UT");
    assert_string_equal(world->last.failure.layer, "timeout");
    assert_int_equal(world->last.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_S);
    assert_int_equal(world_endpoint(world, world->last.endpoint)->open, 0);
done:
    world_close(world);
}

static void an_endpoint_that_only_fails_is_ejected_and_comes_back(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE("  trafficPolicy:\n"
                                "    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, "
                                "baseEjectionTime: 3s, maxEjectionPercent: 100}\n"),
                   NULL);
    int i;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, ADDRESSES[0], .status = 500);
    for (i = 0; i < 100; i++) {
        CHECK_OK(world_get(world, URL)->error);
    }
    CHECK(strcmp(world_gate(world, ADDRESSES[0]), "ejected") == 0);
    CHECK(world_requests(world, ADDRESSES[0]) == 5);
    CHECK(world_metric(world, "tulle_endpoints_ejected{" CLUSTER "}") == 1);
    world_answer(world, ADDRESSES[0], .status = 200);
    world_advance(world, 5 * NS_PER_S);
    CHECK(strcmp(world_gate(world, ADDRESSES[0]), "ready") == 0);
    for (i = 0; i < 100; i++) {
        CHECK_OK(world_get(world, URL)->error);
        CHECK(world->last.status == 200);
    }
    CHECK(world_requests(world, ADDRESSES[0]) > 5);
done:
    world_close(world);
}

enum { CROWD = 100 };

static void finish_all(struct world_call calls[CROWD], unsigned *taken, unsigned *refused)
{
    int i;

    *taken = *refused = 0;
    for (i = 0; i < CROWD; i++) {
        world_finish(&calls[i]);
        *taken += calls[i].call && calls[i].result.error == TULLE_OK;
        *refused += calls[i].result.error == TULLE_E_LIMIT;
        CHECK(calls[i].result.error == TULLE_OK ||
              strcmp(calls[i].result.failure.flags, "UO") == 0);
        world_call_free(&calls[i]);
    }
}

static void connections_stay_within_their_limit_and_calls_wait_in_line(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE("  trafficPolicy:\n"
                                "    connectionPool:\n"
                                "      tcp: {maxConnections: 4}\n"
                                "      http: {http1MaxPendingRequests: 8}\n"),
                   NULL);
    struct world_call calls[CROWD] = { 0 };
    unsigned taken, refused;
    int i;

    (void)state;
    CHECK_OR_DONE(world);
    for (i = 0; i < CROWD; i++) {
        CHECK(world_start_get(world, URL, &calls[i]));
    }
    finish_all(calls, &taken, &refused);
    CHECK(taken == 12);
    CHECK(refused == 88);
    assert_in_range(world->script.most_open, test_oom_hit() ? 0 : 4, 4);
done:
    world_close(world);
}

static void a_cancelled_call_ends_once_and_closes_its_connection(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, ADDRESSES[0], .kind = SCRIPT_HANG);
    world_answer(world, ADDRESSES[1], .kind = SCRIPT_HANG);
    world_answer(world, ADDRESSES[2], .kind = SCRIPT_HANG);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    world_advance(world, NS_PER_S);
    CHECK(!call.result.done && world_requests(world, NULL) == 1);
    tulle_call_cancel(call.call);
    tulle_call_cancel(call.call);
    world_finish(&call);
    CHECK(call.result.error == TULLE_E_CANCELLED);
    world_advance(world, NS_PER_S);
    assert_int_equal(call.result.completions, 1);
done:
    world_call_free(&call);
    world_close(world);
}

static void an_hour_of_silence_closes_idle_connections(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);
    int i;

    (void)state;
    for (i = 0; i < 20; i++) {
        world_get(world, URL);
    }
    assert_true(world_metric(world, "tulle_connections") > 0);
    world_advance(world, 3602 * NS_PER_S);
    for (i = 0; i < 3; i++) {
        assert_int_equal(world_endpoint(world, ADDRESSES[i])->open, 0);
    }
    world_close(world);
}

TEST_MAIN(TEST_OOM(a_call_finds_its_service_and_comes_back),
          cmocka_unit_test(calls_are_spread_and_connections_kept),
          TEST_OOM(what_never_came_to_an_endpoint_is_retried_elsewhere),
          TEST_OOM(the_routes_timeout_cuts_an_endpoint_that_hangs),
          TEST_OOM(an_endpoint_that_only_fails_is_ejected_and_comes_back),
          TEST_OOM(connections_stay_within_their_limit_and_calls_wait_in_line),
          TEST_OOM(a_cancelled_call_ends_once_and_closes_its_connection),
          cmocka_unit_test(an_hour_of_silence_closes_idle_connections))
