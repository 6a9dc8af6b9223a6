/* SPDX-License-Identifier: Apache-2.0 */

/* The sinkhole of least-latency balancers: who fails fast looks fast, has
 * nothing in flight, and draws the calls of the others. To keep the average up
 * is not enough, because an endpoint with nothing in flight costs least all the
 * same. So a failure counts as twice what was known: after a few the endpoint
 * costs more than any other, and decay lets it be tried about once in tau.
 *
 * Of what breaks together (a crash takes all in flight along) only the first
 * counts so: an attempt that began before the last sample says nothing new. */

#include "endpoint/latency.h"

#include "base/clock.h"

#define FAILED_MOST (60.0 * (double)NS_PER_S)

static double failure_counts_as(const struct ewma *latency, const struct balancer_config *config,
                                int64_t took_ns, int64_t now)
{
    double known = tulle__ewma_read(latency, config->ewma_tau_ns, now);
    int64_t last = atomic_load_explicit(&latency->stamp_ns, memory_order_relaxed);

    if (known < (double)config->ewma_default_ns) {
        known = (double)config->ewma_default_ns;
    }
    if (now - took_ns < last || known >= FAILED_MOST) {
        return known;
    }
    return 2 * known;
}

void tulle__latency_learn(struct ewma *latency, const struct balancer_config *config,
                          int64_t took_ns, bool failed, int64_t now)
{
    if (failed) {
        double counts = failure_counts_as(latency, config, took_ns, now);

        took_ns = (double)took_ns > counts ? took_ns : (int64_t)counts;
    }
    tulle__ewma_add(latency, took_ns, config->ewma_tau_ns, now);
}
