/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/spread.h"

/* 2^64 / phi: the most even of all sequences of its kind. */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)
/* Of a percent; 100 of them are a little less than all. */
#define PERCENT (SHARE_ALL / LOAD_WHOLE)

static uint64_t percents(uint32_t percent)
{
    return percent < LOAD_WHOLE ? percent * PERCENT : SHARE_ALL;
}

static uint32_t group_load(const struct spread *spread, size_t group)
{
    size_t count = spread->priority_count;
    const struct priority *priority = &spread->priorities[group < count ? group : group - count];

    if (priority->panic) {
        return group < count ? priority->load + priority->degraded_load : 0;
    }
    return group < count ? priority->load : priority->degraded_load;
}

/* What a group has no leaf for stays with the leaf before it. */
void tulle__spread_bound(struct spread *spread)
{
    uint32_t load = 0;
    uint64_t low = 0;

    for (size_t g = 0; g < 2 * spread->priority_count; g++) {
        const struct leaf_group *group = &spread->groups[g];
        uint64_t high;

        load += group_load(spread, g);
        high = percents(load);
        for (size_t i = group->first; i < group->first + group->count; i++) {
            spread->bounds[i] = low + (uint64_t)((double)(high - low) *
                                                 ((double)spread->shares[i] / (double)SHARE_ALL));
        }
        if (group->count > 0) {
            spread->bounds[group->first + group->count - 1] = high;
        }
        low = high;
    }
    if (spread->leaf_count > 0) {
        spread->bounds[spread->leaf_count - 1] = SHARE_ALL;
    }
}

void tulle__spread_turn(struct spread *spread, size_t loop_count, uint64_t seed)
{
    struct rand rand;

    tulle__rand_init(&rand, seed);
    for (size_t i = 0; i < loop_count; i++) {
        spread->turns[i].position = rand_next(&rand);
    }
}

/* The first whose bound is above `number`, which is below the last one's. */
static size_t bound_find(const uint64_t *bounds, size_t count, uint64_t number)
{
    size_t low = 0;

    while (count > 1) {
        size_t half = count / 2;

        low = bounds[low + half - 1] <= number ? low + half : low;
        count -= half;
    }
    return low;
}

static uint64_t number_next(const struct spread *spread, const struct pick *pick)
{
    struct spread_turn *turn = &spread->turns[pick->loop];

    if (spread->by_hash && pick->has_hash) {
        return pick->hash % LOAD_WHOLE * PERCENT;
    }
    turn->position += GOLDEN;
    return turn->position >> 32;
}

static bool choose_untried(const struct spread *spread, const struct pick *pick, size_t *out)
{
    struct priority_choice choice;
    const struct leaf_group *group;

    if (!tulle__priority_untried(spread->priorities, spread->priority_count, pick->tried_priorities,
                                 rand_below(pick->rand, LOAD_WHOLE), &choice)) {
        return false;
    }
    if (spread->priorities[choice.priority].panic) {
        choice.degraded = false;
    }
    group = &spread->groups[choice.priority + (choice.degraded ? spread->priority_count : 0)];
    if (group->count == 0) {
        return false;
    }
    *out = group->first +
           bound_find(spread->shares + group->first, group->count, rand_next(pick->rand) >> 32);
    return true;
}

size_t tulle__spread_choose(const struct spread *spread, const struct pick *pick)
{
    size_t leaf;

    if (pick->tried_priorities != 0 && choose_untried(spread, pick, &leaf)) {
        return leaf;
    }
    return bound_find(spread->bounds, spread->leaf_count, number_next(spread, pick));
}
