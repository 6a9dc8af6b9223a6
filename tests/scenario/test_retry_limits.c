/* SPDX-License-Identifier: Apache-2.0 */

/* How often and when a lost attempt is tried again, and where. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>
#include <stdlib.h>

#define SKIPPED(reason) "tulle_retries_skipped_total{" CLUSTER ",reason=\"" reason "\"}"
#define RETRIED         "tulle_retries_total{" CLUSTER "}"
#define PLENTY          BUDGET("percent: 100, minRetriesPerSecond: 10000")

static void endpoints_that_were_tried_are_left_out(void **state)
{
    static const char *const balancers[] = { "ROUND_ROBIN", "RANDOM", "LEAST_REQUEST" };
    char yaml[4096];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(balancers); i++) {
        struct test_world *world;

        snprintf(yaml, sizeof(yaml),
                 REVIEWS RULE("  trafficPolicy: {loadBalancer: {simple: %s}}\n"), balancers[i]);
        world = world_open(yaml, NULL);
        SAY_ALL(world, .kind = SCRIPT_RESET);
        for (unsigned calls = 1; calls <= 20; calls++) {
            world_get(world, URL);
            assert_int_equal(world->last.attempts, 3);
            assert_int_equal(world_requests(world, FIRST), calls);
            assert_int_equal(world_requests(world, SECOND), calls);
            assert_int_equal(world_requests(world, THIRD), calls);
        }
        world_close(world);
    }
}

static void they_are_tried_again_when_there_is_no_other(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RETRIES("attempts: 5, retryOn: reset") PLENTY, NULL);

    (void)state;
    SAY_ALL(world, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 6);
    assert_int_equal(world_requests(world, NULL), 6);
    world_close(world);
}

/* Gap n between two attempts, without the millisecond that an attempt takes. */
static void gaps_hold(struct test_world *world, const int64_t *bounds, size_t count)
{
    int64_t least[8], most[8] = { 0 };
    size_t first;

    for (size_t i = 0; i < count; i++) {
        least[i] = INT64_MAX;
    }
    for (int call = 0; call < 200; call++) {
        first = world->script.request_count;
        world_get(world, URL);
        assert_int_equal(world->last.attempts, count + 1);
        for (size_t i = 0; i < count; i++) {
            int64_t gap = world_request(world, first + i + 1)->at -
                          world_request(world, first + i)->at - NS_PER_MS;

            least[i] = gap < least[i] ? gap : least[i];
            most[i] = gap > most[i] ? gap : most[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(least[i] >= 0 && least[i] < bounds[i] / 10);
        assert_true(most[i] < bounds[i] && most[i] > bounds[i] / 10 * 9);
    }
}

static void the_backoff_is_full_jitter_below_a_bound_that_doubles(void **state)
{
    const int64_t bounds[] = { 25 * NS_PER_MS, 50 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS,
                               250 * NS_PER_MS };
    struct test_world *world = world_open(ONE RETRIES("attempts: 5, retryOn: reset") PLENTY, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    gaps_hold(world, bounds, COUNT_OF(bounds));
    world_close(world);
}

static void a_route_may_say_its_own_backoff(void **state)
{
    const int64_t bounds[] = { 4 * NS_PER_MS, 8 * NS_PER_MS };
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 2, retryOn: reset, backoff: 4ms") PLENTY, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    gaps_hold(world, bounds, COUNT_OF(bounds));
    world_close(world);
}

/* `count` GETs at once, each of which fails; how many ended with these flags? */
static unsigned burst(struct test_world *world, size_t count, const char *flags)
{
    struct world_call *calls = calloc(count, sizeof(*calls));
    unsigned found = 0;

    assert_non_null(calls);
    for (size_t i = 0; i < count; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
    for (size_t i = 0; i < count; i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.error, TULLE_E_NETWORK);
        found += strcmp(calls[i].result.failure.flags, flags) == 0;
        world_call_free(&calls[i]);
    }
    free(calls);
    return found;
}

/* Ten a second were saved up for ten seconds, and 400 calls paid a fifth each. */
static void the_default_budget_is_a_fifth_and_ten_a_second(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    unsigned refused;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    refused = burst(world, 400, "UC,UO");
    assert_in_range(world_metric(world, RETRIED), 175, 182);
    assert_int_equal(refused, world_metric(world, SKIPPED("budget")));
    assert_int_equal(world_requests(world, NULL), 400 + world_metric(world, RETRIED));
    world_close(world);
}

static void a_quiet_time_fills_the_budget_again(void **state)
{
    struct test_world *world = world_open(ONE BUDGET("percent: 0, minRetriesPerSecond: 2"), NULL);
    double before;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    burst(world, 50, "");
    before = world_metric(world, RETRIED);
    assert_in_range(before, 20, 21);
    world_advance(world, 3 * NS_PER_S);
    burst(world, 50, "");
    assert_in_range(world_metric(world, RETRIED) - before, 5, 7);
    before = world_metric(world, RETRIED);
    world_advance(world, 3600 * NS_PER_S);
    burst(world, 50, "");
    assert_in_range(world_metric(world, RETRIED) - before, 20, 21);
    world_close(world);
}

static void a_budget_of_nothing_allows_no_retry(void **state)
{
    struct test_world *world = world_open(ONE BUDGET("percent: 0, minRetriesPerSecond: 0"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 1);
    assert_string_equal(world->last.failure.flags, "UC,UO");
    assert_non_null(strstr(world->last.story, "no retry: the budget is used up"));
    assert_true(world_metric(world, SKIPPED("budget")) == 1);
    world_close(world);
}

static void calls_that_go_well_pay_for_those_that_do_not(void **state)
{
    struct test_world *world = world_open(ONE BUDGET("percent: 50, minRetriesPerSecond: 0"), NULL);

    (void)state;
    for (int i = 0; i < 6; i++) {
        world_get(world, URL);
    }
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 3);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 2);
    world_close(world);
}

static void max_retries_bounds_those_under_way(void **state)
{
    struct test_world *world = world_open(ONE POOL("http: {maxRetries: 1}") PLENTY, NULL);
    struct world_call calls[2];

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    assert_true(world_start_get(world, URL, &calls[0]));
    assert_true(world_start_get(world, URL, &calls[1]));
    world_finish(&calls[1]);
    assert_int_equal(calls[1].result.attempts, 1);
    assert_string_equal(calls[1].result.failure.flags, "UC,UO");
    assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 1);
    world_finish(&calls[0]);
    assert_int_equal(calls[0].result.attempts, 3);
    assert_true(world_metric(world, SKIPPED("limit")) == 1);
    assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 0);
    world_call_free(&calls[0]);
    world_call_free(&calls[1]);
    world_close(world);
}

