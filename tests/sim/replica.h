/* SPDX-License-Identifier: Apache-2.0 */

/* A replica on a machine it shares: so many cores are its own, and what others
 * leave it may use besides. Requests share what there is equally, each at most
 * one core (processor sharing). It reports as Prequal's servers do: requests in
 * flight, and the median latency of the last that arrived when there were about
 * as many; and as gRPC's: utilization of what is its own, and queries a second. */

#ifndef TESTS_SIM_REPLICA_H
#define TESTS_SIM_REPLICA_H

#include "endpoint/report.h"
#include "sim/engine.h"

enum { REPLICA_KINDS = 24, REPLICA_KEPT = 7 };

struct work {
    struct heap_node node; /* key: the replica's own time at which it is done */
    int64_t began;
    unsigned arrived_among;
    size_t client;
    struct view *view;
};

struct replica {
    struct event done; /* first: of the work that is done next */
    double cores;      /* that it may use now */
    double own;        /* its allocation */
    struct heap works;
    double served; /* ns that each of its works has had so far */
    int64_t served_at;
    /* Of the last second, and of the one under way. */
    double used_ns, completed;
    struct load load;
    int64_t latencies[REPLICA_KINDS][REPLICA_KEPT];
    double median_ms[REPLICA_KINDS]; /* below 0: to be found */
    unsigned kept[REPLICA_KINDS];
    void (*finished)(struct replica *replica, struct sim *sim, struct work *work);
};

void replica_init(struct replica *replica, double own, double cores, int64_t now);
void replica_fini(struct replica *replica);
void replica_add(struct replica *replica, struct sim *sim, struct work *work, int64_t work_ns);
void replica_set_cores(struct replica *replica, struct sim *sim, double cores);
void replica_second(struct replica *replica, struct sim *sim); /* each second */
/* As it is now. */
struct load replica_load(struct replica *replica);

#endif
