/* SPDX-License-Identifier: Apache-2.0 */

/* A picker is the data half of a balancer: it picks without lock or
 * allocation, from atomics in the endpoints. It hangs from the live cluster,
 * is built anew by the control step when endpoints, gates or weights change,
 * is read only inside one pick, and its predecessor is freed when every loop
 * has passed a round since. */

#ifndef TULLE_BALANCE_PICKER_H
#define TULLE_BALANCE_PICKER_H

#include <stddef.h>
#include <stdint.h>

#include "balance/leaf.h"

enum pick_result {
    PICK_ENDPOINT,
    PICK_HOLD, /* no endpoint is known yet: wait for the next picker */
    PICK_FAIL, /* endpoints are known, and none may be used; or it is known why there are none */
    PICK_DROP, /* this call is one of those that the configuration drops */
    PICK_FULL  /* of policy/pick.c: every endpoint has as many attempts as it may */
};

struct spread;

struct picker {
    struct picker_head head;
    struct balancer_config config; /* points into `cluster` */
    struct picker *next_retired;   /* the control step's */
    uint64_t retired_at;
    struct cluster *cluster; /* whose `trouble` it tells; a reference; NULL: none */
    size_t known;            /* endpoints of the cluster, ejected ones too */
    size_t count;            /* entries, of all leaves */
    size_t loop_count;
    int64_t tend_at; /* control step only */
    int64_t
        young_until; /* when its last slow start ends: to be built anew; NEVER: nobody is young */
    bool special;    /* there are several leaves, or none, or calls are dropped */
    size_t leaf_count;
    struct leaf *leaves;
    struct spread *spread;       /* NULL: there are not several */
    void *halves;                /* of the leaves, one a loop; NULL: none */
    struct pick_entry entries[]; /* of all leaves, one after the other */
};

/* By the control step, from live->views. NULL: no memory. */
struct picker *tulle__picker_new(struct cluster_live *live, const struct balancer_config *config,
                                 size_t loop_count, uint64_t seed, int64_t now);
void tulle__picker_free(struct picker *picker); /* control step; no loop can see it any more */
/* By the control step, while loops pick: what leaves bring up to date by time (the
 * weights of load reports), if it is due. Gives when it is due next. */
int64_t tulle__picker_tend(struct picker *picker, int64_t now);

/* The pick itself: loads live->picker, chooses. Does not count in_flight. */
enum pick_result tulle__pick(const struct cluster_live *live, struct pick *pick, struct view **out);

#endif
