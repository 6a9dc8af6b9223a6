/* SPDX-License-Identifier: Apache-2.0 */

/* Calls that a layer holds until a cluster has room or an endpoint: one list
 * for each cluster and loop, first come first served, counted over the process
 * as `pending` and bounded by maxPending. A layer that holds gives on_wake: it
 * tries again, and either leaves the list (and resumes or answers) or stays. */

#ifndef TULLE_STACK_HELD_H
#define TULLE_STACK_HELD_H

#include "stack/call.h"

/* False: as many are pending as may be. */
bool tulle__held_add(struct tulle_call *call, size_t at, struct cluster_live *live,
                     uint32_t max_pending);
/* No-op when the call is in no list. */
void tulle__held_remove(struct tulle_call *call, struct cluster_live *live);
bool tulle__held_is_waiting(const struct tulle_call *call);

/* There may be room again: those of every loop are told to try, each on its
 * loop, in its order, until one has to stay. Never from inside. Any thread. */
void tulle__held_nudge(struct cluster_live *live);
/* Prepares a live cluster's half of one loop; by core, before it is published. */
void tulle__held_init(struct cluster_live *live, size_t index, struct call_loop *on);

#endif
