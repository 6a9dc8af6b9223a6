/* SPDX-License-Identifier: Apache-2.0 */

/* What a cluster shares over the whole process and over all snapshots: limits,
 * budget, views, picker. Made and freed by the control step; a snapshot that
 * is in use keeps it alive. */

#ifndef TULLE_ENDPOINT_LIVE_H
#define TULLE_ENDPOINT_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/table.h"
#include "endpoint/view.h"
#include "seam/transport.h"

/* Counted for each cluster and loop: one writer, relaxed. */
enum live_counter {
    COUNT_RETRIES,                /* attempts that were retries */
    COUNT_RETRY_SUCCESS,          /* of those, that had a good end */
    COUNT_RETRY_SKIPPED_BUDGET,   /* wanted, and refused by the budget */
    COUNT_RETRY_SKIPPED_LIMIT,    /* by maxRetries */
    COUNT_RETRY_SKIPPED_METHOD,   /* by the method: perhaps executed, not idempotent */
    COUNT_RETRY_SKIPPED_DEADLINE, /* no time was left */
    COUNT_RETRY_SKIPPED_BODY,     /* its start has left the window */
    COUNT_OVERFLOW_REQUESTS,      /* refused by maxRequests */
    COUNT_OVERFLOW_PENDING,       /* by maxPending */
    COUNT_NO_ENDPOINT,            /* refused: all ejected */
    COUNT_HELD,                   /* waited for a slot or for an endpoint */
    COUNT_TIMEOUT_TRY,            /* per-try timeouts */
    COUNT_TIMEOUT_ROUTE,
    COUNT_EJECTIONS_5XX,
    COUNT_EJECTIONS_GATEWAY,
    COUNT_EJECTIONS_LOCAL,
    COUNT_EJECTIONS_OVERFLOW, /* held back by max_ejection_percent */
    COUNT_CONNECT_FAIL,
    COUNT_PICK_UNREPORTED,           /* picks whose deadline came before their report */
    COUNT_PERHAPS_EXECUTED,          /* failures of which nobody knows whether they were executed */
    COUNT_RETRY_SKIPPED_CONCURRENCY, /* by the budget's share of what is in flight */
    COUNT_RETRY_SKIPPED_PUSHBACK,    /* its server wants none, or one too late */
    COUNT_TIMEOUT_IDLE,              /* per-try idle timeouts */
    COUNT_HEDGES,                    /* attempts sent beside one that took long */
    COUNT_HEDGES_WON,                /* of those, that answered first */
    COUNT_HEDGES_SKIPPED_BUDGET,     /* due, and refused by their budget */
    COUNT_HEDGES_SKIPPED_ROOM,       /* no other endpoint, or none free at once, or no memory */
    COUNT_EJECTIONS_SUCCESS_RATE,
    COUNT_EJECTIONS_LOCAL_SUCCESS_RATE,
    COUNT_EJECTIONS_FAILURE_PERCENTAGE,
    COUNT_EJECTIONS_LOCAL_FAILURE_PERCENTAGE,
    COUNT_EJECTIONS_LATENCY,
    COUNT_EJECTIONS_BREAKER,
    COUNT_DETECTED_5XX, /* outliers, ejected or not */
    COUNT_DETECTED_GATEWAY,
    COUNT_DETECTED_LOCAL,
    COUNT_DETECTED_SUCCESS_RATE,
    COUNT_DETECTED_LOCAL_SUCCESS_RATE,
    COUNT_DETECTED_FAILURE_PERCENTAGE,
    COUNT_DETECTED_LOCAL_FAILURE_PERCENTAGE,
    COUNT_DETECTED_LATENCY,
    COUNT_DETECTED_BREAKER,
    COUNT_LOAD_REPORTS,     /* read from replies */
    COUNT_LOAD_REPORTS_BAD, /* there, and refused */
    COUNT_PROBES_ANSWERED,  /* Prequal's questions */
    COUNT_PROBES_LOST,      /* too late, failed, or without a load */
    COUNT_PANIC,            /* picks in panic: health was not asked */
    COUNT_DROPPED,          /* calls that drop_overload took */
    COUNT_SHED_ADAPTIVE,    /* calls refused by adaptive concurrency */
    COUNT_SHED_ADMISSION,   /* by admission control */
    COUNT_SHED_THROTTLING,  /* attempts refused by adaptive throttling */
    COUNT_CHECKS,           /* active health checks that were begun */
    COUNT_CHECKS_PASSED,
    COUNT_CHECKS_FAILED,    /* by an answer */
    COUNT_CHECKS_UNREACHED, /* no connection, reset, timeout */
    COUNT_CHECKS_VOID,      /* nothing was found out: no memory, no descriptor, no address yet */
    COUNT_SPILLED,          /* picks from another priority than the first */
    COUNTERS
};

