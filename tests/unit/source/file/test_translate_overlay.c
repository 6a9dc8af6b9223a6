/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "model/defaults.h"

#define ENTRY                                                                                      \
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\n"                \
    "spec:\n  hosts: [a]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"                   \
    "  resolution: STATIC\n  endpoints: [{address: 10.0.0.1}]\n"
#define RULE(policy)                                                                               \
    "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"        \
    "spec: {host: a, trafficPolicy: {" policy "}}\n"
#define POLICY(spec)                                                                               \
    "---\napiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: a}\n"              \
    "spec: {host: a, " spec "}\n"

static const struct cluster *cluster_of(const struct translated *translated)
{
    return translated_cluster(translated, "outbound|80||a.default.svc.cluster.local");
}

static void every_part_comes_to_its_cluster(void **state)
{
    struct translated *translated = translated_yaml(
        ENTRY POLICY("balancer: {maglev: {tableSize: 5003}}, hashBalanceFactor: 125,\n"
                     "hashPolicy: [{header: {headerName: x-user}}],\n"
                     "slowStart: {window: 30s}, subsetting: {random: {size: 4}},\n"
                     "dropOverload: {category: lab, percent: 2},\n"
                     "locality: {healthyPanicThreshold: 30, weighted: {}}"),
        NULL);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    const struct balancer_config *balancer = &cluster_of(translated)->balancer;
    assert_int_equal(balancer->kind, BALANCER_MAGLEV);
    assert_int_equal(balancer->table_size, 5003);
    assert_int_equal(balancer->hash_balance, 125);
    assert_int_equal(balancer->hash_count, 1);
    assert_true(str_equal(balancer->hash[0].name, STR("x-user")));
    assert_int_equal(balancer->slow_start.window_ns, 30 * NS_PER_S);
    assert_int_equal(balancer->subsetting.size, 4);
    assert_int_equal(balancer->drop_per_million, 20000);
    assert_true(str_equal(balancer->drop_category, STR("lab")));
    assert_int_equal(balancer->locality.mode, LOCALITY_WEIGHTED);
    assert_int_equal(balancer->locality.panic_percent, 30);
    assert_int_equal(balancer->locality.overprovisioning, 1400);
    assert_int_equal(cluster_of(translated)->endpoints->locality_count, 1);
done:
    translated_free(translated);
}

static void every_part_against_failure_comes_to_its_cluster(void **state)
{
    struct translated *translated =
        translated_yaml(ENTRY POLICY("outlierDetection: {breaker: {}}, "
                                     "retry: {retryOn: \"5xx,429\", retriableHeaders: \"a, B\"},\n"
                                     "retryBudget: {budgetPercent: 20}, hedge: {},\n"
                                     "healthChecks: [{httpHealthCheck: {path: /ok, host: me,\n"
                                     "  expectedStatuses: [{start: 200, end: 300}],\n"
                                     "  retriableStatuses: [{start: 500, end: 600}],\n"
                                     "  requestHeadersToAdd: [{header: {key: a, value: b}}]}},\n"
                                     "  {tcpHealthCheck: {send: {text: \"00\"}}}],\n"
                                     "adaptiveConcurrency: {}, admissionControl: {},\n"
                                     "adaptiveThrottling: {}, preconnect: {warm: 1},\n"
                                     "limits: {perEndpointRequests: 5}"),
                        NULL);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    const struct cluster *cluster = cluster_of(translated);
    assert_true(cluster->outlier.enabled && cluster->outlier.breaker.enabled);
    assert_int_equal(cluster->retry.also, RETRY_ON_5XX | RETRY_ON_STATUS_CODES);
    assert_int_equal(cluster->retry.status_count, 1);
    assert_int_equal(cluster->retry.statuses[0], 429);
    assert_int_equal(cluster->retry.header_count, 2);
    assert_true(str_equal(cluster->retry.headers[1], STR("b")));
    assert_int_equal(cluster->budget.concurrency, 200);
    assert_true(cluster->hedge.enabled && cluster->adaptive.enabled);
    assert_true(cluster->admission.enabled && cluster->throttling.enabled);
    assert_int_equal(cluster->preconnect.warm, 1);
    assert_int_equal(cluster->limits.endpoint_max_requests, 5);
    assert_int_equal(cluster->check_count, 2);
    assert_true(str_equal(cluster->checks[0].path, STR("/ok")));
    assert_true(str_equal(cluster->checks[0].method, STR("GET")));
    assert_int_equal(cluster->checks[0].expected[0].end, 300);
    assert_int_equal(cluster->checks[0].retriable[0].first, 500);
    assert_int_equal(cluster->checks[0].header_count, 1);
    assert_true(str_equal(cluster->checks[0].headers[0].name, STR("a")));
    assert_true(str_equal(cluster->checks[0].headers[0].value, STR("b")));
    assert_int_equal(cluster->checks[1].send.size, 1);
done:
    translated_free(translated);
}

