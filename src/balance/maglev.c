/* SPDX-License-Identifier: Apache-2.0 */

/* Maglev (Eisenbud et al., NSDI 2016, 3.4), as Envoy's (maglev_lb.cc), so that
 * both choose the same endpoint: in the order of their keys the endpoints take
 * turns to fill a table, each along its own permutation of it, the heaviest at
 * every turn, the others as often as they weigh. One look into the table is the
 * choice. About twice as many keys move as with ring hash when an endpoint
 * leaves.
 *
 * A retry that may not go where it was changes the hash as Envoy does. Weights
 * are those of the configuration: slow start would move keys to and fro. */

#include <stdlib.h>
#include <xxhash.h>

#include "balance/hashed.h"
#include "base/alloc.h"

#define EMPTY UINT32_MAX

struct maglev {
    struct hashed hashed;
    uint64_t size; /* a prime */
    uint32_t table[];
};

/* An endpoint, as it takes its turns. */
struct filler {
    struct str key;
    uint64_t at, skip; /* the place it would take next; how far it is to the one after */
    double share, target;
    uint32_t entry;
};

static bool is_prime(uint64_t n)
{
    for (uint64_t i = 2; i * i <= n; i++) {
        if (n % i == 0) {
            return false;
        }
    }
    return n >= 2;
}

/* Of no prime's size a table would have places that some never come to. */
static uint64_t prime_from(uint64_t n)
{
    while (!is_prime(n)) {
        n++;
    }
    return n;
}

static int filler_compare(const void *a, const void *b)
{
    const struct filler *left = a, *right = b;
    int order = tulle__str_compare(left->key, right->key);

    return order != 0 ? order : (left->entry > right->entry) - (left->entry < right->entry);
}

static struct filler *fillers_new(const struct leaf *leaf, uint64_t size)
{
    struct filler *fillers = tulle__alloc_zero(leaf->count, sizeof(*fillers));

    for (size_t i = 0; fillers != NULL && i < leaf->count; i++) {
        struct str key = tulle__hashed_key(leaf, i);

        fillers[i] = (struct filler){
            .key = key,
            .at = XXH64(key.data, key.size, 0) % size,
            .skip = XXH64(key.data, key.size, 1) % (size - 1) + 1,
            .share = hashed_share(leaf, i),
            .entry = (uint32_t)i,
        };
    }
    if (fillers != NULL) {
        qsort(fillers, leaf->count, sizeof(*fillers), filler_compare);
    }
    return fillers;
}

static void filler_step(struct filler *filler, uint64_t size)
{
    filler->at += filler->skip;
    filler->at -= filler->at >= size ? size : 0;
}

static void filler_take(struct filler *filler, struct maglev *maglev)
{
    while (maglev->table[filler->at] != EMPTY) {
        filler_step(filler, maglev->size);
    }
    maglev->table[filler->at] = filler->entry;
    filler_step(filler, maglev->size);
}

/* In Envoy's own steps: their rounding decides who fills the last places. */
static void table_fill(struct maglev *maglev, struct filler *fillers, size_t count)
{
    double most = 0;
    uint64_t filled = 0;

    memset(maglev->table, 0xff, maglev->size * sizeof(maglev->table[0]));
    for (size_t i = 0; i < count; i++) {
        most = fillers[i].share > most ? fillers[i].share : most;
    }
    for (uint32_t turn = 1; filled < maglev->size; turn++) {
        for (size_t i = 0; i < count && filled < maglev->size; i++) {
            if (turn * fillers[i].share < fillers[i].target) {
                continue;
            }
            fillers[i].target += most;
            filler_take(&fillers[i], maglev);
            filled++;
        }
    }
}

static void maglev_unshare(struct leaf *leaf)
{
    tulle__free(leaf->shared);
    leaf->shared = NULL;
}

static bool maglev_share(struct leaf *leaf, uint64_t seed)
{
    uint64_t size = prime_from(leaf->config->table_size);
    struct maglev *maglev = tulle__alloc(sizeof(*maglev) + size * sizeof(maglev->table[0]));
    struct filler *fillers;

    (void)seed;
    if (maglev == NULL) {
        return false;
    }
    *maglev = (struct maglev){ .hashed = { tulle__hashed_weights(leaf) }, .size = size };
    leaf->shared = maglev;
    fillers = fillers_new(leaf, size);
    if (fillers == NULL) {
        maglev_unshare(leaf);
        return false;
    }
    table_fill(maglev, fillers, leaf->count);
    tulle__free(fillers);
    return true;
}

static size_t maglev_at(const struct leaf *leaf, uint64_t hash, uint32_t attempt)
{
    const struct maglev *maglev = leaf->shared;

    return maglev->table[(hash ^ (0 - (uint64_t)attempt)) % maglev->size];
}

static size_t maglev_choose(const struct leaf *leaf, void *half, const struct pick *pick)
{
    return tulle__hashed_choose(leaf, half, pick, maglev_at);
}

const struct balancer_type tulle__maglev = {
    .name = "maglev",
    .share = maglev_share,
    .unshare = maglev_unshare,
    .loop_size = tulle__hashed_loop_size,
    .loop_init = tulle__hashed_loop_init,
    .choose = maglev_choose,
};
