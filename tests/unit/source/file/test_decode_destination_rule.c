/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

static void pool_is_read(const struct rule_policy *policy)
{
    assert_true(policy->has_pool && policy->upgrades);
    assert_int_equal(policy->limits.max_connections, 4);
    assert_int_equal(policy->limits.max_pending, 8);
    assert_int_equal(policy->limits.max_requests, 9);
    assert_int_equal(policy->limits.max_retries, 2);
    assert_int_equal(policy->connect_timeout_ns, 250 * NS_PER_MS);
    assert_int_equal(policy->idle_timeout_ns, 7200 * NS_PER_S);
    assert_int_equal(policy->connection.keepalive.probes, 3);
    assert_int_equal(policy->connection.keepalive.time_ns, 20 * NS_PER_S);
    assert_int_equal(policy->connection.keepalive.interval_ns, 5 * NS_PER_S);
    assert_int_equal(policy->connection.lifetime.requests, 10);
    assert_int_equal(policy->connection.lifetime.ns, 60 * NS_PER_S);
}

static void a_destination_rule_is_read_whole(void **state)
{
    static const char spec[] =
        "host: reviews\n"
        "trafficPolicy:\n"
        "  loadBalancer: {simple: ROUND_ROBIN}\n"
        "  connectionPool:\n"
        "    tcp: {maxConnections: 4, connectTimeout: 250ms, idleTimeout: 2h,\n"
        "      tcpKeepalive: {probes: 3, time: 20s, interval: 5s}, maxConnectionDuration: 1m}\n"
        "    http: {http1MaxPendingRequests: 8, http2MaxRequests: 9, maxRetries: 2,\n"
        "      maxRequestsPerConnection: 10, h2UpgradePolicy: UPGRADE}\n"
        "  outlierDetection: {consecutive5xxErrors: 7, consecutiveGatewayErrors: 3, interval: 1s,\n"
        "    baseEjectionTime: 400s, maxEjectionPercent: 100, minHealthPercent: 40,\n"
        "    splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}\n"
        "  portLevelSettings:\n"
        "  - port: {number: 80}\n"
        "    loadBalancer: {simple: RANDOM}\n"
        "subsets:\n"
        "- {name: v1, labels: {version: v1}}\n"
        "- name: v2\n"
        "  labels: {version: v2}\n"
        "  trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}\n";
    struct readout out;

    (void)state;
    readout_read_spec(&out, "DestinationRule", spec);
    CHECK_OK(out.error);
    const struct destination_rule *rule = &readout_resource(&out)->spec.destination_rule;
    const struct rule_policy *policy = &rule->policy.policy;
    assert_true(rule->has_policy && policy->has_balancer && policy->has_pool);
    assert_int_equal(policy->balancer.kind, BALANCER_ROUND_ROBIN);
    pool_is_read(policy);
    assert_true(policy->has_outlier && policy->outlier.enabled);
    assert_true(policy->outlier.split_local_origin);
    assert_int_equal(policy->panic_percent, 40);
    assert_int_equal(policy->outlier.consecutive_5xx, 7);
    assert_int_equal(policy->outlier.consecutive_gateway, 3);
    assert_int_equal(policy->outlier.consecutive_local_origin, 2);
    assert_int_equal(policy->outlier.interval_ns, NS_PER_S);
    assert_int_equal(policy->outlier.max_ejection_ns, 400 * NS_PER_S);
    assert_int_equal(policy->outlier.max_ejection_percent, 100);
    assert_int_equal(rule->policy.port_count, 1);
    assert_int_equal(rule->policy.ports[0].port, 80);
    assert_int_equal(rule->policy.ports[0].policy.balancer.kind, BALANCER_RANDOM);
    assert_false(rule->policy.ports[0].policy.has_pool);
    assert_int_equal(rule->subset_count, 2);
    assert_false(rule->subsets[0].has_policy);
    assert_true(str_equal(rule->subsets[1].name.text, STR("v2")));
    assert_int_equal(rule->subsets[1].policy.policy.balancer.kind, BALANCER_LEAST_REQUEST);
done:
    readout_fini(&out);
}

static void a_group_that_is_there_has_istios_defaults(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "DestinationRule",
                      "host: a\ntrafficPolicy: {loadBalancer: {}, outlierDetection: {},\n"
                      "  connectionPool: {tcp: {maxConnections: 0}, http: {idleTimeout: 3s}}}");
    const struct rule_policy *policy = &readout_resource(&out)->spec.destination_rule.policy.policy;
    assert_int_equal(policy->balancer.kind, BALANCER_LEAST_REQUEST);
    assert_int_equal(policy->limits.max_connections, LIMIT_NONE);
    assert_int_equal(policy->limits.max_retries, LIMIT_NONE);
    assert_int_equal(policy->connect_timeout_ns, 10 * NS_PER_S);
    assert_int_equal(policy->idle_timeout_ns, 3 * NS_PER_S);
    assert_int_equal(policy->outlier.consecutive_5xx, 5);
    assert_int_equal(policy->outlier.consecutive_gateway, 0);
    assert_int_equal(policy->outlier.consecutive_local_origin, 5);
    assert_int_equal(policy->outlier.interval_ns, 10 * NS_PER_S);
    assert_int_equal(policy->outlier.base_ejection_ns, 30 * NS_PER_S);
    assert_int_equal(policy->outlier.max_ejection_ns, 300 * NS_PER_S);
    assert_int_equal(policy->outlier.max_ejection_percent, 10);
    readout_fini(&out);
}

