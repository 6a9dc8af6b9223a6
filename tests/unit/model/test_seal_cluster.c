/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/clock.h"
#include "model/seal.h"
#include "parts.h"
#include "tells.h"

static struct fingerprint cluster_print(struct cluster *cluster)
{
    tulle__cluster_seal(cluster);
    return cluster->part.print;
}

static void every_field_of_a_cluster_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);
    struct cluster *full = part_cluster("outbound|80||a", "a", "", "10.0.0.1:80");

    (void)state;
    TELLS(cluster, cluster_print, name, STR("other"));
    TELLS(cluster, cluster_print, host, STR("other"));
    TELLS(cluster, cluster_print, subset, STR("v1"));
    TELLS(cluster, cluster_print, service, STR("other"));
    TELLS(cluster, cluster_print, name_space, STR("other"));
    TELLS(cluster, cluster_print, port, 81);
    TELLS(cluster, cluster_print, protocol, PROTOCOL_HTTP2);
    TELLS(cluster, cluster_print, connect_timeout_ns, 1);
    TELLS(cluster, cluster_print, idle_timeout_ns, 1);
    TELLS(cluster, cluster_print, connection.keepalive.probes, 1);
    TELLS(cluster, cluster_print, connection.keepalive.time_ns, 1);
    TELLS(cluster, cluster_print, connection.keepalive.interval_ns, 1);
    TELLS(cluster, cluster_print, connection.lifetime.requests, 1);
    TELLS(cluster, cluster_print, connection.lifetime.ns, 1);
    TELLS(cluster, cluster_print, discovery, DISCOVERY_STRICT_DNS);
    TELLS(cluster, cluster_print, trouble, STR("none"));
    TELLS(cluster, cluster_print, endpoints, full->endpoints);
    tulle__part_unref(cluster);
    tulle__part_unref(full);
}

static void every_limit_of_a_cluster_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);

    (void)state;
    TELLS(cluster, cluster_print, limits.max_connections, 1);
    TELLS(cluster, cluster_print, limits.max_pending, 1);
    TELLS(cluster, cluster_print, limits.max_requests, 1);
    TELLS(cluster, cluster_print, limits.max_retries, 1);
    TELLS(cluster, cluster_print, limits.endpoint_max_requests, 1);
    TELLS(cluster, cluster_print, limits.endpoint_max_connections, 1);
    TELLS(cluster, cluster_print, budget.permille, 1);
    TELLS(cluster, cluster_print, budget.reserve_per_s, 1);
    TELLS(cluster, cluster_print, budget.unlimited, true);
    TELLS(cluster, cluster_print, budget.concurrency, 1);
    TELLS(cluster, cluster_print, budget.min_concurrency, 1);
    TELLS(cluster, cluster_print, preconnect.per_endpoint, 1);
    TELLS(cluster, cluster_print, preconnect.warm, 1);
    tulle__part_unref(cluster);
}

