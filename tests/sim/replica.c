/* SPDX-License-Identifier: Apache-2.0 */

#include "sim/replica.h"

#include "base/list.h"

static double speed_of(const struct replica *replica)
{
    double share = replica->works.count > 0 ? replica->cores / (double)replica->works.count : 0;

    return share < 1 ? share : 1;
}

static void replica_advance(struct replica *replica, int64_t now)
{
    double gained = speed_of(replica) * (double)(now - replica->served_at);

    replica->served += gained;
    replica->used_ns += gained * (double)replica->works.count;
    replica->served_at = now;
}

static void replica_arm(struct replica *replica, struct sim *sim)
{
    const struct heap_node *first = tulle__heap_first(&replica->works);

    if (first == NULL) {
        sim_cancel(sim, &replica->done);
        return;
    }
    sim_at(sim, &replica->done,
           sim->now + 1 + (int64_t)(((double)first->key - replica->served) / speed_of(replica)));
}

/* Up to 16 in flight each count is a kind, above that each doubling has two. */
static unsigned kind_of(unsigned in_flight)
{
    unsigned kind = in_flight < 16 ? in_flight : 16;

    for (unsigned bound = 24; in_flight >= bound && kind + 1 < REPLICA_KINDS; kind++) {
        bound += (kind & 1) ? bound / 3 : bound / 2;
    }
    return kind;
}

static void replica_keep(struct replica *replica, unsigned arrived_among, int64_t took)
{
    unsigned kind = kind_of(arrived_among);

    replica->latencies[kind][replica->kept[kind]++ % REPLICA_KEPT] = took;
    replica->median_ms[kind] = -1;
}

static void replica_done(struct event *event, struct sim *sim)
{
    struct replica *replica = CONTAINER_OF(event, struct replica, done);
    struct heap_node *first = tulle__heap_first(&replica->works);
    struct work *work = CONTAINER_OF(first, struct work, node);

    replica_advance(replica, sim->now);
    tulle__heap_remove(&replica->works, first);
    replica->completed++;
    replica_keep(replica, work->arrived_among, sim->now - work->began);
    replica_arm(replica, sim);
    replica->finished(replica, sim, work);
}

void replica_init(struct replica *replica, double own, double cores, int64_t now)
{
    *replica = (struct replica){ .own = own, .cores = cores, .served_at = now };
    replica->done.fire = replica_done;
    replica->load = LOAD_UNSAID;
}

void replica_fini(struct replica *replica)
{
    tulle__heap_fini(&replica->works);
}

void replica_add(struct replica *replica, struct sim *sim, struct work *work, int64_t work_ns)
{
    replica_advance(replica, sim->now);
    work->arrived_among = (unsigned)replica->works.count;
    if (!tulle__heap_add(&replica->works, &work->node, (int64_t)replica->served + work_ns)) {
        sim_die("out of memory", "a replica's works");
    }
    replica_arm(replica, sim);
}

void replica_set_cores(struct replica *replica, struct sim *sim, double cores)
{
    replica_advance(replica, sim->now);
    replica->cores = cores;
    replica_arm(replica, sim);
}

void replica_second(struct replica *replica, struct sim *sim)
{
    replica_advance(replica, sim->now);
    replica->load.cpu = replica->used_ns / (replica->own * (double)NS_PER_S);
    replica->load.qps = replica->completed;
    replica->used_ns = 0;
    replica->completed = 0;
}

static void median_find(struct replica *replica, unsigned kind)
{
    unsigned count = replica->kept[kind] < REPLICA_KEPT ? replica->kept[kind] : REPLICA_KEPT;
    unsigned middle = count / 2;
    int64_t sorted[REPLICA_KEPT];

    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;

        for (; at > 0 && sorted[at - 1] > replica->latencies[kind][i]; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = replica->latencies[kind][i];
    }
    replica->median_ms[kind] = (double)sorted[middle] / (double)NS_PER_MS;
}

/* The kind that was seen and is nearest. */
static unsigned kind_near(const struct replica *replica, unsigned kind)
{
    for (unsigned away = 0; away < REPLICA_KINDS; away++) {
        if (kind >= away && replica->kept[kind - away] > 0) {
            return kind - away;
        }
        if (kind + away < REPLICA_KINDS && replica->kept[kind + away] > 0) {
            return kind + away;
        }
    }
    return REPLICA_KINDS;
}

static double latency_ms(struct replica *replica)
{
    unsigned kind = kind_near(replica, kind_of((unsigned)replica->works.count));

    if (kind == REPLICA_KINDS) {
        return 0;
    }
    if (replica->median_ms[kind] < 0) {
        median_find(replica, kind);
    }
    return replica->median_ms[kind];
}

struct load replica_load(struct replica *replica)
{
    struct load load = replica->load;

    load.rif = (double)replica->works.count;
    load.latency_ms = latency_ms(replica);
    return load;
}
