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

struct view {
    atomic_uint gate;    /* enum gate */
    atomic_uint fitness; /* enum fitness; written by the control step only */
    atomic_uint trial;   /* while the gate is GATE_TRIAL: 1: the trial request is under way */
    /* In a row; reset by a success of their kind. */
    atomic_uint row_5xx, row_gateway, row_local;
    atomic_int_least64_t ejected_at; /* 0: is not */
    atomic_uint ejections_in_a_row;  /* Envoy's multiplier */
    atomic_uint_least64_t requests, failures, ejections;
    int64_t returned_at; /* when its last ejection ended; control step only */
    atomic_uint users;   /* attempts that hold it; see view_use(), view_release() */
    atomic_bool named;   /* by the newest snapshot; written by the control step only */
    uint32_t weight;     /* control step only */
    int64_t joined_at;   /* named, back from an ejection or healthy again; control step only */
    const struct endpoint
        *endpoint;     /* of the newest snapshot; NULL: not named; control step only */
    uint32_t pickers;  /* that name it, retired ones too; control step only */
    struct peer *peer; /* a reference */
};

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
