/* SPDX-License-Identifier: Apache-2.0 */

/* A cluster: the endpoints of one service, port and subset, and the policies
 * of the attempt tier, in Envoy's words (config.cluster.v3.Cluster). */

#ifndef TULLE_MODEL_CLUSTER_H
#define TULLE_MODEL_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/endpoint.h"
#include "model/part.h"

/* Envoy's types of clusters: where the endpoints of one come from. */
enum discovery {
    DISCOVERY_STATIC,     /* they are as they stand */
    DISCOVERY_STRICT_DNS, /* a name among them stands for all its addresses */
    DISCOVERY_LOGICAL_DNS /* a name is one endpoint; each connection goes to the first of its
                           * addresses that answers */
};

enum protocol { PROTOCOL_HTTP1, PROTOCOL_HTTP2, PROTOCOL_HTTPS /* ALPN decides */ };

enum balancer_kind {
    BALANCER_LEAST_REQUEST, /* the default, as Istio's */
    BALANCER_ROUND_ROBIN,
    BALANCER_RANDOM,
    BALANCER_PEAK_EWMA
};

struct balancer_config {
    enum balancer_kind kind;
    uint32_t choice_count;   /* least request: 2 */
    int64_t ewma_tau_ns;     /* peak EWMA: 10 s */
    int64_t ewma_default_ns; /* peak EWMA: cost of an endpoint without history: 30 ms (linkerd2) */
};

#define LIMIT_NONE UINT32_MAX

/* Envoy's thresholds; LIMIT_NONE is Istio's 2^32-1. */
struct limits {
    uint32_t max_connections; /* tcp.maxConnections */
    uint32_t max_pending;     /* http.http1MaxPendingRequests */
    uint32_t max_requests;    /* http.http2MaxRequests */
    uint32_t max_retries;     /* http.maxRetries */
};

/* Envoy's outlier detection, the consecutive kinds. */
struct outlier_config {
    bool enabled;                      /* outlierDetection is there */
    bool split_local_origin;           /* splitExternalLocalOriginErrors */
    uint32_t consecutive_5xx;          /* 5; 0: off */
    uint32_t consecutive_gateway;      /* 0: off, Istio's default */
    uint32_t consecutive_local_origin; /* 5; only if split_local_origin */
    int64_t interval_ns;               /* 10 s */
    int64_t base_ejection_ns;          /* 30 s */
    int64_t max_ejection_ns;           /* max(300 s, base) */
    uint32_t max_ejection_percent;     /* 10 */
};

/* Finagle's budget: a share of calls, plus a reserve a second. */
struct budget_config {
    uint32_t permille;      /* retries per 1000 calls: 200 */
    uint32_t reserve_per_s; /* 10 */
    bool unlimited;
};

struct cluster {
    struct part part;
    struct str name;       /* outbound|80|v1|reviews.default.svc.cluster.local */
    struct str host;       /* reviews.default.svc.cluster.local */
    struct str subset;     /* "" for the whole service */
    struct str service;    /* reviews: destination_service_name */
    struct str name_space; /* default: destination_service_namespace */
    uint16_t port;
    enum protocol protocol;
    struct balancer_config balancer;
    struct limits limits;
    struct outlier_config outlier;
    struct budget_config budget;
    int64_t connect_timeout_ns; /* 10 s, Istio's mesh default */
    int64_t idle_timeout_ns;    /* 1 h */
    enum discovery discovery;
    struct str trouble;             /* why there is no endpoint; "" where there are, or will be */
    struct endpoint_set *endpoints; /* a reference; may be empty, never NULL */
};

#endif
