/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/hashed.h"

#include <math.h>

#include "balance/usable.h"

/* Envoy builds anew before it passes anybody over; here a few may be closed
 * since. */
enum { ATTEMPTS_MAX = 64 };

/* Of the Mersenne Twister that C++ calls mt19937. */
enum { TWIST_SIZE = 624, TWIST_SHIFT = 397 };

struct twister {
    uint32_t state[TWIST_SIZE];
    size_t at;
};

/* A loop's half. `order` is 0, 1, 2... between picks, `swapped` says what to
 * undo. */
struct probing {
    struct twister twister;
    uint32_t places[]; /* `order`, and behind it `swapped` */
};

struct str tulle__hashed_key(const struct leaf *leaf, size_t i)
{
    const struct view *view = leaf->entries[i].view;

    struct str key = view->endpoint->place->hash_key; /* it is named: the picker is being built */

    return key.size > 0 ? key : peer_address(view->peer);
}

double tulle__hashed_weights(const struct leaf *leaf)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < leaf->count; i++) {
        sum += leaf->entries[i].weight;
    }
    return (double)sum;
}

static void twister_init(struct twister *twister, uint32_t seed)
{
    twister->state[0] = seed;
    for (uint32_t i = 1; i < TWIST_SIZE; i++) {
        uint32_t last = twister->state[i - 1];

        twister->state[i] = UINT32_C(1812433253) * (last ^ (last >> 30)) + i;
    }
    twister->at = TWIST_SIZE;
}

static void twister_turn(struct twister *twister)
{
    uint32_t *state = twister->state;

    for (size_t i = 0; i < TWIST_SIZE; i++) {
        uint32_t mixed = (state[i] & UINT32_C(0x80000000)) |
                         (state[(i + 1) % TWIST_SIZE] & UINT32_C(0x7fffffff));

        state[i] = state[(i + TWIST_SHIFT) % TWIST_SIZE] ^ (mixed >> 1) ^
                   (mixed & 1 ? UINT32_C(0x9908b0df) : 0);
    }
    twister->at = 0;
}

static uint32_t twister_next(struct twister *twister)
{
    uint32_t y;

    if (twister->at == TWIST_SIZE) {
        twister_turn(twister);
    }
    y = twister->state[twister->at++];
    y ^= y >> 11;
    y ^= (y << 7) & UINT32_C(0x9d2c5680);
    y ^= (y << 15) & UINT32_C(0xefc60000);
    return y ^ (y >> 18);
}

/* In [0, n), as Envoy draws it. */
static uint32_t twister_below(struct twister *twister, uint32_t n)
{
    uint64_t step = (UINT64_C(1) << 32) / n;
    uint64_t x;

    do {
        x = twister_next(twister) / step;
    } while (x >= n);
    return (uint32_t)x;
}

/* Over 1: it has more than its share of what is in flight, this request
 * included (admit has counted it already; Envoy adds it here). */
static double overload(const struct leaf *leaf, size_t i)
{
    uint64_t all = atomic_load_explicit(&leaf->live->requests, memory_order_relaxed);
    uint64_t slots = ((all > 0 ? all : 1) * leaf->config->hash_balance + 99) / 100;
    double own = ceil((double)slots * hashed_share(leaf, i));
    unsigned load = atomic_load_explicit(&leaf->entries[i].peer->in_flight, memory_order_relaxed);

    return (double)load / (own > 1 ? own : 1);
}

static void swap(uint32_t *order, size_t a, size_t b)
{
    uint32_t kept = order[a];

    order[a] = order[b];
    order[b] = kept;
}

/* Envoy's walk over a shuffle that the hash seeds, until one has room; else the
 * least overloaded. The same hash meets the same ones in the same order. */
static size_t probe(const struct leaf *leaf, struct probing *probing, const struct pick *pick,
                    uint64_t hash, size_t first)
{
    uint32_t *order = probing->places, *swapped = probing->places + leaf->count;
    double least = overload(leaf, first);
    size_t best = first;
    size_t done = 0;

    twister_init(&probing->twister, (uint32_t)hash);
    while (done < leaf->count && least > 1) {
        uint32_t ahead = twister_below(&probing->twister, (uint32_t)(leaf->count - done));
        size_t i;
        double factor;

        swapped[done] = (uint32_t)done + ahead;
        swap(order, done, swapped[done]);
        i = order[done++];
        factor = overload(leaf, i);
        if (i != first && factor < least && entry_is_usable(leaf, i, pick)) {
            best = i;
            least = factor;
        }
    }
    while (done-- > 0) {
        swap(order, done, swapped[done]);
    }
    return best;
}

size_t tulle__hashed_loop_size(const struct balancer_config *config, size_t count, bool weighted)
{
    (void)weighted;
    return config->hash_balance > 0 ? sizeof(struct probing) + 2 * count * sizeof(uint32_t) : 0;
}

void tulle__hashed_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct probing *probing = half;

    (void)seed;
    for (size_t i = 0; i < leaf->count; i++) {
        probing->places[i] = (uint32_t)i;
    }
}

/* A call without a hash goes anywhere, as in Envoy. */
size_t tulle__hashed_choose(const struct leaf *leaf, void *half, const struct pick *pick,
                            hashed_at_fn *at)
{
    uint64_t hash = pick->has_hash ? pick->hash : rand_next(pick->rand);

    for (uint32_t attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        size_t i = at(leaf, hash, attempt);

        entry_prefetch(leaf, i);
        if (!entry_is_usable(leaf, i, pick)) {
            continue;
        }
        return leaf->config->hash_balance > 0 && overload(leaf, i) > 1
                   ? probe(leaf, half, pick, hash, i)
                   : i;
    }
    return tulle__entry_search_from(leaf, pick, hash % leaf->count);
}
