/* SPDX-License-Identifier: Apache-2.0 */

/* Pick first (gRPC's; gRFC A62 for `shuffle`): all calls go to one endpoint as
 * long as it may be used, then to the next one, which then keeps them. Where
 * the cluster has settled is in the live cluster, so that a new picker goes on
 * there, and loops agree. The list is by address, or in an order of this
 * process's own. A retry goes past what it tried, and moves nobody. */

#include "balance/usable.h"
#include "base/alloc.h"

struct list_order {
    atomic_size_t current; /* a place in `order` */
    uint32_t order[];
};

static void order_shuffle(struct list_order *list, size_t count, uint64_t seed)
{
    struct rand rand;

    tulle__rand_init(&rand, seed);
    for (size_t i = count; i > 1; i--) {
        size_t j = rand_below(&rand, (uint32_t)i);
        uint32_t kept = list->order[i - 1];

        list->order[i - 1] = list->order[j];
        list->order[j] = kept;
    }
}

static bool pick_first_share(struct leaf *leaf, uint64_t seed)
{
    const void *settled = atomic_load_explicit(&leaf->live->settled, memory_order_relaxed);
    struct list_order *list = tulle__alloc(sizeof(*list) + leaf->count * sizeof(list->order[0]));
    size_t current = 0;

    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < leaf->count; i++) {
        list->order[i] = (uint32_t)i;
    }
    if (leaf->config->shuffle) {
        order_shuffle(list, leaf->count, seed);
    }
    for (size_t i = 0; i < leaf->count; i++) {
        current = leaf->entries[list->order[i]].view == settled ? i : current;
    }
    atomic_init(&list->current, current);
    leaf->shared = list;
    return true;
}

static void pick_first_unshare(struct leaf *leaf)
{
    tulle__free(leaf->shared);
    leaf->shared = NULL;
}

/* From `start` on the first that is not ejected; SIZE_MAX: none. */
static size_t next_open(const struct leaf *leaf, const struct list_order *list, size_t start,
                        const struct pick *pick)
{
    for (size_t k = 0; k < leaf->count; k++) {
        size_t at = start + k < leaf->count ? start + k : start + k - leaf->count;

        if (pick == NULL ? !entry_is_ejected(leaf, list->order[at])
                         : entry_is_usable(leaf, list->order[at], pick)) {
            return at;
        }
    }
    return SIZE_MAX;
}

/* Another loop may move as well, to the same one or, for a moment, to another.
 */
static size_t settle(const struct leaf *leaf, struct list_order *list)
{
    size_t at = atomic_load_explicit(&list->current, memory_order_relaxed);
    size_t open = next_open(leaf, list, at, NULL);
    const struct view *view;

    if (open == SIZE_MAX) {
        return SIZE_MAX;
    }
    if (open != at) {
        atomic_store_explicit(&list->current, open, memory_order_relaxed);
    }
    view = leaf->entries[list->order[open]].view;
    if (atomic_load_explicit(&leaf->live->settled, memory_order_relaxed) != view) {
        atomic_store_explicit(&leaf->live->settled, view, memory_order_relaxed);
    }
    return open;
}

static size_t pick_first_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    struct list_order *list = leaf->shared;
    size_t settled = settle(leaf, list);
    size_t at;

    (void)half;
    if (settled == SIZE_MAX) {
        return SIZE_MAX;
    }
    at = next_open(leaf, list, settled, pick);
    return list->order[at != SIZE_MAX ? at : settled];
}

const struct balancer_type tulle__pick_first = {
    .name = "pick_first",
    .share = pick_first_share,
    .unshare = pick_first_unshare,
    .choose = pick_first_choose,
};
