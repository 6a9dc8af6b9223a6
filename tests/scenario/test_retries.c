/* SPDX-License-Identifier: Apache-2.0 */

/* Which lost attempts and which answers are tried again. How often and when, is
 * in test_retry_limits.c. */

#include "harness/world.h"
#include "scenario/reviews.h"

#define SKIPPED(reason) "tulle_retries_skipped_total{" CLUSTER ",reason=\"" reason "\"}"

static void istios_two_retries_are_the_default(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_kill(world, FIRST);
    world_kill(world, SECOND);
    world_kill(world, THIRD);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_NETWORK);
    assert_int_equal(world->last.attempts, 3);
    assert_int_equal(world->last.status, 503);
    assert_string_equal(world->last.failure.flags, "URX,UF");
    assert_string_equal(world->last.failure.layer, "transport");
    assert_int_equal(world->last.failure.progress, TULLE_NOTHING_SENT);
    CHECK(world_metric(world, "tulle_retries_total{" CLUSTER "}") == 2);
    CHECK(world_metric(world, "tulle_connect_failures_total{" CLUSTER "}") == 3);
done:
    world_close(world);
}

static void a_get_that_is_perhaps_executed_is_sent_again(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    world_answer(world, FIRST, .body = "again");
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
    assert_string_equal(world->last.body, "again");
    assert_int_equal(world_requests(world, FIRST), 2);
    CHECK(world_metric(world, "tulle_retries_total{" CLUSTER "}") == 1);
    CHECK(world_metric(world, "tulle_retry_success_total{" CLUSTER "}") == 1);
done:
    world_close(world);
}

static void a_post_that_is_perhaps_executed_is_not(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    SEND(world, .method = "POST", .body = "order", .body_size = 5);
    CHECK_OR_DONE(world->last.failure.error == TULLE_E_NETWORK);
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world_requests(world, FIRST), 1);
    assert_int_equal(world->last.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_string_equal(world->last.failure.flags, "UC");
    CHECK(world_metric(world, "tulle_perhaps_executed_total{" CLUSTER "}") == 1);
    CHECK(world_metric(world, SKIPPED("method")) == 1);
done:
    world_close(world);
}

static void a_post_of_which_nothing_was_sent_is_sent(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET_BEFORE, .times = 1);
    SEND(world, .method = "POST", .body = "order", .body_size = 5);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
    assert_int_equal(world_requests(world, FIRST), 1);
    assert_int_equal(world_request(world, 0)->body_size, 5);
done:
    world_close(world);
}

static void a_post_that_the_peer_did_not_look_at_is_sent(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_REFUSED_STREAM, .times = 2);
    SEND(world, .method = "POST");
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.attempts, 3);
    world_answer(world, FIRST, .kind = SCRIPT_REFUSED_STREAM);
    SEND(world, .method = "POST");
    assert_int_equal(world->last.failure.progress, TULLE_REFUSED_UNPROCESSED);
    assert_string_equal(world->last.failure.flags, "URX,UR");
    world_close(world);
}

static void an_idempotency_key_makes_a_post_retriable(void **state)
{
    struct test_world *world =
        world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .trace = TULLE_TRACE_OFF });

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    SEND(world, .method = "POST", .idempotency_key = "k1");
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 2);
    assert_string_equal(world_request(world, 0)->headers,
                        "Idempotency-Key: k1\nx-envoy-attempt-count: 1\n");
    assert_string_equal(world_request(world, 1)->headers,
                        "Idempotency-Key: k1\nx-envoy-attempt-count: 2\n");
done:
    world_close(world);
}

static void every_idempotent_method_is_and_no_other(void **state)
{
    static const struct {
        const char *method;
        unsigned attempts;
    } cases[] = { { "GET", 2 },   { "HEAD", 2 },  { "PUT", 2 },  { "DELETE", 2 }, { "OPTIONS", 2 },
                  { "TRACE", 2 }, { "PATCH", 1 }, { "POST", 1 }, { "get", 1 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct test_world *world = world_open(ONE, NULL);

        world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
        SEND(world, .method = cases[i].method);
        assert_int_equal(world->last.attempts, cases[i].attempts);
        world_close(world);
    }
}

static void every_failure_that_is_perhaps_executed_is_counted(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    world_get(world, URL);
    assert_string_equal(world->flags, "URX,UC");
    SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    SEND(world, .method = "POST", .deadline_ns = TULLE_S(1));
    assert_true(world_metric(world, "tulle_perhaps_executed_total{" CLUSTER "}") == 3);
    assert_true(world_metric(world, SKIPPED("method")) == 0);
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE);
    world_get(world, URL);
    assert_true(world_metric(world, "tulle_perhaps_executed_total{" CLUSTER "}") == 3);
    world_close(world);
}

