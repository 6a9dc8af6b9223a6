/* SPDX-License-Identifier: Apache-2.0 */

/* How many calls a service bears at once, from how long they take: Envoy's
 * gradient controller (adaptive_concurrency_filter.rst, gradient_controller.cc).
 *
 * Every `update_ns` the limit is multiplied by how the least latency, with its
 * buffer, compares to that of late, between a half and two; and a square root of it
 * is added, so that it can grow at all. The least latency is measured anew each
 * `min_rtt_interval_ns`: meanwhile the limit is `min_concurrency`, so that nothing
 * queues and what is measured is the work itself. The interval is longer by chance
 * each time, so that clients do not all measure at once. A limit that was the least
 * five times in a row comes of a measurement that was too low: it is made anew.
 *
 * Pure: the one who holds it says what was measured, and when. */

#ifndef TULLE_ENDPOINT_GRADIENT_H
#define TULLE_ENDPOINT_GRADIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/overload.h"

struct gradient {
    uint32_t limit;
    uint32_t deferred;       /* the limit after the measurement under way; 0: none is */
    uint32_t least_in_a_row; /* updates that ended at the least */
    int64_t min_rtt_ns;      /* 0: never measured */
    int64_t update_at, measure_at;
};

/* Its first measurement has begun. */
void tulle__gradient_init(struct gradient *gradient,
                          const struct adaptive_concurrency_config *config);

static inline bool gradient_is_measuring(const struct gradient *gradient)
{
    return gradient->deferred > 0;
}

void tulle__gradient_measure(struct gradient *gradient,
                             const struct adaptive_concurrency_config *config);
/* The measurement is over. `chance` moves the next one. */
void tulle__gradient_measured(struct gradient *gradient,
                              const struct adaptive_concurrency_config *config, int64_t min_rtt_ns,
                              uint64_t chance, int64_t now);
/* An update is due; 0: nothing was sampled since the last. */
void tulle__gradient_update(struct gradient *gradient,
                            const struct adaptive_concurrency_config *config, int64_t sample_ns,
                            int64_t now);
/* The limit after this one; both latencies > 0. */
uint32_t tulle__gradient_next(const struct adaptive_concurrency_config *config, uint32_t limit,
                              int64_t min_rtt_ns, int64_t sample_ns);

#endif
