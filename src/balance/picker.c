/* SPDX-License-Identifier: Apache-2.0 */

/* Three allocations at most: the picker with its entries and leaves and what
 * spreads calls over these (picker_fill.c); the halves of its leaves, one a loop,
 * each of which begins a cache line; and what a balancer makes for itself. */

#include "balance/picker.h"

#include "balance/picker_fill.h"
#include "balance/picker_patch.h"
#include "balance/spread.h"
#include "balance/usable.h"
#include "endpoint/lines.h"

/* Indexes are drawn with 32 bits; one endpoint may be in two leaves. */
#define VIEWS_MAX ((size_t)UINT32_MAX / 2)

enum { REDRAWS = 4, DROPS_OF = 1000000 };

/* --- halves --- */

static size_t half_size(const struct leaf *leaf)
{
    if (leaf->type->loop_size == NULL || leaf->count == 0) {
        return 0;
    }
    return lines_round(leaf->type->loop_size(leaf->config, leaf->count, leaf->weighted));
}

static size_t halves_size(const struct picker *picker, const struct leaf *leaf)
{
    size_t size = half_size(leaf);

    return size > 0 ? lines_round(picker->loop_count * sizeof(void *)) + picker->loop_count * size
                    : 0;
}

static void leaf_init_loops(const struct picker *picker, struct leaf *leaf, char *pointers,
                            uint64_t seed)
{
    char *halves = pointers + lines_round(picker->loop_count * sizeof(void *));
    size_t size = half_size(leaf);

    leaf->loops = (void **)(void *)pointers;
    for (size_t i = 0; i < picker->loop_count; i++) {
        leaf->loops[i] = halves + i * size;
        leaf->type->loop_init(leaf, leaf->loops[i], seed + i);
    }
}

static bool leaves_init(struct picker *picker, uint64_t seed)
{
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < picker->leaf_count; i++) {
        struct leaf *leaf = &picker->leaves[i];

        if (leaf->count > 0 && leaf->type->share != NULL && !leaf->type->share(leaf, seed)) {
            return false;
        }
        size += halves_size(picker, leaf);
    }
    if (size == 0) {
        return true;
    }
    picker->halves = at = tulle__lines_alloc(size);
    for (size_t i = 0; at != NULL && i < picker->leaf_count; i++) {
        struct leaf *leaf = &picker->leaves[i];

        if (half_size(leaf) > 0) {
            leaf_init_loops(picker, leaf, at, seed + i * picker->loop_count);
            at += halves_size(picker, leaf);
        }
    }
    return at != NULL;
}

/* --- the picker --- */

static bool config_is_plain(const struct balancer_config *config)
{
    return config->locality.mode == LOCALITY_IGNORED && config->subsetting.kind == SUBSETTING_NONE;
}

/* Weights differ, and change, while somebody is young. */
static void leaves_grow_up(struct picker *picker, int64_t now)
{
    bool young = picker->young_until > now;

    picker->young_until = young ? picker->young_until : NEVER;
    for (size_t i = 0; i < picker->leaf_count; i++) {
        picker->leaves[i].young = young;
        picker->leaves[i].weighted |= young;
        picker->leaves[i].config = &picker->config;
    }
}

struct picker *tulle__picker_new(struct cluster_live *live, const struct balancer_config *config,
                                 size_t loop_count, uint64_t seed, int64_t now)
{
    const struct picker head = { .head = { .discard = tulle__picker_free,
                                           .version = live->version },
                                 .config = *config,
                                 .loop_count = loop_count };
    bool is_plain = config_is_plain(config);
    struct picker *picker = NULL;

    if (live->view_count > VIEWS_MAX) {
        return NULL;
    }
    if (is_plain) {
        picker = tulle__picker_patched(&head, live, now);
    }
    if (is_plain && picker == NULL) {
        picker = tulle__picker_plain(&head, live, now, &is_plain);
    }
    if (!is_plain) {
        picker = tulle__picker_survey(&head, live, seed, now);
    }
    if (picker == NULL) {
        return NULL;
    }
    list_add_last(&live->pickers, &picker->head.node);
    picker->cluster = live->config != NULL ? tulle__part_ref(live->config) : NULL;
    leaves_grow_up(picker, now);
    picker->special =
        picker->count == 0 || picker->spread != NULL || picker->config.drop_per_million > 0;
    if (!leaves_init(picker, seed)) {
        tulle__picker_free(picker);
        return NULL;
    }
    return picker;
}