static void every_field_of_a_detector_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);

    (void)state;
    TELLS(cluster, cluster_print, outlier.enabled, true);
    TELLS(cluster, cluster_print, outlier.split_local_origin, true);
    TELLS(cluster, cluster_print, outlier.consecutive_5xx, 1);
    TELLS(cluster, cluster_print, outlier.consecutive_gateway, 1);
    TELLS(cluster, cluster_print, outlier.consecutive_local_origin, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_5xx, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_gateway, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_local_origin, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_success_rate, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_local_success_rate, 1);
    TELLS(cluster, cluster_print, outlier.success_rate_min_hosts, 1);
    TELLS(cluster, cluster_print, outlier.success_rate_volume, 1);
    TELLS(cluster, cluster_print, outlier.success_rate_stdev, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_failure_percentage, 1);
    TELLS(cluster, cluster_print, outlier.enforcing_local_failure_percentage, 1);
    TELLS(cluster, cluster_print, outlier.failure_percentage_threshold, 1);
    TELLS(cluster, cluster_print, outlier.failure_percentage_min_hosts, 1);
    TELLS(cluster, cluster_print, outlier.failure_percentage_volume, 1);
    TELLS(cluster, cluster_print, outlier.interval_ns, 1);
    TELLS(cluster, cluster_print, outlier.base_ejection_ns, 1);
    TELLS(cluster, cluster_print, outlier.max_ejection_ns, 1);
    TELLS(cluster, cluster_print, outlier.max_ejection_jitter_ns, 1);
    TELLS(cluster, cluster_print, outlier.max_ejection_percent, 1);
    TELLS(cluster, cluster_print, outlier.always_eject_one, true);
    TELLS(cluster, cluster_print, outlier.check_unejects, true);
    TELLS(cluster, cluster_print, outlier.breaker.enabled, true);
    TELLS(cluster, cluster_print, outlier.breaker.success_rate, 1);
    TELLS(cluster, cluster_print, outlier.breaker.window_ns, 1);
    TELLS(cluster, cluster_print, outlier.breaker.min_requests, 1);
    TELLS(cluster, cluster_print, outlier.breaker.min_penalty_ns, 1);
    TELLS(cluster, cluster_print, outlier.breaker.max_penalty_ns, 1);
    TELLS(cluster, cluster_print, outlier.breaker.jitter, 1);
    TELLS(cluster, cluster_print, outlier.latency.factor, 1);
    TELLS(cluster, cluster_print, outlier.latency.intervals, 1);
    TELLS(cluster, cluster_print, outlier.latency.min_hosts, 1);
    TELLS(cluster, cluster_print, outlier.latency.volume, 1);
    tulle__part_unref(cluster);
}

static void every_field_of_retries_tells(void **state)
{
    static const uint16_t statuses[] = { 500, 503 }, others[] = { 500, 504 };
    static const struct str headers[] = { STR("a"), STR("b") }, names[] = { STR("a"), STR("c") };
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);

    (void)state;
    cluster->retry.statuses = statuses;
    cluster->retry.headers = headers;
    TELLS(cluster, cluster_print, retry.status_count, 1);
    TELLS(cluster, cluster_print, retry.header_count, 1);
    cluster->retry.status_count = cluster->retry.header_count = 2;
    TELLS(cluster, cluster_print, retry.statuses, others);
    TELLS(cluster, cluster_print, retry.headers, names);
    TELLS(cluster, cluster_print, retry.also, 1);
    TELLS(cluster, cluster_print, retry.per_try_idle_ns, 1);
    TELLS(cluster, cluster_print, retry.has_backoff, true);
    TELLS(cluster, cluster_print, retry.backoff_base_ns, 1);
    TELLS(cluster, cluster_print, retry.backoff_max_ns, 1);
    TELLS(cluster, cluster_print, retry.retry_after_max_ns, 1);
    TELLS(cluster, cluster_print, retry.host_attempts, 1);
    TELLS(cluster, cluster_print, retry.any_host, true);
    TELLS(cluster, cluster_print, retry.priority_update, 1);
    TELLS(cluster, cluster_print, retry.attempt_count, true);
    TELLS(cluster, cluster_print, hedge.enabled, true);
    TELLS(cluster, cluster_print, hedge.percentile, 1);
    TELLS(cluster, cluster_print, hedge.min_delay_ns, 1);
    TELLS(cluster, cluster_print, hedge.budget, 1);
    TELLS(cluster, cluster_print, hedge.max_hedges, 1);
    tulle__part_unref(cluster);
}

