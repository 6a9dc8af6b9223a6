/* SPDX-License-Identifier: Apache-2.0 */

/* Round robin, one turn per loop: loops share no cursor, so they share no cache
 * line either. Each begins somewhere else. */

#include "balance/edf.h"
#include "balance/usable.h"

struct cursor {
    size_t next;
};

static uint64_t weight_period(const struct picker *picker, size_t i)
{
    return edf_period(1, picker->entries[i].weight);
}

static size_t round_robin_loop_size(size_t count, bool weighted)
{
    return weighted ? tulle__edf_size(count) : sizeof(struct cursor);
}

static void round_robin_loop_init(struct picker *picker, void *half, uint64_t seed)
{
    struct cursor *cursor = half;
    struct rand rand;

    tulle__rand_init(&rand, seed);
    if (picker->weighted) {
        tulle__edf_init(half, picker, weight_period, &rand);
        return;
    }
    cursor->next = rand_below(&rand, (uint32_t)picker->count);
}

static size_t cursor_choose(const struct picker *picker, struct cursor *cursor,
                            const struct pick *pick)
{
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = cursor->next;

        cursor->next = i + 1 < picker->count ? i + 1 : 0;
        if (entry_is_usable(picker, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(picker, pick);
}

static size_t round_robin_choose(const struct picker *picker, void *half, const struct pick *pick)
{
    if (picker->weighted) {
        return tulle__edf_choose(half, picker, pick, weight_period);
    }
    return cursor_choose(picker, half, pick);
}

const struct balancer_type tulle__round_robin = {
    .name = "round_robin",
    .loop_size = round_robin_loop_size,
    .loop_init = round_robin_loop_init,
    .choose = round_robin_choose,
};
