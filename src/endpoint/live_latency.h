/* SPDX-License-Identifier: Apache-2.0 */

/* How long the attempts of a cluster take, of late: percentiles that loops read
 * with two loads. Loops count samples, each for itself; the control step adds
 * them up every three seconds (Finagle, BackupRequestFilter), and sooner while
 * nothing is known. While nothing comes it does not wake.
 *
 * A sample is the time from the pick to the head of a good answer. One that was
 * cut (a timeout, a lost race) counts with the time it was given, since it took
 * at least that: else the slow ones would vanish from the percentiles that are
 * there because of them. What failed fast says nothing and is left out, and so
 * does a fork's time (stack/fork.h), which its rival cuts short.
 *
 * Made by the control step for clusters whose policies ask. */

#ifndef TULLE_ENDPOINT_LIVE_LATENCY_H
#define TULLE_ENDPOINT_LIVE_LATENCY_H

#include <stdbool.h>

#include "base/sketch.h"
#include "endpoint/live.h"

/* Each 50th permille below 900, then each. */
enum { LATENCY_COARSE = 18, LATENCY_POINTS = LATENCY_COARSE + 100 };

struct live_latency {
    atomic_uint_least32_t points[LATENCY_POINTS]; /* microseconds; 0: not known */
    atomic_bool fed;
    int64_t look_at; /* control step only, as the window; 0: nothing came */
    struct sketch_window window;
    size_t loop_count;
    struct sketch loops[];
};

/* By the control step: when it wants to be called again. */
int64_t tulle__live_latency_step(struct cluster_live *live, int64_t now);
void tulle__live_latency_free(struct live_latency *latency); /* NULL does nothing */

/* From the loop. True: the control step is to be poked. */
bool tulle__live_latency_add(struct cluster_live *live, size_t loop, int64_t ns);

/* What so many thousandths of the attempts stay below; 0: not known (yet). */
static inline int64_t live_latency(const struct cluster_live *live, unsigned permille)
{
    const struct live_latency *latency = atomic_load_explicit(&live->latency, memory_order_acquire);
    unsigned point = permille < 900 ? (permille + 49) / 50 : LATENCY_COARSE + permille - 900;

    if (!latency) {
        return 0;
    }
    point = point < LATENCY_POINTS ? point : LATENCY_POINTS - 1;
    return (int64_t)atomic_load_explicit(&latency->points[point], memory_order_relaxed) * 1000;
}

#endif
