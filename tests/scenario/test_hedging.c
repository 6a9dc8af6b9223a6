/* SPDX-License-Identifier: Apache-2.0 */

/* A second attempt beside a slow first one, through the whole client. */

#include "scenario/hedged.h"

#include <stdio.h>

static void a_slow_attempt_is_hedged_elsewhere_and_cancelled(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    GET_FIRST(world, .method = "GET");
    CHECK_OK(world->last.error);
    CHECK_OR_DONE(strcmp(world->last.endpoint, SECOND) == 0);
    CHECK_OR_DONE(world->last.attempts == 2);
    assert_true(world->last.ended_at - world->last.started_at < 25 * NS_PER_MS);
    assert_true(world->last.ended_at - world->last.started_at >= 19 * NS_PER_MS);
    CHECK(world_metric(world, HEDGES) == 1);
    CHECK(world_metric(world, WON) == 1);
    CHECK(world_metric(world, "tulle_requests_in_flight{" CLUSTER "}") == 0);
    assert_int_equal(world_endpoint(world, FIRST)->active, 0);
    CHECK(strstr(world->last.story, "a hedge, since"));
    CHECK(strstr(world->last.story, "hedge: was first"));
done:
    world_close(world);
}

/* The last two that were told. */
struct last_spans {
    unsigned count;
    struct {
        char span[17], endpoint[64];
        int32_t error, hedge;
        uint32_t attempt;
    } each[2];
};

static void span_keep(void *user, const struct tulle_span *span)
{
    struct last_spans *spans = user;

    spans->count++;
    spans->each[0] = spans->each[1];
    snprintf(spans->each[1].span, sizeof(spans->each[1].span), "%s", span->span_id);
    snprintf(spans->each[1].endpoint, sizeof(spans->each[1].endpoint), "%s", span->endpoint);
    spans->each[1].error = span->error;
    spans->each[1].hedge = span->hedge;
    spans->each[1].attempt = span->attempt;
}

static bool has_line(const struct script_request *request, const char *line)
{
    return strstr(request->headers, line);
}

static void the_call_counts_once_and_each_attempt_has_its_span(void **state)
{
    struct last_spans spans = { .count = 0 };
    struct test_world *world =
        world_open(TWO HEDGED, &(struct tulle_options){ TULLE_OPTIONS_INIT, .span = span_keep,
                                                        .span_user = &spans });
    const struct script_request *loser, *winner;
    unsigned accesses;

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    accesses = world->accesses;
    spans.count = 0;
    GET_FIRST(world, .method = "GET");
    CHECK_OR_DONE(world->last.attempts == 2);
    accesses = world->accesses - accesses;
    CHECK(world_metric(world, "istio_requests_total") == WARM + accesses);
    assert_int_equal(spans.count, accesses + 1);
    /* The loser ends first. */
    CHECK_OR_DONE(strcmp(spans.each[0].endpoint, FIRST) == 0);
    assert_int_equal(spans.each[0].error, TULLE_E_CANCELLED);
    assert_int_equal(spans.each[0].attempt, 1);
    assert_int_equal(spans.each[0].hedge, 0);
    assert_string_equal(spans.each[1].endpoint, SECOND);
    assert_int_equal(spans.each[1].error, TULLE_OK);
    assert_int_equal(spans.each[1].attempt, 2);
    assert_int_equal(spans.each[1].hedge, 1);
    loser = world_request(world, world->script.request_count - 2);
    winner = world_request(world, world->script.request_count - 1);
    assert_string_not_equal(spans.each[0].span, spans.each[1].span);
    assert_true(has_line(loser, "x-envoy-attempt-count: 1\n"));
    assert_true(has_line(winner, "x-envoy-attempt-count: 2\n"));
    assert_true(has_line(loser, spans.each[0].span));
    assert_true(has_line(winner, spans.each[1].span));
done:
    world_close(world);
}

static void a_lost_race_is_no_failure_of_its_endpoint(void **state)
{
    struct test_world *world =
        world_open(TWO TRAFFIC_POLICY("  hedge: {percentile: 50, budgetPercent: 100}\n") OUTLIER(
                       "consecutive5xxErrors: 1, consecutiveGatewayErrors: 1, "
                       "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 1"),
                   NULL);

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    for (int i = 0; i < 20; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    CHECK(world_metric(world, WON) > 3);
    CHECK(strcmp(world_gate(world, FIRST), "ready") == 0);
done:
    world_close(world);
}

static void two_failures_are_one_try_and_retried(void **state)
{
    struct test_world *world =
        world_open(TWO HEDGED RETRIES("attempts: 2, retryOn: 503, backoff: 100ms"), NULL);

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .status = 503, .delay_ns = 30 * NS_PER_MS, .times = 1);
    world_answer(world, SECOND, .status = 503, .delay_ns = 50 * NS_PER_MS, .times = 1);
    SEND(world, .method = "GET");
    CHECK_OK(world->last.error);
    CHECK_OR_DONE(world->last.attempts == 3);
    assert_int_equal(world->last.status, 200);
    CHECK(world_metric(world, HEDGES) == 1);
    assert_true(world_metric(world, WON) == 0);
    CHECK(world_metric(world, "tulle_retries_total{" CLUSTER "}") == 1);
done:
    world_close(world);
}

