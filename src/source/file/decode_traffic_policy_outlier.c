/* SPDX-License-Identifier: Apache-2.0 */

/* Who is kept out for a while. */

#include "source/file/decode_traffic_policy.h"

#include "model/defaults.h"

#define OUTLIER_COUNT(member)    COUNT(traffic_policy, outlier.member, 0, UINT32_MAX)
#define OUTLIER_PERCENT(member)  COUNT(traffic_policy, outlier.member, 0, 100)
#define OUTLIER_DURATION(member) DURATION(traffic_policy, outlier.member, NS_PER_MS)
#define ENVOY                    "Envoy OutlierDetection"

enum { WINDOW_BUCKETS = 10 };

static const struct field breaker[] = {
    { .name = "successRate",
      DECIMAL(breaker_config, success_rate, RATIO, 1, RATIO),
      .from = "linkerd2-proxy success-rate breaker" },
    { .name = "window",
      DURATION(breaker_config, window_ns, WINDOW_BUCKETS *NS_PER_MS),
      .from = "linkerd2-proxy" },
    { .name = "minRequests",
      COUNT(breaker_config, min_requests, 1, COUNT_MOST),
      .from = "linkerd2-proxy" },
    { .name = "minPenalty",
      DURATION(breaker_config, min_penalty_ns, NS_PER_MS),
      .from = "linkerd2-proxy" },
    { .name = "maxPenalty",
      DURATION(breaker_config, max_penalty_ns, NS_PER_MS),
      .from = "linkerd2-proxy" },
    { .name = "jitter",
      DECIMAL(breaker_config, jitter, RATIO, 0, RATIO),
      .from = "linkerd2-proxy; of the penalty" },
};

static void breaker_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct breaker_config *config = out;

    if (config->min_penalty_ns > config->max_penalty_ns) {
        tulle__mistake(decoder, value, "minPenalty must not be over maxPenalty");
    }
}

static const struct field_group breaker_group = {
    FIELDS(breaker),
    .defaults = &tulle__breaker_default,
    .size = sizeof(struct breaker_config),
    .check = breaker_check,
};

static const struct field latency[] = {
    { .name = "factor",
      DECIMAL(latency_ejection_config, factor, RATIO, RATIO, 1000 * RATIO),
      .from = "ours: of the median of its peers" },
    { .name = "intervals",
      COUNT(latency_ejection_config, intervals, 1, 1000),
      .from = "ours: in a row" },
    { .name = "minHosts",
      COUNT(latency_ejection_config, min_hosts, 2, COUNT_MOST),
      .from = "as successRateMinimumHosts" },
    { .name = "requestVolume",
      COUNT(latency_ejection_config, volume, 1, COUNT_MOST),
      .from = "ours: of an interval" },
};

static const struct field_group latency_group = {
    FIELDS(latency),
    .defaults = &tulle__latency_ejection_default,
    .size = sizeof(struct latency_ejection_config),
};

static const struct field outlier[] = {
    { .name = "consecutive5xx", OUTLIER_COUNT(consecutive_5xx), .from = ENVOY "; 0: off" },
    { .name = "consecutiveGatewayFailure",
      OUTLIER_COUNT(consecutive_gateway),
      .from = ENVOY " (there 5, not enforced); Istio's default, 0: off" },
    { .name = "splitExternalLocalOriginErrors",
      FLAG(traffic_policy, outlier.split_local_origin),
      .from = ENVOY },
    { .name = "consecutiveLocalOriginFailure",
      OUTLIER_COUNT(consecutive_local_origin),
      .from = ENVOY "; only if split" },
    { .name = "enforcingConsecutive5xx", OUTLIER_PERCENT(enforcing_5xx), .from = ENVOY },
    { .name = "enforcingConsecutiveGatewayFailure",
      OUTLIER_PERCENT(enforcing_gateway),
      .from = ENVOY " (there 0); Istio's default" },
    { .name = "enforcingConsecutiveLocalOriginFailure",
      OUTLIER_PERCENT(enforcing_local_origin),
      .from = ENVOY },
    { .name = "enforcingSuccessRate",
      OUTLIER_PERCENT(enforcing_success_rate),
      .from = ENVOY " (there 100); Istio's default" },
    { .name = "enforcingLocalOriginSuccessRate",
      OUTLIER_PERCENT(enforcing_local_success_rate),
      .from = ENVOY " (there 100); Istio's default; only if split" },
    { .name = "successRateMinimumHosts", OUTLIER_COUNT(success_rate_min_hosts), .from = ENVOY },
    { .name = "successRateRequestVolume", OUTLIER_COUNT(success_rate_volume), .from = ENVOY },
    { .name = "successRateStdevFactor",
      OUTLIER_COUNT(success_rate_stdev),
      .from = ENVOY ", thousandths" },
    { .name = "enforcingFailurePercentage",
      OUTLIER_PERCENT(enforcing_failure_percentage),
      .from = ENVOY },
    { .name = "enforcingFailurePercentageLocalOrigin",
      OUTLIER_PERCENT(enforcing_local_failure_percentage),
      .from = ENVOY "; only if split" },
    { .name = "failurePercentageThreshold",
      OUTLIER_PERCENT(failure_percentage_threshold),
      .from = ENVOY },
    { .name = "failurePercentageMinimumHosts",
      OUTLIER_COUNT(failure_percentage_min_hosts),
      .from = ENVOY },
    { .name = "failurePercentageRequestVolume",
      OUTLIER_COUNT(failure_percentage_volume),
      .from = ENVOY },
    { .name = "interval", OUTLIER_DURATION(interval_ns), .from = ENVOY },
    { .name = "baseEjectionTime", OUTLIER_DURATION(base_ejection_ns), .from = ENVOY },
    { .name = "maxEjectionTime",
      OUTLIER_DURATION(max_ejection_ns),
      .unset = "300s, or baseEjectionTime if that is more",
      .from = ENVOY },
    { .name = "maxEjectionTimeJitter",
      DURATION(traffic_policy, outlier.max_ejection_jitter_ns, 0),
      .from = ENVOY },
    { .name = "maxEjectionPercent", OUTLIER_PERCENT(max_ejection_percent), .from = ENVOY },
    { .name = "alwaysEjectOneHost", FLAG(traffic_policy, outlier.always_eject_one), .from = ENVOY },
    { .name = "successfulActiveHealthCheckUnejectHost",
      FLAG(traffic_policy, outlier.check_unejects),
      .from = ENVOY },
    { .name = "breaker",
      GROUP(breaker_group),
      .offset = offsetof(struct traffic_policy, outlier.breaker),
      .unset = "off",
      .from = "linkerd2-proxy: exact success rate, then one trial request" },
    { .name = "latency",
      GROUP(latency_group),
      .offset = offsetof(struct traffic_policy, outlier.latency),
      .unset = "off",
      .from = "ours: an endpoint that is slow among its peers" },
};

static void outlier_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct outlier_config *config = &((struct traffic_policy *)out)->outlier;

    if (config->base_ejection_ns <= config->max_ejection_ns) {
        return;
    }
    if (tulle__node_find(value, STR("maxEjectionTime"))) {
        tulle__mistake(decoder, value, "baseEjectionTime must not be over maxEjectionTime");
        return;
    }
    config->max_ejection_ns = config->base_ejection_ns;
}

const struct field_group tulle__policy_outlier = { FIELDS(outlier), .check = outlier_check };
