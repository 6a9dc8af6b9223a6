/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#include "model/defaults.h"

static void a_check_has_its_defaults(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "healthChecks: [{tcpHealthCheck: {}}, {grpcHealthCheck: {}},\n"
                             "  {httpHealthCheck: {path: /}}]");
    struct health_check expected = tulle__health_check_default;

    (void)state;
    assert_int_equal(policy->check_count, 3);
    expected.kind = HEALTH_CHECK_TCP;
    assert_memory_equal(&policy->checks[0], &expected, sizeof(expected));
    expected.kind = HEALTH_CHECK_GRPC;
    assert_memory_equal(&policy->checks[1], &expected, sizeof(expected));
    assert_int_equal(policy->checks[2].kind, HEALTH_CHECK_HTTP);
    assert_true(str_equal(policy->checks[2].method, STR("GET")));
    assert_int_equal(policy->checks[2].expected_count, 0);
    readout_fini(&out);
}

static void every_time_and_threshold_is_read(void **state)
{
    struct readout out;
    const struct health_check *check =
        readout_policy(&out, "healthChecks: [{timeout: 1s, interval: 2s, initialJitter: 3s,\n"
                             "  intervalJitter: 4s, intervalJitterPercent: 5,\n"
                             "  unhealthyThreshold: 6, healthyThreshold: 7,\n"
                             "  noTrafficInterval: 8s, noTrafficHealthyInterval: 9s,\n"
                             "  unhealthyInterval: 10s, unhealthyEdgeInterval: 11s,\n"
                             "  healthyEdgeInterval: 12s, reuseConnection: false,\n"
                             "  grpcHealthCheck: {serviceName: s, authority: h}}]")
            ->checks;

    (void)state;
    assert_int_equal(check->timeout_ns, 1 * NS_PER_S);
    assert_int_equal(check->interval_ns, 2 * NS_PER_S);
    assert_int_equal(check->initial_jitter_ns, 3 * NS_PER_S);
    assert_int_equal(check->interval_jitter_ns, 4 * NS_PER_S);
    assert_int_equal(check->interval_jitter_percent, 5);
    assert_int_equal(check->unhealthy_threshold, 6);
    assert_int_equal(check->healthy_threshold, 7);
    assert_int_equal(check->no_traffic_ns, 8 * NS_PER_S);
    assert_int_equal(check->no_traffic_healthy_ns, 9 * NS_PER_S);
    assert_int_equal(check->unhealthy_ns, 10 * NS_PER_S);
    assert_int_equal(check->unhealthy_edge_ns, 11 * NS_PER_S);
    assert_int_equal(check->healthy_edge_ns, 12 * NS_PER_S);
    assert_false(check->reuse_connection);
    assert_true(str_equal(check->service, STR("s")));
    assert_true(str_equal(check->host, STR("h")));
    readout_fini(&out);
}

static void every_field_of_a_request_is_read(void **state)
{
    struct readout out;
    const struct health_check *check =
        readout_policy(&out,
                       "healthChecks: [{httpHealthCheck: {path: /ok, host: me, method: HEAD,\n"
                       "  expectedStatuses: [{start: 200, end: 201}, {start: 204, end: 300}],\n"
                       "  retriableStatuses: [{start: 500, end: 600}]}}]")
            ->checks;

    (void)state;
    assert_true(str_equal(check->path, STR("/ok")));
    assert_true(str_equal(check->host, STR("me")));
    assert_true(str_equal(check->method, STR("HEAD")));
    assert_int_equal(check->expected_count, 2);
    assert_int_equal(check->expected[1].first, 204);
    assert_int_equal(check->expected[1].end, 300);
    assert_int_equal(check->retriable_count, 1);
    assert_int_equal(check->retriable[0].end, 600);
    readout_fini(&out);
}

static void header_lines_of_its_own_are_read(void **state)
{
    struct readout out;
    const struct health_check *checks =
        readout_policy(&out,
                       "healthChecks: [{httpHealthCheck: {path: /, requestHeadersToAdd: [\n"
                       "  {header: {key: X-Probe, value: \"a b\"}}, {header: {key: empty}}]}},\n"
                       "  {grpcHealthCheck: {initialMetadata: [{header: {key: k, value: v}}]}}]")
            ->checks;

    (void)state;
    assert_int_equal(checks[0].header_count, 2);
    assert_true(str_equal(checks[0].headers[0].name, STR("X-Probe")));
    assert_true(str_equal(checks[0].headers[0].value, STR("a b")));
    assert_int_equal(checks[0].headers[1].value.size, 0);
    assert_int_equal(checks[1].header_count, 1);
    assert_true(str_equal(checks[1].headers[0].value, STR("v")));
    readout_fini(&out);
}

#define LINES "tcpHealthCheck: {}}, {httpHealthCheck: {path: /, requestHeadersToAdd: "

