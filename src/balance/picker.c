/* SPDX-License-Identifier: Apache-2.0 */

/* One allocation: the picker with its entries, the leaf, the pointers to the
 * loops' halves, and the halves, each of which begins a cache line. */

#include "balance/picker.h"

#include "endpoint/lines.h"

/* Indexes are drawn with 32 bits. */
#define ENTRIES_MAX ((size_t)UINT32_MAX)

static const struct balancer_type *balancer_of(enum balancer_kind kind)
{
    switch (kind) {
    case BALANCER_ROUND_ROBIN: return &tulle__round_robin;
    case BALANCER_RANDOM: return &tulle__random;
    case BALANCER_PEAK_EWMA: return &tulle__peak_ewma;
    case BALANCER_LEAST_REQUEST:
    default: break;
    }
    return &tulle__least_request;
}

/* What the views come to. */
struct census {
    size_t known;
    uint32_t weight;
    bool weighted;
};

static bool view_is_named(const struct view *view)
{
    return atomic_load_explicit(&view->named, memory_order_relaxed);
}

static bool view_is_in(const struct view *view)
{
    return view_is_named(view) &&
           atomic_load_explicit(&view->gate, memory_order_relaxed) != GATE_EJECTED;
}

/* Room for all that are named: a gate may open or close until they are entered. */
static struct census census_of(const struct cluster_live *live)
{
    struct census census = { 0 };

    for (size_t i = 0; i < live->view_count; i++) {
        const struct view *view = live->views[i];

        if (!view_is_named(view)) {
            continue;
        }
        census.weighted |= census.known > 0 && view->weight != census.weight;
        census.weight = view->weight;
        census.known++;
    }
    return census;
}

static void picker_enter(struct picker *picker, const struct cluster_live *live)
{
    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (!view_is_in(view)) {
            continue;
        }
        view->pickers++;
        picker->entries[picker->count++] = (struct pick_entry){ view, view->peer, view->weight };
    }
}

static void leaf_init_loops(struct leaf *leaf, char *pointers, size_t loop_count, size_t half_size,
                            uint64_t seed)
{
    char *halves = pointers + lines_round(loop_count * sizeof(void *));

    leaf->loops = (void **)(void *)pointers;
    for (size_t i = 0; i < loop_count; i++) {
        leaf->loops[i] = halves + i * half_size;
        leaf->type->loop_init(leaf, leaf->loops[i], seed + i);
    }
}

static bool leaf_init(struct leaf *leaf, char *pointers, size_t loop_count, size_t half_size,
                      uint64_t seed)
{
    if (leaf->type->share != NULL && !leaf->type->share(leaf, seed)) {
        return false;
    }
    if (half_size > 0) {
        leaf_init_loops(leaf, pointers, loop_count, half_size, seed);
    }
    return true;
}

struct picker *tulle__picker_new(const struct cluster_live *live,
                                 const struct balancer_config *config, size_t loop_count,
                                 uint64_t seed)
{
    const struct balancer_type *type = balancer_of(config->kind);
    struct census census = census_of(live);
    size_t leaf_at = lines_round(sizeof(struct picker) + census.known * sizeof(struct pick_entry));
    size_t pointers_at = leaf_at + lines_round(sizeof(struct leaf));
    size_t half_size =
        type->loop_size != NULL ? lines_round(type->loop_size(census.known, census.weighted)) : 0;
    size_t halves_at = pointers_at + lines_round(loop_count * sizeof(void *));
    struct picker *picker =
        census.known <= ENTRIES_MAX ? tulle__lines_alloc(halves_at + loop_count * half_size) : NULL;

    if (picker == NULL) {
        return NULL;
    }
    picker->head = (struct picker_head){ tulle__picker_free, live->version };
    picker->config = *config;
    picker->known = census.known;
    picker->loop_count = loop_count;
    picker->cluster = live->config != NULL ? tulle__part_ref(live->config) : NULL;
    picker_enter(picker, live);
    picker->leaves = (struct leaf *)(void *)((char *)picker + leaf_at);
    picker->leaf_count = picker->count > 0;
    picker->leaves[0] = (struct leaf){
        .type = type,
        .config = &picker->config,
        .entries = picker->entries,
        .count = picker->count,
        .weighted = census.weighted,
    };
    if (picker->count > 0 &&
        !leaf_init(picker->leaves, (char *)picker + pointers_at, loop_count, half_size, seed)) {
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
    for (size_t i = 0; i < picker->count; i++) {
        picker->entries[i].view->pickers--;
    }
    tulle__part_unref(picker->cluster);
    tulle__lines_free(picker);
}

/* In one order with the count of rounds: who reads an old picker is seen to be
 * in the round in which it was replaced. */
enum pick_result tulle__pick(const struct cluster_live *live, struct pick *pick, struct view **out)
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_seq_cst);
    const struct leaf *leaf = picker->leaves;
    size_t i;

    *out = NULL;
    if (picker->count == 0) {
        pick->trouble = picker->cluster ? picker->cluster->trouble : STR_NONE;
        return picker->known == 0 && pick->trouble.size == 0 ? PICK_HOLD : PICK_FAIL;
    }
    i = leaf->type->choose(leaf, leaf->loops != NULL ? leaf->loops[pick->loop] : NULL, pick);
    if (i == SIZE_MAX) {
        return PICK_FAIL;
    }
    *out = leaf->entries[i].view;
    return PICK_ENDPOINT;
}
