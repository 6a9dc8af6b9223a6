/* SPDX-License-Identifier: Apache-2.0 */

/* Round robin, one turn per loop: loops share no cursor, so they share no cache
 * line either. Each begins somewhere else. */

#include "balance/edf.h"
#include "balance/usable.h"

struct cursor {
    size_t next;
};

static uint64_t weight_period(const struct leaf *leaf, size_t i, int64_t now)
{
    if (leaf->young) {
        return edf_period_real(1, entry_weight(leaf, i, now));
    }
    return edf_period(1, leaf->entries[i].weight);
}

static size_t round_robin_loop_size(const struct balancer_config *config, size_t count,
                                    bool weighted)
{
    (void)config;
    return weighted ? tulle__edf_size(count) : sizeof(struct cursor);
}

static void round_robin_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct cursor *cursor = half;
    struct rand rand;

    tulle__rand_init(&rand, seed);
    if (leaf->weighted) {
        tulle__edf_init(half, leaf, weight_period, &rand);
        return;
    }
    cursor->next = rand_below(&rand, (uint32_t)leaf->count);
}

static size_t cursor_choose(const struct leaf *leaf, struct cursor *cursor, const struct pick *pick)
{
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = cursor->next;

        cursor->next = i + 1 < leaf->count ? i + 1 : 0;
        __builtin_prefetch(&leaf->entries[cursor->next]);
        entry_prefetch(leaf, i);
        if (entry_is_usable(leaf, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

static size_t round_robin_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    if (leaf->weighted) {
        return tulle__edf_choose(half, leaf, pick, weight_period);
    }
    return cursor_choose(leaf, half, pick);
}

const struct balancer_type tulle__round_robin = {
    .name = "round_robin",
    .loop_size = round_robin_loop_size,
    .loop_init = round_robin_loop_init,
    .choose = round_robin_choose,
};