static void every_field_against_overload_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);

    (void)state;
    TELLS(cluster, cluster_print, adaptive.enabled, true);
    TELLS(cluster, cluster_print, adaptive.percentile, 1);
    TELLS(cluster, cluster_print, adaptive.min_concurrency, 1);
    TELLS(cluster, cluster_print, adaptive.max_concurrency, 1);
    TELLS(cluster, cluster_print, adaptive.update_ns, 1);
    TELLS(cluster, cluster_print, adaptive.min_rtt_interval_ns, 1);
    TELLS(cluster, cluster_print, adaptive.min_rtt_requests, 1);
    TELLS(cluster, cluster_print, adaptive.jitter, 1);
    TELLS(cluster, cluster_print, adaptive.buffer, 1);
    TELLS(cluster, cluster_print, admission.enabled, true);
    TELLS(cluster, cluster_print, admission.window_ns, 1);
    TELLS(cluster, cluster_print, admission.threshold, 1);
    TELLS(cluster, cluster_print, admission.aggression, 1);
    TELLS(cluster, cluster_print, admission.max_rejection, 1);
    TELLS(cluster, cluster_print, admission.rps_threshold, 1);
    TELLS(cluster, cluster_print, throttling.enabled, true);
    TELLS(cluster, cluster_print, throttling.factor, 1);
    TELLS(cluster, cluster_print, throttling.window_ns, 1);
    tulle__part_unref(cluster);
}

#define CHECK_TELLS(field, other)                                                                  \
    do {                                                                                           \
        struct fingerprint before = cluster_print(cluster);                                        \
        __typeof__(check.field) kept = check.field;                                                \
        check.field = (other);                                                                     \
        assert_false(fingerprint_equal(before, cluster_print(cluster)));                           \
        check.field = kept;                                                                        \
    } while (0)

static void every_field_of_a_check_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);
    const struct status_range one = { 200, 300 }, first = { 201, 300 }, end = { 200, 301 };
    const struct check_header line = { STR("a"), STR("b") }, renamed = { STR("c"), STR("b") },
                              other = { STR("a"), STR("c") };
    struct health_check check = { .kind = HEALTH_CHECK_HTTP };

    (void)state;
    cluster->checks = &check;
    TELLS(cluster, cluster_print, check_count, 1);
    cluster->check_count = 1;
    check.expected = check.retriable = &one;
    CHECK_TELLS(expected_count, 1);
    CHECK_TELLS(retriable_count, 1);
    check.expected_count = check.retriable_count = 1;
    CHECK_TELLS(expected, &first);
    CHECK_TELLS(retriable, &end);
    CHECK_TELLS(kind, HEALTH_CHECK_TCP);
    CHECK_TELLS(timeout_ns, 1);
    CHECK_TELLS(interval_ns, 1);
    CHECK_TELLS(initial_jitter_ns, 1);
    CHECK_TELLS(interval_jitter_ns, 1);
    CHECK_TELLS(interval_jitter_percent, 1);
    CHECK_TELLS(unhealthy_threshold, 1);
    CHECK_TELLS(healthy_threshold, 1);
    CHECK_TELLS(no_traffic_ns, 1);
    CHECK_TELLS(no_traffic_healthy_ns, 1);
    CHECK_TELLS(unhealthy_ns, 1);
    CHECK_TELLS(unhealthy_edge_ns, 1);
    CHECK_TELLS(healthy_edge_ns, 1);
    CHECK_TELLS(reuse_connection, true);
    CHECK_TELLS(path, STR("x"));
    CHECK_TELLS(host, STR("x"));
    CHECK_TELLS(method, STR("x"));
    CHECK_TELLS(send, STR("x"));
    CHECK_TELLS(receive, STR("x"));
    CHECK_TELLS(service, STR("x"));
    check.headers = &line;
    CHECK_TELLS(header_count, 1);
    check.header_count = 1;
    CHECK_TELLS(headers, &renamed);
    CHECK_TELLS(headers, &other);
    tulle__part_unref(cluster);
}

TEST_MAIN(cmocka_unit_test(every_field_of_a_cluster_tells),
          cmocka_unit_test(every_limit_of_a_cluster_tells),
          cmocka_unit_test(every_field_of_a_detector_tells),
          cmocka_unit_test(every_field_of_retries_tells),
          cmocka_unit_test(every_field_against_overload_tells),
          cmocka_unit_test(every_field_of_a_check_tells))
