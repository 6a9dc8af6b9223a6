/* SPDX-License-Identifier: Apache-2.0 */

/* Hedges and what stands around them: retries, both budgets, time, and what
 * endpoints and percentiles learn of a race. */

#include "scenario/hedged.h"
#include "scenario/streamed.h"

#include <stdio.h>

#define TWELVE                                                                                     \
    SERVICE(HTTP_80, "{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}, "             \
                     "{address: 10.0.0.4}, {address: 10.0.0.5}, {address: 10.0.0.6}, "             \
                     "{address: 10.0.0.7}, {address: 10.0.0.8}, {address: 10.0.0.9}, "             \
                     "{address: 10.0.0.10}, {address: 10.0.0.11}, {address: 10.0.0.12}")

#define POLICY(hedge, more)                                                                        \
    TRAFFIC_POLICY("  hedge: {percentile: 95, budgetPercent: 100" hedge "}\n" more)

#define RETRIED         "tulle_retries_total{" CLUSTER "}"
#define UNRETRIED(what) "tulle_retries_skipped_total{" CLUSTER ",reason=\"" what "\"}"

static void twelve_say(struct test_world *world, int status, int64_t delay_ns)
{
    for (int i = 1; i <= 12; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.0.0.%d:80", i);
        world_answer(world, address, .status = status, .delay_ns = delay_ns);
    }
}

/* Known to take 10 ms; from now on all take 40 ms and fail. */
static struct test_world *failing_open(const char *yaml)
{
    struct test_world *world = world_open(yaml, NULL);

    if (world) {
        twelve_say(world, 200, 10 * NS_PER_MS);
        for (int i = 0; i < WARM; i++) {
            world_get(world, URL);
        }
        twelve_say(world, 503, 40 * NS_PER_MS);
    }
    return world;
}

/* Of the last `of` requests the first `count` went to as many endpoints. */
static bool all_differ(const struct test_world *world, size_t count, size_t of)
{
    size_t first = world->script.request_count - of;

    for (size_t i = first; i < first + count; i++) {
        for (size_t j = first; j < i; j++) {
            if (strcmp(world_request(world, i)->address, world_request(world, j)->address) == 0) {
                return false;
            }
        }
    }
    return true;
}

static void each_try_has_its_hedge_and_no_endpoint_is_asked_twice(void **state)
{
    struct test_world *world =
        failing_open(TWELVE POLICY("", "") RETRIES("attempts: 2, retryOn: 503, backoff: 10ms"));

    (void)state;
    CHECK_OR_DONE(world);
    SEND(world, .method = "GET");
    CHECK(world->last.status == 503);
    CHECK_OR_DONE(world->last.attempts == 6);
    CHECK(world_requests(world, NULL) == WARM + 6);
    CHECK(all_differ(world, 6, 6));
    CHECK(world_metric(world, HEDGES) == 3);
    CHECK(world_metric(world, RETRIED) == 2);
    CHECK(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 0);
done:
    world_close(world);
}

static void either_budget_stops_its_own_kind_alone(void **state)
{
    struct test_world *world =
        failing_open(TWELVE POLICY("", "  retryBudget: {percent: 0, minRetriesPerSecond: 0}\n")
                         RETRIES("attempts: 2, retryOn: 503, backoff: 10ms"));

    (void)state;
    SEND(world, .method = "GET");
    assert_int_equal(world->last.attempts, 2);
    assert_true(world_metric(world, HEDGES) == 1);
    assert_true(world_metric(world, UNRETRIED("budget")) == 1);
    world_close(world);

    world = failing_open(TWELVE TRAFFIC_POLICY("  hedge: {percentile: 95, budgetPercent: 0.5}\n")
                             RETRIES("attempts: 2, retryOn: 503, backoff: 10ms"));
    SEND(world, .method = "GET");
    assert_int_equal(world->last.attempts, 3);
    assert_true(world_metric(world, HEDGES) == 0);
    assert_true(world_metric(world, RETRIED) == 2);
    assert_true(world_metric(world, SKIPPED("budget")) == 3);
    world_close(world);
}

/* What has been tried is remembered of eight. */
static void hedges_end_where_nobody_knows_what_was_tried(void **state)
{
    struct test_world *world = failing_open(
        TWELVE POLICY(", maxHedges: 4", "") RETRIES("attempts: 3, retryOn: 503, backoff: 10ms"));

    (void)state;
    SEND(world, .method = "GET");
    assert_int_equal(world->last.status, 503);
    assert_int_equal(world->last.attempts, 4 + 4 + 1 + 1);
    assert_true(all_differ(world, 8, 10));
    assert_true(world_metric(world, HEDGES) == 3 + 3);
    assert_true(world_metric(world, SKIPPED("room")) == 2);
    world_close(world);
}

