/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/subset.h"

#include <stdlib.h>
#include <xxhash.h>

struct place {
    uint64_t hash;
    size_t at; /* in the candidates */
};

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;

    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return left->at < right->at ? -1 : 1; /* candidates are sorted by address */
}

static size_t places_sort(struct place *places, const struct candidate *candidates, size_t count,
                          uint32_t priority, uint64_t seed)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        struct str address = peer_address(candidates[i].view->peer);

        if (candidates[i].priority == priority) {
            places[found++] = (struct place){ XXH64(address.data, address.size, seed), i };
        }
    }
    qsort(places, found, sizeof(*places), place_compare);
    return found;
}

/* Both on a ring of count * peer_count points: a server every peer_count of them,
 * a client every `count`. */
uint32_t tulle__aperture_part(const struct subsetting_config *config, size_t count, size_t i)
{
    uint64_t size = config->size > APERTURE_LEAST ? config->size : APERTURE_LEAST;
    uint64_t peers = config->peer_count, ring = (uint64_t)count * peers;
    uint64_t width = (size * peers + count - 1) / count * count;
    uint64_t start = (uint64_t)(config->peer_index % config->peer_count) * count;
    uint64_t from = i * peers, inside = 0;

    if (width >= ring) {
        return PART_WHOLE;
    }
    /* The arc, and what of it goes beyond the end of the ring. */
    for (int lap = 0; lap < 2; lap++, from += ring) {
        uint64_t low = from > start ? from : start;
        uint64_t high = from + peers < start + width ? from + peers : start + width;

        inside += high > low ? high - low : 0;
    }
    return (uint32_t)((inside * PART_WHOLE + peers - 1) / peers);
}

/* Weights are multiplied for all alike; only the ends of the arc lose some. */
static uint32_t weight_part(uint32_t weight, uint32_t part)
{
    uint64_t product = (uint64_t)weight * part;

    return product < UINT32_MAX ? (uint32_t)product : UINT32_MAX;
}

static void aperture_mark(const struct subsetting_config *config, const struct place *places,
                          size_t count, struct candidate *candidates)
{
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &candidates[places[i].at];
        uint32_t part = tulle__aperture_part(config, count, i);

        candidate->weight = weight_part(candidate->weight, part);
    }
}

static void random_mark(const struct subsetting_config *config, const struct place *places,
                        size_t count, struct candidate *candidates)
{
    uint32_t size = config->size;

    if (config->kind == SUBSETTING_APERTURE && size < APERTURE_LEAST) {
        size = APERTURE_LEAST;
    }
    for (size_t i = size; size > 0 && i < count; i++) {
        candidates[places[i].at].weight = 0;
    }
}

/* A weight of 0 is nobody's else. */
static size_t marked_drop(struct candidate *candidates, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (candidates[i].weight > 0) {
            candidates[kept++] = candidates[i];
        }
    }
    return kept;
}

bool tulle__subset_take(struct candidate *candidates, size_t *count, uint32_t priority_count,
                        const struct subsetting_config *config, struct arena *arena)
{
    bool by_ring = config->kind == SUBSETTING_APERTURE && config->peer_count > 0;
    struct place *places = ARENA_ARRAY(arena, struct place, *count + 1);

    if (places == NULL) {
        return false;
    }
    for (uint32_t priority = 0; priority < priority_count; priority++) {
        size_t found =
            places_sort(places, candidates, *count, priority, by_ring ? 0 : config->seed);

        if (by_ring) {
            aperture_mark(config, places, found, candidates);
        } else {
            random_mark(config, places, found, candidates);
        }
    }
    *count = marked_drop(candidates, *count);
    return true;
}
