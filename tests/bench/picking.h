/* SPDX-License-Identifier: Apache-2.0 */

/* What the benches of picks have in common: a thread for each core, and endpoints
 * that are counted in flight as policy/endpoint.c counts them. */

#ifndef BENCH_PICKING_H
#define BENCH_PICKING_H

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#include "endpoint/peer.h"
#include "endpoint/view.h"

static inline void pin_to_core(size_t number)
{
    cpu_set_t all, one;

    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(all), &all) != 0) {
        return;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &all) && number-- == 0) {
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
    }
}

static inline void in_flight_add(struct view *view, int more)
{
    if (view != NULL) {
        atomic_fetch_add_explicit(&view->peer->in_flight, (unsigned)more, memory_order_relaxed);
    }
}

#endif
