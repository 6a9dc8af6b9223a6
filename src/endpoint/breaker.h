/* SPDX-License-Identifier: Apache-2.0 */

/* linkerd2-proxy's breaker (outbound/src/http/breaker): the exact success rate of
 * the last ten slices of a window, because an average that weighs each sample by
 * the time since the one before can hide a total outage in a burst. What trips it
 * starts a penalty that doubles from one failed trial to the next.
 *
 * A slice is one word, so that loops share the window without a lock: its number
 * (24 bits: which tenth of a window since the epoch), its requests and its
 * successes (20 bits each; a slice with a million requests counts no more). A
 * slice that is ten or more behind is empty. */

#ifndef TULLE_ENDPOINT_BREAKER_H
#define TULLE_ENDPOINT_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/outlier.h"

enum { BREAKER_SLICES = 10 };

struct breaker {
    atomic_uint_least64_t slices[BREAKER_SLICES];
    atomic_int_least64_t over_at; /* when its penalty ends */
    atomic_uint trips;            /* in a row: since a trial went well */
};

struct breaker_sum {
    uint32_t requests, successes;
};

/* One word with one more request, as of slice `number`. Pure. */
uint64_t tulle__breaker_slice_add(uint64_t slice, uint32_t number, bool success);

/* From any loop: one more request, and the sum of the window with it. */
struct breaker_sum tulle__breaker_add(struct breaker *breaker, const struct breaker_config *config,
                                      bool success, int64_t now);
/* The window starts cold. */
void tulle__breaker_clear(struct breaker *breaker);

/* The sum is too bad. */
static inline bool breaker_trips(const struct breaker_config *config, struct breaker_sum sum)
{
    return sum.requests > 0 && sum.requests >= config->min_requests &&
           (uint64_t)sum.successes * 1000 < (uint64_t)sum.requests * config->success_rate;
}

/* The penalty of the n-th trip in a row, from 1; `random` is any number. */
int64_t tulle__breaker_penalty(const struct breaker_config *config, unsigned trips,
                               uint64_t random);

#endif
