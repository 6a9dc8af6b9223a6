/* SPDX-License-Identifier: Apache-2.0 */

/* A cluster: the endpoints of one service, port and subset, and the policies
 * of the attempt tier, in Envoy's words (config.cluster.v3.Cluster). */

#ifndef TULLE_MODEL_CLUSTER_H
#define TULLE_MODEL_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/balancer.h"
#include "model/endpoint.h"
#include "model/outlier.h"
#include "model/overload.h"
#include "model/part.h"

/* Envoy's types of clusters: where the endpoints of one come from. */
enum discovery {
    DISCOVERY_STATIC,     /* they are as they stand */
    DISCOVERY_STRICT_DNS, /* a name among them stands for all its addresses */
    DISCOVERY_LOGICAL_DNS /* a name is one endpoint; each connection goes to the first of its
                           * addresses that answers */
};

enum protocol { PROTOCOL_HTTP1, PROTOCOL_HTTP2, PROTOCOL_HTTPS /* ALPN decides */ };

/* Probes of the kernel's on a silent connection; 0: libcurl's, which are 9 of them, 60 s apart,
 * after 60 s. They are always on. */
struct keepalive {
    uint32_t probes;
    int64_t time_ns, interval_ns; /* whole seconds */
};

/* A connection of HTTP/1.1 that has had so many requests, or stood so long, takes no more of
 * them; 0: it goes on. */
struct lifetime {
    uint32_t requests;
    int64_t ns;
};

struct connection_config {
    struct keepalive keepalive;
    struct lifetime lifetime;
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
    struct retry_more retry;
    struct hedge_config hedge;
    struct adaptive_concurrency_config adaptive;
    struct admission_config admission;
    struct throttling_config throttling;
    struct preconnect_config preconnect;
    const struct health_check *checks; /* none: an endpoint is healthy until it fails */
    size_t check_count;
    struct fingerprint checks_print; /* of them; set by tulle__cluster_seal() */
    int64_t connect_timeout_ns;      /* 10 s, Istio's mesh default */
    int64_t idle_timeout_ns;         /* 1 h */
    struct connection_config connection;
    enum discovery discovery;
    struct str trouble;             /* why there is no endpoint; "" where there are, or will be */
    struct endpoint_set *endpoints; /* a reference; may be empty, never NULL */
};

#endif
