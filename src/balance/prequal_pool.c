/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/prequal_pool.h"

#include <string.h>

enum { PERMILLE = 1000 };

/* The paper's reuse budget: (1 + delta) / ((1 - m / n) * probes - removals). With no
 * more endpoints than places, or too few probes, an answer serves until it is old
 * or replaced. */
static double uses_of(const struct prequal_config *config, double capacity, double entries)
{
    double fresh = (1 - capacity / entries) * config->probes - config->removals;
    double uses = fresh > 0 ? (PERMILLE + config->reuse_delta) / fresh : -1;

    return uses >= 0 && uses < 1 ? 1 : uses;
}

void tulle__prequal_pool_init(struct prequal_pool *pool, const struct prequal_config *config,
                              size_t entries)
{
    uint32_t most = config->pool_size < PROBES_MAX ? config->pool_size : PROBES_MAX;

    *pool = (struct prequal_pool){
        .capacity = (uint16_t)(most > PROBES_LEAST ? most : PROBES_LEAST),
    };
    pool->uses = uses_of(config, pool->capacity, (double)entries);
}

unsigned tulle__prequal_pool_probes(struct prequal_pool *pool, const struct prequal_config *config)
{
    unsigned due;

    pool->probe_credit += config->probes;
    due = pool->probe_credit / PERMILLE;
    pool->probe_credit %= PERMILLE;
    return due;
}

/* --- what is hot --- */

static size_t rif_place(const struct prequal_pool *pool, float rif)
{
    size_t low = 0, high = pool->rif_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (pool->sorted[middle] < rif) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void rif_drop(struct prequal_pool *pool, float rif)
{
    size_t at = rif_place(pool, rif);

    pool->rif_count--;
    memmove(&pool->sorted[at], &pool->sorted[at + 1], (pool->rif_count - at) * sizeof(float));
}

/* Entries are asked at random, so that the last answers are a fair sample. With
 * fewer of them chance would move the threshold: of 16, three are often one's. */
static void rif_note(struct prequal_pool *pool, float rif)
{
    size_t at;

    if (pool->rif_count == RIFS_MAX) {
        rif_drop(pool, pool->rifs[pool->rif_next]);
    }
    at = rif_place(pool, rif);
    memmove(&pool->sorted[at + 1], &pool->sorted[at], (pool->rif_count - at) * sizeof(float));
    pool->sorted[at] = rif;
    pool->rif_count++;
    pool->rifs[pool->rif_next] = rif;
    pool->rif_next = (uint16_t)(pool->rif_next + 1 < RIFS_MAX ? pool->rif_next + 1 : 0);
}

float tulle__prequal_pool_threshold(const struct prequal_pool *pool,
                                    const struct prequal_config *config)
{
    size_t rank = ((size_t)pool->rif_count * config->hot_quantile + PERMILLE - 1) / PERMILLE;

    if (rank == 0) {
        return -1;
    }
    return pool->sorted[rank <= pool->rif_count ? rank - 1 : pool->rif_count - 1U];
}

/* True: `a` is better. */
static bool probe_beats(const struct probe *a, const struct probe *b, float threshold)
{
    bool a_hot = a->rif > threshold, b_hot = b->rif > threshold;

    if (a->failing != b->failing) {
        return b->failing;
    }
    if (a_hot != b_hot) {
        return b_hot;
    }
    return a_hot ? a->rif < b->rif : a->latency < b->latency;
}

/* --- what stays --- */

static void probe_remove(struct prequal_pool *pool, size_t at)
{
    pool->count--;
    memmove(&pool->probes[at], &pool->probes[at + 1], (pool->count - at) * sizeof(struct probe));
}

static void pool_age(struct prequal_pool *pool, int64_t age, int64_t now)
{
    for (size_t i = pool->count; i-- > 0;) {
        if (now - pool->probes[i].at > age) {
            probe_remove(pool, i);
        }
    }
}

static size_t pool_worst(const struct prequal_pool *pool, float threshold)
{
    size_t worst = 0;

    for (size_t i = 1; i < pool->count; i++) {
        if (probe_beats(&pool->probes[worst], &pool->probes[i], threshold)) {
            worst = i;
        }
    }
    return worst;
}

static void pool_remove_due(struct prequal_pool *pool, const struct prequal_config *config,
                            float threshold)
{
    pool->removal_credit += config->removals;
    for (; pool->removal_credit >= PERMILLE; pool->removal_credit -= PERMILLE) {
        if (pool->count == 0) {
            continue;
        }
        probe_remove(pool, pool->worst_next ? pool_worst(pool, threshold) : 0);
        pool->worst_next = !pool->worst_next;
    }
}

/* Rounded at random, so that it is right on average. */
static uint16_t uses_draw(double uses, struct rand *rand)
{
    double whole = uses < USES_ALL - 1 ? uses : USES_ALL - 1;
    uint16_t least = (uint16_t)whole;

    if (uses < 0) {
        return USES_ALL;
    }
    return (uint16_t)(least + (rand_below(rand, 1U << 16) < (whole - least) * (1U << 16)));
}

void tulle__prequal_pool_add(struct prequal_pool *pool, const struct probe *probe,
                             struct rand *rand)
{
    for (size_t i = pool->count; i-- > 0;) {
        if (pool->probes[i].entry == probe->entry) {
            probe_remove(pool, i);
        }
    }
    if (pool->count == pool->capacity) {
        probe_remove(pool, 0);
    }
    pool->probes[pool->count] = *probe;
    pool->probes[pool->count++].uses = uses_draw(pool->uses, rand);
    rif_note(pool, probe->rif);
}

/* --- the choice --- */

static size_t pool_best(const struct prequal_pool *pool, float threshold, prequal_may_fn *may,
                        const void *user)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < pool->count; i++) {
        const struct probe *probe = &pool->probes[i];

        if ((best == SIZE_MAX || probe_beats(probe, &pool->probes[best], threshold)) &&
            may(user, probe->entry)) {
            best = i;
        }
    }
    return best;
}

/* The call that goes there now is in flight there. */
static void probe_use(struct prequal_pool *pool, size_t at)
{
    struct probe *used = &pool->probes[at];

    for (size_t i = 0; i < pool->count; i++) {
        pool->probes[i].rif += pool->probes[i].entry == used->entry ? 1.0F : 0.0F;
    }
    if (used->uses != USES_ALL && --used->uses == 0) {
        probe_remove(pool, at);
    }
}

uint32_t tulle__prequal_pool_choose(struct prequal_pool *pool, const struct prequal_config *config,
                                    int64_t now, prequal_may_fn *may, const void *user)
{
    float threshold = tulle__prequal_pool_threshold(pool, config);
    uint32_t entry = UINT32_MAX;
    size_t best;

    pool_age(pool, config->probe_age_ns, now);
    best = pool->count < PROBES_LEAST ? SIZE_MAX : pool_best(pool, threshold, may, user);
    if (best != SIZE_MAX) {
        entry = pool->probes[best].entry;
        probe_use(pool, best);
    }
    pool_remove_due(pool, config, threshold);
    return entry;
}
