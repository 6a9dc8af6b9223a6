/* SPDX-License-Identifier: Apache-2.0 */

/* What TrafficPolicy adds to retries: conditions, backoff, what servers ask for,
 * idle attempts, hosts, Envoy's budget; and that no try is made which cannot be
 * in time. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>
#include <stdlib.h>

#define SKIPPED(reason) "tulle_retries_skipped_total{" CLUSTER ",reason=\"" reason "\"}"
#define RETRIED         "tulle_retries_total{" CLUSTER "}"
#define MORE(retry)                                                                                \
    TRAFFIC_POLICY("  retry: {" retry "}\n"                                                        \
                   "  retryBudget: {percent: 100, minRetriesPerSecond: 10000}\n")
#define ON_503 RETRIES("attempts: 1, retryOn: \"503\", backoff: 1ms")

/* Between the answer to the first attempt and the second one. */
static int64_t gap(struct test_world *world)
{
    size_t first = world->script.request_count;

    world_get(world, URL);
    assert_int_equal(world->last.attempts, 2);
    return world_request(world, first + 1)->at - world_request(world, first)->at - NS_PER_MS;
}

static void conditions_are_added_to_those_of_the_route(void **state)
{
    struct test_world *world = world_open(ONE MORE("retryOn: \"gateway-error\""), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 503, .times = 1);
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE, .times = 1);
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
done:
    world_close(world);
}

static void a_backoff_goes_before_the_routes(void **state)
{
    struct test_world *world =
        world_open(ONE ON_503 MORE("backOff: {baseInterval: 1s, maxInterval: 1s}"), NULL);
    int64_t most = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        world_answer(world, FIRST, .status = 503, .times = 1);
        int64_t took = gap(world);

        most = took > most ? took : most;
        assert_true(took >= 0 && took < NS_PER_S);
    }
    assert_true(most > NS_PER_S * 9 / 10);
    world_close(world);
}

static void retry_after_is_waited_for_and_up_to_a_half_more(void **state)
{
    struct test_world *world =
        world_open(ONE ON_503 BUDGET("percent: 100, minRetriesPerSecond: 10000"), NULL);
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        world_answer(world, FIRST, .status = 503, .headers = { "Retry-After: 2" }, .times = 1);
        int64_t took = gap(world);

        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    assert_true(least >= 2 * NS_PER_S && least < 2 * NS_PER_S + 100 * NS_PER_MS);
    assert_true(most <= 3 * NS_PER_S && most > 3 * NS_PER_S - 100 * NS_PER_MS);
    world_close(world);
}

static void a_reset_of_the_rate_limit_is_a_time_of_the_wall_clock(void **state)
{
    struct test_world *world = world_open(ONE ON_503, NULL);
    int64_t wall_s = world->world.wall(world->world.user) / NS_PER_S;
    char header[64];
    int64_t took;

    (void)state;
    snprintf(header, sizeof(header), "X-RateLimit-Reset: %lld", (long long)wall_s + 4);
    world_answer(world, FIRST, .status = 503, .headers = { header }, .times = 1);
    took = gap(world);
    assert_true(took >= 4 * NS_PER_S && took <= 6 * NS_PER_S);
    world_close(world);
}

/* Who wants to be left alone for longer than is allowed is left alone. */
static void a_longer_rest_than_is_allowed_is_no_retry(void **state)
{
    struct test_world *world =
        world_open(ONE ON_503 MORE("rateLimitedRetryBackOff: {maxInterval: 10s}"), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 503, .headers = { "retry-after: 11" });
    SEND(world, .deadline_ns = TULLE_NONE);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.status, 503);
    CHECK(world_metric(world, SKIPPED("pushback")) == 1);
done:
    world_close(world);
}

static void and_with_none_allowed_it_is_not_heeded(void **state)
{
    struct test_world *world =
        world_open(ONE ON_503 MORE("rateLimitedRetryBackOff: {maxInterval: 0s}"), NULL);

    (void)state;
    world_answer(world, FIRST, .status = 503, .headers = { "retry-after: 11" }, .times = 1);
    assert_true(gap(world) < NS_PER_MS);
    world_close(world);
}

