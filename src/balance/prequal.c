/* SPDX-License-Identifier: Apache-2.0 */

/* Prequal: prequal_pool.h is the rule, this says where the answers come from.
 *
 * - PREQUAL_PROBE, the paper's: endpoints are asked over the wire; their answers
 *   come by tulle__prequal_hear(), for later choices.
 * - PREQUAL_PIGGYBACK: what an endpoint last said on a reply (to whichever loop)
 *   is the answer, if it is young enough; asking is reading its cache line.
 * - PREQUAL_LOCAL, "HCL-local": the client's own requests in flight and latency
 *   stand in for an answer. The same rule, and not Prequal: it knows nothing of
 *   the load that others bring.
 *
 * A new picker's pool begins with what is known, not empty. */

#include "balance/prequal.h"

#include "balance/prequal_pool.h"
#include "balance/usable.h"
#include "base/alloc.h"
#include "endpoint/report.h"

/* Where an endpoint's entry is: the loop hears of endpoints, the pool of entries.
 * Open addressing; half of the places are free. */
struct places {
    size_t mask;
    uint32_t entries[]; /* + 1; 0: free */
};

static size_t view_place(const struct view *view, size_t mask)
{
    uint64_t mixed = (uint64_t)(uintptr_t)view * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(mixed >> 32) & mask;
}

static bool places_make(struct leaf *leaf)
{
    struct places *places;
    size_t size = 4;

    while (size < 2 * leaf->count) {
        size *= 2;
    }
    places = tulle__alloc_zero(1, sizeof(*places) + size * sizeof(uint32_t));
    if (places == NULL) {
        return false;
    }
    places->mask = size - 1;
    for (size_t i = 0; i < leaf->count; i++) {
        size_t at = view_place(leaf->entries[i].view, places->mask);

        while (places->entries[at] != 0) {
            at = (at + 1) & places->mask;
        }
        places->entries[at] = (uint32_t)i + 1;
    }
    leaf->shared = places;
    return true;
}

/* SIZE_MAX: it is in another leaf. */
static size_t places_find(const struct leaf *leaf, const struct view *view)
{
    const struct places *places = leaf->shared;
    size_t at;

    if (leaf->type != &tulle__prequal || places == NULL) {
        return SIZE_MAX;
    }
    for (at = view_place(view, places->mask); places->entries[at] != 0;
         at = (at + 1) & places->mask) {
        if (leaf->entries[places->entries[at] - 1].view == view) {
            return places->entries[at] - 1;
        }
    }
    return SIZE_MAX;
}

static bool prequal_share(struct leaf *leaf, uint64_t seed)
{
    (void)seed;
    for (size_t i = 0; i < leaf->count; i++) {
        if (!tulle__peer_want_report(leaf->entries[i].peer)) {
            return false;
        }
    }
    return leaf->config->prequal.reports != PREQUAL_PROBE || places_make(leaf);
}

static void prequal_unshare(struct leaf *leaf)
{
    tulle__free(leaf->shared);
}

static size_t prequal_loop_size(const struct balancer_config *config, size_t count, bool weighted)
{
    (void)config, (void)count, (void)weighted;
    return sizeof(struct prequal_pool);
}

/* False: the client knows nothing of it. */
static bool heat_local(const struct leaf *leaf, const struct peer *peer, int64_t now,
                       struct heat *out)
{
    double latency = tulle__ewma_read(&peer->latency, leaf->config->ewma_tau_ns, now);

    out->rif = (float)atomic_load_explicit(&peer->in_flight, memory_order_relaxed);
    out->latency_ns = (float)(latency > 0 ? latency : (double)leaf->config->ewma_default_ns);
    out->failing = tulle__peer_is_failing(peer, now);
    out->at = now;
    return true;
}

