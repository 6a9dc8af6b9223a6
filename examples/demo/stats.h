/* SPDX-License-Identifier: Apache-2.0 */

/* What is known of the calls made: totals, and for each replica the calls and
 * latencies of a window of time. */

#ifndef DEMO_STATS_H
#define DEMO_STATS_H

#include <stdint.h>

#include "shop.h"

enum { LATENCY_BUCKETS = 256 };

struct window {
    uint64_t calls;
    uint64_t of[REPLICAS];
    uint32_t latencies[REPLICAS][LATENCY_BUCKETS]; /* eight to each power of two of microseconds */
};

struct totals {
    uint64_t calls, failures, retries, retried; /* retries: attempts after the first */
    int64_t worst_ns;
    char first_failure[512]; /* "" when there was none */
};

/* From any thread. `failure` NULL: it was answered by `address`. */
void stats_add(const char *address, int64_t latency_ns, uint32_t attempts, const char *failure);

/* What came since the last time, into `out`. */
void stats_window(struct window *out);
void stats_totals(struct totals *out);
void window_add(struct window *window, const struct window *more);

/* The latency below which `permille` of a replica's calls stayed; 0: it had none. */
int64_t window_latency(const struct window *window, size_t replica, unsigned permille);

/* Of a version of reviews among its calls, in percent. */
double window_share(const struct window *window, const char *version);

#endif
