/* SPDX-License-Identifier: Apache-2.0 */

/* What one can see of a call, of an endpoint, of the mesh. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

/* The last access, with its texts. */
struct seen {
    struct tulle_access access;
    char text[512];
};

static void see(void *user, const struct tulle_access *access)
{
    struct seen *seen = user;

    seen->access = *access;
    snprintf(seen->text, sizeof(seen->text), "%s %s %s %s %s %s %s", access->method,
             access->authority, access->path, access->cluster, access->endpoint, access->protocol,
             access->route);
}

static void the_access_log_tells_of_a_call(void **state)
{
    struct seen seen = { .access = { 0 } };
    struct test_world *world = world_open(
        ONE ROUTE("  - name: all\n"
                  "    route: [{destination: {host: reviews}}]\n"),
        &(struct tulle_options){ TULLE_OPTIONS_INIT, .access = see, .access_user = &seen });

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 201, .body = "seven b", .delay_ns = 5 * NS_PER_MS);
    world_send(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "POST",
                                               .url = "http://Reviews:80/a/./b?q=1", .body = "four",
                                               .body_size = 4 });
    CHECK_OK(world->last.error);
    assert_string_equal(seen.text,
                        "POST Reviews:80 /a/b?q=1 "
                        "outbound|80||reviews.default.svc.cluster.local " FIRST " HTTP/1.1 all");
    assert_int_equal(seen.access.size, sizeof(struct tulle_access));
    assert_int_equal(seen.access.status, 201);
    assert_int_equal(seen.access.error, TULLE_OK);
    assert_int_equal(seen.access.attempts, 1);
    assert_int_equal(seen.access.duration_ns, 5 * NS_PER_MS);
    assert_int_equal(seen.access.bytes_sent, 4);
    assert_int_equal(seen.access.bytes_received, 7);
    assert_string_equal(world->flags, "-");
done:
    world_close(world);
}

static void the_access_log_tells_of_a_failure(void **state)
{
    struct seen seen;
    struct test_world *world = world_open(
        ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .access = see, .access_user = &seen });

    (void)state;
    world_kill(world, FIRST);
    world_get(world, URL);
    assert_int_equal(seen.access.error, TULLE_E_NETWORK);
    assert_int_equal(seen.access.status, 503);
    assert_int_equal(seen.access.attempts, 3);
    assert_string_equal(world->flags, world->last.failure.flags);
    assert_int_equal(world->accesses, 1);
    world_get(world, "http://reviews:81/");
    assert_string_equal(seen.text, "GET reviews:81 /   - ");
    assert_string_equal(world->flags, "NR");
    world_close(world);
}

static void over_http2_it_says_so(void **state)
{
    struct seen seen;
    struct test_world *world = world_open(
        SERVICE("{number: 80, name: http2, protocol: HTTP2}", "{address: 10.0.0.1}"),
        &(struct tulle_options){ TULLE_OPTIONS_INIT, .access = see, .access_user = &seen });

    (void)state;
    world_get(world, URL);
    assert_non_null(strstr(seen.text, " HTTP/2 "));
    world_close(world);
}

static void the_story_of_a_retried_call_is_told_layer_by_layer(void **state)
{
    static const char *const lines[] = {
        "pick       " FIRST ", 0 in flight there",
        "transport  " FIRST ": the connection was reset after the request was sent",
        "retry      retry 1 of 2 in ",
        "pick       " FIRST,
        "transport  " FIRST " answered 200 over a new connection",
        "telemetry  ended: ok, status 200, 2 attempts",
    };
    struct test_world *world = world_open(ONE, NULL);
    const char *at;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    at = world_get(world, URL)->story;
    CHECK_OK(world->last.error);
    for (size_t i = 0; i < COUNT_OF(lines) && !test_oom_hit(); i++) {
        if (!(at = strstr(at, lines[i]))) {
            fail_msg("no \"%s\" in its turn in\n%s", lines[i], world->last.story);
        }
    }
done:
    world_close(world);
}

static void without_explain_there_is_no_story(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    assert_true(world_start_get(world, URL, &call));
    assert_string_equal(tulle_call_explain(call.call), "");
    assert_null(tulle_call_reply(call.call));
    assert_null(tulle_call_failure(call.call));
    world_finish(&call);
    assert_string_equal(tulle_call_explain(call.call), "");
    assert_string_equal(tulle_reply_explain(tulle_call_reply(call.call)), "");
    world_call_free(&call);
    world_close(world);
}

