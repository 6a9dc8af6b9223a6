/* SPDX-License-Identifier: Apache-2.0 */

/* The pool of a peer on a loop, and what a cluster's connection limit asks of
 * other loops: to shed an idle connection, to try again. */

#ifndef TULLE_CORE_POOLS_H
#define TULLE_CORE_POOLS_H

#include "core/mesh.h"

/* Gives a live cluster its place in this mesh: limit callbacks, loop halves. */
void tulle__live_wire(struct tulle *mesh, struct cluster_live *live);

struct pool *tulle__pool_of(struct call_loop *on, struct peer *peer); /* NULL: no memory */
/* The one that is there. NULL: none yet */
struct pool *tulle__pool_known(const struct call_loop *on, const struct peer *peer);
struct pool *tulle__pool_outside(struct mesh_loop *here); /* NULL: no memory */

/* On the loop: drains the pools whose peer is leaving. */
void tulle__pools_drain_leaving(struct task *task);
/* After the transport is closed: the pools are gone with it. */
void tulle__pools_forget(struct mesh_loop *here);
/* By the control step: marks peers that only their pools still know, and tells the loops. */
void tulle__pools_mark_leaving(struct tulle *mesh);

#endif
