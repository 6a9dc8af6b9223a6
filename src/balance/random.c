/* SPDX-License-Identifier: Apache-2.0 */

/* Random. Weights are ignored, as Envoy's RANDOM ignores them. */

#include "balance/usable.h"

static size_t random_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    (void)half;
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = rand_below(pick->rand, (uint32_t)leaf->count);

        entry_prefetch(leaf, i);
        if (entry_is_usable(leaf, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__random = {
    .name = "random",
    .choose = random_choose,
};
