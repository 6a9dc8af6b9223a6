/* SPDX-License-Identifier: Apache-2.0 */

/* What servers say and do to be asked again, sensible or not: which answers are
 * tried again by a word in them, that no word makes a call wait for ever, that
 * nothing makes a POST go out twice; and in which priority a retry goes. */

#include "harness/world.h"
#include "scenario/reviews.h"

#define SKIPPED(reason) "tulle_retries_skipped_total{" CLUSTER ",reason=\"" reason "\"}"
#define BUDGET_PLENTY   "  retryBudget: {percent: 100, minRetriesPerSecond: 10000}\n"
#define MORE(retry)     TRAFFIC_POLICY("  retry: {" retry "}\n" BUDGET_PLENTY)
#define ON(conditions)  RETRIES("attempts: 1, backoff: 1ms, retryOn: \"" conditions "\"")

static const struct tulle_header grpc = { "content-type", "application/grpc" };

/* --- words that ask for it --- */

static unsigned attempts_of(const char *yaml, int status, const char *header)
{
    struct test_world *world = world_open(yaml, NULL);
    unsigned attempts;

    world_answer(world, FIRST, .status = status, .headers = { header });
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_OK);
    attempts = world->last.attempts;
    assert_int_equal(world_requests(world, FIRST), attempts);
    world_close(world);
    return attempts;
}

static void a_reply_with_a_header_that_is_named_is_tried_again(void **state)
{
    static const struct {
        const char *yaml, *header;
        unsigned attempts;
    } cases[] = {
        { ONE ON("retriable-headers") MORE("retriableHeaders: \"x-later, X-Again\""), "x-again: 1",
          2 },
        { ONE ON("retriable-headers") MORE("retriableHeaders: \"x-later, X-Again\""), "X-Later: 0",
          2 },
        { ONE ON("retriable-headers") MORE("retriableHeaders: \"x-later, X-Again\""), "x-none: 1",
          1 },
        { ONE ON("reset") MORE("retriableHeaders: x-again"), "x-again: 1", 1 },
        { ONE ON("reset") MORE("retryOn: retriable-headers, retriableHeaders: x-again"),
          "x-again: 1", 2 },
        { ONE ON("retriable-headers"), "x-again: 1", 1 },
        { ONE ON("http3-post-connect-failure"), "x-again: 1", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(attempts_of(cases[i].yaml, 200, cases[i].header), cases[i].attempts);
    }
}

static void status_codes_are_added_to_those_of_the_route(void **state)
{
    static const struct {
        int status;
        unsigned attempts;
    } cases[] = { { 503, 2 }, { 429, 2 }, { 500, 1 } };
    struct test_world *world = world_open(ONE ON("503") MORE("retryOn: \"429,reset\""), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        world_answer(world, FIRST, .status = cases[i].status);
        world_get(world, URL);
        CHECK_OK(world->last.error);
        assert_int_equal(world->last.status, cases[i].status);
        assert_int_equal(world->last.attempts, cases[i].attempts);
    }
done:
    world_close(world);
}

static void a_key_among_the_headers_is_a_key(void **state)
{
    static const struct tulle_header key = { "idempotency-key", "k1" };
    static const struct tulle_header empty = { "Idempotency-Key", "" };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    SEND(world, .method = "POST", .headers = &key, .header_count = 1);
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.attempts, 2);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    SEND(world, .method = "POST", .headers = &empty, .header_count = 1);
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    assert_int_equal(world->last.attempts, 1);
    world_close(world);
}

/* --- words that are none --- */

/* The default backoff, and nothing skipped. */
static void what_is_absurd_is_not_heeded(void **state)
{
    static const char *const headers[] = {
        "retry-after: -1",
        "retry-after: 0",
        "retry-after: 1e9",
        "retry-after: 9223372036854775808",
        "retry-after: 99999999999999999999999999",
        "retry-after: Fri, 31 Dec 9999 23:59:59 GMT",
        "retry-after: ",
        "x-ratelimit-reset: -5",
        "x-ratelimit-reset: 0",
        "x-ratelimit-reset: 99999999999999999999999999",
        "x-ratelimit-reset: soon",
        "grpc-retry-pushback-ms: -1", /* it is no gRPC call */
    };
    static const char yaml[] = ONE ON("503") MORE("");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct test_world *world = world_open(yaml, NULL);

        world_answer(world, FIRST, .status = 503, .headers = { headers[i] }, .times = 1);
        SEND(world, .deadline_ns = TULLE_NONE);
        assert_int_equal(world->last.error, TULLE_OK);
        assert_int_equal(world->last.attempts, 2);
        assert_true(world->last.ended_at - world->last.started_at <= 3 * NS_PER_MS);
        world_close(world);
    }
}

/* Without a deadline a word of a server would keep a call, and its place among
 * the retries, for as long as he likes. */
static void nobody_is_kept_waiting_for_ever(void **state)
{
    static const char *const headers[] = { "retry-after: 301",
                                           "retry-after: 9223372035",
                                           "x-ratelimit-reset: 9223372035",
                                           "grpc-retry-pushback-ms: 300001",
                                           "grpc-retry-pushback-ms: 2147483647",
                                           "grpc-retry-pushback-ms: 2147483648",
                                           "grpc-retry-pushback-ms: -9999999999999999999" };
    static const char *const yamls[] = { ONE ON("503"),
                                         ONE ON("503")
                                             MORE("rateLimitedRetryBackOff: {maxInterval: 300s}") };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(headers); i++) {
        struct test_world *world = world_open(yamls[i % 2], NULL);

        world_answer(world, FIRST, .status = 503, .headers = { headers[i / 2] });
        SEND(world, .deadline_ns = TULLE_NONE, .headers = &grpc, .header_count = 1);
        assert_int_equal(world->last.error, TULLE_OK);
        assert_int_equal(world->last.attempts, 1);
        assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
        assert_true(world_metric(world, SKIPPED("pushback")) == 1);
        assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 0);
        world_close(world);
    }
}