/* A loop's half of a cluster. */
struct live_loop {
    _Alignas(64) atomic_uint_least64_t counters[COUNTERS];
    struct list held; /* calls that wait for a slot or an endpoint, first come first (stack) */
    atomic_uint held_count;
    struct task nudge; /* posted to the loop: those who wait try again (stack/held.h) */
    struct task shed;  /* posted: close an idle connection, another loop needs the room */
    struct task room;  /* posted: exchanges that wait for room try again */
    atomic_bool wants_room;
    struct cluster_live *owner; /* of this half */
    void *on;                   /* the loop, as stack knows it (struct call_loop) */
    int64_t usual_try_ns; /* what a try takes (policy/usual.h); 0: nobody knows; its loop's alone */
};

struct picker;
struct ward;
struct live_latency;  /* live_latency.h */
struct live_adaptive; /* live_adaptive.h */
struct recent;        /* recent.h */

/* The first member of every picker: a cluster that goes takes its picker along,
 * and this folder may not know balancers. */
struct picker_head {
    void (*discard)(struct picker *picker);
    uint64_t version; /* of the views that it was built from: live->version */
    struct list node; /* in live->pickers, from its making to its end; control step only */
};

enum { DIFFERENCE_MAX = 16 };

/* What is another in the version after `from`, where it is no more than this. */
struct view_difference {
    bool known;
    uint64_t from;
    size_t left_count, joined_count;
    struct view *left[DIFFERENCE_MAX], *joined[DIFFERENCE_MAX];
};

struct cluster_live {
    /* Hot: changed by every call of every loop. */
    _Alignas(64) atomic_uint requests;         /* attempts admitted and not ended */
    atomic_uint pending;                       /* held by admit or by the pick */
    atomic_uint full;                          /* of those, held as every endpoint is full */
    atomic_uint retries;                       /* attempts under way that are retries */
    _Alignas(64) atomic_uint_least64_t budget; /* policy/retry_budget.h */
    atomic_uint_least64_t hedge_budget;        /* the same, of hedges */
    _Alignas(64) struct connection_limit connections;
    atomic_uint slots;               /* attempts that hold a connection slot (HTTP/1.1) */
    atomic_bool is_http2;            /* learned: ALPN agreed on it, slots do not count */
    _Atomic(struct picker *) picker; /* balance/picker.h; never NULL once published */
    _Atomic(const void *) settled;   /* pick first's view; only compared: it may be gone */

    _Atomic(struct live_latency *) latency; /* NULL: no policy asks, or not yet */
    /* NULL: was never configured (live_overload.h). */
    _Atomic(struct live_adaptive *) adaptive;
    _Atomic(struct recent *) admission, throttling;