/* What Istio alone would do. */
static void strict_retries_leave_the_two_additions_out(void **state)
{
    static const struct {
        enum script_kind kind;
        unsigned attempts;
    } cases[] = { { SCRIPT_RESET, 1 },
                  { SCRIPT_RESET_BEFORE, 1 },
                  { SCRIPT_REFUSE, 3 },
                  { SCRIPT_REFUSED_STREAM, 3 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct test_world *world =
            world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .strict_retries = 1 });

        world_answer(world, FIRST, .kind = cases[i].kind);
        world_get(world, URL);
        assert_int_equal(world->last.attempts, cases[i].attempts);
        world_close(world);
    }
}

static void retries_can_be_off_for_a_call(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE);
    SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    assert_int_equal(world->last.attempts, 1);
    assert_string_equal(world->last.failure.flags, "UF");
    world_close(world);
}

static void no_attempts_turn_retries_off(void **state)
{
    struct test_world *world = world_open(ONE RETRIES("attempts: 0"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_REFUSE);
    world_get(world, URL);
    assert_int_equal(world->last.attempts, 1);
    assert_string_equal(world->last.failure.flags, "UF");
    world_close(world);
}

static unsigned attempts_of_answer(const char *yaml, int status, const char *header)
{
    struct test_world *world = world_open(yaml, NULL);
    unsigned attempts;

    world_answer(world, FIRST, .status = status, .headers = { header });
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_OK);
    assert_int_equal(world->last.status, status);
    attempts = world->last.attempts;
    assert_int_equal(world_requests(world, NULL), attempts);
    if (attempts == 3) {
        assert_string_equal(world->flags, "URX");
    }
    world_close(world);
    return attempts;
}

#define RETRIED_ON(conditions) ONE RETRIES("attempts: 2, retryOn: \"" conditions "\"")

