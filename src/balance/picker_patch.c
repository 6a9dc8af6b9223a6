/* SPDX-License-Identifier: Apache-2.0 */

/* Building a picker reads every view; of 100,000 that takes milliseconds. Where few
 * came and went since the picker in force was built, and nothing else tells the two
 * apart, its entries are copied around them: they are sorted by address. */

#include "balance/picker_patch.h"

#include "balance/priority.h"
#include "endpoint/lines.h"

/* It is one leaf, whose balancer keeps no more than a cursor of its entries. */
static bool is_simple(const struct picker *picker)
{
    const struct leaf *leaf = picker->leaves;

    return picker->leaf_count == 1 && picker->spread == NULL && !leaf->weighted && !leaf->panic &&
           leaf->type->share == NULL && picker->config.slow_start.window_ns == 0;
}

/* Gates that changed since are another build's business, which reads them all. */
static bool is_next(const struct picker *old, const struct cluster_live *live)
{
    const struct view_difference *difference = &live->difference;

    return difference->known && old->head.version == difference->from &&
           live->version == difference->from + 1 &&
           !atomic_load_explicit(&live->gates_changed, memory_order_relaxed);
}

/* One leaf of equal weights can hold it. */
static bool fits(const struct leaf *leaf, const struct view *view)
{
    return view_priority(view) == 0 && view_weight(view) == leaf->entries[0].weight &&
           atomic_load_explicit(&view->fitness, memory_order_relaxed) == FIT &&
           atomic_load_explicit(&view->gate, memory_order_relaxed) == GATE_READY;
}

static bool all_fit(const struct leaf *leaf, const struct view_difference *difference)
{
    for (size_t i = 0; i < difference->joined_count; i++) {
        if (!fits(leaf, difference->joined[i])) {
            return false;
        }
    }
    return true;
}

/* The first entry that does not come before this address. */
static size_t place_of(const struct leaf *leaf, struct str address)
{
    size_t low = 0, high = leaf->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tulle__str_compare(peer_address(leaf->entries[middle].peer), address) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- the copy --- */

struct patch {
    struct picker *picker;
    const struct leaf *old;
    size_t taken; /* of the old entries */
};

static void take_to(struct patch *patch, size_t end)
{
    struct picker *picker = patch->picker;
    size_t count = end - patch->taken;

    memcpy(&picker->entries[picker->count], &patch->old->entries[patch->taken],
           count * sizeof(struct pick_entry));
    picker->count += count;
    patch->taken = end;
}

/* An ejected one has no entry. */
static void leave(struct patch *patch, const struct view *view)
{
    size_t place = place_of(patch->old, peer_address(view->peer));

    while (place < patch->old->count && patch->old->entries[place].view != view &&
           str_equal(peer_address(patch->old->entries[place].peer), peer_address(view->peer))) {
        place++;
    }
    if (place < patch->old->count && patch->old->entries[place].view == view) {
        take_to(patch, place);
        patch->taken = place + 1;
    }
}

static void join(struct patch *patch, struct view *view)
{
    size_t place = place_of(patch->old, peer_address(view->peer));

    if (place > patch->taken) {
        take_to(patch, place);
    }
    patch->picker->entries[patch->picker->count++] =
        (struct pick_entry){ .view = view, .peer = view->peer, .weight = view_weight(view) };
}

/* Both lists are sorted by address. Who comes back as another view stands behind. */
static void entries_copy(struct patch *patch, const struct view_difference *difference)
{
    size_t l = 0, j = 0;

    while (l < difference->left_count || j < difference->joined_count) {
        if (j == difference->joined_count ||
            (l < difference->left_count &&
             tulle__str_compare(peer_address(difference->left[l]->peer),
                                peer_address(difference->joined[j]->peer)) <= 0)) {
            leave(patch, difference->left[l++]);
            continue;
        }
        join(patch, difference->joined[j++]);
    }
    take_to(patch, patch->old->count);
}

static bool is_panic(const struct picker *picker)
{
    struct priority priority = { .hosts = (uint32_t)picker->known,
                                 .healthy = (uint32_t)picker->count };

    tulle__priority_loads(&priority, 1, &picker->config.locality);
    return priority.panic || picker->count == 0;
}

static void leaf_copy(struct picker *picker, struct leaf *leaf, const struct leaf *old, int64_t now)
{
    *leaf = *old;
    leaf->config = &picker->config;
    leaf->entries = picker->entries;
    leaf->count = picker->count;
    leaf->built_at = now;
    leaf->loops = NULL;
    picker->leaves = leaf;
    picker->leaf_count = 1;
}

struct picker *tulle__picker_patched(const struct picker *head, struct cluster_live *live,
                                     int64_t now)
{
    const struct picker *old = atomic_load_explicit(&live->picker, memory_order_relaxed);
    const struct view_difference *difference = &live->difference;
    struct patch patch = { .taken = 0 };
    struct picker *picker;
    size_t leaf_at;

    if (old == NULL || !is_next(old, live) || !is_simple(old) ||
        !fingerprint_equal(old->config.print, head->config.print) ||
        !all_fit(old->leaves, difference)) {
        return NULL;
    }
    leaf_at = lines_round(sizeof(*head) + live->view_count * sizeof(struct pick_entry));
    picker = tulle__lines_alloc(leaf_at + sizeof(struct leaf));
    if (picker == NULL) {
        return NULL;
    }
    *picker = *head;
    picker->known = live->view_count;
    patch.picker = picker;
    patch.old = old->leaves;
    entries_copy(&patch, difference);
    if (is_panic(picker)) {
        tulle__lines_free(picker);
        return NULL;
    }
    leaf_copy(picker, (struct leaf *)(void *)((char *)picker + leaf_at), old->leaves, now);
    return picker;
}
