/* SPDX-License-Identifier: Apache-2.0 */

/* The plan: request -> service -> route -> destination. A pure function of the
 * runnable mesh, the request and a random number; explain and the benches
 * share it with the calls. */

#ifndef TULLE_ROUTE_PLAN_H
#define TULLE_ROUTE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "base/table.h"
#include "endpoint/live.h"
#include "model/snapshot.h"
#include "route/url.h"
#include "seam/transport.h"

struct stack; /* stack/layer.h */

/* A cluster that may be called: its description, its live half, and the stack
 * of this pair of route and cluster. */
struct target {
    const struct cluster *cluster;
    struct cluster_live *live;
    const struct stack *stack;
};

struct planned_destination {
    uint64_t weight_end;         /* sum of the weights up to this one */
    const struct target *target; /* NULL: there is no such cluster (NC) */
    struct str cluster_name;     /* for the failure record */
};

/* A route as dialled on one port. */
struct planned_route {
    const struct route *route;
    const struct planned_destination *destinations;
    size_t destination_count;
};

struct planned_port {
    uint16_t number;
    const struct planned_route *routes; /* service->route_count of them */
};

struct planned_service {
    const struct service *service;
    const struct planned_port *ports;
    size_t port_count;
};

/* Finds the planned service of a host; core keeps it. */
struct plan_table {
    struct table services; /* planned_service by each of its names */
};

struct plan_request {
    const struct url *url;
    struct str method;
    const struct header_line *headers;
    size_t header_count;
};

enum plan_kind {
    PLAN_TARGET,
    PLAN_OUTSIDE, /* no such host in the mesh */
    PLAN_REFUSED
};

struct plan {
    enum plan_kind kind;
    const struct planned_service *service;
    const struct planned_route *route;
    const struct planned_destination *destination;
    int status;       /* of a refusal: 404, 503 */
    unsigned flags;   /* of a refusal: FLAG_NR, FLAG_NC */
    const char *text; /* of a refusal: a static sentence */
};

void tulle__plan(const struct plan_table *table, const struct plan_request *request,
                 struct rand *rand, struct plan *out);

#endif