static void no_hedge_is_sent_that_cannot_be_in_time(void **state)
{
    struct test_world *world = world_open(TWO HEDGED, NULL);

    (void)state;
    assert_true(hedged_warm_up(world));
    SAY_ALL(world, .kind = SCRIPT_HANG);
    SEND(world, .method = "GET", .deadline_ns = 18 * NS_PER_MS);
    assert_int_equal(world->last.error, TULLE_E_TIMEOUT);
    assert_int_equal(world->last.attempts, 1);
    assert_non_null(strstr(world->last.story, "no hedge: no time is left"));
    SEND(world, .method = "GET", .deadline_ns = 30 * NS_PER_MS);
    assert_int_equal(world->last.attempts, 2);
    world_close(world);
}

/* Whichever is the hedge, and in either order of the two failures. */
static void what_one_has_perhaps_executed_the_call_has(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct test_world *world = world_open(TWO HEDGED RETRIES("attempts: 0"), NULL);

        CHECK_OR_DONE(world && hedged_warm_up(world));
        if (i % 2 == 1) {
            world_get(world, URL);
        }
        world_answer(world, FIRST, .kind = SCRIPT_RESET, .delay_ns = 30 * NS_PER_MS);
        world_answer(world, SECOND, .kind = SCRIPT_REFUSE,
                     .connect_ns = (i < 2 ? 15 : 100) * NS_PER_MS);
        SEND(world, .method = "GET");
        CHECK_OR_DONE(world->last.attempts == 2);
        assert_int_equal(world->last.error, TULLE_E_NETWORK);
        CHECK(world->last.failure.progress == TULLE_PERHAPS_EXECUTED);
    done:
        world_close(world);
    }
}

/* Its slow answers are all cut: nothing else would tell of them. */
static void a_loser_is_known_to_have_taken_at_least_so_long(void **state)
{
    struct test_world *world =
        world_open(TWO POLICY(", minDelay: 50ms", "  balancer: {peakEwma: {}}\n"), NULL);
    unsigned first;

    (void)state;
    CHECK_OR_DONE(world && hedged_warm_up(world));
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    while (world_metric(world, WON) == 0) {
        world_get(world, URL);
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    first = world_requests(world, FIRST);
    for (int i = 0; i < 50; i++) {
        world_get(world, URL);
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    CHECK(world_requests(world, FIRST) == first);
    CHECK(strcmp(world_gate(world, FIRST), "ready") == 0);
done:
    world_close(world);
}

/* What an upload takes is the app's time. */
static void uploads_teach_nothing_of_how_long_answers_take(void **state)
{
    static struct streamed streamed;
    struct test_world *world = world_open(TWO POLICY("", "") IN_TURN, NULL);

    (void)state;
    for (int i = 0; i < WARM; i++) {
        assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
        assert_int_equal(streamed_write(&streamed, 10), TULLE_OK);
        world_advance(world, NS_PER_S);
        assert_int_equal(streamed_end(&streamed), TULLE_OK);
        world_finish(&streamed.call);
        assert_int_equal(streamed.call.result.error, TULLE_OK);
        world_call_free(&streamed.call);
    }
    SAY_ALL(world, .delay_ns = 5 * NS_PER_S);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.attempts, 1);
    world_close(world);
}

/* A race outlives the configuration it began with. */
static void hedging_is_turned_on_and_off_while_calls_run(void **state)
{
    char *path = test_folder_new();
    struct test_world *world;
    struct world_call call;

    (void)state;
    test_folder_write(path, "mesh.yaml", TWO IN_TURN);
    world =
        world_open(NULL, &(struct tulle_options){ TULLE_OPTIONS_INIT, .config = path, .loops = 1 });
    assert_true(hedged_warm_up(world));
    test_folder_write(path, "mesh.yaml", TWO POLICY("", "") IN_TURN);
    world_advance(world, 3 * NS_PER_S);
    assert_true(hedged_warm_up(world));
    SAY_ALL(world, .delay_ns = 20 * NS_PER_S);
    assert_true(START(world, &call, .method = "GET", .deadline_ns = TULLE_NONE));
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEDGES) == 1);
    test_folder_write(path, "mesh.yaml", TWO IN_TURN);
    world_advance(world, 3 * NS_PER_S);
    world_finish(&call);
    assert_int_equal(call.result.error, TULLE_OK);
    assert_int_equal(call.result.attempts, 2);
    world_call_free(&call);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.attempts, 1);
    world_close(world);
    test_folder_free(path);
}

TEST_MAIN(TEST_OOM(each_try_has_its_hedge_and_no_endpoint_is_asked_twice),
          cmocka_unit_test(either_budget_stops_its_own_kind_alone),
          cmocka_unit_test(hedges_end_where_nobody_knows_what_was_tried),
          cmocka_unit_test(no_hedge_is_sent_that_cannot_be_in_time),
          TEST_OOM(what_one_has_perhaps_executed_the_call_has),
          TEST_OOM(a_loser_is_known_to_have_taken_at_least_so_long),
          cmocka_unit_test(uploads_teach_nothing_of_how_long_answers_take),
          cmocka_unit_test(hedging_is_turned_on_and_off_while_calls_run))
