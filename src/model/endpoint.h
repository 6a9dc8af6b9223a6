/* SPDX-License-Identifier: Apache-2.0 */

/* The endpoints of a cluster, as configured. */

#ifndef TULLE_MODEL_ENDPOINT_H
#define TULLE_MODEL_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/part.h"

struct label {
    struct str name;
    struct str value;
};

/* What the control plane says of an endpoint (EDS health_status). */
enum endpoint_health {
    HEALTH_UNKNOWN, /* as healthy */
    HEALTH_HEALTHY,
    HEALTH_DEGRADED, /* used when the healthy ones are not enough */
    HEALTH_UNHEALTHY,
    HEALTH_DRAINING /* as unhealthy */
};

struct endpoint {
    struct str address;  /* "10.0.0.1:9080" or "[::1]:9080", canonical; "name:9080" */
    struct str locality; /* "region/zone/subzone" or "" */
    struct str hash_key; /* in place of the address, for ring hash and Maglev; "": none */
    uint32_t weight;     /* at least 1 */
    uint32_t priority;   /* 0 first */
    enum endpoint_health health;
    const struct label *labels;
    size_t label_count;
};

/* A group of endpoints of one priority; of locality weights. */
struct locality_weight {
    struct str locality;
    uint32_t priority;
    uint32_t weight; /* 0: gets nothing */
};

struct endpoint_set {
    struct part part;
    const struct endpoint *endpoints; /* sorted by address, no address twice */
    size_t count;
    const struct locality_weight *localities; /* none: all weigh the same */
    size_t locality_count;
};

#endif
