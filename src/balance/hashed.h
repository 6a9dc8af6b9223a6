/* SPDX-License-Identifier: Apache-2.0 */

/* What ring hash and Maglev share: where they look next when an entry may not
 * be used, and Envoy's bounded load (thread_aware_lb_impl.cc): an endpoint
 * whose requests in flight exceed `hash_balance` percent of its share is left
 * for another, drawn by the hash, so that the same key goes to the same one
 * again. */

#ifndef TULLE_BALANCE_HASHED_H
#define TULLE_BALANCE_HASHED_H

#include <stddef.h>
#include <stdint.h>

#include "balance/leaf.h"

/* The first member of leaf->shared. */
struct hashed {
    double weights; /* the sum */
};

/* Where `hash` goes at the `attempt`th try, from 0. */
typedef size_t hashed_at_fn(const struct leaf *leaf, uint64_t hash, uint32_t attempt);

/* The text that stands for an entry: its hash key, or its address. Control
 * step. */
struct str tulle__hashed_key(const struct leaf *leaf, size_t i);
double tulle__hashed_weights(const struct leaf *leaf);

/* balancer_type.loop_size, .loop_init: for bounded load. */
size_t tulle__hashed_loop_size(const struct balancer_config *config, size_t count, bool weighted);
void tulle__hashed_loop_init(struct leaf *leaf, void *half, uint64_t seed);
size_t tulle__hashed_choose(const struct leaf *leaf, void *half, const struct pick *pick,
                            hashed_at_fn *at);

/* Of the weights of all, as Envoy normalises it. */
static inline double hashed_share(const struct leaf *leaf, size_t i)
{
    const struct hashed *hashed = leaf->shared;

    return (double)leaf->entries[i].weight / hashed->weights;
}

#endif
