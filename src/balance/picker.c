/* SPDX-License-Identifier: Apache-2.0 */

/* One allocation: the picker with its entries, the pointers to the loops'
 * halves, and the halves, each of which begins a cache line. */

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
    case BALANCER_LEAST_REQUEST: break;
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

static void picker_init_loops(struct picker *picker, size_t pointers_at, size_t half_size,
                              uint64_t seed)
{
    char *start = (char *)picker;
    size_t halves_at = lines_round(pointers_at + picker->loop_count * sizeof(void *));

    picker->loops = (void **)(void *)(start + pointers_at);
    for (size_t i = 0; i < picker->loop_count; i++) {
        picker->loops[i] = start + halves_at + i * half_size;
        picker->type->loop_init(picker, picker->loops[i], seed + i);
    }
}

struct picker *tulle__picker_new(const struct cluster_live *live,
                                 const struct balancer_config *config, size_t loop_count,
                                 uint64_t seed)
{
    const struct balancer_type *type = balancer_of(config->kind);
    struct census census = census_of(live);
    size_t pointers_at = sizeof(struct picker) + census.known * sizeof(struct pick_entry);
    size_t half_size =
        type->loop_size != NULL ? lines_round(type->loop_size(census.known, census.weighted)) : 0;
    size_t halves_at = lines_round(pointers_at + loop_count * sizeof(void *));
    struct picker *picker =
        census.known <= ENTRIES_MAX ? tulle__lines_alloc(halves_at + loop_count * half_size) : NULL;

    if (picker == NULL) {
        return NULL;
    }
    picker->head = (struct picker_head){ tulle__picker_free, live->version };
    picker->type = type;
    picker->config = *config;
    picker->known = census.known;
    picker->weighted = census.weighted;
    picker->loop_count = loop_count;
    picker->cluster = live->config != NULL ? tulle__part_ref(live->config) : NULL;
    picker_enter(picker, live);
    if (half_size > 0 && picker->count > 0) {
        picker_init_loops(picker, pointers_at, half_size, seed);
    }
    return picker;
}

void tulle__picker_free(struct picker *picker)
{
    if (picker == NULL) {
        return;
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
    void *half = NULL;
    size_t i;

    *out = NULL;
    if (picker->count == 0) {
        pick->trouble = picker->cluster ? picker->cluster->trouble : STR_NONE;
        return picker->known == 0 && pick->trouble.size == 0 ? PICK_HOLD : PICK_FAIL;
    }
    if (picker->loops != NULL) {
        half = picker->loops[pick->loop];
    }
    i = picker->type->choose(picker, half, pick);
    if (i == SIZE_MAX) {
        return PICK_FAIL;
    }
    *out = picker->entries[i].view;
    return PICK_ENDPOINT;
}
