/* SPDX-License-Identifier: Apache-2.0 */

#include "model/seal.h"
#include "model/seal_feed.h"

static void feed_limits(XXH3_state_t *state, const struct limits *limits)
{
    feed_number(state, limits->max_connections);
    feed_number(state, limits->max_pending);
    feed_number(state, limits->max_requests);
    feed_number(state, limits->max_retries);
    feed_number(state, limits->endpoint_max_requests);
    feed_number(state, limits->endpoint_max_connections);
}

static void feed_breaker(XXH3_state_t *state, const struct breaker_config *breaker)
{
    feed_number(state, breaker->enabled);
    feed_number(state, breaker->success_rate);
    feed_time(state, breaker->window_ns);
    feed_number(state, breaker->min_requests);
    feed_time(state, breaker->min_penalty_ns);
    feed_time(state, breaker->max_penalty_ns);
    feed_number(state, breaker->jitter);
}

static void feed_success_rates(XXH3_state_t *state, const struct outlier_config *outlier)
{
    feed_number(state, outlier->enforcing_success_rate);
    feed_number(state, outlier->enforcing_local_success_rate);
    feed_number(state, outlier->success_rate_min_hosts);
    feed_number(state, outlier->success_rate_volume);
    feed_number(state, outlier->success_rate_stdev);
    feed_number(state, outlier->enforcing_failure_percentage);
    feed_number(state, outlier->enforcing_local_failure_percentage);
    feed_number(state, outlier->failure_percentage_threshold);
    feed_number(state, outlier->failure_percentage_min_hosts);
    feed_number(state, outlier->failure_percentage_volume);
    feed_number(state, outlier->latency.factor);
    feed_number(state, outlier->latency.intervals);
    feed_number(state, outlier->latency.min_hosts);
    feed_number(state, outlier->latency.volume);
}

static void feed_outlier(XXH3_state_t *state, const struct outlier_config *outlier)
{
    feed_number(state, outlier->enabled);
    feed_number(state, outlier->split_local_origin);
    feed_number(state, outlier->consecutive_5xx);
    feed_number(state, outlier->consecutive_gateway);
    feed_number(state, outlier->consecutive_local_origin);
    feed_number(state, outlier->enforcing_5xx);
    feed_number(state, outlier->enforcing_gateway);
    feed_number(state, outlier->enforcing_local_origin);
    feed_success_rates(state, outlier);
    feed_time(state, outlier->interval_ns);
    feed_time(state, outlier->base_ejection_ns);
    feed_time(state, outlier->max_ejection_ns);
    feed_time(state, outlier->max_ejection_jitter_ns);
    feed_number(state, outlier->max_ejection_percent);
    feed_number(state, outlier->always_eject_one);
    feed_number(state, outlier->check_unejects);
    feed_breaker(state, &outlier->breaker);
}

static void feed_statuses(XXH3_state_t *state, const struct status_range *ranges, size_t count)
{
    feed_number(state, count);
    for (size_t i = 0; i < count; i++) {
        feed_number(state, ranges[i].first);
        feed_number(state, ranges[i].end);
    }
}

static void feed_check(XXH3_state_t *state, const struct health_check *check)
{
    feed_number(state, check->kind);
    feed_time(state, check->timeout_ns);
    feed_time(state, check->interval_ns);
    feed_time(state, check->initial_jitter_ns);
    feed_time(state, check->interval_jitter_ns);
    feed_number(state, check->interval_jitter_percent);
    feed_number(state, check->unhealthy_threshold);
    feed_number(state, check->healthy_threshold);
    feed_time(state, check->no_traffic_ns);
    feed_time(state, check->no_traffic_healthy_ns);
    feed_time(state, check->unhealthy_ns);
    feed_time(state, check->unhealthy_edge_ns);
    feed_time(state, check->healthy_edge_ns);
    feed_number(state, check->reuse_connection);
    feed_str(state, check->path);
    feed_str(state, check->host);
    feed_str(state, check->method);
    feed_statuses(state, check->expected, check->expected_count);
    feed_statuses(state, check->retriable, check->retriable_count);
    feed_number(state, check->header_count);
    for (size_t i = 0; i < check->header_count; i++) {
        feed_str(state, check->headers[i].name);
        feed_str(state, check->headers[i].value);
    }
    feed_str(state, check->send);
    feed_str(state, check->receive);
    feed_str(state, check->service);
}

static void feed_budget(XXH3_state_t *state, const struct budget_config *budget)
{
    feed_number(state, budget->permille);
    feed_number(state, budget->reserve_per_s);
    feed_number(state, budget->unlimited);
    feed_number(state, budget->concurrency);
    feed_number(state, budget->min_concurrency);
}

