/* SPDX-License-Identifier: Apache-2.0 */

/* A peer as one cluster sees it: its gate, its ejection. Keyed by cluster and
 * peer, as in Envoy; survives snapshots.
 *
 * A view is freed by the control step when three things hold: the newest
 * snapshot does not name it, no picker (published or retired) names it, and
 * nobody uses it. Whoever keeps a picked view beyond the pick takes `users` up
 * before its loop's round ends, because a retired picker, which kept the view
 * alive till then, may go when every loop has passed a round. */

#ifndef TULLE_ENDPOINT_VIEW_H
#define TULLE_ENDPOINT_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/peer.h"

/* The only word that outlier detection, breakers, health checks and balancers share. */
enum gate { GATE_READY = 0, GATE_TRIAL = 1, GATE_EJECTED = 2 };

/* What active health checks and the control plane say; apart from the gate. */
enum fitness { FIT = 0, FIT_DEGRADED = 1, FIT_NOT = 2 };

struct window; /* window.h */

struct view {
    /* What a pick reads, within one cache line wherever the view lies. */
    atomic_uint gate;  /* enum gate */
    atomic_uint trial; /* 1: the trial request is under way; only its attempt takes it back */
    struct peer *peer; /* a reference */
    /* What the building of a picker reads besides, of each of 100,000. */
    atomic_uint fitness; /* enum fitness; written by the control step only */
    atomic_bool named;   /* by the newest snapshot; written by the control step only */
    uint32_t weight;     /* control step only */
    uint32_t priority;   /* control step only */
    uint32_t pickers;    /* that name it, retired ones too; control step only */
    /* In a row; reset by a success of their kind. */
    atomic_uint row_5xx, row_gateway, row_local;
    atomic_int_least64_t ejected_at; /* 0: is not */
    atomic_uint ejections_in_a_row;  /* Envoy's multiplier */
    atomic_uint sentence;            /* of the ejection it has or had last: see eject.h */
    atomic_uint_least64_t requests, failures, ejections;
    int64_t returned_at;  /* when its last ejection ended; control step only */
    atomic_uint users;    /* attempts that hold it; see view_use(), view_release() */
    enum fitness checked; /* what active checks say; control step only */
    int64_t joined_at;    /* named, back from an ejection or healthy again; control step only */
    const struct endpoint
        *endpoint; /* of the newest snapshot; NULL: not named; control step only */
    _Atomic(struct window *) window; /* NULL: no kind of outlier detection needs one */
};

static inline enum fitness fitness_of_health(enum endpoint_health health)
{
    switch (health) {
    case HEALTH_DEGRADED: return FIT_DEGRADED;
    case HEALTH_UNHEALTHY:
    case HEALTH_DRAINING: return FIT_NOT;
    case HEALTH_UNKNOWN:
    case HEALTH_HEALTHY:
    default: return FIT;
    }
}

/* After `endpoint` or `checked` changed: the worse of the two counts, as in Envoy.
 * One that can be used again is young. True: it changed. Control step. */
static inline bool view_judge(struct view *view, int64_t now)
{
    enum fitness known = (enum fitness)atomic_load_explicit(&view->fitness, memory_order_relaxed);
    enum fitness said = view->endpoint ? fitness_of_health(view->endpoint->health) : FIT;
    enum fitness judged = view->checked > said ? view->checked : said;

    if (known == judged) {
        return false;
    }
    if (known == FIT_NOT) {
        view->joined_at = now;
    }
    atomic_store_explicit(&view->fitness, judged, memory_order_relaxed);
    return true;
}

/* Right after the pick, in the same round of the loop. */
static inline void view_use(struct view *view)
{
    atomic_fetch_add_explicit(&view->users, 1, memory_order_relaxed);
}

/* The last thing an attempt does with its view. */
static inline void view_release(struct view *view)
{
    atomic_fetch_sub_explicit(&view->users, 1, memory_order_release);
}

#endif
