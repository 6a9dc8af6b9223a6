/* SPDX-License-Identifier: Apache-2.0 */

/* Ring hash, as Envoy's (ring_hash_lb.cc), so that both choose the same
 * endpoint: each has as many places on the ring as its share of the weights,
 * the least of them a whole number; a place is the hash of "key_0", "key_1"...;
 * a request goes to the first place at or after its own hash. Shares that are
 * no whole numbers are rounded along the list, so there the order of the
 * endpoints matters: it is that of the endpoint set, by address.
 *
 * A retry that may not go where it was goes on to the next places. Weights are
 * those of the configuration: slow start would move keys to and fro. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "balance/hashed.h"
#include "balance/murmur.h"
#include "base/alloc.h"

enum { NUMBER_MAX = 24 };

struct place {
    uint64_t hash;
    uint64_t entry;
};

/* Hashes apart from entries: a search touches the former alone. */
struct ring {
    struct hashed hashed;
    size_t size;
    uint64_t *hashes;
    uint32_t *entries;
};

/* What a ring is built in. */
struct building {
    const struct leaf *leaf;
    double scale;
    struct place *places;
    size_t size, room;
    char *key; /* room for the longest, and a number */
};

static uint64_t hash_of(const struct leaf *leaf, const char *key, size_t size)
{
    return leaf->config->hash_function == HASH_MURMUR2 ? tulle__murmur2((struct str){ key, size })
                                                       : XXH64(key, size, 0);
}

static void places_add(struct building *building, size_t entry, double target)
{
    struct str key = tulle__hashed_key(building->leaf, entry);

    memcpy(building->key, key.data, key.size);
    for (unsigned i = 0; (double)building->size < target && building->size < building->room; i++) {
        int number = snprintf(building->key + key.size, NUMBER_MAX, "_%u", i);
        uint64_t hash = hash_of(building->leaf, building->key, key.size + (size_t)number);

        building->places[building->size++] = (struct place){ hash, entry };
    }
}

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;

    return (left->hash > right->hash) - (left->hash < right->hash);
}

static double scale_of(const struct leaf *leaf)
{
    const struct balancer_config *config = leaf->config;
    double least = 1, scale;

    for (size_t i = 0; i < leaf->count; i++) {
        double share = hashed_share(leaf, i);

        least = share < least ? share : least;
    }
    scale = ceil(least * (double)config->ring_min) / least;
    return scale < (double)config->ring_max ? scale : (double)config->ring_max;
}

static size_t longest_key(const struct leaf *leaf)
{
    size_t longest = 0;

    for (size_t i = 0; i < leaf->count; i++) {
        struct str key = tulle__hashed_key(leaf, i);

        longest = key.size > longest ? key.size : longest;
    }
    return longest;
}

/* Sums that run along the list, in Envoy's own steps: they decide who has a
 * place more. */
static bool places_make(struct building *building)
{
    double target = 0;

    building->scale = scale_of(building->leaf);
    building->room = (size_t)ceil(building->scale) + 1;
    building->places = tulle__alloc_zero(building->room, sizeof(struct place));
    building->key = tulle__alloc(longest_key(building->leaf) + NUMBER_MAX);
    if (building->places == NULL || building->key == NULL) {
        return false;
    }
    for (size_t i = 0; i < building->leaf->count; i++) {
        target += building->scale * hashed_share(building->leaf, i);
        places_add(building, i, target);
    }
    qsort(building->places, building->size, sizeof(struct place), place_compare);
    return true;
}

static bool ring_fill(struct ring *ring, const struct building *building)
{
    ring->hashes = tulle__alloc_zero(building->size, sizeof(*ring->hashes));
    ring->entries = tulle__alloc_zero(building->size, sizeof(*ring->entries));
    if (ring->hashes == NULL || ring->entries == NULL) {
        return false;
    }
    ring->size = building->size;
    for (size_t i = 0; i < building->size; i++) {
        ring->hashes[i] = building->places[i].hash;
        ring->entries[i] = (uint32_t)building->places[i].entry;
    }
    return true;
}

static void ring_unshare(struct leaf *leaf)
{
    struct ring *ring = leaf->shared;

    tulle__free(ring->hashes);
    tulle__free(ring->entries);
    tulle__free(ring);
    leaf->shared = NULL;
}

static bool ring_share(struct leaf *leaf, uint64_t seed)
{
    struct ring *ring = ALLOC_ZERO(struct ring);
    struct building building = { .leaf = leaf };
    bool made;

    (void)seed;
    if (ring == NULL) {
        return false;
    }
    ring->hashed.weights = tulle__hashed_weights(leaf);
    leaf->shared = ring;
    made = places_make(&building) && ring_fill(ring, &building);
    tulle__free(building.places);
    tulle__free(building.key);
    if (!made) {
        ring_unshare(leaf);
    }
    return made;
}

/* The first place that is not before `hash`; a halving without branches that
 * could be predicted wrong. */
static size_t ring_find(const struct ring *ring, uint64_t hash)
{
    const uint64_t *base = ring->hashes;
    size_t left = ring->size;

    while (left > 1) {
        size_t half = left / 2;

        base += (size_t)(base[half - 1] < hash) * half;
        left -= half;
    }
    return (size_t)(base - ring->hashes) + (*base < hash);
}

static size_t ring_at(const struct leaf *leaf, uint64_t hash, uint32_t attempt)
{
    const struct ring *ring = leaf->shared;
    size_t at = ring_find(ring, hash) + attempt;

    while (at >= ring->size) { /* behind the last comes the first */
        at -= ring->size;
    }
    return ring->entries[at];
}

static size_t ring_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    return tulle__hashed_choose(leaf, half, pick, ring_at);
}

const struct balancer_type tulle__ring_hash = {
    .name = "ring_hash",
    .share = ring_share,
    .unshare = ring_unshare,
    .loop_size = tulle__hashed_loop_size,
    .loop_init = tulle__hashed_loop_init,
    .choose = ring_choose,
};
