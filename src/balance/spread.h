/* SPDX-License-Identifier: Apache-2.0 */

/* Which of a picker's leaves a call goes to. All that decides (loads of the
 * priorities, shares of their localities) was put into one table of bounds when
 * the picker was built, so that one number finds the leaf.
 *
 * The number is drawn from a golden-ratio sequence, one a loop, begun at random:
 * of any n calls in a row each leaf gets its share to within a few calls, where
 * Envoy draws the priority and keeps a heap of localities. A balancer that hashes
 * uses the hash of the request, as Envoy does: a key stays in its priority. */

#ifndef TULLE_BALANCE_SPREAD_H
#define TULLE_BALANCE_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/leaf.h"
#include "balance/priority.h"

#define SHARE_ALL ((uint64_t)1 << 32)

/* The leaves of one priority: of its healthy, or of its degraded endpoints. */
struct leaf_group {
    size_t first, count;
};

struct spread_turn {
    _Alignas(64) uint64_t position;
};

struct spread {
    size_t leaf_count;
    uint64_t *bounds;          /* of leaf i: numbers from bounds[i - 1] on, below bounds[i] */
    uint64_t *shares;          /* the same within its group */
    struct leaf_group *groups; /* of the healthy of each priority, then of the degraded */
    const struct priority *priorities;
    size_t priority_count;
    bool by_hash;
    struct spread_turn *turns; /* one a loop */
};

/* From shares, groups and priorities. */
void tulle__spread_bound(struct spread *spread);
/* Begins the turns of all loops somewhere else. */
void tulle__spread_turn(struct spread *spread, size_t loop_count, uint64_t seed);
/* An index into the leaves. */
size_t tulle__spread_choose(const struct spread *spread, const struct pick *pick);

#endif