void tulle__picker_free(struct picker *picker)
{
    if (picker == NULL) {
        return;
    }
    for (size_t i = 0; i < picker->leaf_count; i++) {
        struct leaf *leaf = &picker->leaves[i];

        if (leaf->shared != NULL) {
            leaf->type->unshare(leaf);
        }
    }
    list_remove(&picker->head.node);
    tulle__part_unref(picker->cluster);
    tulle__lines_free(picker->halves);
    tulle__lines_free(picker);
}

/* --- the pick --- */

static inline size_t leaf_choose(const struct leaf *leaf, const struct pick *pick)
{
    return leaf->type->choose(leaf, leaf->loops != NULL ? leaf->loops[pick->loop] : NULL, pick);
}

static enum pick_result entry_take(const struct leaf *leaf, size_t i, struct pick *pick,
                                   struct view **out)
{
    pick->leaf = leaf;
    pick->priority = leaf->priority;
    *out = leaf->entries[i].view;
    return PICK_ENDPOINT;
}

static enum pick_result pick_none(const struct picker *picker, struct pick *pick)
{
    pick->trouble = picker->cluster ? picker->cluster->trouble : STR_NONE;
    if (picker->known == 0 && pick->trouble.size == 0) {
        return PICK_HOLD;
    }
    if (pick->trouble.size == 0 && picker->leaf_count > 0) {
        pick->trouble = STR("too few endpoints are healthy, and fail_traffic_on_panic is set");
    }
    return PICK_FAIL;
}

/* All of a leaf were ejected since it was built: any of the others. */
static enum pick_result pick_anywhere(const struct picker *picker, struct pick *pick,
                                      struct view **out)
{
    for (size_t k = 0; k < picker->leaf_count; k++) {
        const struct leaf *leaf = &picker->leaves[k];
        size_t i = leaf->count > 0 ? leaf_choose(leaf, pick) : SIZE_MAX;

        if (i != SIZE_MAX) {
            return entry_take(leaf, i, pick, out);
        }
    }
    return PICK_FAIL;
}

/* A leaf of which all were tried is left for another, as Envoy chooses anew. */
static enum pick_result pick_spread(const struct picker *picker, struct pick *pick,
                                    struct view **out)
{
    const struct leaf *leaf = NULL;
    size_t i = SIZE_MAX;

    for (int draw = 0; draw <= REDRAWS; draw++) {
        const struct leaf *each = &picker->leaves[tulle__spread_choose(picker->spread, pick)];
        size_t found;

        if (each->count == 0) {
            return pick_none(picker, pick);
        }
        found = leaf_choose(each, pick);
        if (found != SIZE_MAX) {
            leaf = each;
            i = found;
        }
        if (pick->tried_count == 0 || (i != SIZE_MAX && !entry_is_tried(leaf, i, pick))) {
            break;
        }
    }
    return i != SIZE_MAX ? entry_take(leaf, i, pick, out) : pick_anywhere(picker, pick, out);
}

/* Once a call, as in Envoy. */
static bool is_dropped(const struct picker *picker, const struct pick *pick)
{
    return !pick->is_again && picker->config.drop_per_million > 0 &&
           rand_below(pick->rand, DROPS_OF) < picker->config.drop_per_million;
}

static enum pick_result pick_specially(const struct picker *picker, struct pick *pick,
                                       struct view **out)
{
    size_t i;

    if (picker->count == 0 && picker->spread == NULL) {
        return pick_none(picker, pick);
    }
    if (is_dropped(picker, pick)) {
        return PICK_DROP;
    }
    if (picker->spread != NULL) {
        return pick_spread(picker, pick, out);
    }
    i = leaf_choose(picker->leaves, pick);
    return i != SIZE_MAX ? entry_take(picker->leaves, i, pick, out) : PICK_FAIL;
}

/* In one order with the count of rounds: who reads an old picker is seen to be
 * in the round in which it was replaced. */
enum pick_result tulle__pick(const struct cluster_live *live, struct pick *pick, struct view **out)
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_seq_cst);
    const struct leaf *leaf = picker->leaves;
    size_t i;

    *out = NULL;
    if (picker->special) {
        return pick_specially(picker, pick, out);
    }
    i = leaf_choose(leaf, pick);
    if (i == SIZE_MAX) {
        return PICK_FAIL;
    }
    return entry_take(leaf, i, pick, out);
}