static void a_rest_beyond_the_deadline_is_not_waited_for(void **state)
{
    struct test_world *world = world_open(ONE ON_503, NULL);

    (void)state;
    world_answer(world, FIRST, .status = 503, .headers = { "retry-after: 40" });
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
    assert_true(world_metric(world, SKIPPED("deadline")) == 1);
    world_close(world);
}

static void grpc_servers_say_when_or_never(void **state)
{
    static const struct tulle_header grpc = { "content-type", "application/grpc" };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .times = 1,
                 .headers = { "grpc-status: 14", "grpc-retry-pushback-ms: 700" });
    SEND(world, .method = "POST", .headers = &grpc, .header_count = 1);
    assert_int_equal(world->last.attempts, 2);
    assert_int_equal(world_request(world, 1)->at - world_request(world, 0)->at, 701 * NS_PER_MS);
    world_answer(world, FIRST, .headers = { "grpc-status: 14", "grpc-retry-pushback-ms: -1" });
    SEND(world, .method = "POST", .headers = &grpc, .header_count = 1);
    assert_int_equal(world->last.attempts, 1);
    assert_true(world_metric(world, SKIPPED("pushback")) == 1);
    world_close(world);
}

/* --- idle attempts --- */

#define IDLE RETRIES("attempts: 1, retryOn: reset, backoff: 1ms") MORE("perTryIdleTimeout: 0.25s")

static void an_attempt_that_stands_still_is_ended(void **state)
{
    struct test_world *world = world_open(ONE IDLE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG, .times = 1);
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.status, 504);
    assert_string_equal(world->last.failure.flags, "URX,UT");
    assert_string_equal(world->last.failure.layer, "per-try idle");
    CHECK(world_metric(world, "tulle_timeouts_total{" CLUSTER ",kind=\"idle\"}") == 3);
done:
    world_close(world);
}

static void one_that_moves_is_not_however_long_it_takes(void **state)
{
    struct test_world *world = world_open(ONE IDLE, NULL);

    (void)state;
    world_answer(world, FIRST, .body_size = 20, .chunk_size = 1, .chunk_ns = 200 * NS_PER_MS);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.body_size, 20);
    assert_true(world->last.ended_at - world->last.started_at >= 4 * NS_PER_S);
    world_answer(world, FIRST, .body_size = 20, .chunk_size = 1, .chunk_ns = 300 * NS_PER_MS);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    assert_int_equal(world->last.failure.progress, TULLE_ANSWERED);
    assert_int_equal(world->last.ended_at - world->last.started_at, 251 * NS_PER_MS);
    world_close(world);
}

/* The connect timeout bounds what was not sent. */
static void waiting_for_a_connection_is_not_idleness(void **state)
{
    struct test_world *world = world_open(ONE IDLE, NULL);

    (void)state;
    world_answer(world, FIRST, .connect_ns = NS_PER_S);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.attempts, 1);
    world_close(world);
}

/* --- hosts --- */

static void hosts_that_were_tried_are_taken_again_where_one_wants_that(void **state)
{
    struct test_world *world = world_open(
        REVIEWS RETRIES("attempts: 1, retryOn: reset, backoff: 1ms") MORE("previousHosts: false"),
        NULL);
    unsigned same = 0;

    (void)state;
    SAY_ALL(world, .kind = SCRIPT_RESET);
    for (size_t i = 0; i < 400; i += 2) {
        world_get(world, URL);
        same += strcmp(world_request(world, i)->address, world_request(world, i + 1)->address) == 0;
    }
    assert_true(same > 20);
    world_close(world);
}

/* --- budgets --- */

static void start_all(struct test_world *world, struct world_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
}

