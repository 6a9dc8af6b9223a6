/* SPDX-License-Identifier: Apache-2.0 */

/* A client's half of a cluster as the library has it: live cluster, picker,
 * views, peers; without calls, layers or transport, so that a thousand seeds
 * take seconds. What policy/endpoint.c does around an attempt, fleet_begin()
 * and fleet_end() do, with the same objects. */

#ifndef TESTS_SIM_FLEET_H
#define TESTS_SIM_FLEET_H

#include "balance/picker.h"
#include "sim/engine.h"

struct fleet {
    struct live_set set;
    struct cluster_live *live;
    struct rand rand;
};

/* The library's defaults but for these. */
struct fleet_spec {
    enum balancer_kind kind;
    enum prequal_reports reports;
    size_t servers; /* endpoints of equal weight */
    uint64_t seed;
};

void fleet_open(struct fleet *fleet, const struct fleet_spec *spec, int64_t now);
void fleet_close(struct fleet *fleet);
struct view *fleet_pick(struct fleet *fleet, int64_t now);
struct view *fleet_view(const struct fleet *fleet, size_t server);
/* What the control step does for balancers that grow old: at least every second. */
void fleet_tend(struct fleet *fleet, int64_t now);
size_t fleet_server(const struct view *view); /* its number, from 0 */
void fleet_begin(struct view *view);
void fleet_end(struct fleet *fleet, struct view *view, int64_t began, bool failed, int64_t now);

/* By the name of a policy of a scenario. */
enum balancer_kind fleet_kind(const char *policy);

#endif
