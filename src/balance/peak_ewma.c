/* SPDX-License-Identifier: Apache-2.0 */

/* Peak EWMA (Finagle, loadbalancer/PeakEwma; linkerd2-proxy's default): of two
 * random endpoints the one with the least latency * (in flight + 1) / weight.
 * The latency decays as it is read, so a slow endpoint is asked again; an
 * endpoint without history costs the default, so that new ones are neither
 * flooded nor shunned. */

#include "balance/usable.h"

static double peak_ewma_cost(const struct leaf *leaf, size_t i, const struct pick *pick)
{
    const struct pick_entry *entry = &leaf->entries[i];
    unsigned load = atomic_load_explicit(&entry->peer->in_flight, memory_order_relaxed);
    double latency = tulle__ewma_read(&entry->peer->latency, leaf->config->ewma_tau_ns, pick->now);

    if (latency <= 0) {
        latency = (double)leaf->config->ewma_default_ns;
    }
    return latency * ((double)load + 1) / (double)entry->weight;
}

static size_t peak_ewma_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    (void)half;
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = entry_of_two(leaf, pick, peak_ewma_cost);

        if (i != SIZE_MAX) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__peak_ewma = {
    .name = "peak_ewma",
    .choose = peak_ewma_choose,
};