static void answers_are_retried_by_their_status_as_the_route_says(void **state)
{
    static const struct {
        const char *yaml;
        int status;
        unsigned attempts;
    } cases[] = {
        { ONE, 503, 1 },
        { ONE, 500, 1 },
        { ONE, 429, 1 },
        { RETRIED_ON("5xx"), 500, 3 },
        { RETRIED_ON("5xx"), 503, 3 },
        { RETRIED_ON("5xx"), 404, 1 },
        { RETRIED_ON("gateway-error"), 500, 1 },
        { RETRIED_ON("gateway-error"), 502, 3 },
        { RETRIED_ON("gateway-error"), 503, 3 },
        { RETRIED_ON("gateway-error"), 504, 3 },
        { RETRIED_ON("gateway-error"), 505, 1 },
        { RETRIED_ON("retriable-4xx"), 409, 3 },
        { RETRIED_ON("retriable-4xx"), 404, 1 },
        { RETRIED_ON("retriable-status-codes,503"), 503, 3 },
        { RETRIED_ON("503,429"), 429, 3 },
        { RETRIED_ON("503"), 502, 1 },
        { RETRIED_ON("retriable-status-codes"), 503, 1 },
        { RETRIED_ON("reset"), 503, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(attempts_of_answer(cases[i].yaml, cases[i].status, NULL),
                         cases[i].attempts);
    }
}

static void a_rate_limited_answer_is_retried_only_by_its_own_condition(void **state)
{
    (void)state;
    assert_int_equal(attempts_of_answer(RETRIED_ON("5xx"), 503, "x-envoy-ratelimited: true"), 1);
    assert_int_equal(attempts_of_answer(RETRIED_ON("5xx"), 503, "x-envoy-overloaded: true"), 3);
    assert_int_equal(
        attempts_of_answer(RETRIED_ON("envoy-ratelimited"), 429, "x-envoy-ratelimited: true"), 3);
    assert_int_equal(attempts_of_answer(RETRIED_ON("envoy-ratelimited"), 429, NULL), 1);
}

static unsigned attempts_of_grpc(const char *yaml, const char *header)
{
    static const struct tulle_header grpc = { "content-type", "application/grpc" };
    struct test_world *world = world_open(yaml, NULL);
    unsigned attempts;

    world_answer(world, FIRST, .headers = { header });
    SEND(world, .method = "POST", .headers = &grpc, .header_count = 1);
    assert_int_equal(world->last.status, 200);
    attempts = world->last.attempts;
    world_close(world);
    return attempts;
}

static void a_grpc_status_in_the_head_is_retried_as_the_route_says(void **state)
{
    static const struct {
        const char *yaml, *header;
        unsigned attempts;
    } cases[] = {
        { ONE, "grpc-status: 14", 3 },
        { ONE, "grpc-status: 1", 3 },
        { ONE, "grpc-status: 4", 1 },
        { ONE, "grpc-status: 0", 1 },
        { ONE, "grpc-status: none", 1 },
        { RETRIED_ON("deadline-exceeded"), "grpc-status: 4", 3 },
        { RETRIED_ON("resource-exhausted"), "grpc-status: 8", 3 },
        { RETRIED_ON("internal"), "grpc-status: 13", 3 },
        { RETRIED_ON("internal"), "grpc-status: 14", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(attempts_of_grpc(cases[i].yaml, cases[i].header), cases[i].attempts);
    }
    assert_int_equal(attempts_of_answer(ONE, 200, "grpc-status: 14"), 1);
}

static unsigned attempts_of_loss(const char *yaml, enum script_kind kind)
{
    struct test_world *world = world_open(yaml, NULL);
    unsigned attempts;

    world_answer(world, FIRST, .kind = kind);
    SEND(world, .method = "POST");
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    attempts = world->last.attempts;
    world_close(world);
    return attempts;
}

/* Said by the route itself, they hold for a POST as well. */
static void lost_attempts_are_retried_as_the_route_says(void **state)
{
    static const struct {
        const char *yaml;
        enum script_kind kind;
        unsigned attempts;
    } cases[] = {
        { RETRIED_ON("reset"), SCRIPT_RESET, 3 },
        { RETRIED_ON("5xx"), SCRIPT_RESET, 3 },
        { RETRIED_ON("gateway-error"), SCRIPT_RESET, 3 },
        { RETRIED_ON("connect-failure"), SCRIPT_RESET, 1 },
        { RETRIED_ON("connect-failure"), SCRIPT_REFUSE, 3 },
        { RETRIED_ON("connect-failure"), SCRIPT_RESET_BEFORE, 1 },
        { RETRIED_ON("reset-before-request"), SCRIPT_RESET_BEFORE, 3 },
        { RETRIED_ON("reset-before-request"), SCRIPT_RESET, 1 },
        { RETRIED_ON("refused-stream"), SCRIPT_REFUSED_STREAM, 3 },
        { RETRIED_ON("refused-stream"), SCRIPT_REFUSE, 1 },
        { RETRIED_ON("503"), SCRIPT_RESET, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(attempts_of_loss(cases[i].yaml, cases[i].kind), cases[i].attempts);
    }
}

static void what_breaks_off_after_its_head_is_not_retried(void **state)
{
    struct test_world *world = world_open(RETRIED_ON("reset,5xx"), NULL);

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_BREAK, .body_size = 100, .break_at = 40);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    assert_int_equal(world->last.attempts, 1);
    assert_int_equal(world->last.failure.progress, TULLE_ANSWERED);
    world_close(world);
}

TEST_MAIN(TEST_OOM(istios_two_retries_are_the_default),
          TEST_OOM(a_get_that_is_perhaps_executed_is_sent_again),
          TEST_OOM(a_post_that_is_perhaps_executed_is_not),
          TEST_OOM(a_post_of_which_nothing_was_sent_is_sent),
          cmocka_unit_test(a_post_that_the_peer_did_not_look_at_is_sent),
          TEST_OOM(an_idempotency_key_makes_a_post_retriable),
          cmocka_unit_test(every_idempotent_method_is_and_no_other),
          cmocka_unit_test(every_failure_that_is_perhaps_executed_is_counted),
          cmocka_unit_test(strict_retries_leave_the_two_additions_out),
          cmocka_unit_test(retries_can_be_off_for_a_call),
          cmocka_unit_test(no_attempts_turn_retries_off),
          cmocka_unit_test(answers_are_retried_by_their_status_as_the_route_says),
          cmocka_unit_test(a_rate_limited_answer_is_retried_only_by_its_own_condition),
          cmocka_unit_test(a_grpc_status_in_the_head_is_retried_as_the_route_says),
          cmocka_unit_test(lost_attempts_are_retried_as_the_route_says),
          cmocka_unit_test(what_breaks_off_after_its_head_is_not_retried))
