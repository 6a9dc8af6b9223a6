/* SPDX-License-Identifier: Apache-2.0 */

/* Peak EWMA (Finagle, loadbalancer/PeakEwma; linkerd2-proxy's default): of two
 * random endpoints the one with the least latency * (in flight + 1) / weight.
 * The latency decays as it is read, so a slow endpoint is asked again; an
 * endpoint without history costs the default, so that new ones are neither
 * flooded nor shunned, and that decays, too, from when it joined (tower,
 * PeakEwma: RttEstimate), or nobody would ever ask it among faster ones. */

#include "balance/usable.h"

#include <math.h>

static double latency_expected(const struct leaf *leaf, size_t i, int64_t now)
{
    double age = (double)entry_age_ms(leaf, i, now) * (double)NS_PER_MS;

    return (double)leaf->config->ewma_default_ns * exp(-age / (double)leaf->config->ewma_tau_ns);
}

static double peak_ewma_cost(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    const struct pick_entry *entry = &leaf->entries[i];
    unsigned load = atomic_load_explicit(&entry->peer->in_flight, memory_order_relaxed);
    double latency = tulle__ewma_read(&entry->peer->latency, leaf->config->ewma_tau_ns, pick->now);

    if (latency <= 0) {
        latency = latency_expected(leaf, i, pick->now);
    }
    return latency * ((double)load + 1) / entry_weight(leaf, i, pick->now);
}

static size_t peak_ewma_loop_size(const struct balancer_config *config, size_t count, bool weighted)
{
    (void)config, (void)count, (void)weighted;
    return sizeof(struct entry_pairs);
}

static void peak_ewma_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct rand rand;

    tulle__rand_init(&rand, seed);
    entry_pairs_init(half, leaf, &rand);
}

static size_t peak_ewma_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = entry_of_two(leaf, half, pick, peak_ewma_cost);

        if (i != SIZE_MAX) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__peak_ewma = {
    .name = "peak_ewma",
    .loop_size = peak_ewma_loop_size,
    .loop_init = peak_ewma_loop_init,
    .choose = peak_ewma_choose,
};