static void feed_retry_more(XXH3_state_t *state, const struct retry_more *retry)
{
    feed_number(state, retry->also);
    feed_number(state, retry->status_count);
    for (size_t i = 0; i < retry->status_count; i++) {
        feed_number(state, retry->statuses[i]);
    }
    feed_number(state, retry->header_count);
    for (size_t i = 0; i < retry->header_count; i++) {
        feed_str(state, retry->headers[i]);
    }
    feed_time(state, retry->per_try_idle_ns);
    feed_number(state, retry->has_backoff);
    feed_time(state, retry->backoff_base_ns);
    feed_time(state, retry->backoff_max_ns);
    feed_time(state, retry->retry_after_max_ns);
    feed_number(state, retry->host_attempts);
    feed_number(state, retry->any_host);
    feed_number(state, retry->priority_update);
    feed_number(state, retry->attempt_count);
}

static void feed_hedge(XXH3_state_t *state, const struct hedge_config *hedge)
{
    feed_number(state, hedge->enabled);
    feed_number(state, hedge->percentile);
    feed_time(state, hedge->min_delay_ns);
    feed_number(state, hedge->budget);
    feed_number(state, hedge->max_hedges);
}

static void feed_adaptive(XXH3_state_t *state, const struct adaptive_concurrency_config *adaptive)
{
    feed_number(state, adaptive->enabled);
    feed_number(state, adaptive->percentile);
    feed_number(state, adaptive->min_concurrency);
    feed_number(state, adaptive->max_concurrency);
    feed_time(state, adaptive->update_ns);
    feed_time(state, adaptive->min_rtt_interval_ns);
    feed_number(state, adaptive->min_rtt_requests);
    feed_number(state, adaptive->jitter);
    feed_number(state, adaptive->buffer);
}

static void feed_overload(XXH3_state_t *state, const struct cluster *cluster)
{
    feed_adaptive(state, &cluster->adaptive);
    feed_number(state, cluster->admission.enabled);
    feed_time(state, cluster->admission.window_ns);
    feed_number(state, cluster->admission.threshold);
    feed_number(state, cluster->admission.aggression);
    feed_number(state, cluster->admission.max_rejection);
    feed_number(state, cluster->admission.rps_threshold);
    feed_number(state, cluster->throttling.enabled);
    feed_number(state, cluster->throttling.factor);
    feed_time(state, cluster->throttling.window_ns);
    feed_number(state, cluster->preconnect.per_endpoint);
    feed_number(state, cluster->preconnect.warm);
}

static void feed_policies(XXH3_state_t *state, const struct cluster *cluster)
{
    feed_limits(state, &cluster->limits);
    feed_outlier(state, &cluster->outlier);
    feed_budget(state, &cluster->budget);
    feed_retry_more(state, &cluster->retry);
    feed_hedge(state, &cluster->hedge);
    feed_overload(state, cluster);
}

static void checks_seal(struct cluster *cluster)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_number(&state, cluster->check_count);
    for (size_t i = 0; i < cluster->check_count; i++) {
        feed_check(&state, &cluster->checks[i]);
    }
    cluster->checks_print = print_of(&state);
}

void tulle__cluster_seal(struct cluster *cluster)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_str(&state, cluster->name);
    feed_str(&state, cluster->host);
    feed_str(&state, cluster->subset);
    feed_str(&state, cluster->service);
    feed_str(&state, cluster->name_space);
    feed_number(&state, cluster->port);
    feed_number(&state, cluster->protocol);
    tulle__balancer_seal(&cluster->balancer);
    feed_number(&state, cluster->balancer.print.low);
    feed_number(&state, cluster->balancer.print.high);
    feed_policies(&state, cluster);
    checks_seal(cluster);
    feed_number(&state, cluster->checks_print.low);
    feed_number(&state, cluster->checks_print.high);
    feed_time(&state, cluster->connect_timeout_ns);
    feed_time(&state, cluster->idle_timeout_ns);
    feed_number(&state, cluster->connection.keepalive.probes);
    feed_time(&state, cluster->connection.keepalive.time_ns);
    feed_time(&state, cluster->connection.keepalive.interval_ns);
    feed_number(&state, cluster->connection.lifetime.requests);
    feed_time(&state, cluster->connection.lifetime.ns);
    feed_number(&state, cluster->discovery);
    feed_str(&state, cluster->trouble);
    feed_number(&state, cluster->endpoints->part.print.low);
    feed_number(&state, cluster->endpoints->part.print.high);
    cluster->part.print = print_of(&state);
}