static void a_reply_can_be_read_in_every_part(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_timings timings = { TULLE_TIMINGS_INIT };
    const struct tulle_reply *reply;
    struct tulle_header header;
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .connect_ns = 2 * NS_PER_MS, .delay_ns = 3 * NS_PER_MS,
                 .body_size = 2, .chunk_size = 1, .chunk_ns = NS_PER_MS,
                 .headers = { "Zeta: 1", "alpha: 2", "zeta: 3" });
    assert_true(START(world, &call, .method = "GET"));
    world_finish(&call);
    reply = tulle_call_reply(call.call);
    assert_int_equal(tulle_reply_header_count(reply), 3);
    assert_string_equal(tulle_reply_header(reply, "ZETA"), "1");
    assert_null(tulle_reply_header(reply, "beta"));
    assert_int_equal(tulle_reply_header_at(reply, 2, &header), TULLE_OK);
    assert_string_equal(header.name, "zeta");
    assert_string_equal(header.value, "3");
    assert_int_equal(tulle_reply_header_at(reply, 3, &header), TULLE_E_USAGE);
    assert_null(header.name);
    assert_string_equal(tulle_reply_body(reply), "xx");
    assert_int_equal(tulle_reply_timings(reply, &timings), TULLE_OK);
    assert_int_equal(timings.attempt_start_ns, 0);
    assert_int_equal(timings.connected_ns, 2 * NS_PER_MS);
    assert_int_equal(timings.head_ns, 5 * NS_PER_MS);
    assert_int_equal(timings.end_ns, 7 * NS_PER_MS);
    timings.size = 0;
    assert_int_equal(tulle_reply_timings(reply, &timings), TULLE_E_USAGE);
    assert_non_null(strstr(tulle_reply_explain(reply), "telemetry"));
    world_call_free(&call);
    world_close(world);
}

static void a_reply_without_a_body_has_an_empty_one(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .status = 204);
    assert_true(world_start_get(world, URL, &call));
    world_finish(&call);
    assert_string_equal(tulle_reply_body(tulle_call_reply(call.call)), "");
    assert_int_equal(tulle_reply_body_size(tulle_call_reply(call.call)), 0);
    assert_int_equal(tulle_reply_header_count(tulle_call_reply(call.call)), 0);
    world_call_free(&call);
    world_close(world);
}

static void a_body_over_its_cap_fails_the_call(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .body_size = 100, .chunk_size = 30);
    SEND(world, .method = "GET", .body_max = 99);
    CHECK_OR_DONE(world->last.error == TULLE_E_TOO_LARGE);
    assert_string_equal(world->last.failure.text, "the reply's body is over its cap");
    assert_string_equal(world->last.failure.layer, "transport");
    assert_string_equal(world->last.failure.flags, "UPE");
    assert_int_equal(world->last.failure.progress, TULLE_ANSWERED);
    assert_int_equal(world->last.attempts, 1);
    SEND(world, .method = "GET", .body_max = 100);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.body_size, 100);
done:
    world_close(world);
}

#define REQUESTS(label) world_metric(world, "istio_requests_total{" label "}")

static void the_metrics_add_up_to_the_calls_made(void **state)
{
    struct test_world *world = world_open(REVIEWS POOL("tcp: {maxConnections: 1}"), NULL);
    unsigned ok = 0;

    (void)state;
    world_answer(world, FIRST, .status = 404);
    world_answer(world, SECOND, .kind = SCRIPT_RESET);
    world_answer(world, THIRD, .kind = SCRIPT_BREAK, .body_size = 10, .break_at = 5);
    for (int i = 0; i < 200; i++) {
        world_get(world, i % 10 ? URL : "http://reviews:1/");
        SEND(world, .method = "POST", .body = "abc", .body_size = 3);
        ok += world->last.error == TULLE_OK;
    }
    assert_true(REQUESTS("") == 400);
    assert_int_equal(world->accesses, 400);
    assert_true(REQUESTS("destination_service_name=\"reviews\"") == 400);
    assert_true(REQUESTS("response_code=\"404\",response_flags=\"NR\"") == 20);
    assert_true(REQUESTS("response_code=\"404\"") + REQUESTS("response_code=\"503\"") == 400);
    assert_true(ok > 0);
    assert_true(world_metric(world, "istio_request_duration_milliseconds_count") == 400);
    assert_true(world_metric(world, "istio_request_bytes_sum") == 600);
    assert_int_equal(world_requests(world, NULL),
                     380 + world_metric(world, "tulle_retries_total{" CLUSTER "}"));
    world_close(world);
}

