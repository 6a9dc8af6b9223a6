/* SPDX-License-Identifier: Apache-2.0 */

/* The retry layer's parts: retry.c asks whether, retry_wait.c when, retry_grant.c
 * whether there is room and time. */

#ifndef TULLE_POLICY_RETRY_H
#define TULLE_POLICY_RETRY_H

#include "stack/call.h"

struct retry_layer_config {
    struct retry_config retry; /* the route's, with what its cluster adds */
    const struct retry_more *more;
    bool any_host; /* without Envoy's previous_hosts */
    const struct budget_config *budget;
    const struct limits *limits;
    struct cluster_live *live;
};

struct retry_slot {
    uint32_t made;
    bool under_way; /* counted in live->retries */
};

/* --- retry_wait.c --- */

/* How long to wait before the next attempt, in words of its server or of the
 * backoff. False: its server says there is to be none. */
bool tulle__retry_wait(struct tulle_call *call, size_t at, int64_t *wait_ns);

/* --- retry_grant.c --- */

/* Takes what a retry costs, or tells and counts why not. */
bool tulle__retry_grant(struct tulle_call *call, size_t at, int64_t wait_ns);
void tulle__retry_skip(struct tulle_call *call, size_t at, enum live_counter counter,
                       unsigned flags, const char *why);
void tulle__retry_give_back(const struct retry_layer_config *config, struct retry_slot *slot);
void tulle__retry_deposit(struct tulle_call *call, const struct retry_layer_config *config);

#endif
