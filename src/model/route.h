/* SPDX-License-Identifier: Apache-2.0 */

/* A service (Envoy's virtual host): who answers to which names, and the routes
 * in their order. */

#ifndef TULLE_MODEL_ROUTE_H
#define TULLE_MODEL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cluster.h"
#include "model/match.h"
#include "model/part.h"

/* Conditions of a retry, as Istio and Envoy name them. */
enum retry_on {
    RETRY_ON_5XX = 1 << 0,
    RETRY_ON_GATEWAY_ERROR = 1 << 1,
    RETRY_ON_RESET = 1 << 2,
    RETRY_ON_CONNECT_FAILURE = 1 << 3,
    RETRY_ON_REFUSED_STREAM = 1 << 4,
    RETRY_ON_RETRIABLE_4XX = 1 << 5, /* 409 */
    RETRY_ON_STATUS_CODES = 1 << 6,  /* those of `statuses` */
    RETRY_ON_CANCELLED = 1 << 7,     /* gRPC, from the head */
    RETRY_ON_UNAVAILABLE = 1 << 8,   /* gRPC, from the head */
    RETRY_ON_DEADLINE_EXCEEDED = 1 << 9,
    RETRY_ON_INTERNAL = 1 << 10,
    RETRY_ON_RESOURCE_EXHAUSTED = 1 << 11,
    RETRY_ON_RESET_BEFORE_REQUEST = 1 << 12,
    /* The two additions to Istio's default: */
    RETRY_ON_IDEMPOTENT_RESET = 1 << 13,  /* `reset`, where RFC 9110 9.2.2 allows it */
    RETRY_ON_NOTHING_SENT = 1 << 14,      /* requests of which no byte was sent */
    RETRY_ON_RATELIMITED = 1 << 15,       /* x-envoy-ratelimited, which else forbids a retry */
    RETRY_ON_HEADERS = 1 << 16,           /* those that its cluster names */
    RETRY_ON_HTTP3_POST_CONNECT = 1 << 17 /* never the case: nothing goes over HTTP/3 */
};

struct retry_config {
    uint32_t retries; /* after the first attempt; 0: none */
    unsigned on;      /* enum retry_on */
    const uint16_t *statuses;
    size_t status_count;
    int64_t per_try_timeout_ns; /* NEVER: the route's timeout */
    int64_t backoff_base_ns;    /* 25 ms */
    int64_t backoff_max_ns;     /* 10 times the base */
    uint32_t priority_update;   /* previous_priorities.update_frequency; 0: its cluster's */
    bool any_host;              /* without previous_hosts; or its cluster says so */
};

struct destination {
    struct str host;   /* full */
    struct str subset; /* "" */
    uint16_t port;     /* 0: the service's only port, or else the port dialled */
    uint32_t weight;
};

struct route {
    struct str name;                   /* "" */
    const struct route_match *matches; /* any of them; none: every request */
    size_t match_count;
    const struct destination *destinations; /* at least one */
    size_t destination_count;
    uint64_t weight_total; /* > 0 */
    int64_t timeout_ns;    /* NEVER: none, Istio's default */
    struct retry_config retry;
};

struct service_port {
    uint16_t number;
    struct str name;
    enum protocol protocol;
};

struct service {
    struct part part;
    struct str host;    /* full, lower case */
    struct str service; /* the first label of a host in the cluster; else all of the host */
    struct str name_space;
    const struct str *names; /* all that the service answers to, `host` among them; lower case */
    size_t name_count;
    const struct service_port *ports;
    size_t port_count;
    const struct route *routes; /* in order; without has_routes: one that takes all */
    size_t route_count;
    bool has_routes; /* a VirtualService is there: what matches no route is refused */
};

#endif