static void without_a_policy_everything_is_off(void **state)
{
    struct translated *translated = translated_yaml(ENTRY, NULL);

    (void)state;
    assert_non_null(translated);
    const struct cluster *cluster = cluster_of(translated);
    assert_false(cluster->hedge.enabled || cluster->adaptive.enabled || cluster->outlier.enabled ||
                 cluster->admission.enabled || cluster->throttling.enabled);
    assert_int_equal(cluster->check_count, 0);
    assert_int_equal(cluster->balancer.locality.mode, LOCALITY_IGNORED);
    assert_int_equal(cluster->balancer.subsetting.seed, 0);
    assert_int_equal(cluster->endpoints->locality_count, 0);
    assert_int_equal(cluster->preconnect.per_endpoint, 1000);
    translated_free(translated);
}

static void what_a_policy_does_not_say_stays_the_rules(void **state)
{
    struct translated *translated = translated_yaml(
        ENTRY RULE("connectionPool: {http: {http2MaxRequests: 7, maxRetries: 3}}, retryBudget: "
                   "{percent: 10},\n"
                   "outlierDetection: {consecutive5xxErrors: 2, minHealthPercent: 40},\n"
                   "loadBalancer: {consistentHash: {httpHeaderName: a}}")
            POLICY("limits: {perEndpointConnections: 2, maxRetries: 1}, locality: "
                   "{overprovisioningFactor: 150},\n"
                   "balancer: {maglev: {}}"),
        NULL);

    (void)state;
    assert_non_null(translated);
    const struct cluster *cluster = cluster_of(translated);
    assert_int_equal(cluster->limits.max_requests, 7);
    assert_int_equal(cluster->limits.max_retries, 1);
    assert_int_equal(cluster->limits.max_connections, LIMIT_NONE);
    assert_int_equal(cluster->limits.endpoint_max_connections, 2);
    assert_int_equal(cluster->outlier.consecutive_5xx, 2);
    assert_int_equal(cluster->balancer.locality.panic_percent, 40);
    assert_int_equal(cluster->balancer.locality.overprovisioning, 1500);
    assert_int_equal(cluster->balancer.kind, BALANCER_MAGLEV);
    assert_int_equal(cluster->balancer.hash_count, 1);
    assert_int_equal(cluster->budget.concurrency, 100);
    assert_int_equal(cluster->budget.permille, 200);
    assert_true(cluster->retry.any_host);
    translated_free(translated);
}

static void a_process_is_told_from_its_like(void **state)
{
    const struct source_self self = {
        .locality = "r/z", .labels = "", .peer_index = 2, .peer_count = 5, .seed = 99
    };
    struct translated *translated =
        translated_yaml(ENTRY POLICY("subsetting: {aperture: {}}"), &self);

    (void)state;
    assert_non_null(translated);
    const struct balancer_config *balancer = &cluster_of(translated)->balancer;
    assert_int_equal(balancer->subsetting.kind, SUBSETTING_APERTURE);
    assert_int_equal(balancer->subsetting.size, 12);
    assert_int_equal(balancer->subsetting.peer_index, 2);
    assert_int_equal(balancer->subsetting.peer_count, 5);
    assert_int_equal(balancer->subsetting.seed, 99);
    assert_true(str_equal(balancer->locality.local, STR("r/z")));
    translated_free(translated);
}

#define FRONT                                                                                      \
    "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: front}\n"       \
    "spec:\n  hosts: [front]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"               \
    "  resolution: STATIC\n  endpoints: [{address: 10.1.0.1, locality: r/b},\n"                    \
    "    {address: 10.1.0.2, locality: r/a}, {address: 10.1.0.3, locality: r/b}]\n"
#define ZONES(service) "locality: {zoneAware: {localService: " service "}}"

static void callers_are_counted_by_locality(void **state)
{
    struct translated *translated = translated_yaml(ENTRY FRONT POLICY(ZONES("front")), NULL);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    const struct locality_config *locality = &cluster_of(translated)->balancer.locality;
    assert_int_equal(locality->mode, LOCALITY_ZONE_AWARE);
    assert_int_equal(locality->caller_count, 2);
    assert_true(str_equal(locality->callers[0].locality, STR("r/a")));
    assert_int_equal(locality->callers[0].count, 1);
    assert_true(str_equal(locality->callers[1].locality, STR("r/b")));
    assert_int_equal(locality->callers[1].count, 2);
done:
    translated_free(translated);
}

static void a_local_service_that_nobody_has_is_refused(void **state)
{
    struct translated *translated = translated_yaml(ENTRY FRONT POLICY(ZONES("frond")), NULL);

    (void)state;
    assert_non_null(translated);
    assert_true(translated->refused[2]);
    assert_true(translated_complains(
        translated, "host \"frond\": no service of that name; did you mean \"front\"?"));
    assert_int_equal(cluster_of(translated)->balancer.locality.mode, LOCALITY_IGNORED);
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(every_part_comes_to_its_cluster),
          TEST_OOM(every_part_against_failure_comes_to_its_cluster),
          cmocka_unit_test(without_a_policy_everything_is_off),
          cmocka_unit_test(what_a_policy_does_not_say_stays_the_rules),
          cmocka_unit_test(a_process_is_told_from_its_like),
          TEST_OOM(callers_are_counted_by_locality),
          cmocka_unit_test(a_local_service_that_nobody_has_is_refused))
