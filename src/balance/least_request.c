/* SPDX-License-Identifier: Apache-2.0 */

/* Least request, Istio's default. Equal weights: of `choice_count` random
 * endpoints the one with the fewest requests in flight; the first two are never
 * the same (Envoy may draw one twice, which wastes a choice in small clusters).
 * Unequal weights: earliest deadline first by weight / (in flight + 1), Envoy's
 * active_request_bias of 1. */

#include "balance/edf.h"
#include "balance/usable.h"

static double in_flight_cost(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    (void)pick;
    return atomic_load_explicit(&leaf->entries[i].peer->in_flight, memory_order_relaxed);
}

static uint64_t in_flight_period(const struct leaf *leaf, size_t i)
{
    const struct pick_entry *entry = &leaf->entries[i];
    uint64_t load = atomic_load_explicit(&entry->peer->in_flight, memory_order_relaxed);

    return edf_period(load + 1, entry->weight);
}

static size_t least_request_draw(const struct leaf *leaf, const struct pick *pick)
{
    size_t best = entry_of_two(leaf, pick, in_flight_cost);

    for (uint32_t k = 2; k < leaf->config->choice_count; k++) {
        size_t other = rand_below(pick->rand, (uint32_t)leaf->count);

        best = entry_better(leaf, best == SIZE_MAX ? other : best, other, pick, in_flight_cost);
    }
    return best;
}

static size_t least_request_loop_size(size_t count, bool weighted)
{
    return weighted ? tulle__edf_size(count) : 0;
}

static void least_request_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct rand rand;

    tulle__rand_init(&rand, seed);
    tulle__edf_init(half, leaf, in_flight_period, &rand);
}

static size_t least_request_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    if (leaf->weighted) {
        return tulle__edf_choose(half, leaf, pick, in_flight_period);
    }
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = least_request_draw(leaf, pick);

        if (i != SIZE_MAX) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__least_request = {
    .name = "least_request",
    .loop_size = least_request_loop_size,
    .loop_init = least_request_loop_init,
    .choose = least_request_choose,
};
