/* SPDX-License-Identifier: Apache-2.0 */

/* A leaf is a group of endpoints among which one balancer chooses: all of a
 * cluster, or those of one priority, or of one locality of it. It is part of a
 * picker (picker.h), constant but for its halves, one a loop. */

#ifndef TULLE_BALANCE_LEAF_H
#define TULLE_BALANCE_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "endpoint/live.h"

enum { TRIED_MAX = 8 };

/* What one pick is asked with. */
struct pick {
    size_t loop;
    struct rand *rand; /* the loop's */
    int64_t now;
    struct str trouble; /* given with PICK_FAIL where there is no endpoint at all: why; as long as
                         * this round of the loop */
    struct view *const *tried; /* left out while others are there (Envoy's previous_hosts) */
    size_t tried_count;        /* at most TRIED_MAX */
    uint64_t hash;             /* of the request; drawn where !has_hash */
    bool has_hash;
    uint32_t tried_priorities; /* a bit each (priority_bit()), left out while others are there */
    bool is_again;             /* not the first of its call: it is not dropped */
    unsigned endpoint_max;     /* who has so many attempts under way is left out; 0: nobody is */
    const struct leaf *leaf;   /* given: where the endpoint was found; as long as this round */
    uint32_t priority;         /* given with PICK_ENDPOINT: the priority it was picked from */
};

struct pick_entry {
    struct view *view;
    struct peer *peer;
    uint32_t weight;
    uint32_t joined_ms; /* entry_joined_ms(); where age counts: slow start, peak EWMA */
};

struct balancer_type;

struct leaf {
    const struct balancer_type *type;
    const struct balancer_config *config; /* the picker's */
    struct cluster_live *live;            /* it hangs from */
    struct pick_entry *entries;
    size_t count;
    int64_t built_at;
    bool weighted; /* weights differ, or will: it is young */
    bool panic;    /* gates are not asked: too few are open */
    bool degraded; /* of endpoints that are */
    bool is_part;  /* one of several */
    uint32_t priority;
    struct str locality; /* "": of all */
    bool young;          /* an entry is in its slow start: weights change with time */
    void *shared;        /* the balancer's constant half (a ring, a table); NULL: it has none */
    void **loops; /* NULL, or the balancer's half for each loop, each on cache lines of its own */
};

struct balancer_type {
    const char *name;
    /* Builds and frees leaf->shared. False: no memory. NULL: there is none. */
    bool (*share)(struct leaf *leaf, uint64_t seed);
    void (*unshare)(struct leaf *leaf);
    /* What each loop has; NULL: nothing. */
    size_t (*loop_size)(const struct balancer_config *config, size_t count, bool weighted);
    void (*loop_init)(struct leaf *leaf, void *half, uint64_t seed);
    /* An index into entries; SIZE_MAX when every entry is ejected. Entries whose
     * gate is ejected, and those tried, are passed over while others are left. */
    size_t (*choose)(const struct leaf *leaf, void *half, const struct pick *pick);
    /* By the control step, while loops pick: brings `shared` up to date, and gives
     * when it wants to again. NULL: never. */
    int64_t (*tend)(struct leaf *leaf, int64_t now);
};

extern const struct balancer_type tulle__least_request;
extern const struct balancer_type tulle__round_robin;
extern const struct balancer_type tulle__random;
extern const struct balancer_type tulle__peak_ewma;
extern const struct balancer_type tulle__ring_hash;
extern const struct balancer_type tulle__maglev;
extern const struct balancer_type tulle__pick_first;
extern const struct balancer_type tulle__weighted;
extern const struct balancer_type tulle__prequal;

#endif
