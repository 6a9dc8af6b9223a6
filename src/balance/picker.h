/* SPDX-License-Identifier: Apache-2.0 */

/* A picker is the data half of a balancer: it picks without lock or
 * allocation, from atomics in the endpoints. It hangs from the live cluster,
 * is built anew by the control step when endpoints, gates or weights change,
 * is read only inside one pick, and its predecessor is freed when every loop
 * has passed a round since. */

#ifndef TULLE_BALANCE_PICKER_H
#define TULLE_BALANCE_PICKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "endpoint/live.h"

enum pick_result {
    PICK_ENDPOINT,
    PICK_HOLD, /* no endpoint is known yet: wait for the next picker */
    PICK_FAIL  /* endpoints are known, and none may be used; or it is known why there are none */
};

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
};

struct pick_entry {
    struct view *view;
    struct peer *peer;
    uint32_t weight;
};

struct balancer_type;

struct picker {
    struct picker_head head;
    const struct balancer_type *type;
    struct balancer_config config;
    struct picker *next_retired; /* the control step's */
    uint64_t retired_at;
    struct cluster *cluster; /* whose `trouble` it tells; a reference; NULL: none */
    size_t known;            /* endpoints of the cluster, ejected ones too */
    size_t count;            /* entries: those that are not ejected */
    bool weighted;           /* weights differ */
    size_t loop_count;
    void **loops; /* NULL, or the balancer's half for each loop, each on cache lines of its own */
    struct pick_entry entries[];
};

struct balancer_type {
    const char *name;
    size_t (*loop_size)(size_t count, bool weighted); /* NULL: nothing for each loop */
    void (*loop_init)(struct picker *picker, void *half, uint64_t seed);
    /* An index into entries; SIZE_MAX when every entry is ejected. Entries whose
     * gate is ejected, and those tried, are passed over while others are left. */
    size_t (*choose)(const struct picker *picker, void *half, const struct pick *pick);
};

extern const struct balancer_type tulle__least_request;
extern const struct balancer_type tulle__round_robin;
extern const struct balancer_type tulle__random;
extern const struct balancer_type tulle__peak_ewma;

/* By the control step, from live->views. NULL: no memory. */
struct picker *tulle__picker_new(const struct cluster_live *live,
                                 const struct balancer_config *config, size_t loop_count,
                                 uint64_t seed);
void tulle__picker_free(struct picker *picker); /* control step; no loop can see it any more */

/* The pick itself: loads live->picker, chooses. Does not count in_flight. */
enum pick_result tulle__pick(const struct cluster_live *live, struct pick *pick, struct view **out);

#endif
