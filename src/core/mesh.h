/* SPDX-License-Identifier: Apache-2.0 */

/* The root object, as core and the tests know it. */

#ifndef TULLE_CORE_MESH_H
#define TULLE_CORE_MESH_H

#include <tulle/tulle.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/thread.h"
#include "core/loops.h"
#include "core/publish.h"
#include "endpoint/live.h"
#include "observe/metrics.h"
#include "seam/source.h"
#include "seam/transport.h"

struct tulle {
    /* Settled by tulle_open(). */
    const struct world *world;
    const struct transport_type *transport;
    struct arena arena; /* copies of the options' texts */
    struct log log;     /* tells log_fn, and that a callback is under way */
    tulle_log_fn *log_fn;
    void *log_user;
    int64_t deadline_ns, close_timeout_ns;
    int32_t outside;
    tulle_access_fn *access;
    void *access_user;
    const char *ca_file;

    struct loops loops;
    struct publisher publisher;
    struct metrics *metrics;

    /* The control step's. */
    struct loop control;
    struct thread control_thread;
    atomic_uint_least64_t control_self; /* thread that runs the step at the moment; 0: none */
    struct task poke;
    struct task quit;
    struct timer step_timer;
    struct watch source_watch;
    atomic_bool ticking; /* the step comes back soon by itself */
    bool quitting;
    const struct source_type *source_type;
    struct source *source; /* NULL: none */
    struct live_set live;
    struct mutex set_lock; /* guards which clusters and views `live` has, and source_stats,
                            * for those who only look */
    struct source_stats source_stats;
    struct picker *retired; /* replaced since the grace period began */
    struct picker *waiting; /* for every loop to pass a round */
    uint64_t *grace;        /* rounds each loop had begun then */
    struct rand rand;
    bool stale; /* a new draft could not be published for want of memory */
};

/* tulle_open() in a world and with a transport of the caller's choice. */
enum tulle_error tulle__open_in(const struct tulle_options *options, const struct world *world,
                                const struct transport_type *transport, struct tulle **out);

/* For the owner of a virtual clock: runs what is due now on the control step and
 * on every loop, until nothing is; and says when something is due next. */
void tulle__mesh_run(struct tulle *mesh);
int64_t tulle__mesh_due(const struct tulle *mesh);

/* True in a callback of this mesh: blocking is not allowed here. */
bool tulle__mesh_in_callback(const struct tulle *mesh);

/* --- the control step (control.c) --- */

/* Publishes what the source has; by tulle_open(), before there is a thread.
 * Errors: TULLE_E_CONFIG, TULLE_E_NOMEM */
enum tulle_error tulle__control_publish(struct tulle *mesh);
enum tulle_error tulle__control_start(struct tulle *mesh);
void tulle__control_stop(struct tulle *mesh);
void tulle__control_poke(struct tulle *mesh); /* the step is wanted now; any thread */

/* --- calls (calls.c) --- */

void tulle__calls_cancel_all(struct task *task); /* mesh_loop.cancel */

#endif
