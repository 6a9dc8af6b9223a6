/* SPDX-License-Identifier: Apache-2.0 */

/* What a picker with more than one leaf is built from: every named endpoint, put
 * where it belongs, and the leaves that come of it. Lives for one build. */

#ifndef TULLE_BALANCE_SURVEY_H
#define TULLE_BALANCE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/priority.h"
#include "balance/spread.h"
#include "balance/subset.h"
#include "base/arena.h"
#include "endpoint/live.h"

#define NO_LOT UINT32_MAX

/* The endpoints of one priority in one locality. */
struct plot {
    uint32_t hosts, healthy, degraded;
    uint32_t locality_weight;
    uint64_t weight; /* of its healthy endpoints, together */
    uint64_t degraded_weight;
    uint32_t lots[2]; /* where its healthy and its degraded endpoints go; NO_LOT */
};

/* A leaf to be. */
struct lot {
    struct str locality; /* "": of all */
    uint32_t priority;
    bool degraded, panic, fails, weighted;
    size_t count;
    uint32_t weight; /* of its first */
    uint64_t share;  /* of its group, with those before it: of SHARE_ALL */
};

struct survey {
    struct arena arena;
    const struct balancer_config *config;
    const struct endpoint_set *set; /* of the newest snapshot; NULL: none */
    struct candidate *candidates;
    size_t count;
    size_t known; /* named */
    size_t priority_count, locality_count;
    struct priority *priorities;
    struct str *localities;
    struct plot *plots; /* of priority p and locality l: plots[p * locality_count + l] */
    struct lot *lots;
    size_t lot_count;
    uint32_t lot_all;          /* calls that zone-aware routing leaves out; NO_LOT */
    struct leaf_group *groups; /* as in struct spread */
};

/* False: no memory. To be ended with fini in either case. */
bool tulle__survey_make(struct survey *survey, const struct cluster_live *live,
                        const struct balancer_config *config);
void tulle__survey_fini(struct survey *survey);
/* Where a candidate goes; NO_LOT: nowhere. */
uint32_t tulle__survey_lot(const struct survey *survey, const struct candidate *candidate);
/* Plans the leaves: lots, groups. survey.c has counted before. False: no memory. */
bool tulle__survey_plan(struct survey *survey);

static inline bool survey_hashes(const struct balancer_config *config)
{
    return config->kind == BALANCER_RING_HASH || config->kind == BALANCER_MAGLEV;
}

static inline struct plot *survey_plots(const struct survey *survey, size_t priority)
{
    return &survey->plots[priority * survey->locality_count];
}

#endif