/* Where Retry-After is not heeded, gRPC's word is, and has the default's bound. */
static void grpcs_word_has_a_bound_of_its_own(void **state)
{
    struct test_world *world =
        world_open(ONE ON("503") MORE("rateLimitedRetryBackOff: {maxInterval: 0s}"), NULL);

    (void)state;
    world_answer(world, FIRST, .status = 503, .headers = { "grpc-retry-pushback-ms: 300000" },
                 .times = 1);
    SEND(world, .deadline_ns = TULLE_NONE, .headers = &grpc, .header_count = 1);
    assert_int_equal(world->last.attempts, 2);
    assert_int_equal(world->last.ended_at - world->last.started_at, 300 * NS_PER_S + 2 * NS_PER_MS);
    world_answer(world, FIRST, .status = 503, .headers = { "grpc-retry-pushback-ms: 300001" });
    SEND(world, .deadline_ns = TULLE_NONE, .headers = &grpc, .header_count = 1);
    assert_int_equal(world->last.attempts, 1);
    world_close(world);
}

/* A reset that is as late as can be said, and a longest wait that is as long. */
static void the_longest_wait_that_can_be_configured_does_not_overflow(void **state)
{
    struct test_world *world = world_open(
        ONE ON("503") MORE("rateLimitedRetryBackOff: {maxInterval: 640000h640000h640000h}"), NULL);

    (void)state;
    world_answer(world, FIRST, .status = 503, .headers = { "retry-after: 6900000000" });
    SEND(world, .deadline_ns = TULLE_S(1));
    assert_int_equal(world->last.attempts, 1);
    assert_true(world_metric(world, SKIPPED("deadline")) == 1);
    world_close(world);
}

/* --- what is executed is executed once --- */

static void nothing_makes_a_post_go_out_twice(void **state)
{
    static const enum script_kind kinds[] = { SCRIPT_RESET, SCRIPT_HANG, SCRIPT_BREAK,
                                              SCRIPT_ANSWER };
    static const char yaml[] = REVIEWS RETRIES("attempts: 5, perTryTimeout: 0.1s")
        TRAFFIC_POLICY("  retry: {perTryIdleTimeout: 0.05s}\n"
                       "  hedge: {budgetPercent: 100}\n" BUDGET_PLENTY);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct test_world *world = world_open(yaml, NULL);

        for (int k = 0; k < 200; k++) { /* the latencies are known */
            world_get(world, URL);
        }
        SAY_ALL(world, .kind = kinds[i], .status = 503, .body_size = 10, .break_at = 5,
                .delay_ns = 20 * NS_PER_MS, .headers = { "retry-after: 1" });
        SEND(world, .method = "POST", .body = "order", .body_size = 5);
        SEND(world, .method = "PATCH");
        assert_int_equal(world_requests(world, NULL), 202);
        world_close(world);
    }
}

/* --- where a retry goes --- */

#define REGIONS                                                                                    \
    SERVICE(HTTP_80, "{address: 10.0.0.1, locality: here/a}, {address: 10.0.0.2, locality: "       \
                     "here/a}, {address: 10.0.1.1, locality: there/a}")                            \
    RULE("  trafficPolicy:\n"                                                                      \
         "    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, failover: "   \
         "[{from: here, to: there}]}}\n"                                                           \
         "    outlierDetection: {consecutive5xxErrors: 100}\n")
#define TRIES(more)  RETRIES("attempts: 6, backoff: 1ms, retryOn: retriable-4xx" more)
#define HERE_OR(far) (strcmp(world_request(world, i)->address, "10.0.1.1:80") == 0 ? (far) : 'h')

/* A letter for each attempt: here or there. */
static void assert_places(const char *yaml, const char *wanted)
{
    struct test_world *world =
        world_open(yaml, &(struct tulle_options){ TULLE_OPTIONS_INIT, .locality = "here/a" });
    char places[16] = "";

    SAY_ALL(world, .status = 409);
    world_answer(world, "10.0.1.1:80", .status = 409);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 7);
    for (size_t i = 0; i < 7; i++) {
        places[i] = HERE_OR('t');
    }
    assert_string_equal(places, wanted);
    world_close(world);
}

/* Envoy's previous_priorities, with Istio's frequency of 2; after all were tried
 * it begins anew. */
static void retries_go_to_priorities_that_were_not_tried(void **state)
{
    (void)state;
    assert_places(REGIONS TRIES("") MORE(""), "hhhhhhh");
    assert_places(REGIONS TRIES(", retryRemoteLocalities: true") MORE(""), "hhtthht");
    assert_places(REGIONS TRIES("") MORE("previousPriorities: {updateFrequency: 1}"), "hththth");
    assert_places(REGIONS TRIES("") MORE("previousPriorities: {updateFrequency: 3}"), "hhhttth");
}

TEST_MAIN(cmocka_unit_test(a_reply_with_a_header_that_is_named_is_tried_again),
          TEST_OOM(status_codes_are_added_to_those_of_the_route),
          cmocka_unit_test(a_key_among_the_headers_is_a_key),
          cmocka_unit_test(what_is_absurd_is_not_heeded),
          cmocka_unit_test(nobody_is_kept_waiting_for_ever),
          cmocka_unit_test(grpcs_word_has_a_bound_of_its_own),
          cmocka_unit_test(the_longest_wait_that_can_be_configured_does_not_overflow),
          cmocka_unit_test(nothing_makes_a_post_go_out_twice),
          cmocka_unit_test(retries_go_to_priorities_that_were_not_tried))