/* Of 50 in flight a fifth may be retries at once. */
static void envoys_budget_is_a_share_of_what_is_in_flight(void **state)
{
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 1, retryOn: reset, backoff: 1ms")
                       BUDGET("percent: 100, minRetriesPerSecond: 10000, budgetPercent: 20, "
                              "minRetryConcurrency: 3"),
                   NULL);
    struct world_call calls[50];

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    start_all(world, calls, 50);
    for (size_t i = 0; i < 50; i++) {
        world_finish(&calls[i]);
        world_call_free(&calls[i]);
    }
    assert_in_range(world_metric(world, RETRIED), 7, 12);
    assert_int_equal(world_metric(world, SKIPPED("concurrency")),
                     50 - world_metric(world, RETRIED));
    world_close(world);
}

static void and_never_less_than_its_least(void **state)
{
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 5, retryOn: reset, backoff: 1ms")
                       BUDGET("percent: 100, minRetriesPerSecond: 10000, budgetPercent: 20, "
                              "minRetryConcurrency: 1"),
                   NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 6);
    world_close(world);
}

/* 1,000 calls a second for ten seconds, all failing. One reserve is ten seconds of it. */
static void an_outage_is_not_multiplied(void **state)
{
    enum { CALLS = 10000, SECONDS = 10, RESERVE = 100 };
    struct test_world *world = world_open(REVIEWS, NULL);
    struct world_call *calls = calloc(CALLS, sizeof(*calls));

    (void)state;
    assert_non_null(calls);
    SAY_ALL(world, .kind = SCRIPT_RESET);
    for (size_t i = 0; i < CALLS; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
        world_advance(world, NS_PER_MS);
    }
    for (size_t i = 0; i < CALLS; i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.error, TULLE_E_NETWORK);
        world_call_free(&calls[i]);
    }
    free(calls);
    assert_in_range(world_requests(world, NULL), CALLS + CALLS / 10,
                    CALLS * 12 / 10 + 10 * SECONDS + RESERVE);
    assert_true(world_metric(world, SKIPPED("budget")) > 0);
    world_close(world);
}

/* --- time --- */

static void no_try_is_made_that_usually_takes_longer_than_is_left(void **state)
{
    struct test_world *world = world_open(ONE ON_503, NULL);

    (void)state;
    world_answer(world, FIRST, .delay_ns = 100 * NS_PER_MS, .times = 5);
    for (int i = 0; i < 5; i++) {
        world_get(world, URL);
    }
    world_answer(world, FIRST, .status = 503);
    SEND(world, .deadline_ns = TULLE_MS(90));
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.status, 503);
    assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
    assert_non_null(strstr(world->last.story, "and a try takes 100.000 ms"));
    assert_true(world_metric(world, SKIPPED("deadline")) == 1);
    SEND(world, .deadline_ns = TULLE_MS(120));
    assert_int_equal(world->last.attempts, 2);
    world_close(world);
}

TEST_MAIN(TEST_OOM(conditions_are_added_to_those_of_the_route),
          cmocka_unit_test(a_backoff_goes_before_the_routes),
          cmocka_unit_test(retry_after_is_waited_for_and_up_to_a_half_more),
          cmocka_unit_test(a_reset_of_the_rate_limit_is_a_time_of_the_wall_clock),
          TEST_OOM(a_longer_rest_than_is_allowed_is_no_retry),
          cmocka_unit_test(and_with_none_allowed_it_is_not_heeded),
          cmocka_unit_test(a_rest_beyond_the_deadline_is_not_waited_for),
          cmocka_unit_test(grpc_servers_say_when_or_never),
          TEST_OOM(an_attempt_that_stands_still_is_ended),
          cmocka_unit_test(one_that_moves_is_not_however_long_it_takes),
          cmocka_unit_test(waiting_for_a_connection_is_not_idleness),
          cmocka_unit_test(hosts_that_were_tried_are_taken_again_where_one_wants_that),
          cmocka_unit_test(envoys_budget_is_a_share_of_what_is_in_flight),
          cmocka_unit_test(and_never_less_than_its_least),
          cmocka_unit_test(an_outage_is_not_multiplied),
          cmocka_unit_test(no_try_is_made_that_usually_takes_longer_than_is_left))
