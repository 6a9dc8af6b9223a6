/* SPDX-License-Identifier: Apache-2.0 */

/* Who is kept out for a while, and who is asked how it is. */

#ifndef TULLE_MODEL_OUTLIER_H
#define TULLE_MODEL_OUTLIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* linkerd2-proxy's breaker: the exact success rate over a window of ten buckets
 * closes the gate; after a penalty one trial request decides. */
struct breaker_config {
    bool enabled;
    uint32_t success_rate;  /* permille: 800 */
    int64_t window_ns;      /* 10 s */
    uint32_t min_requests;  /* 5 */
    int64_t min_penalty_ns; /* 1 s, doubled each time */
    int64_t max_penalty_ns; /* 60 s */
    uint32_t jitter;        /* permille of the penalty: 500 */
};

/* An endpoint whose latency is `factor` times the median of its peers for `intervals`. */
struct latency_ejection_config {
    uint32_t factor;    /* permille; 0: off */
    uint32_t intervals; /* 3 */
    uint32_t min_hosts; /* 5 */
    uint32_t volume;    /* requests an interval: 20 */
};

/* Envoy's OutlierDetection, every kind. `enforcing` is in percent of what is detected. */
struct outlier_config {
    bool enabled;                      /* outlierDetection is there */
    bool split_local_origin;           /* splitExternalLocalOriginErrors */
    uint32_t consecutive_5xx;          /* 5; 0: off */
    uint32_t consecutive_gateway;      /* 0: off, Istio's default */
    uint32_t consecutive_local_origin; /* 5; only if split_local_origin */
    uint32_t enforcing_5xx, enforcing_gateway, enforcing_local_origin; /* 100 */
    uint32_t enforcing_success_rate;                                   /* 0: off, Istio's default */
    uint32_t enforcing_local_success_rate;       /* 0; only if split_local_origin */
    uint32_t success_rate_min_hosts;             /* 5 */
    uint32_t success_rate_volume;                /* 100 an interval */
    uint32_t success_rate_stdev;                 /* permille: 1900 */
    uint32_t enforcing_failure_percentage;       /* 0: off */
    uint32_t enforcing_local_failure_percentage; /* 0; only if split_local_origin */
    uint32_t failure_percentage_threshold;       /* 85 */
    uint32_t failure_percentage_min_hosts;       /* 5 */
    uint32_t failure_percentage_volume;          /* 50 an interval */
    int64_t interval_ns;                         /* 10 s */
    int64_t base_ejection_ns;                    /* 30 s */
    int64_t max_ejection_ns;                     /* max(300 s, base) */
    int64_t max_ejection_jitter_ns;              /* 0 */
    uint32_t max_ejection_percent;               /* 10 */
    bool always_eject_one;                       /* always_eject_one_host */
    bool check_unejects; /* successful_active_health_check_uneject_host: true */
    struct breaker_config breaker;
    struct latency_ejection_config latency;
};

enum health_check_kind { HEALTH_CHECK_HTTP, HEALTH_CHECK_TCP, HEALTH_CHECK_GRPC };

struct status_range {
    uint32_t first, end; /* [first, end), Envoy's Int64Range */
};

/* A header line that a check sends besides. */
struct check_header {
    struct str name, value;
};

enum { CHECK_HEADERS_MAX = 16 };

/* Envoy's HealthCheck. */
struct health_check {
    enum health_check_kind kind;
    int64_t timeout_ns;                  /* 1 s */
    int64_t interval_ns;                 /* 5 s */
    int64_t initial_jitter_ns;           /* 0 */
    int64_t interval_jitter_ns;          /* 0 */
    uint32_t interval_jitter_percent;    /* 0 */
    uint32_t unhealthy_threshold;        /* 2 */
    uint32_t healthy_threshold;          /* 2; the first success of a new endpoint is enough */
    int64_t no_traffic_ns;               /* 60 s: the interval while the cluster has had no call */
    int64_t no_traffic_healthy_ns;       /* 0: as no_traffic_ns */
    int64_t unhealthy_ns;                /* 0: as interval_ns; while it is unhealthy */
    int64_t unhealthy_edge_ns;           /* 0: as unhealthy_ns; after the first failure */
    int64_t healthy_edge_ns;             /* 0: as interval_ns; after the first success */
    bool reuse_connection;               /* true */
    struct str path;                     /* HTTP */
    struct str host;                     /* HTTP: "" is the cluster's; gRPC: authority */
    struct str method;                   /* HTTP: GET */
    const struct status_range *expected; /* HTTP; none: 200 */
    size_t expected_count;
    const struct status_range
        *retriable; /* HTTP: counted to the threshold; else unhealthy at once */
    size_t retriable_count;
    const struct check_header *headers; /* HTTP, gRPC: of its own; CHECK_HEADERS_MAX at most */
    size_t header_count;
    struct str send;    /* TCP: bytes; "": a connection is enough */
    struct str receive; /* TCP: bytes that must come */
    struct str service; /* gRPC */
};

#endif