static void pool_ask(const struct leaf *leaf, struct prequal_pool *pool, size_t i,
                     struct rand *rand, int64_t now)
{
    const struct prequal_config *config = &leaf->config->prequal;
    const struct peer *peer = leaf->entries[i].peer;
    struct heat heat;
    bool is_known = config->reports == PREQUAL_LOCAL
                        ? heat_local(leaf, peer, now, &heat)
                        : tulle__peer_heat(peer, config->probe_age_ns, now, &heat);

    if (is_known) {
        tulle__prequal_pool_add(pool,
                                &(struct probe){ .at = heat.at,
                                                 .entry = (uint32_t)i,
                                                 .rif = heat.rif,
                                                 .latency = heat.latency_ns,
                                                 .failing = heat.failing },
                                rand);
    }
}

static void prequal_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct prequal_pool *pool = half;
    struct rand rand;

    tulle__rand_init(&rand, seed);
    tulle__prequal_pool_init(pool, &leaf->config->prequal, leaf->count);
    for (unsigned k = 0; k < pool->capacity; k++) {
        pool_ask(leaf, pool, rand_below(&rand, (uint32_t)leaf->count), &rand, leaf->built_at);
    }
}

/* --- the choice --- */

struct asker {
    const struct leaf *leaf;
    const struct pick *pick;
};

static bool asker_may(const void *user, uint32_t entry)
{
    const struct asker *asker = user;

    return entry_is_usable(asker->leaf, entry, asker->pick);
}

static size_t draw(const struct leaf *leaf, const struct pick *pick)
{
    for (int k = 0; k < DRAWS_MAX; k++) {
        size_t i = rand_below(pick->rand, (uint32_t)leaf->count);

        if (entry_is_usable(leaf, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

static size_t prequal_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    const struct prequal_config *config = &leaf->config->prequal;
    const struct asker asker = { leaf, pick };
    unsigned due = config->reports == PREQUAL_PROBE ? 0 : tulle__prequal_pool_probes(half, config);
    uint32_t entry;

    for (due = due < PREQUAL_TARGETS_MAX ? due : PREQUAL_TARGETS_MAX; due > 0; due--) {
        pool_ask(leaf, half, rand_below(pick->rand, (uint32_t)leaf->count), pick->rand, pick->now);
    }
    entry = tulle__prequal_pool_choose(half, config, pick->now, asker_may, &asker);
    return entry == UINT32_MAX ? draw(leaf, pick) : entry;
}

/* --- over the wire --- */

static const struct leaf *leaf_of(const struct picker *picker, const struct view *view, size_t *at)
{
    for (size_t i = 0; i < picker->leaf_count; i++) {
        *at = places_find(&picker->leaves[i], view);
        if (*at != SIZE_MAX) {
            return &picker->leaves[i];
        }
    }
    return NULL;
}

size_t tulle__prequal_targets(const struct cluster_live *live, const struct pick *pick,
                              const struct view *picked, struct view *out[PREQUAL_TARGETS_MAX])
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_seq_cst);
    size_t at, count = 0;
    const struct leaf *leaf = leaf_of(picker, picked, &at);
    unsigned due = leaf != NULL
                       ? tulle__prequal_pool_probes(leaf->loops[pick->loop], &leaf->config->prequal)
                       : 0;

    while (count < due && count < PREQUAL_TARGETS_MAX) {
        out[count++] = leaf->entries[rand_below(pick->rand, (uint32_t)leaf->count)].view;
    }
    return count;
}

void tulle__prequal_hear(const struct cluster_live *live, const struct pick *pick,
                         const struct view *view)
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_seq_cst);

    for (size_t i = 0; i < picker->leaf_count; i++) {
        const struct leaf *leaf = &picker->leaves[i];
        size_t at = places_find(leaf, view);

        if (at != SIZE_MAX) {
            pool_ask(leaf, leaf->loops[pick->loop], at, pick->rand, pick->now);
        }
    }
}

const struct balancer_type tulle__prequal = {
    .name = "prequal",
    .share = prequal_share,
    .unshare = prequal_unshare,
    .loop_size = prequal_loop_size,
    .loop_init = prequal_loop_init,
    .choose = prequal_choose,
};
