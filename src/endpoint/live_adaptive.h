/* SPDX-License-Identifier: Apache-2.0 */

/* Adaptive concurrency of a cluster (gradient.h), as loops share it: how many calls
 * are under way and how many may be, one word each; latencies, counted by each loop
 * for itself; and the controller, which belongs to whoever takes the claim.
 *
 * No timer and no thread: the loop that ends a call when an update is due makes it.
 * Who finds the claim taken goes on; another one is at it. Envoy has timers and a
 * mutex here; nothing is due there either while nothing is sampled.
 *
 * Made by the adoption of a cluster that is so configured; lives as long as that. */

#ifndef TULLE_ENDPOINT_LIVE_ADAPTIVE_H
#define TULLE_ENDPOINT_LIVE_ADAPTIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "base/sketch.h"
#include "base/word.h"
#include "endpoint/gradient.h"

struct live_adaptive {
    _Alignas(64) atomic_uint in_flight; /* calls */
    atomic_uint measured;               /* samples of the measurement under way */
    _Alignas(64) atomic_uint limit;
    atomic_bool measuring, claimed;
    atomic_int_least64_t due;        /* the next update or measurement */
    atomic_int_least64_t since;      /* calls that began earlier are no sample */
    atomic_int_least64_t min_rtt_ns; /* 0: not yet measured */
    /* Of who has the claim. */
    struct gradient gradient;
    struct sketch_window window;
    struct rand rand;
    size_t loop_count;
    struct sketch loops[];
};

/* NULL: no memory. */
struct live_adaptive *tulle__live_adaptive_new(size_t loop_count, uint64_t seed,
                                               const struct adaptive_concurrency_config *config,
                                               int64_t now);
void tulle__live_adaptive_free(struct live_adaptive *adaptive); /* NULL does nothing */

/* False: as many calls are under way as may be. */
static inline bool live_adaptive_enter(struct live_adaptive *adaptive)
{
    return word_take(&adaptive->in_flight,
                     atomic_load_explicit(&adaptive->limit, memory_order_relaxed));
}

static inline void live_adaptive_leave(struct live_adaptive *adaptive)
{
    word_give(&adaptive->in_flight);
}

/* From its loop: a call that began at `start` has taken until now. */
void tulle__live_adaptive_sample(struct live_adaptive *adaptive,
                                 const struct adaptive_concurrency_config *config, size_t loop,
                                 int64_t start, int64_t now);

#endif
