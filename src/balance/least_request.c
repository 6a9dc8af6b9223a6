/* SPDX-License-Identifier: Apache-2.0 */

/* Least request, Istio's default. Equal weights: of `choice_count` random
 * endpoints the one with the fewest requests in flight; the first two are never
 * the same (Envoy may draw one twice, which wastes a choice in small clusters).
 * With `full_scan` of all endpoints, and of those that tie each alike. Unequal
 * weights, or a bias that is not 1: earliest deadline first by
 * weight / (in flight + 1)^bias (Envoy, active_request_bias). */

#include <math.h>

#include "balance/edf.h"
#include "balance/usable.h"

enum { BIAS_ONE = 1000 };

static unsigned in_flight(const struct leaf *leaf, size_t i)
{
    return atomic_load_explicit(&leaf->entries[i].peer->in_flight, memory_order_relaxed);
}

static double in_flight_cost(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    (void)pick;
    return in_flight(leaf, i);
}

static uint64_t in_flight_period(const struct leaf *leaf, size_t i, int64_t now)
{
    uint64_t load = (uint64_t)in_flight(leaf, i) + 1;
    uint32_t bias = leaf->config->request_bias;
    double biased = (double)load;

    if (bias == BIAS_ONE && !leaf->young) {
        return edf_period(load, leaf->entries[i].weight);
    }
    if (bias != BIAS_ONE) {
        biased = pow(biased, (double)bias / BIAS_ONE);
    }
    return edf_period_real(biased, entry_weight(leaf, i, now));
}

static size_t least_request_draw(const struct leaf *leaf, struct entry_pairs *pairs,
                                 const struct pick *pick)
{
    size_t best = entry_of_two(leaf, pairs, pick, in_flight_cost);

    for (uint32_t k = 2; k < leaf->config->choice_count; k++) {
        size_t other = rand_below(pick->rand, (uint32_t)leaf->count);

        best = entry_better(leaf, best == SIZE_MAX ? other : best, other, pick, in_flight_cost);
    }
    return best;
}

/* The n-th of those that tie takes the place of the others once in n: each is as likely. */
static size_t least_request_scan(const struct leaf *leaf, const struct pick *pick)
{
    size_t best = SIZE_MAX;
    unsigned least = 0;
    uint32_t ties = 0;

    for (size_t i = 0; i < leaf->count; i++) {
        unsigned load = in_flight(leaf, i);

        if ((best != SIZE_MAX && load > least) || !entry_is_usable(leaf, i, pick)) {
            continue;
        }
        ties = best != SIZE_MAX && load == least ? ties + 1 : 1;
        if (ties == 1 || rand_below(pick->rand, ties) == 0) {
            best = i;
        }
        least = load;
    }
    return best;
}

static bool is_scheduled(const struct balancer_config *config, bool weighted)
{
    return weighted || config->request_bias != BIAS_ONE;
}

static size_t least_request_loop_size(const struct balancer_config *config, size_t count,
                                      bool weighted)
{
    return is_scheduled(config, weighted) ? tulle__edf_size(count) : sizeof(struct entry_pairs);
}

static void least_request_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct rand rand;

    tulle__rand_init(&rand, seed);
    if (is_scheduled(leaf->config, leaf->weighted)) {
        tulle__edf_init(half, leaf, in_flight_period, &rand);
        return;
    }
    entry_pairs_init(half, leaf, &rand);
}

static size_t least_request_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    size_t i = SIZE_MAX;

    if (is_scheduled(leaf->config, leaf->weighted)) {
        return tulle__edf_choose(half, leaf, pick, in_flight_period);
    }
    if (leaf->config->full_scan) {
        i = least_request_scan(leaf, pick);
    }
    for (int draw = 0; i == SIZE_MAX && draw < DRAWS_MAX; draw++) {
        i = least_request_draw(leaf, half, pick);
    }
    return i != SIZE_MAX ? i : tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__least_request = {
    .name = "least_request",
    .loop_size = least_request_loop_size,
    .loop_init = least_request_loop_init,
    .choose = least_request_choose,
};
