/* SPDX-License-Identifier: Apache-2.0 */

/* What keeps a client from drowning its servers. Ratios are in thousandths. */

#ifndef TULLE_MODEL_OVERLOAD_H
#define TULLE_MODEL_OVERLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LIMIT_NONE UINT32_MAX

/* Envoy's thresholds; LIMIT_NONE is Istio's 2^32-1. */
struct limits {
    uint32_t max_connections;          /* tcp.maxConnections */
    uint32_t max_pending;              /* http.http1MaxPendingRequests */
    uint32_t max_requests;             /* http.http2MaxRequests */
    uint32_t max_retries;              /* http.maxRetries */
    uint32_t endpoint_max_requests;    /* of one endpoint; LIMIT_NONE */
    uint32_t endpoint_max_connections; /* of one endpoint; LIMIT_NONE (per_host_thresholds) */
};

/* Finagle's budget: a share of calls, plus a reserve a second; and Envoy's: a
 * share of what is in flight. Both must grant. */
struct budget_config {
    uint32_t permille;      /* retries per 1000 calls: 200 */
    uint32_t reserve_per_s; /* 10 */
    bool unlimited;
    uint32_t concurrency;     /* permille of calls in flight and pending; 0: not asked */
    uint32_t min_concurrency; /* 3 */
};

/* What a route's retries cannot say in Istio; laid over every route to the host. */
struct retry_more {
    unsigned also;            /* enum retry_on, in addition */
    const uint16_t *statuses; /* of RETRY_ON_STATUS_CODES, in addition */
    size_t status_count;
    const struct str *headers; /* of RETRY_ON_HEADERS: names */
    size_t header_count;
    int64_t per_try_idle_ns; /* NEVER: none */
    bool has_backoff;
    int64_t backoff_base_ns, backoff_max_ns; /* 25 ms, 250 ms */
    int64_t retry_after_max_ns; /* rate-limited backoff: 300 s; 0: Retry-After is not heeded */
    uint32_t host_attempts;     /* host_selection_retry_max_attempts: 5 */
    bool any_host;              /* without previous_hosts */
    uint32_t priority_update;   /* previous_priorities.update_frequency; 0: off */
    bool attempt_count;         /* x-envoy-attempt-count: true */
};

struct hedge_config {
    bool enabled;
    uint32_t percentile;  /* permille of live latencies: 950 */
    int64_t min_delay_ns; /* 1 ms */
    uint32_t budget;      /* permille of calls: 20 */
    uint32_t max_hedges;  /* beyond the first: 1 */
};

/* Envoy's gradient controller. */
struct adaptive_concurrency_config {
    bool enabled;
    uint32_t percentile;         /* permille: 500 */
    uint32_t min_concurrency;    /* 3 */
    uint32_t max_concurrency;    /* 1000 */
    int64_t update_ns;           /* concurrency_update_interval: 100 ms */
    int64_t min_rtt_interval_ns; /* 60 s */
    uint32_t min_rtt_requests;   /* 50 */
    uint32_t jitter;             /* permille of the interval: 150 */
    uint32_t buffer;             /* permille of the least latency: 250 */
};

/* Envoy's admission control: shedding here, by the success rate of late. */
struct admission_config {
    bool enabled;
    int64_t window_ns;      /* 30 s */
    uint32_t threshold;     /* permille: 950 */
    uint32_t aggression;    /* permille: 1000 */
    uint32_t max_rejection; /* permille: 800 */
    uint32_t rps_threshold; /* 0 */
};

/* The SRE book's client-side throttling. */
struct throttling_config {
    bool enabled;
    uint32_t factor;   /* permille, K: 2000 */
    int64_t window_ns; /* 120 s */
};

struct preconnect_config {
    uint32_t per_endpoint; /* permille of what is needed, 1000 to 3000: 1000 (none ahead) */
    uint32_t warm;         /* connections kept open to each endpoint: 0 */
};

#endif