static void a_header_line_that_cannot_be_sent_is_told(void **state)
{
    static const struct {
        const char *lines, *line;
    } cases[] = {
        { "[{}]", "6:90: a header to add must have a header, with key and value" },
        { "[{header: {value: v}}]", "6:99: a header must have a key, which is its name" },
        { "[{header: {key: \"a b\"}}]", "6:99: a header must have a key, which is its name" },
        { "[{header: {key: Host, value: v}}]", "6:99: the header Host is the check's own to say" },
        { "[{header: {key: a, value: \"b\\r\\nc\"}}]",
          "6:99: the value of header a has control characters" },
    };
    char spec[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(spec, sizeof(spec), "healthChecks: [{" LINES "%s}}]", cases[i].lines);
        assert_policy_mistake(spec, cases[i].line);
    }
}

static void too_many_header_lines_are_told(void **state)
{
    char spec[1024] = "healthChecks: [{" LINES "[";
    size_t used = strlen(spec);

    (void)state;
    for (int i = 0; i <= CHECK_HEADERS_MAX; i++) {
        used += (size_t)snprintf(spec + used, sizeof(spec) - used, "{header: {key: k}},");
    }
    snprintf(spec + used, sizeof(spec) - used, "]}}]");
    assert_policy_mistake(spec, "6:58: a check has 17 headers of its own, at most 16 are sent");
}

static void payloads_are_hexadecimal(void **state)
{
    struct readout out;
    const struct health_check *check =
        readout_policy(&out, "healthChecks: [{tcpHealthCheck: {send: {text: \"50494e47\"},\n"
                             "  receive: [{text: 00fF0a}]}}]")
            ->checks;

    (void)state;
    assert_true(str_equal(check->send, STR("PING")));
    assert_true(str_equal(check->receive, ((struct str){ "\0\xff\n", 3 })));
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "timeout: 1s", "6:18: an item must have one of httpHealthCheck, tcpHealthCheck and "
                         "grpcHealthCheck" },
        { "tcpHealthCheck: {}, grpcHealthCheck: {}",
          "6:18: an item must have one of httpHealthCheck, tcpHealthCheck and grpcHealthCheck" },
        { "httpHealthCheck: {}", "6:36: httpHealthCheck must have a path, such as /healthz" },
        { "httpHealthCheck: {path: '/a b'}",
          "6:36: httpHealthCheck must have a path, such as /healthz" },
        { "httpHealthCheck: {path: /a#b}",
          "6:36: httpHealthCheck must have a path, such as /healthz" },
        { "httpHealthCheck: {path: /, host: \"a\\r\\nx: y\"}",
          "6:36: a check's host must be a host, such as shop.example:8080" },
        { "grpcHealthCheck: {authority: a/b}",
          "6:36: a check's host must be a host, such as shop.example:8080" },
        { "httpHealthCheck: {path: /, method: CONNECT}", "6:54: unknown method \"CONNECT\"" },
        { "httpHealthCheck: {path: /, expectedStatuses: [{start: 300, end: 300}]}",
          "6:65: a range of statuses must have a start and an end over it" },
        { "httpHealthCheck: {path: /, expectedStatuses: [{end: 300}]}",
          "6:65: a range of statuses must have a start and an end over it" },
        { "tcpHealthCheck: {send: {text: \"5\"}}",
          "6:49: text must be bytes in hexadecimal, such as 50494e47" },
        { "tcpHealthCheck: {send: {text: ping}}",
          "6:49: text must be bytes in hexadecimal, such as 50494e47" },
        { "tcpHealthCheck: {receive: [{text: aa}, {text: bb}]}",
          "6:45: receive must be a list of one payload" },
        { "unhealthyThreshold: 0, tcpHealthCheck: {}",
          "6:39: unhealthyThreshold must be between 1 and 1000, not 0" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char spec[128];

        snprintf(spec, sizeof(spec), "healthChecks: [{%s}]", cases[i].spec);
        assert_policy_mistake(spec, cases[i].line);
    }
}

static void memory_may_end_anywhere(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "TrafficPolicy",
                      "host: a\nhealthChecks: [{tcpHealthCheck: {send: {text: \"50494e47\"},\n"
                      "  receive: [{text: 00fF0a}]}}, {httpHealthCheck: {path: /,\n"
                      "  expectedStatuses: [{start: 200, end: 300}],\n"
                      "  requestHeadersToAdd: [{header: {key: a, value: b}}]}}]");
    CHECK_OK(out.error);
    assert_int_equal(out.complaints.count, 0);
done:
    readout_fini(&out);
}

TEST_MAIN(cmocka_unit_test(a_check_has_its_defaults),
          cmocka_unit_test(every_time_and_threshold_is_read),
          cmocka_unit_test(every_field_of_a_request_is_read),
          cmocka_unit_test(header_lines_of_its_own_are_read),
          cmocka_unit_test(a_header_line_that_cannot_be_sent_is_told),
          cmocka_unit_test(too_many_header_lines_are_told),
          cmocka_unit_test(payloads_are_hexadecimal), cmocka_unit_test(what_is_wrong_is_told),
          TEST_OOM(memory_may_end_anywhere))