static void nothing_said_in_a_detector_is_turned_into_envoys_default(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "DestinationRule",
                      "host: a\ntrafficPolicy: {outlierDetection: {consecutive5xxErrors: 0,\n"
                      "  maxEjectionPercent: 0, consecutiveLocalOriginFailures: 0}}");
    const struct outlier_config *outlier =
        &readout_resource(&out)->spec.destination_rule.policy.policy.outlier;
    assert_int_equal(outlier->consecutive_5xx, 0);
    assert_int_equal(outlier->max_ejection_percent, 10);
    assert_int_equal(outlier->consecutive_local_origin, 5);
    readout_fini(&out);
}

static void a_retry_budget_is_of_what_is_in_flight(void **state)
{
    struct readout out;
    const struct rule_policy *policy;

    (void)state;
    readout_read_spec(&out, "DestinationRule", "host: a\ntrafficPolicy: {retryBudget: {}}");
    policy = &readout_resource(&out)->spec.destination_rule.policy.policy;
    assert_true(policy->has_budget);
    assert_int_equal(policy->budget.concurrency, 200);
    assert_int_equal(policy->budget.min_concurrency, 3);
    readout_fini(&out);
    readout_read_spec(&out, "DestinationRule",
                      "host: a\ntrafficPolicy: {retryBudget: {percent: 12.5, "
                      "minRetryConcurrency: 7}}");
    policy = &readout_resource(&out)->spec.destination_rule.policy.policy;
    assert_int_equal(policy->budget.concurrency, 125);
    assert_int_equal(policy->budget.min_concurrency, 7);
    readout_fini(&out);
}

static void what_is_not_supported_is_refused_by_name(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "trafficPolicy: {tls: {}}", "6:19: field \"tls\" is not supported yet" },
        { "trafficPolicy: {tunnel: {}}", "6:19: field \"tunnel\" is not supported yet" },
        { "trafficPolicy: {proxyProtocol: {}}",
          "6:19: field \"proxyProtocol\" is not supported yet" },
        { "trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}",
          "6:42: simple PASSTHROUGH is not supported yet" },
        { "trafficPolicy: {connectionPool: {http: {maxConcurrentStreams: 1}}}",
          "6:43: field \"maxConcurrentStreams\" is not supported yet" },
        { "trafficPolicy: {connectionPool: {http: {useClientProtocol: true}}}",
          "6:43: field \"useClientProtocol\" is not supported yet" },
        { "trafficPolicy: {outlierDetection: {consecutiveErrors: 5}}",
          "6:38: field \"consecutiveErrors\" is not supported yet" },
        { "trafficPolicy: {portLevelSettings: [{port: {number: 1}, tls: {}}]}",
          "6:59: field \"tls\" is not supported yet" },
        { "workloadSelector: {}", "6:3: field \"workloadSelector\" is not supported yet" },
    };
    char spec[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(spec, sizeof(spec), "host: a\n%s", cases[i].spec);
        assert_mistake("DestinationRule", spec, cases[i].line);
    }
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    assert_mistake("DestinationRule", "subsets: []", "5:3: host must name a host");
    assert_mistake("DestinationRule", "host: a\nsubsets: [{labels: {}}]",
                   "6:13: a subset must have a name");
    assert_mistake("DestinationRule", "host: a\nsubsets: [{name: v1}, {name: v1}]",
                   "6:25: two subsets are named \"v1\"");
    assert_mistake("DestinationRule", "host: a\ntrafficPolicy: {loadBalancer: {simple: RANDON}}",
                   "6:42: unknown simple \"RANDON\"; did you mean \"RANDOM\"?");
    assert_mistake("DestinationRule",
                   "host: a\ntrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}",
                   "6:58: maxEjectionPercent must be between 0 and 100, not 101");
    assert_mistake("DestinationRule", "host: a\ntrafficPolicy: {portLevelSettings: [{}]}",
                   "6:39: a port level setting must have a port with a number");
    assert_mistake(
        "DestinationRule",
        "host: a\ntrafficPolicy: {outlierDetection: {splitExternalLocalOriginErrors: 1}}",
        "6:70: splitExternalLocalOriginErrors must be true or false");
}

TEST_MAIN(TEST_OOM(a_destination_rule_is_read_whole),
          cmocka_unit_test(a_group_that_is_there_has_istios_defaults),
          cmocka_unit_test(nothing_said_in_a_detector_is_turned_into_envoys_default),
          cmocka_unit_test(a_retry_budget_is_of_what_is_in_flight),
          cmocka_unit_test(what_is_not_supported_is_refused_by_name),
          cmocka_unit_test(what_is_wrong_is_told))
