/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/usable.h"

#include <math.h>

size_t tulle__entry_search_from(const struct leaf *leaf, const struct pick *pick, size_t start)
{
    size_t tried = SIZE_MAX;

    for (size_t k = 0; k < leaf->count; k++) {
        size_t i = start + k < leaf->count ? start + k : start + k - leaf->count;

        if (entry_is_ejected(leaf, i) || entry_is_full(leaf, i, pick)) {
            continue;
        }
        if (!entry_is_tried(leaf, i, pick)) {
            return i;
        }
        if (tried == SIZE_MAX) {
            tried = i;
        }
    }
    return tried;
}

size_t tulle__entry_search(const struct leaf *leaf, const struct pick *pick)
{
    return tulle__entry_search_from(leaf, pick, rand_below(pick->rand, (uint32_t)leaf->count));
}

/* As Envoy's applySlowStartFactor(): an age of 0 counts as a millisecond. */
double tulle__entry_young_weight(const struct leaf *leaf, size_t i, int64_t now)
{
    const struct slow_start_config *config = &leaf->config->slow_start;
    double weight = leaf->entries[i].weight;
    uint32_t age_ms = entry_age_ms(leaf, i, now);
    int64_t window_ms = config->window_ns / NS_PER_MS;
    double factor, least = (double)config->least / 1000;

    if (age_ms >= window_ms) {
        return weight;
    }
    factor = (double)(age_ms > 0 ? age_ms : 1) / (double)window_ms;
    if (config->aggression != 1000 && config->aggression > 0) {
        factor = pow(factor, 1000.0 / (double)config->aggression);
    }
    return weight * (factor > least ? factor : least);
}
