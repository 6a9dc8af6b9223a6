/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks by kind: what is asked, and what an answer comes to. */

#include "scenario/checks.h"

static void an_answer_that_is_not_expected_is_unhealthy_at_once(void **state)
{
    struct test_world *world = world_open(
        REVIEWS CHECKS(SOON "interval: 5s, noTrafficInterval: 5s, unhealthyThreshold: 2, "
                            "httpHealthCheck: {path: /healthz, "
                            "expectedStatuses: [{start: 200, end: 205}], "
                            "retriableStatuses: [{start: 503, end: 504}]}"),
        NULL);

    (void)state;
    SAY_ALL(world, CHECK_OF, .status = 204);
    world_advance(world, 10 * NS_PER_MS);
    assert_true(world_metric(world, HEALTHY) == 3);
    world_answer(world, FIRST, CHECK_OF, .status = 500);
    world_answer(world, SECOND, CHECK_OF, .status = 503);
    world_advance(world, 5 * NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 2);
    world_advance(world, 5 * NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 1);
    world_close(world);
}

static void who_asks_for_less_is_used_when_the_others_are_gone(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);
    unsigned counts[3];

    (void)state;
    world_answer(world, FIRST, CHECK_OF, .headers = { "x-envoy-degraded: true" });
    share(world, 60, counts);
    assert_in_range(counts[0], 0, 15); /* two of three healthy: 93 % to them, as in Envoy */
    assert_true(world_metric(world, HEALTHY) == 3);
    assert_true(world_metric(world, DEGRADED) == 1);
    world_answer(world, SECOND, CHECK_OF, .status = 500);
    world_answer(world, THIRD, CHECK_OF, .status = 500);
    world_advance(world, 6 * NS_PER_S);
    share(world, 30, counts);
    assert_int_equal(counts[0], 30);
    world_close(world);
}

/* That header is for replies to calls. */
static void a_good_answer_is_one_whatever_its_header_says(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    world_answer(world, FIRST, CHECK_OF, .headers = { "x-envoy-immediate-health-check-fail: 1" });
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 3);
    world_close(world);
}

/* On the reply to a call it is as if a check had failed: three good ones bring it back. */
static void an_endpoint_may_decline_with_the_reply_to_a_call(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), TOLD);
    unsigned counts[3];

    (void)state;
    world_advance(world, NS_PER_S);
    world_answer(world, FIRST, .headers = { "X-Envoy-Immediate-Health-Check-Fail: true" },
                 .times = 1);
    SAY_ALL(world, .status = 200);
    share(world, 30, counts);
    assert_int_equal(counts[0], 1);
    assert_true(world_metric(world, HEALTHY) == 2);
    assert_non_null(strstr(world->log, "10.0.0.1:80 is unhealthy: a reply to a call had "
                                       "x-envoy-immediate-health-check-fail"));
    world_advance(world, 13 * NS_PER_S); /* two of three */
    assert_true(world_metric(world, HEALTHY) == 2);
    world_advance(world, 2 * NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 3);
    world_close(world);
}

static void without_checks_nobody_declines(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);
    unsigned counts[3];

    (void)state;
    SAY_ALL(world, .headers = { "x-envoy-immediate-health-check-fail: true" });
    share(world, 30, counts);
    assert_true(counts[0] > 1 && counts[1] > 1 && counts[2] > 1);
    world_close(world);
}

static void a_body_without_end_is_cut_and_its_status_counts(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    SAY_ALL(world, CHECK_OF, .body_size = 1000000);
    world_answer(world, FIRST, CHECK_OF, .status = 404, .body_size = 1000000);
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 2);
    assert_true(world_metric(world, RESULT("failed")) == 1);
    world_close(world);
}

static void a_reply_that_breaks_off_did_not_come(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    world_answer(world, FIRST, CHECK_OF, .kind = SCRIPT_BREAK, .body_size = 100, .break_at = 10);
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, RESULT("unreached")) == 1);
    assert_true(world_metric(world, HEALTHY) == 2);
    world_close(world);
}