#define ZERO(name) assert_true(world_metric(world, name "{" CLUSTER "}") == 0)

static void gauges_come_back_to_nothing(void **state)
{
    struct test_world *world = world_open(
        REVIEWS POOL("tcp: {maxConnections: 3}, http: {http1MaxPendingRequests: 20}"), NULL);
    struct world_call calls[60];

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_answer(world, SECOND, .kind = SCRIPT_HANG);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
    world_advance(world, 100 * NS_PER_S);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(calls[i].result.done);
        world_call_free(&calls[i]);
    }
    ZERO("tulle_requests_in_flight");
    ZERO("tulle_retries_in_flight");
    ZERO("tulle_pending");
    assert_int_equal(world_metric(world, "tulle_connections{" CLUSTER "}"), world->script.open);
    assert_true(world_metric(world, "tulle_pool_waiting") == 0);
    assert_true(world_metric(world, "tulle_pool_connections{state=\"active\"}") == 0);
    world_close(world);
}

struct states {
    struct tulle_endpoint_state each[8];
    size_t count;
};

static void state_add(const struct tulle_endpoint_state *state, void *user)
{
    struct states *states = user;

    assert_true(states->count < COUNT_OF(states->each));
    states->each[states->count++] = *state;
}

static void endpoints_tell_where_they_stand(void **state)
{
    struct test_world *world =
        world_open(SERVICE(HTTP_80, "{address: 10.0.0.2, weight: 3}, {address: 10.0.0.1}")
                       OUTLIER("consecutive5xxErrors: 2, maxEjectionPercent: 100"),
                   NULL);
    struct states states = { .count = 0 };
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 500);
    for (int i = 0; i < 40; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    world_answer(world, SECOND, .kind = SCRIPT_HANG);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    world_run(world);
    CHECK_OK(tulle_endpoints(world->mesh, state_add, &states));
    CHECK_OR_DONE(!test_oom_hit());
    assert_int_equal(states.count, 2);
    assert_string_equal(states.each[0].cluster, "outbound|80||reviews.default.svc.cluster.local");
    assert_string_equal(states.each[0].address, FIRST);
    assert_string_equal(states.each[0].gate, "ejected");
    assert_int_equal(states.each[0].weight, 1);
    assert_int_equal(states.each[0].requests, 2);
    assert_int_equal(states.each[0].failures, 2);
    assert_int_equal(states.each[0].ejections, 1);
    assert_string_equal(states.each[1].address, SECOND);
    assert_string_equal(states.each[1].gate, "ready");
    assert_int_equal(states.each[1].weight, 3);
    assert_int_equal(states.each[1].requests, 38);
    assert_int_equal(states.each[1].failures, 0);
    assert_int_equal(states.each[1].in_flight, 1);
done:
    world_call_free(&call);
    world_close(world);
}

static void the_fastest_endpoint_gets_most_under_peak_ewma(void **state)
{
    struct test_world *world =
        world_open(REVIEWS TRAFFIC_POLICY("  balancer: {peakEwma: {}}\n"),
                   &(struct tulle_options){ TULLE_OPTIONS_INIT, .loops = 1 });

    (void)state;
    world_answer(world, FIRST, .delay_ns = 100 * NS_PER_MS);
    world_answer(world, SECOND, .delay_ns = 2 * NS_PER_MS);
    world_answer(world, THIRD, .status = 500, .delay_ns = 1 * NS_PER_MS);
    for (int i = 0; i < 300; i++) {
        world_get(world, URL);
    }
    /* Two draws of three are with it. */
    assert_in_range(world_requests(world, SECOND), 170, 230);
    world_close(world);
}

TEST_MAIN(TEST_OOM(the_access_log_tells_of_a_call),
          cmocka_unit_test(the_access_log_tells_of_a_failure),
          cmocka_unit_test(over_http2_it_says_so),
          TEST_OOM(the_story_of_a_retried_call_is_told_layer_by_layer),
          cmocka_unit_test(without_explain_there_is_no_story),
          cmocka_unit_test(a_reply_can_be_read_in_every_part),
          cmocka_unit_test(a_reply_without_a_body_has_an_empty_one),
          TEST_OOM(a_body_over_its_cap_fails_the_call),
          cmocka_unit_test(the_metrics_add_up_to_the_calls_made),
          cmocka_unit_test(gauges_come_back_to_nothing), TEST_OOM(endpoints_tell_where_they_stand),
          cmocka_unit_test(the_fastest_endpoint_gets_most_under_peak_ewma))