static void no_retry_is_made_that_the_deadline_would_cut(void **state)
{
    struct test_world *world = world_open(ONE PLENTY, NULL);
    unsigned skipped = 0;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    for (int i = 0; i < 50; i++) {
        SEND(world, .method = "GET", .deadline_ns = TULLE_MS(12));
        assert_true(world->last.ended_at <= world->last.started_at + 12 * NS_PER_MS);
        if (strstr(world->last.story, "no retry: no time is left")) {
            assert_int_equal(world->last.error, TULLE_E_NETWORK);
            assert_true(world->last.ended_at < world->last.started_at + 12 * NS_PER_MS);
            skipped++;
        }
    }
    assert_in_range(skipped, 30, 50);
    assert_int_equal(world_metric(world, SKIPPED("deadline")), skipped);
    world_close(world);
}

static void a_try_that_takes_too_long_is_retried_under_reset(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RETRIES("attempts: 2, perTryTimeout: 0.25s, retryOn: reset"), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    SAY_ALL(world, .kind = SCRIPT_HANG, .times = 1);
    SEND(world, .method = "POST");
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_TIMEOUT);
    assert_int_equal(world->last.attempts, 3);
    assert_int_equal(world->last.status, 504);
    assert_string_equal(world->last.failure.flags, "URX,UT");
    assert_string_equal(world->last.failure.layer, "per-try timeout");
    CHECK(world_metric(world, "tulle_timeouts_total{" CLUSTER ",kind=\"try\"}") == 3);
    world_get(world, URL);
    CHECK(world->last.error == TULLE_OK);
done:
    world_close(world);
}

static void and_under_the_default_for_idempotent_methods_only(void **state)
{
    struct test_world *world = world_open(ONE RETRIES("attempts: 2, perTryTimeout: 0.25s"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 3);
    SEND(world, .method = "POST");
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.failure.progress, TULLE_PERHAPS_EXECUTED);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(endpoints_that_were_tried_are_left_out),
          cmocka_unit_test(they_are_tried_again_when_there_is_no_other),
          cmocka_unit_test(the_backoff_is_full_jitter_below_a_bound_that_doubles),
          cmocka_unit_test(a_route_may_say_its_own_backoff),
          cmocka_unit_test(the_default_budget_is_a_fifth_and_ten_a_second),
          cmocka_unit_test(a_quiet_time_fills_the_budget_again),
          cmocka_unit_test(a_budget_of_nothing_allows_no_retry),
          cmocka_unit_test(calls_that_go_well_pay_for_those_that_do_not),
          cmocka_unit_test(max_retries_bounds_those_under_way),
          cmocka_unit_test(no_retry_is_made_that_the_deadline_would_cut),
          TEST_OOM(a_try_that_takes_too_long_is_retried_under_reset),
          cmocka_unit_test(and_under_the_default_for_idempotent_methods_only))
