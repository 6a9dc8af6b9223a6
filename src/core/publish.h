/* SPDX-License-Identifier: Apache-2.0 */

/* A runnable mesh: a snapshot, its live clusters, and the stack of every pair
 * of route and cluster. The control step publishes it; each loop holds the one
 * it uses, and counts its calls on it without atomics. A call keeps the mesh
 * it began with. The last loop to let go leaves it to the control step: no call
 * ever frees one. */

#ifndef TULLE_CORE_PUBLISH_H
#define TULLE_CORE_PUBLISH_H

#include <tulle/error.h>

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/thread.h"
#include "endpoint/live.h"
#include "model/snapshot.h"
#include "route/plan.h"
#include "stack/layer.h"

struct mesh_loop;
struct tulle;

struct runnable {
    atomic_size_t refs;
    struct runnable *next; /* of those let go */
    struct snapshot *snapshot;
    struct plan_table table;
    struct cluster_live **lives; /* one for each cluster of the snapshot, a reference each */
    size_t live_count;
    struct arena arena; /* what compile.c made */
};

/* A loop's hold on a runnable. */
struct runnable_use {
    struct runnable *runnable;
    unsigned calls;
};

struct publisher {
    struct mutex lock; /* guards current */
    struct runnable *current;
    atomic_uint_least64_t generation;
    _Atomic(struct runnable *) gone; /* let go by their last user */
    struct stack outside, refused;   /* of calls without a route */
    struct stack pick, pick_refused;
};

/* Compiles a snapshot (taken over, also on failure) with its live clusters.
 * Adopts, rebuilds pickers. Control step only. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__runnable_new(struct tulle *mesh, struct snapshot *snapshot,
                                     struct runnable **out);
void tulle__runnable_free(struct runnable *runnable);

bool tulle__publisher_init(struct publisher *publisher);
void tulle__publisher_fini(struct publisher *publisher);
void tulle__publisher_swap(struct publisher *publisher, struct runnable *next);
/* Frees those that were let go. Control step only. */
void tulle__publisher_sweep(struct publisher *publisher);

/* On the loop: takes the newest, if it is newer. Without memory the old one serves on. */
void tulle__publisher_freshen(struct mesh_loop *here);
void tulle__publisher_leave(struct mesh_loop *here);
void tulle__use_end(struct mesh_loop *here, struct runnable_use *use); /* one call less */

#endif
