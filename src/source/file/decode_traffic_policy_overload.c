/* SPDX-License-Identifier: Apache-2.0 */

/* What keeps a client from drowning its servers. */

#include "source/file/decode_traffic_policy.h"

/* --- adaptiveConcurrency --- */

#define ENVOY_GRADIENT "Envoy GradientControllerConfig"

static const struct field limit_params[] = {
    { .name = "maxConcurrencyLimit",
      COUNT(traffic_policy, adaptive.max_concurrency, 1, COUNT_MOST),
      .from = ENVOY_GRADIENT },
    { .name = "concurrencyUpdateInterval",
      DURATION(traffic_policy, adaptive.update_ns, NS_PER_MS),
      .from = ENVOY_GRADIENT " (there required)" },
};

static const struct field rtt_params[] = {
    { .name = "interval",
      DURATION(traffic_policy, adaptive.min_rtt_interval_ns, NS_PER_MS),
      .from = ENVOY_GRADIENT " (there required)" },
    { .name = "requestCount",
      COUNT(traffic_policy, adaptive.min_rtt_requests, 1, COUNT_MOST),
      .from = ENVOY_GRADIENT },
    { .name = "jitter",
      SHARE(traffic_policy, adaptive.jitter),
      .from = ENVOY_GRADIENT ", percent" },
    { .name = "minConcurrency",
      COUNT(traffic_policy, adaptive.min_concurrency, 1, COUNT_MOST),
      .from = ENVOY_GRADIENT },
    { .name = "buffer",
      SHARE(traffic_policy, adaptive.buffer),
      .from = ENVOY_GRADIENT ", percent" },
};

static const struct field_group limit_params_group = { FIELDS(limit_params) };
static const struct field_group rtt_params_group = { FIELDS(rtt_params) };

static const struct field adaptive[] = {
    { .name = "sampleAggregatePercentile",
      SHARE(traffic_policy, adaptive.percentile),
      .from = ENVOY_GRADIENT },
    { .name = "concurrencyLimitParams",
      GROUP(limit_params_group),
      .unset = "as below",
      .from = ENVOY_GRADIENT },
    { .name = "minRttCalcParams",
      GROUP(rtt_params_group),
      .unset = "as below",
      .from = ENVOY_GRADIENT },
};

static void adaptive_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct adaptive_concurrency_config *config = &((struct traffic_policy *)out)->adaptive;

    if (config->min_concurrency > config->max_concurrency) {
        tulle__mistake(decoder, value, "minConcurrency must not be over maxConcurrencyLimit");
    }
}

const struct field_group tulle__policy_adaptive = { FIELDS(adaptive), .check = adaptive_check };

/* --- admissionControl --- */

static const struct field admission[] = {
    { .name = "samplingWindow",
      DURATION(traffic_policy, admission.window_ns, NS_PER_S),
      .from = "Envoy AdmissionControl" },
    { .name = "srThreshold",
      DECIMAL(traffic_policy, admission.threshold, PERCENT, 1, 100 * PERCENT),
      .from = "Envoy AdmissionControl, percent" },
    { .name = "aggression",
      DECIMAL(traffic_policy, admission.aggression, RATIO, RATIO, 1000 * RATIO),
      .from = "Envoy AdmissionControl" },
    { .name = "maxRejectionProbability",
      SHARE(traffic_policy, admission.max_rejection),
      .from = "Envoy AdmissionControl, percent" },
    { .name = "rpsThreshold",
      COUNT(traffic_policy, admission.rps_threshold, 0, COUNT_MOST),
      .from = "Envoy AdmissionControl" },
};

const struct field_group tulle__policy_admission = { FIELDS(admission) };

/* --- adaptiveThrottling --- */

static const struct field throttling[] = {
    { .name = "factor",
      DECIMAL(traffic_policy, throttling.factor, RATIO, RATIO, 100 * RATIO),
      .from = "Site Reliability Engineering, chapter 21: K" },
    { .name = "window",
      DURATION(traffic_policy, throttling.window_ns, NS_PER_S),
      .from = "Site Reliability Engineering, chapter 21" },
};

const struct field_group tulle__policy_throttling = { FIELDS(throttling) };

/* --- limits --- */

static const struct field limits[] = {
    { .name = "maxConnections",
      COUNT(traffic_policy, limits.max_connections, 1, COUNT_MOST),
      .unset = "the DestinationRule's",
      .from = "Envoy CircuitBreakers.Thresholds; over connectionPool.tcp.maxConnections" },
    { .name = "maxPendingRequests",
      COUNT(traffic_policy, limits.max_pending, 0, COUNT_MOST),
      .unset = "the DestinationRule's",
      .from = "Envoy CircuitBreakers.Thresholds; over http1MaxPendingRequests" },
    { .name = "maxRequests",
      COUNT(traffic_policy, limits.max_requests, 1, COUNT_MOST),
      .unset = "the DestinationRule's",
      .from = "Envoy CircuitBreakers.Thresholds; over http2MaxRequests" },
    { .name = "maxRetries",
      COUNT(traffic_policy, limits.max_retries, 0, COUNT_MOST),
      .unset = "the DestinationRule's",
      .from = "Envoy CircuitBreakers.Thresholds; over http.maxRetries" },
    { .name = "perEndpointRequests",
      COUNT(traffic_policy, limits.endpoint_max_requests, 1, COUNT_MOST),
      .unset = "none",
      .from = "ours: at once" },
    { .name = "perEndpointConnections",
      COUNT(traffic_policy, limits.endpoint_max_connections, 1, COUNT_MOST),
      .unset = "none",
      .from = "Envoy CircuitBreakers.per_host_thresholds.max_connections" },
};

const struct field_group tulle__policy_limits = { FIELDS(limits) };

/* --- preconnect --- */

static const struct field preconnect[] = {
    { .name = "perEndpoint",
      DECIMAL(traffic_policy, preconnect.per_endpoint, RATIO, RATIO, 3 * RATIO),
      .from = "Envoy PreconnectPolicy.per_upstream_preconnect_ratio; on each loop" },
    { .name = "warm",
      COUNT(traffic_policy, preconnect.warm, 0, 1000),
      .from = "ours: connections open to each endpoint before a call needs one (TCP alone)" },
};

const struct field_group tulle__policy_preconnect = { FIELDS(preconnect) };