    /* Cold. */
    atomic_size_t refs;
    struct str name;
    atomic_uint ejected; /* views whose gate is ejected */
    atomic_bool cap_logged;
    atomic_bool declined;      /* some past->declined was set */
    atomic_bool gates_changed; /* ejected inline: the control step rebuilds the picker */
    struct view **views;       /* control step only; those of config->endpoints, in that order */
    size_t view_count;
    struct view *gone; /* that the newest snapshot does not name; control step only */
    size_t gone_count;
    struct list pickers;               /* picker_head, oldest first; control step only */
    struct view_difference difference; /* control step only */
    struct live_set *set;
    uint64_t version;                /* control step only; grows when a picker must be built anew */
    atomic_uint endpoint_count;      /* named views: endpoints of the newest snapshot */
    struct cluster *config;          /* the newest; a reference; control step only */
    int64_t next_sweep;              /* control step only */
    atomic_int_least64_t next_trial; /* when the first penalty of a breaker ends; NEVER: none */
    atomic_uint_least64_t draws;     /* chance for whoever ejects */
    atomic_uint_least64_t control_counters[COUNTERS]; /* what the control step itself counts */
    bool adopted;      /* since tulle__live_set_begin(); control step only */
    bool warming;      /* its first active checks are under way: to a picker it has no endpoint yet;
                        * control step only */
    struct ward *ward; /* health/ward.h; NULL: no active check; control step only */
    atomic_uint checked_healthy, checked_degraded; /* endpoints, by their active checks */
    void *mesh;                                    /* core's, for connections.wanted and .freed */
    const struct watcher *watcher;                 /* NULL: none */
    struct cluster_live *next_dead;                /* of a sweep */
    size_t loop_count;
    struct live_loop loops[];
};

struct live_set {
    struct table by_name; /* cluster_live */
    struct peers peers;
    struct slabs views;
    size_t loop_count;
    int64_t now;   /* since when endpoints of an adoption are there; set before it */
    uint64_t seed; /* of the clusters' draws; set before the first adoption */
    const struct log *log;
    const struct watcher *watcher; /* NULL: none; set before the first adoption */
};

void tulle__live_set_init(struct live_set *set, size_t loop_count, const struct log *log);
/* Frees all, whoever refers to it; retired pickers are freed before. */
void tulle__live_set_fini(struct live_set *set);

/* Around the adoption of a whole snapshot. What was not adopted between the two
 * has no endpoint any more, so that its connections close; who still refers to
 * it (calls of older snapshots, those very connections) keeps it alive. */
void tulle__live_set_begin(struct live_set *set);
void tulle__live_set_end(struct live_set *set);

/* Finds or makes the live cluster for `cluster`, and makes its views fit the
 * endpoints (adopting those that are there: an ejection survives). One reference
 * for the caller. `*views_changed` says whether the picker must be rebuilt (also
 * for another balancer, and when there is none). NULL: no memory; nothing was
 * changed. New clusters have connections.ref and .unref, and .wanted and .freed
 * that do nothing until core puts its own there. */
struct cluster_live *tulle__live_adopt(struct live_set *set, struct cluster *cluster,
                                       bool *views_changed);
struct cluster_live *tulle__live_ref(struct cluster_live *live);
void tulle__live_unref(
    struct cluster_live *live); /* any thread; the last leaves it for the sweep */
/* Frees what nobody refers to: views that are not named, used or in a picker;
 * clusters (with their picker) and peers without a reference. */
void tulle__live_sweep(struct live_set *set);

/* Views that a picker may look at. */
static inline size_t live_views_to_pick(const struct cluster_live *live)
{
    return live->warming ? 0 : live->view_count;
}

static inline void live_count(struct cluster_live *live, size_t loop, enum live_counter counter)
{
    atomic_uint_least64_t *c = &live->loops[loop].counters[counter];

    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* By the control step. */
static inline void live_count_control(struct cluster_live *live, enum live_counter counter)
{
    atomic_uint_least64_t *c = &live->control_counters[counter];

    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

uint64_t tulle__live_counter(const struct cluster_live *live, enum live_counter counter);

#endif
