/* SPDX-License-Identifier: Apache-2.0 */

/* What all balancers ask before they choose: may this entry be used now? And
 * what they do when their few draws found none that may. */

#ifndef TULLE_BALANCE_USABLE_H
#define TULLE_BALANCE_USABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "balance/leaf.h"

/* Draws before a balancer gives up and searches. Entries are passed over only
 * between an ejection and the next leaf, and when they were tried. */
enum { DRAWS_MAX = 8 };

static inline bool entry_is_ejected(const struct leaf *leaf, size_t i)
{
    return atomic_load_explicit(&leaf->entries[i].view->gate, memory_order_relaxed) == GATE_EJECTED;
}

static inline bool entry_is_tried(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    for (size_t k = 0; k < pick->tried_count; k++) {
        if (pick->tried[k] == leaf->entries[i].view) {
            return true;
        }
    }
    return false;
}

static inline bool entry_is_usable(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    return !entry_is_ejected(leaf, i) && !entry_is_tried(leaf, i, pick);
}

/* From a random place on: the first usable one, else the first that was tried
 * and is not ejected, else SIZE_MAX. Linear, and rare. */
size_t tulle__entry_search(const struct leaf *leaf, const struct pick *pick);

typedef double entry_cost_fn(const struct leaf *leaf, size_t i, const struct pick *pick);

/* The one that costs less (`a` on a tie), or the only usable one; SIZE_MAX:
 * neither is. Costs are compared first: the winner alone is asked whether it is
 * usable, which saves the loser's cache line. */
static inline size_t entry_better(const struct leaf *leaf, size_t a, size_t b,
                                  const struct pick *pick, entry_cost_fn *cost)
{
    bool takes_b = cost(leaf, b, pick) < cost(leaf, a, pick);
    size_t winner = takes_b ? b : a;
    size_t loser = takes_b ? a : b;

    if (entry_is_usable(leaf, winner, pick)) {
        return winner;
    }
    return entry_is_usable(leaf, loser, pick) ? loser : SIZE_MAX;
}

/* Of two different random entries the better one. */
static inline size_t entry_of_two(const struct leaf *leaf, const struct pick *pick,
                                  entry_cost_fn *cost)
{
    uint32_t count = (uint32_t)leaf->count;
    uint32_t a, b;

    if (count == 1) {
        return entry_is_usable(leaf, 0, pick) ? 0 : SIZE_MAX;
    }
    a = rand_below(pick->rand, count);
    b = rand_below(pick->rand, count - 1);
    b += b >= a; /* skips the hole that a leaves: no entry twice, none favoured */
    return entry_better(leaf, a, b, pick, cost);
}

#endif