static void the_connection_is_kept_unless_it_is_not_to_be(void **state)
{
    static const struct {
        const char *yaml;
        unsigned opened, open;
    } cases[] = {
        { REVIEWS HTTP(""), 1, 1 },
        { REVIEWS HTTP(", reuseConnection: false"), 5, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct test_world *world = world_open(cases[i].yaml, NULL);

        world_advance(world, 21 * NS_PER_S);
        assert_int_equal(world_endpoint(world, FIRST)->opened, cases[i].opened);
        assert_int_equal(world_endpoint(world, FIRST)->open, cases[i].open);
        assert_true(world_metric(world, "tulle_connections_opened_total{" CLUSTER "}") == 0);
        world_close(world);
    }
}

/* As servers do with what was idle for long. */
static void a_kept_connection_that_ended_is_nobodys_fault(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    world_advance(world, NS_PER_S);
    world_answer(world, FIRST, CHECK_OF, .kind = SCRIPT_RESET, .times = 1);
    world_advance(world, 5 * NS_PER_S);
    assert_true(world_metric(world, ATTEMPTS) == 7);
    assert_true(world_metric(world, RESULT("passed")) == 6);
    assert_true(world_metric(world, RESULT("unreached")) == 0);
    assert_int_equal(world_endpoint(world, FIRST)->opened, 2);
    world_close(world);
}

static void the_request_is_as_the_check_says(void **state)
{
    struct test_world *world =
        world_open(REVIEWS CHECKS("httpHealthCheck: {path: '/healthz?full=1', host: inner.test, "
                                  "method: HEAD, requestHeadersToAdd: "
                                  "[{header: {key: X-Probe, value: a b}}, "
                                  "{header: {key: user-agent, value: mine}}]}"),
                   NULL);
    const struct script_request *request;

    (void)state;
    world_advance(world, NS_PER_S);
    request = world_request(world, 0);
    assert_string_equal(request->method, "HEAD");
    assert_string_equal(request->url, "http://reviews.default.svc.cluster.local/healthz?full=1");
    assert_non_null(strstr(request->headers, "Host: inner.test\n"));
    assert_non_null(strstr(request->headers, "X-Probe: a b\nuser-agent: mine\n"));
    assert_null(strstr(request->headers, "tulle-health-check"));
    world_close(world);
}

#define GRPC                                                                                       \
    CHECKS(SOON "noTrafficInterval: 5s, grpcHealthCheck: {serviceName: shop.Cart, "                \
                "initialMetadata: [{header: {key: tenant, value: me}}]}")
#define MESSAGE(status) .body = "\0\0\0\0\2\x08" status, .body_size = 7
#define STATUS(code)    .trailers = { "grpc-status: " code }

static void grpc_is_healthy_when_it_serves(void **state)
{
    struct test_world *world = world_open(REVIEWS GRPC, TOLD);
    const struct script_request *request;

    (void)state;
    world_answer(world, FIRST, MESSAGE("\1"), STATUS("0"));
    world_answer(world, SECOND, MESSAGE("\2"), STATUS("0"));
    world_answer(world, THIRD, .headers = { "grpc-status: 12" });
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 1);
    assert_true(world_metric(world, RESULT("failed")) == 2);
    assert_non_null(strstr(world->log, "10.0.0.2:80 is unhealthy: gRPC answered NOT_SERVING"));
    assert_non_null(strstr(world->log, "10.0.0.3:80 is unhealthy: gRPC ended with status 12"));
    request = world_request(world, 0);
    assert_string_equal(request->method, "POST");
    assert_non_null(strstr(request->url, "/grpc.health.v1.Health/Check"));
    assert_non_null(strstr(request->headers, "Content-Type: application/grpc\n"));
    assert_non_null(strstr(request->headers, "tenant: me\n"));
    assert_non_null(strstr(request->headers, "User-Agent: tulle-health-check\n"));
    assert_int_equal(request->body_size, 16);
    world_answer(world, FIRST, MESSAGE("\1")); /* without a status */
    world_answer(world, SECOND, MESSAGE("\1"), STATUS("0"));
    world_answer(world, THIRD, STATUS("0")); /* without a message */
    world_advance(world, 12 * NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 1);
    assert_non_null(strstr(world->log, "10.0.0.1:80 is unhealthy: gRPC ended without a status"));
    assert_non_null(strstr(world->log, "10.0.0.2:80 is healthy"));
    world_close(world);
}

