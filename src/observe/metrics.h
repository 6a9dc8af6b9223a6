/* SPDX-License-Identifier: Apache-2.0 */

/* The registry of Istio's standard metrics. */

#ifndef TULLE_OBSERVE_METRICS_H
#define TULLE_OBSERVE_METRICS_H

#include "observe/series.h"

enum { SERIES_MAX_DEFAULT = 2000 };

struct metrics_options {
    size_t loop_count;   /* shards; at least 1 */
    uint32_t series_max; /* label sets per metric; 0: SERIES_MAX_DEFAULT, UINT32_MAX: no cap */
    struct str workload; /* source_workload; size 0: "unknown" */
    uint64_t seed;       /* of the hash, so that host names cannot be chosen to collide */
};

struct metrics;

struct metrics *tulle__metrics_new(const struct metrics_options *options); /* NULL: no memory */
void tulle__metrics_free(struct metrics *metrics); /* NULL does nothing; no loop counts any more */
/* The half of a loop, `loop` < loop_count; lives as long as `metrics`. */
struct observer_shard *tulle__metrics_shard(struct metrics *metrics, size_t loop);

extern const struct observer tulle__metrics_observer;

/* --- for whoever renders: from any thread, at any time --- */

/* Every series but SERIES_OTHER, at most `max` of them, sorted by their labels. */
size_t tulle__metrics_list(const struct metrics *metrics, const struct series **out, size_t max);
size_t tulle__metrics_count(const struct metrics *metrics); /* of them, now; never shrinks */
const struct series *tulle__metrics_other(const struct metrics *metrics);
struct str tulle__metrics_workload(const struct metrics *metrics);
size_t tulle__metrics_max(const struct metrics *metrics); /* SIZE_MAX: no cap */

#endif
