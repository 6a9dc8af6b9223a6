/* SPDX-License-Identifier: Apache-2.0 */

/* The probe pool of Prequal (Wydrowski et al., "Load is not what you should
 * balance", NSDI 2024), without the endpoints: a few recent answers of entries that
 * were asked at random, of which the best is used.
 *
 * Hot-cold rule: hot is who has more requests in flight than the quantile of what
 * was lately heard. Of the cold the least latency is best; where all are hot, the
 * least in flight. Who fails is behind all of these, whatever he says.
 *
 * An answer leaves when it is old, when it was used as often as fair shares allow,
 * when a newer one of the same entry comes, and, so that what stays is not ever the
 * loaded rest, `removals` a choice: the oldest and the worst in turn. */

#ifndef TULLE_BALANCE_PREQUAL_POOL_H
#define TULLE_BALANCE_PREQUAL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "model/balancer.h"

enum { PROBES_MAX = 64, RIFS_MAX = 128, PROBES_LEAST = 2, USES_ALL = UINT16_MAX };

struct probe {
    int64_t at; /* when it was heard */
    uint32_t entry;
    float rif;
    float latency; /* ns */
    uint16_t uses; /* left; USES_ALL: as long as it is young */
    bool failing;
};

struct prequal_pool {
    struct probe probes[PROBES_MAX]; /* oldest first */
    float rifs[RIFS_MAX];            /* as they came, round about */
    float sorted[RIFS_MAX];          /* the same */
    uint16_t count, capacity;
    uint16_t rif_count, rif_next;
    bool worst_next;       /* whom the next removal takes */
    uint32_t probe_credit; /* permille of a probe, and of a removal, that are due */
    uint32_t removal_credit;
    double uses; /* of each probe, not rounded; below 0: USES_ALL */
};

/* For `entries` endpoints, of which each choice asks config->probes at random. */
void tulle__prequal_pool_init(struct prequal_pool *pool, const struct prequal_config *config,
                              size_t entries);
/* How many are to be asked for this choice. */
unsigned tulle__prequal_pool_probes(struct prequal_pool *pool, const struct prequal_config *config);
void tulle__prequal_pool_add(struct prequal_pool *pool, const struct probe *probe,
                             struct rand *rand);

typedef bool prequal_may_fn(const void *user, uint32_t entry);

/* Chooses; what was chosen has one more in flight from now on. UINT32_MAX: there
 * are too few probes, or none that may be used: draw one. */
uint32_t tulle__prequal_pool_choose(struct prequal_pool *pool, const struct prequal_config *config,
                                    int64_t now, prequal_may_fn *may, const void *user);
/* The quantile that divides hot and cold; below 0: all are hot. */
float tulle__prequal_pool_threshold(const struct prequal_pool *pool,
                                    const struct prequal_config *config);

#endif