static void what_may_not_be_executed_twice_is_not_sent_twice(void **state)
{
    static const struct tulle_request never[] = {
        { TULLE_REQUEST_INIT, .url = URL, .method = "POST" },
        { TULLE_REQUEST_INIT, .url = URL, .method = "PATCH" },
        { TULLE_REQUEST_INIT, .url = URL, .method = "GET", .retry = TULLE_RETRY_OFF },
    };
    static const struct tulle_request keyed = { TULLE_REQUEST_INIT, .url = URL, .method = "POST",
                                                .idempotency_key = "k" };
    struct test_world *world = world_open(TWO HEDGED, NULL);

    (void)state;
    assert_true(hedged_warm_up(world));
    SAY_ALL(world, .delay_ns = NS_PER_S);
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        world_send(world, &never[i]);
        assert_int_equal(world->last.error, TULLE_OK);
        assert_int_equal(world->last.attempts, 1);
    }
    assert_int_equal(world_requests(world, NULL), WARM + COUNT_OF(never));
    assert_true(world_metric(world, HEDGES) == 0);
    world_send(world, &keyed);
    assert_int_equal(world->last.attempts, 2);
    world_close(world);
}

static void with_one_endpoint_nothing_is_hedged(void **state)
{
    struct test_world *world = world_open(ONE HEDGED, NULL);

    (void)state;
    assert_true(hedged_warm_up(world));
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world_requests(world, FIRST), WARM + 1);
    assert_true(world_metric(world, HEDGES) == 0);
    assert_true(world_metric(world, SKIPPED("room")) == 1);
    assert_true(world_metric(world, "tulle_no_endpoint_total{" CLUSTER "}") == 0);
    world_close(world);
}

static void a_hedge_does_not_wait_in_line(void **state)
{
    struct test_world *world = world_open(TWO HEDGE("") POOL("tcp: {maxConnections: 1}"), NULL);

    (void)state;
    assert_true(hedged_warm_up(world));
    SAY_ALL(world, .delay_ns = NS_PER_S);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.attempts, 1);
    assert_true(world_metric(world, SKIPPED("room")) == 1);
    assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == 0);
    world_close(world);
}

static void nothing_is_hedged_before_anything_is_known(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);

    (void)state;
    SAY_ALL(world, .delay_ns = NS_PER_S);
    for (int i = 0; i < 20; i++) {
        world_get(world, URL);
        assert_int_equal(world->last.attempts, 1);
    }
    world_close(world);
}

/* Every other call is slow: as many are hedged as two in a hundred pay for. */
static void the_budget_bounds_what_hedging_adds(void **state)
{
    enum { CALLS = 3000 };
    struct test_world *world = world_open(TWO HEDGED, NULL);
    double hedges;

    (void)state;
    assert_true(hedged_warm_up(world));
    world_answer(world, FIRST, .delay_ns = 20 * NS_PER_MS);
    for (int i = 0; i < CALLS; i++) {
        world_get(world, URL);
    }
    hedges = world_metric(world, HEDGES);
    assert_true(hedges > 0);
    assert_true(hedges <= (WARM + CALLS) * 0.02);
    assert_true(world_requests(world, NULL) <= (WARM + CALLS) * 1.02);
    assert_true(world_metric(world, SKIPPED("budget")) > 0);
    world_close(world);
}

/* Whose turn it is next, and then. */
static void turns(struct test_world *world, const char *out[3])
{
    static const char *const all[] = { FIRST, SECOND, THIRD };
    size_t last = 0;

    world_get(world, URL);
    while (strcmp(all[last], world->last.endpoint) != 0) {
        last++;
    }
    for (size_t i = 0; i < 3; i++) {
        out[i] = all[(last + 1 + i) % 3];
    }
}

static unsigned attempts_after(const char *header)
{
    struct test_world *world =
        world_open(REVIEWS HEDGE(", budgetPercent: 10, maxHedges: 2") IN_TURN, NULL);
    const char *next[3];
    unsigned attempts;

    assert_true(hedged_warm_up(world));
    world_answer(world, THIRD, .delay_ns = 10 * NS_PER_MS);
    turns(world, next);
    world_answer(world, next[0], .delay_ns = 500 * NS_PER_MS);
    world_answer(world, next[1], .status = 503, .delay_ns = 2 * NS_PER_MS, .headers = { header });
    SEND(world, .method = "GET");
    assert_int_equal(world->last.status, 200);
    assert_int_equal(world_endpoint(world, next[0])->active, 0);
    attempts = world->last.attempts;
    world_close(world);
    return attempts;
}

