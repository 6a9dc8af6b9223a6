/* SPDX-License-Identifier: Apache-2.0 */

/* A peer as one cluster sees it: its gate, its ejection. Keyed by cluster and
 * peer, as in Envoy; survives snapshots.
 *
 * A view is freed by the control step when three things hold: the newest
 * snapshot does not name it, no picker (published or retired) is left of a
 * version in which it was named, and nobody uses it. Whoever keeps a picked view
 * beyond the pick takes `users` up before its loop's round ends, because a retired
 * picker, which kept the view alive till then, may go when every loop has passed a
 * round. */

#ifndef TULLE_ENDPOINT_VIEW_H
#define TULLE_ENDPOINT_VIEW_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/peer.h"

/* The only word that outlier detection, breakers, health checks and balancers share. */
enum gate { GATE_READY = 0, GATE_TRIAL = 1, GATE_EJECTED = 2 };

/* What active health checks and the control plane say; apart from the gate. */
enum fitness { FIT = 0, FIT_DEGRADED = 1, FIT_NOT = 2 };

struct past; /* past.h */

struct view {
    /* What a pick reads, within one cache line wherever the view lies. */
    atomic_uint gate;  /* enum gate */
    atomic_uint trial; /* 1: the trial request is under way; only its attempt takes it back */
    struct peer *peer; /* a reference */
    /* What the building of a picker reads besides, of each of 100,000. */
    atomic_uchar fitness; /* enum fitness; written by the control step only */
    atomic_bool named;    /* by the newest snapshot; written by the control step only */
    bool is_back;         /* scratch of an adoption; control step only */
    uint8_t checked;      /* enum fitness: what active checks say; control step only */
    atomic_ushort busy;   /* attempts under way, where an endpoint has a limit of them */
    atomic_uint users;    /* attempts that hold it; see view_use(), view_release() */
    uint32_t number;      /* of the slabs */
    atomic_uint_least64_t requests, failures;
    _Atomic(struct past *) past; /* NULL: nothing ejects it, nothing checks it */
    /* Control step only. */
    union {
        int64_t joined_at;   /* while named: since then, or back from an ejection, or healthy */
        uint64_t gone_since; /* gone: pickers of this version and later do not name it */
    };
    union {
        const struct endpoint_record *endpoint; /* while named: of the newest snapshot */
        struct view *next_gone;
    };
};

/* While it is named. Control step. */
static inline uint32_t view_weight(const struct view *view)
{
    return view->endpoint->weight;
}

static inline uint32_t view_priority(const struct view *view)
{
    return view->endpoint->place->priority;
}

static inline bool view_is_named(const struct view *view)
{
    return atomic_load_explicit(&view->named, memory_order_relaxed);
}

static inline enum fitness fitness_of_health(uint8_t health)
{
    switch ((enum endpoint_health)health) {
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
    enum fitness said = view_is_named(view) ? fitness_of_health(view->endpoint->health) : FIT;
    enum fitness judged = view->checked > said ? (enum fitness)view->checked : said;

    if (known == judged) {
        return false;
    }
    if (known == FIT_NOT && view_is_named(view)) {
        view->joined_at = now;
    }
    atomic_store_explicit(&view->fitness, (unsigned char)judged, memory_order_relaxed);
    return true;
}

/* Right after the pick, in the same round of the loop. */
static inline void view_use(struct view *view)
{
    atomic_fetch_add_explicit(&view->users, 1, memory_order_relaxed);
}

enum { VIEW_BUSY_MOST = USHRT_MAX };

/* False: as many attempts are under way as may be. Right after the pick; the view is
 * used until view_leave(). */
static inline bool view_enter(struct view *view, unsigned max)
{
    unsigned short busy = atomic_load_explicit(&view->busy, memory_order_seq_cst);

    do {
        if (busy >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&view->busy, &busy, (unsigned short)(busy + 1),
                                                    memory_order_seq_cst, memory_order_seq_cst));
    view_use(view);
    return true;
}

/* The last thing an attempt does with its view. */
static inline void view_release(struct view *view)
{
    atomic_fetch_sub_explicit(&view->users, 1, memory_order_release);
}

static inline void view_leave(struct view *view)
{
    atomic_fetch_sub_explicit(&view->busy, 1, memory_order_seq_cst);
    view_release(view);
}

#endif
