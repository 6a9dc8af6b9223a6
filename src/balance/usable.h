/* SPDX-License-Identifier: Apache-2.0 */

/* What all balancers ask before they choose: may this entry be used now, and
 * what does it weigh? And what they do when their few draws found none that may.
 *
 * Slow start (Envoy, slow_start.rst): an endpoint that is new or back weighs
 * max(least, (age / window)^(1 / aggression)) of its weight, where it has one that
 * counts: round robin, least request, peak EWMA. Ages are in ms, as Envoy's, so
 * that an entry stays 24 bytes; a leaf without young ones reads the weight alone. */

#ifndef TULLE_BALANCE_USABLE_H
#define TULLE_BALANCE_USABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "balance/leaf.h"
#include "base/clock.h"

/* Draws before a balancer gives up and searches. Entries are passed over only
 * between an ejection and the next leaf, and when they were tried. */
enum { DRAWS_MAX = 8 };

static inline bool entry_is_ejected(const struct leaf *leaf, size_t i)
{
    const struct view *view = leaf->entries[i].view;
    unsigned gate = atomic_load_explicit(&view->gate, memory_order_relaxed);

    if (gate == GATE_READY || leaf->panic) {
        return false;
    }
    /* The one request that may try it is under way. */
    return gate == GATE_EJECTED || atomic_load_explicit(&view->trial, memory_order_relaxed) != 0;
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

/* In one order with the line of those who wait for a place (policy/pick.c). */
static inline bool entry_is_full(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    return pick->endpoint_max > 0 &&
           atomic_load_explicit(&leaf->entries[i].view->busy, memory_order_seq_cst) >=
               pick->endpoint_max;
}

static inline bool entry_is_usable(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    return !entry_is_ejected(leaf, i) && !entry_is_full(leaf, i, pick) &&
           !entry_is_tried(leaf, i, pick);
}

/* For writing, which the compiler's own does not say to every x86: the line is not
 * fetched from another core once to be read and once more to be counted in. Where the
 * instruction is not known it does nothing. */
static inline void line_prefetch_to_write(const void *line)
{
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

/* Its view and its peer are on their way at once, not one after the other. */
static inline void entry_prefetch(const struct leaf *leaf, size_t i)
{
    __builtin_prefetch(leaf->entries[i].view);
    line_prefetch_to_write(leaf->entries[i].peer);
}

/* From `start` on: the first usable one, else the first that was tried and is neither
 * ejected nor full, else SIZE_MAX. Linear, and rare. */
size_t tulle__entry_search_from(const struct leaf *leaf, const struct pick *pick, size_t start);
/* The same from a random place on. */
size_t tulle__entry_search(const struct leaf *leaf, const struct pick *pick);

/* For pick_entry.joined_ms. An age beyond 24 days is told as 24 days: it wraps. */
static inline uint32_t entry_joined_ms(const struct view *view, int64_t now)
{
    int64_t age_ms = (now - view->joined_at) / NS_PER_MS;

    return (uint32_t)(now / NS_PER_MS - (age_ms < INT32_MAX ? age_ms : INT32_MAX));
}

static inline uint32_t entry_age_ms(const struct leaf *leaf, size_t i, int64_t now)
{
    return (uint32_t)(now / NS_PER_MS) - leaf->entries[i].joined_ms;
}

double tulle__entry_young_weight(const struct leaf *leaf, size_t i, int64_t now);

/* The weight that counts now. */
static inline double entry_weight(const struct leaf *leaf, size_t i, int64_t now)
{
    return leaf->young ? tulle__entry_young_weight(leaf, i, now) : (double)leaf->entries[i].weight;
}

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

/* A loop's half of who draws two: the pairs of the next picks are drawn ahead, so
 * that what they need is on its way meanwhile. Another loop may have written to it,
 * and a line comes from another core in the time of several picks. */
enum { PAIRS_AHEAD = 7 };

struct entry_pair {
    uint32_t a, b;
};

struct entry_pairs {
    struct entry_pair of[PAIRS_AHEAD];
    uint32_t next;
};

static inline struct entry_pair entry_pair_draw(const struct leaf *leaf, struct rand *rand)
{
    uint32_t count = (uint32_t)leaf->count;
    struct entry_pair pair = { 0, 0 };

    if (count < 2) {
        return pair;
    }
    pair.a = rand_below(rand, count);
    pair.b = rand_below(rand, count - 1);
    pair.b += pair.b >= pair.a; /* skips the hole: no entry twice, none favoured */
    entry_prefetch(leaf, pair.a);
    entry_prefetch(leaf, pair.b);
    return pair;
}

static inline void entry_pairs_init(struct entry_pairs *pairs, const struct leaf *leaf,
                                    struct rand *rand)
{
    pairs->next = 0;
    for (size_t i = 0; i < PAIRS_AHEAD; i++) {
        pairs->of[i] = entry_pair_draw(leaf, rand);
    }
}

/* Of two different random entries the better one. */
static inline size_t entry_of_two(const struct leaf *leaf, struct entry_pairs *pairs,
                                  const struct pick *pick, entry_cost_fn *cost)
{
    struct entry_pair pair = pairs->of[pairs->next];

    pairs->of[pairs->next] = entry_pair_draw(leaf, pick->rand);
    pairs->next = pairs->next + 1 < PAIRS_AHEAD ? pairs->next + 1 : 0;
    if (leaf->count == 1) {
        return entry_is_usable(leaf, 0, pick) ? 0 : SIZE_MAX;
    }
    return entry_better(leaf, pair.a, pair.b, pick, cost);
}

#endif
