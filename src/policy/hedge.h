/* SPDX-License-Identifier: Apache-2.0 */

/* The hedge layer's parts: hedge.c says when a second attempt is sent,
 * hedge_race.c what comes of two that run. */

#ifndef TULLE_POLICY_HEDGE_H
#define TULLE_POLICY_HEDGE_H

#include "stack/fork.h"

struct hedge_layer_config {
    const struct hedge_config *hedge;
    struct budget_config budget;
    unsigned permille;
    struct cluster_live *live;
};

struct hedge_slot {
    struct list forks;         /* by their node; each a reference */
    struct tulle_call *winner; /* whose head the call has; NULL: none, or the first */
    uint32_t made;
    uint32_t attempts; /* before the first */
    bool first_failed;
    bool perhaps_executed; /* by one that failed */
};

/* --- hedge_race.c --- */

/* What an attempt hears that another one has beaten. */
extern const struct outcome tulle__hedge_lost;

/* Its end is one that another attempt may better. */
bool tulle__hedge_failed(const struct tulle_call *attempt);
void tulle__hedge_drop(struct hedge_slot *slot, const struct outcome *why); /* all forks */
/* An attempt has failed: how far it came, and no more are sent if its server asks for rest. */
void tulle__hedge_heed(struct tulle_call *attempt, struct hedge_slot *slot,
                       const struct hedge_config *hedge);

/* What one of them may have done, the call may have done. */
void tulle__hedge_progress(const struct hedge_slot *slot, struct outcome *outcome);

/* A fork's reports. */
void tulle__hedge_replied(struct tulle_call *fork);
void tulle__hedge_ended(struct tulle_call *fork);

#endif
