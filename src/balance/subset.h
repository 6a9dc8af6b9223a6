/* SPDX-License-Identifier: Apache-2.0 */

/* Which endpoints this process knows of at all: without, N clients times M
 * servers are as many connections.
 *
 *   random    the `size` of least XXH64(address, seed) (gRFC A68): one server
 *             that comes or goes changes one place at most
 *   aperture  Finagle's deterministic one: servers and clients lie on one ring at
 *             even distances, and each client sees the arc from its own place on,
 *             whole client distances long, so that each point of the ring is seen
 *             by as many clients as any other. Servers at its ends count by the
 *             part that is inside. Their order is that of XXH64(address, 0), the
 *             same for all clients and none of the network's.
 *
 * A process that does not know its place on the ring takes a random subset of the
 * aperture's size. Subsets are of a priority each, and of all that are named,
 * healthy or not: whoever fails keeps its place. */

#ifndef TULLE_BALANCE_SUBSET_H
#define TULLE_BALANCE_SUBSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "endpoint/view.h"
#include "model/balancer.h"

enum { APERTURE_LEAST = 12, PART_WHOLE = 1000 };

enum candidate_state { CANDIDATE_HEALTHY, CANDIDATE_DEGRADED, CANDIDATE_OUT };

/* A named endpoint, and what the picker knows of it. */
struct candidate {
    struct view *view;
    uint32_t weight;
    uint32_t locality; /* an index */
    uint16_t priority;
    uint8_t state; /* enum candidate_state */
};

/* Keeps those of the subset, in their order. False: no memory. */
bool tulle__subset_take(struct candidate *candidates, size_t *count, uint32_t priority_count,
                        const struct subsetting_config *config, struct arena *arena);

/* Of a ring of `count` servers: what part of server `i` is seen, of PART_WHOLE. */
uint32_t tulle__aperture_part(const struct subsetting_config *config, size_t count, size_t i);

#endif
