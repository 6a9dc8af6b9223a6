/* SPDX-License-Identifier: Apache-2.0 */

#include "model/defaults.h"

#include "base/clock.h"

enum { PERMILLE = 1000 };

const struct balancer_config tulle__balancer_default = {
    .kind = BALANCER_LEAST_REQUEST,
    .choice_count = 2,
    .request_bias = PERMILLE,
    .ewma_tau_ns = 10 * NS_PER_S,
    .ewma_default_ns = 30 * NS_PER_MS,
    .ring_min = 1024,
    .ring_max = 8388608,
    .hash_function = HASH_XX,
    .table_size = 65537,
    .weighted = { .blackout_ns = 10 * NS_PER_S,
                  .expiration_ns = 180 * NS_PER_S,
                  .update_ns = NS_PER_S,
                  .error_penalty = PERMILLE },
    .prequal = { .reports = PREQUAL_PIGGYBACK,
                 .probes = 3 * PERMILLE,
                 .removals = PERMILLE,
                 .pool_size = 16,
                 .probe_age_ns = NS_PER_S,
                 .probe_limit_ns = 3 * NS_PER_MS,
                 .hot_quantile = 840,
                 .reuse_delta = PERMILLE },
    .slow_start = { .window_ns = 0, .aggression = PERMILLE, .least = 100 },
    .locality = { .mode = LOCALITY_IGNORED,
                  .panic_percent = 0, /* Istio's minHealthPercent */
                  .overprovisioning = 1400,
                  .routing_enabled = 100,
                  .min_cluster_size = 6 },
};

const struct hash_policy tulle__hash_policy_default = { .ttl_ns = NEVER };

const struct limits tulle__limits_default = {
    LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE,
};

const struct outlier_config tulle__outlier_default = {
    .enabled = true,
    .consecutive_5xx = 5,
    .consecutive_local_origin = 5,
    .enforcing_5xx = 100,
    .enforcing_gateway = 100,
    .enforcing_local_origin = 100,
    .success_rate_min_hosts = 5,
    .success_rate_volume = 100,
    .success_rate_stdev = 1900,
    .failure_percentage_threshold = 85,
    .failure_percentage_min_hosts = 5,
    .failure_percentage_volume = 50,
    .interval_ns = 10 * NS_PER_S,
    .base_ejection_ns = 30 * NS_PER_S,
    .max_ejection_ns = 300 * NS_PER_S,
    .max_ejection_percent = 10,
    .check_unejects = true,
};

const struct breaker_config tulle__breaker_default = {
    .enabled = true,
    .success_rate = 800,
    .window_ns = 10 * NS_PER_S,
    .min_requests = 5,
    .min_penalty_ns = NS_PER_S,
    .max_penalty_ns = 60 * NS_PER_S,
    .jitter = 500,
};

const struct latency_ejection_config tulle__latency_ejection_default = {
    .factor = 3 * PERMILLE,
    .intervals = 3,
    .min_hosts = 5,
    .volume = 20,
};

const struct health_check tulle__health_check_default = {
    .timeout_ns = NS_PER_S,
    .interval_ns = 5 * NS_PER_S,
    .unhealthy_threshold = 2,
    .healthy_threshold = 2,
    .no_traffic_ns = 60 * NS_PER_S,
    .reuse_connection = true,
    .method = { "GET", 3 },
};

const struct budget_config tulle__budget_default = {
    .permille = 200,
    .reserve_per_s = 10,
    .min_concurrency = 3,
};

const struct retry_more tulle__retry_default = {
    .per_try_idle_ns = NEVER,
    .backoff_base_ns = 25 * NS_PER_MS,
    .backoff_max_ns = 250 * NS_PER_MS,
    .retry_after_max_ns = 300 * NS_PER_S,
    .host_attempts = 5,
    .attempt_count = true,
};

const struct hedge_config tulle__hedge_default = {
    .enabled = true,
    .percentile = 950,
    .min_delay_ns = NS_PER_MS,
    .budget = 20,
    .max_hedges = 1,
};

const struct adaptive_concurrency_config tulle__adaptive_default = {
    .enabled = true,
    .percentile = 500,
    .min_concurrency = 3,
    .max_concurrency = 1000,
    .update_ns = 100 * NS_PER_MS,
    .min_rtt_interval_ns = 60 * NS_PER_S,
    .min_rtt_requests = 50,
    .jitter = 150,
    .buffer = 250,
};

const struct admission_config tulle__admission_default = {
    .enabled = true,
    .window_ns = 30 * NS_PER_S,
    .threshold = 950,
    .aggression = PERMILLE,
    .max_rejection = 800,
};

const struct throttling_config tulle__throttling_default = {
    .enabled = true,
    .factor = 2 * PERMILLE,
    .window_ns = 120 * NS_PER_S,
};

const struct preconnect_config tulle__preconnect_default = { .per_endpoint = PERMILLE };

void tulle__cluster_set_defaults(struct cluster *cluster)
{
    cluster->balancer = tulle__balancer_default;
    cluster->limits = tulle__limits_default;
    cluster->outlier = (struct outlier_config){ 0 };
    cluster->budget = tulle__budget_default;
    cluster->retry = tulle__retry_default;
    cluster->hedge = (struct hedge_config){ 0 };
    cluster->adaptive = (struct adaptive_concurrency_config){ 0 };
    cluster->admission = (struct admission_config){ 0 };
    cluster->throttling = (struct throttling_config){ 0 };
    cluster->preconnect = tulle__preconnect_default;
    cluster->connect_timeout_ns = 10 * NS_PER_S; /* Istio's mesh default, not Envoy's 5 s */
    cluster->idle_timeout_ns = 3600 * NS_PER_S;
    cluster->connection = (struct connection_config){ 0 };
}