static void tcp_is_healthy_when_it_takes_a_connection(void **state)
{
    struct test_world *world = world_open(
        REVIEWS CHECKS(SOON "interval: 5s, noTrafficInterval: 5s, tcpHealthCheck: {}"), NULL);

    (void)state;
    SAY_ALL(world, .status = 503);
    world_kill(world, SECOND);
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 2);
    world_revive(world, SECOND);
    world_advance(world, 10 * NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 3);
    world_close(world);
}

static void of_several_checks_the_worst_counts(void **state)
{
    struct test_world *world =
        world_open(REVIEWS TRAFFIC_POLICY(
                       "  healthChecks:\n"
                       "  - {" SOON "noTrafficInterval: 5s, httpHealthCheck: {path: /healthz}}\n"
                       "  - {" SOON "noTrafficInterval: 5s, httpHealthCheck: {path: /other}}\n"),
                   NULL);

    (void)state;
    world_answer(world, FIRST, CHECK_OF, .status = 500);
    world_answer(world, SECOND, .path = "/other", .status = 500);
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, HEALTHY) == 1);
    assert_true(world_metric(world, ATTEMPTS) == 6);
    world_close(world);
}

/* A name that is an endpoint itself (LOGICAL_DNS) is asked where it is now. */
static void an_endpoint_that_is_a_name_is_asked_where_it_is(void **state)
{
    static const char yaml[] = "apiVersion: networking.istio.io/v1\n"
                               "kind: ServiceEntry\n"
                               "metadata: {name: reviews}\n"
                               "spec:\n"
                               "  hosts: [reviews]\n"
                               "  location: MESH_INTERNAL\n"
                               "  resolution: DNS_ROUND_ROBIN\n"
                               "  ports: [" HTTP_80 "]\n"
                               "  endpoints: [{address: reviews.test}]\n" HTTP("");
    struct test_world *world = world_open(yaml, NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    world_get(world, URL);
    CHECK(world->last.error == TULLE_OK);
    CHECK(world_metric(world, HEALTHY) == 1);
    CHECK(world_requests(world, "reviews.test:80") == 2);

done:
    world_close(world);
}

static void other_checks_survive_running_out_of_memory(void **state)
{
    struct test_world *world = world_open(
        REVIEWS TRAFFIC_POLICY("  healthChecks:\n"
                               "  - {noTrafficInterval: 5s, tcpHealthCheck: {}}\n"
                               "  - {noTrafficInterval: 5s, grpcHealthCheck: {serviceName: x}}\n"),
        NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    SAY_ALL(world, MESSAGE("\1"), STATUS("0"));
    world_advance(world, 20 * NS_PER_S);
    CHECK(world_metric(world, HEALTHY) == 3);
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(an_answer_that_is_not_expected_is_unhealthy_at_once),
          cmocka_unit_test(who_asks_for_less_is_used_when_the_others_are_gone),
          cmocka_unit_test(a_good_answer_is_one_whatever_its_header_says),
          cmocka_unit_test(an_endpoint_may_decline_with_the_reply_to_a_call),
          cmocka_unit_test(without_checks_nobody_declines),
          cmocka_unit_test(a_body_without_end_is_cut_and_its_status_counts),
          cmocka_unit_test(a_reply_that_breaks_off_did_not_come),
          cmocka_unit_test(the_connection_is_kept_unless_it_is_not_to_be),
          cmocka_unit_test(a_kept_connection_that_ended_is_nobodys_fault),
          cmocka_unit_test(the_request_is_as_the_check_says),
          cmocka_unit_test(grpc_is_healthy_when_it_serves),
          cmocka_unit_test(tcp_is_healthy_when_it_takes_a_connection),
          cmocka_unit_test(of_several_checks_the_worst_counts),
          TEST_OOM(an_endpoint_that_is_a_name_is_asked_where_it_is),
          TEST_OOM(other_checks_survive_running_out_of_memory))