static void a_server_that_asks_for_rest_stops_the_hedges(void **state)
{
    (void)state;
    assert_int_equal(attempts_after(NULL), 3);
    assert_int_equal(attempts_after("grpc-retry-pushback-ms: 100"), 2);
    assert_int_equal(attempts_after("retry-after: 1"), 2);
}

static void the_replys_head_body_and_trailers_are_the_hedges(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);
    struct world_call call;

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .status = 503, .delay_ns = 15 * NS_PER_MS, .body = "bad, and long",
                 .headers = { "x-who: first", "x-more: 1" }, .chunk_ns = NS_PER_MS);
    world_answer(world, SECOND, .delay_ns = 9 * NS_PER_MS, .body = "good", .chunk_size = 1,
                 .chunk_ns = NS_PER_MS, .headers = { "x-who: second" },
                 .trailers = { "x-end: second" });
    for (int i = 0; i < 2; i++) {
        const struct tulle_reply *reply;

        CHECK_OR_DONE(START(world, &call, .method = "GET"));
        world_finish(&call);
        if (call.result.error == TULLE_OK) {
            reply = tulle_call_reply(call.call);
            CHECK(tulle_reply_status(reply) == 200);
        }
        if (call.result.error == TULLE_OK && call.result.status == 200) {
            assert_string_equal(tulle_reply_body(reply), "good");
            assert_string_equal(tulle_reply_header(reply, "x-who"), "second");
            assert_null(tulle_reply_header(reply, "x-more"));
            assert_int_equal(tulle_reply_trailer_count(reply), 1);
            assert_string_equal(tulle_reply_trailer(reply, "x-end"), "second");
            assert_string_equal(tulle_reply_endpoint(reply), SECOND);
        }
        world_call_free(&call);
    }
    CHECK(world_metric(world, WON) == 1);
done:
    world_close(world);
}

static void a_call_that_is_cancelled_or_late_takes_its_hedge_along(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);
    struct world_call call;

    (void)state;
    assert_true(hedged_warm_up(world));
    SAY_ALL(world, .kind = SCRIPT_HANG);
    assert_true(START(world, &call, .method = "GET"));
    world_advance(world, 50 * NS_PER_MS);
    assert_true(world_metric(world, "tulle_requests_in_flight{" CLUSTER "}") == 2);
    tulle_call_cancel(call.call);
    world_finish(&call);
    assert_int_equal(call.result.error, TULLE_E_CANCELLED);
    assert_true(world_metric(world, "tulle_requests_in_flight{" CLUSTER "}") == 0);
    world_call_free(&call);

    SEND(world, .method = "GET", .deadline_ns = NS_PER_S);
    assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    assert_int_equal(world->last.attempts, 2);
    assert_int_equal(world->last.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(world_endpoint(world, FIRST)->active, 0);
    assert_int_equal(world_endpoint(world, SECOND)->active, 0);
    world_close(world);
}

static void a_mesh_closes_while_hedges_run(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);
    struct world_call call;

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    SAY_ALL(world, .kind = SCRIPT_HANG);
    CHECK_OR_DONE(START(world, &call, .method = "GET"));
    world_advance(world, 50 * NS_PER_MS);
    world_close(world);
    world_call_free(&call);
    return;
done:
    world_close(world);
}

TEST_MAIN(TEST_OOM(a_slow_attempt_is_hedged_elsewhere_and_cancelled),
          TEST_OOM(the_call_counts_once_and_each_attempt_has_its_span),
          cmocka_unit_test(a_lost_race_is_no_failure_of_its_endpoint),
          TEST_OOM(two_failures_are_one_try_and_retried),
          cmocka_unit_test(what_may_not_be_executed_twice_is_not_sent_twice),
          cmocka_unit_test(with_one_endpoint_nothing_is_hedged),
          cmocka_unit_test(a_hedge_does_not_wait_in_line),
          cmocka_unit_test(nothing_is_hedged_before_anything_is_known),
          cmocka_unit_test(the_budget_bounds_what_hedging_adds),
          cmocka_unit_test(a_server_that_asks_for_rest_stops_the_hedges),
          TEST_OOM(the_replys_head_body_and_trailers_are_the_hedges),
          cmocka_unit_test(a_call_that_is_cancelled_or_late_takes_its_hedge_along),
          TEST_OOM(a_mesh_closes_while_hedges_run))
