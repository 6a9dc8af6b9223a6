/* SPDX-License-Identifier: Apache-2.0 */

/* Weighted round robin from load reports (gRFC A58), with gRPC's static stride
 * scheduler: entries come up in turn, and one is passed over in as many of its
 * turns as its weight is short of the heaviest. A weight is 16 bits, the same for
 * all loops, and the control step writes the new ones over the old: a schedule is
 * changed at the cost of one store an entry, without lock, allocation or new
 * picker, and a pick that sees some of either still sees weights. (Each loop's
 * own EDF heap would have to be built anew inside a pick, every second.)
 *
 * An entry without a weight gets the mean; fewer than two with one: plain turns. */

#include "balance/stride.h"
#include "balance/usable.h"
#include "base/alloc.h"
#include "endpoint/report.h"

enum { TURNS_MAX = 256 };

struct schedule {
    atomic_bool plain; /* fewer than two weights are known */
    _Atomic uint16_t weights[];
};

struct turn {
    size_t entry;
    uint64_t generation;
};

static double *known_weights(const struct leaf *leaf, int64_t now, size_t *known)
{
    double *weights = tulle__alloc_zero(leaf->count, sizeof(double));

    *known = 0;
    for (size_t i = 0; weights != NULL && i < leaf->count; i++) {
        weights[i] = tulle__peer_weight(leaf->entries[i].peer, &leaf->config->weighted, now);
        *known += weights[i] > 0;
    }
    return weights;
}

/* Without memory the old weights stay until the next time. */
static void schedule_update(struct leaf *leaf, int64_t now)
{
    struct schedule *schedule = leaf->shared;
    size_t known;
    double *weights = known_weights(leaf, now, &known);
    struct stride stride;

    if (weights == NULL) {
        return;
    }
    if (known >= 2) {
        stride = tulle__stride_of(weights, leaf->count);
        for (size_t i = 0; i < leaf->count; i++) {
            atomic_store_explicit(&schedule->weights[i], tulle__stride_weight(&stride, weights[i]),
                                  memory_order_relaxed);
        }
    }
    atomic_store_explicit(&schedule->plain, known < 2, memory_order_relaxed);
    tulle__free(weights);
}

static bool weighted_share(struct leaf *leaf, uint64_t seed)
{
    struct schedule *schedule;

    (void)seed;
    schedule = tulle__alloc_zero(1, sizeof(*schedule) + leaf->count * sizeof(uint16_t));
    if (schedule == NULL) {
        return false;
    }
    leaf->shared = schedule;
    atomic_init(&schedule->plain, true);
    for (size_t i = 0; i < leaf->count; i++) {
        if (!tulle__peer_want_report(leaf->entries[i].peer)) {
            return false;
        }
    }
    schedule_update(leaf, leaf->built_at);
    return true;
}

static void weighted_unshare(struct leaf *leaf)
{
    tulle__free(leaf->shared);
}

static int64_t weighted_tend(struct leaf *leaf, int64_t now)
{
    const int64_t least = 100 * NS_PER_MS; /* A58's */
    int64_t period = leaf->config->weighted.update_ns;

    schedule_update(leaf, now);
    return time_add(now, period > least ? period : least);
}

static size_t weighted_loop_size(const struct balancer_config *config, size_t count, bool weighted)
{
    (void)config, (void)count, (void)weighted;
    return sizeof(struct turn);
}

/* Loops begin in different places and different generations. */
static void weighted_loop_init(struct leaf *leaf, void *half, uint64_t seed)
{
    struct turn *turn = half;
    struct rand rand;

    tulle__rand_init(&rand, seed);
    turn->entry = rand_below(&rand, (uint32_t)leaf->count);
    turn->generation = rand_below(&rand, STRIDE_MAX);
}

static size_t turn_next(struct turn *turn, size_t count)
{
    size_t i = turn->entry;

    turn->entry = i + 1 < count ? i + 1 : 0;
    turn->generation += turn->entry == 0;
    return i;
}

/* The caps on weights make ten turns a pick the usual most; the bound is for a
 * schedule that is being changed. */
static size_t turn_stride(struct turn *turn, const struct leaf *leaf)
{
    const struct schedule *schedule = leaf->shared;
    size_t i = 0;

    for (int k = 0; k < TURNS_MAX; k++) {
        uint64_t generation = turn->generation;

        i = turn_next(turn, leaf->count);
        if (stride_takes(atomic_load_explicit(&schedule->weights[i], memory_order_relaxed), i,
                         generation)) {
            break;
        }
    }
    return i;
}

static size_t weighted_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    const struct schedule *schedule = leaf->shared;
    bool plain = atomic_load_explicit(&schedule->plain, memory_order_relaxed);

    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = plain ? turn_next(half, leaf->count) : turn_stride(half, leaf);

        if (entry_is_usable(leaf, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}

const struct balancer_type tulle__weighted = {
    .name = "weighted_round_robin",
    .share = weighted_share,
    .unshare = weighted_unshare,
    .tend = weighted_tend,
    .loop_size = weighted_loop_size,
    .loop_init = weighted_loop_init,
    .choose = weighted_choose,
};
