/* SPDX-License-Identifier: Apache-2.0 */

/* The root object, as core and the tests know it. */

#ifndef TULLE_CORE_MESH_H
#define TULLE_CORE_MESH_H

#include <tulle/tulle.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fork.h"
#include "base/group.h"
#include "base/loop.h"
#include "base/thread.h"
#include "core/heir.h"
#include "core/loops.h"
#include "core/names.h"
#include "core/places.h"
#include "core/publish.h"
#include "core/warmth.h"
#include "endpoint/live.h"
#include "health/health.h"
#include "observe/metrics.h"
#include "seam/source.h"
#include "seam/trace.h"
#include "seam/transport.h"
#include "seam/watcher.h"

/* What a mesh stands on. */
struct mesh_setup {
    const struct world *world;
    const struct transport_type *transport;
    const struct source_type *source;     /* NULL: as the options say */
    const struct resolver_type *resolver; /* NULL: c-ares; in a virtual world, a fixed one */
    const struct watcher *watcher;        /* NULL: nobody watches */
};

struct heritage;

struct tulle {
    /* Settled by tulle_open(). */
    const struct world *world;
    const struct transport_type *transport;
    const struct resolver_type *resolver;
    const struct watcher *watcher; /* NULL: none */
    unsigned born;                 /* fork_generation() */
    struct heritage *heritage;     /* for children; NULL: they get TULLE_E_FORKED */
    _Atomic(struct tulle *) heir;  /* what stands in for it in a child; perhaps in its parent */
    struct arena arena;            /* copies of the options' texts */
    struct log log;                /* tells log_fn, and that a callback is under way */
    tulle_log_fn *log_fn;
    void *log_user;
    int64_t deadline_ns, close_timeout_ns;
    bool deadline_asked; /* it is an option of the app's, no default */
    int32_t outside;
    tulle_access_fn *access;
    void *access_user;
    enum trace_format trace;
    tulle_span_fn *span;
    void *span_user;
    const char *ca_file;

    bool threadless; /* nothing runs but in tulle_run() and in blocking functions */
    struct group
        app; /* of control step and loop; no group: there are threads, or a virtual clock */

    struct loops loops;
    struct publisher publisher;
    struct metrics *metrics;
    struct places places; /* of picks that were never reported */

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
    struct names names;
    struct health health; /* all zero: the mesh was opened half */
    struct warmth warmth;
    struct picker *retired; /* replaced since the grace period began */
    struct picker *waiting; /* for every loop to pass a round */
    uint64_t *grace;        /* rounds each loop had begun then */
    struct rand rand;
    bool stale; /* a new draft could not be published for want of memory */
};

/* tulle_open() on a ground of the caller's choice. On failure too the watcher
 * hears that the mesh is closed. */
enum tulle_error tulle__open_on(const struct tulle_options *options, const struct mesh_setup *setup,
                                struct tulle **out);
/* The same, with the real source. */
enum tulle_error tulle__open_in(const struct tulle_options *options, const struct world *world,
                                const struct transport_type *transport, struct tulle **out);

/* For the owner of a virtual clock: runs what is due now on the control step and
 * on every loop, until nothing is; and says when something is due next. */
void tulle__mesh_run(struct tulle *mesh);
int64_t tulle__mesh_due(const struct tulle *mesh);

/* For who waits in a virtual world: turns its clock until `is_over`, at most by
 * `timeout_ns`. False: it is not over, and nothing that is due would end it.
 * Errors of use: a world that cannot advance; check tulle__mesh_can_wait(). */
bool tulle__mesh_turn(struct tulle *mesh, bool (*is_over)(void *user), void *user,
                      int64_t timeout_ns);
/* False: a virtual world whose clock only its owner turns. */
bool tulle__mesh_can_wait(const struct tulle *mesh);
/* For closing in such a world: turns the clock until no call is left, at most by
 * close_timeout_ns. */
void tulle__control_finish(struct tulle *mesh);

/* tulle_open() of "mock:FILE"; by mock/, which stands above core. */
enum tulle_error tulle__mock_open_file(const struct tulle_options *options, struct tulle **out);

/* First in each public function of a mesh: in a child `*mesh` becomes the one that
 * stands in for it. Errors: TULLE_E_FORKED, and what opening that one brings */
static inline enum tulle_error mesh_enter(struct tulle **mesh)
{
    return (*mesh)->born == fork_generation() ? TULLE_OK : tulle__heir_of(mesh);
}

/* The callbacks of the app, for calls on this loop. */
void tulle__mesh_lend(struct tulle *mesh, struct call_loop *lend);

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

/* From any thread, as long as the call is not over: else false, and its mesh may
 * be gone. The task ends with tulle__call_let_go(). */
bool tulle__call_post(struct tulle_call *call, struct task *task);
void tulle__call_let_go(struct tulle_call *call);
/* The thread is inside, until tulle__loops_leave(). False: the call is over. */
bool tulle__call_enter(struct tulle_call *call);

/* Places a call that nobody waits for, and posts it. Errors: TULLE_E_CLOSED, TULLE_E_INTERNAL */
enum tulle_error tulle__call_launch(struct tulle *mesh, struct tulle_call *call);
/* On a virtual clock: launches it, and turns the clock until `is_over`. What
 * nothing ends is cancelled after a day. Errors: as tulle__call_launch() */
enum tulle_error tulle__call_turn(struct tulle *mesh, struct tulle_call *call,
                                  bool (*is_over)(void *user), void *user);
void tulle__call_cancel_why(struct tulle_call *call, const char *text); /* on its loop */
void tulle__calls_cancel_all(struct task *task);                        /* mesh_loop.cancel */

#endif
