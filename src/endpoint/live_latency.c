/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/live_latency.h"

#include "base/clock.h"
#include "endpoint/lines.h"

#define LOOK_NS       (3 * NS_PER_S)
#define FIRST_LOOK_NS (250 * NS_PER_MS)

static struct live_latency *latency_new(size_t loop_count)
{
    struct live_latency *latency =
        tulle__lines_alloc(sizeof(*latency) + loop_count * sizeof(latency->loops[0]));

    if (latency) {
        latency->loop_count = loop_count;
    }
    return latency;
}

void tulle__live_latency_free(struct live_latency *latency)
{
    if (latency) {
        tulle__lines_free(latency);
    }
}

bool tulle__live_latency_add(struct cluster_live *live, size_t loop, int64_t ns)
{
    struct live_latency *latency = atomic_load_explicit(&live->latency, memory_order_acquire);

    if (!latency) {
        return false;
    }
    tulle__sketch_add(&latency->loops[loop], ns);
    return !atomic_load_explicit(&latency->fed, memory_order_relaxed) &&
           !atomic_exchange_explicit(&latency->fed, true, memory_order_acq_rel);
}

static unsigned permille_of(unsigned point)
{
    return point < LATENCY_COARSE ? point * 50 : 900 + point - LATENCY_COARSE;
}

static void latency_publish(struct live_latency *latency)
{
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        int64_t us = (tulle__sketch_read(&latency->window, permille_of(i)) + 999) / 1000;

        atomic_store_explicit(&latency->points[i], us < UINT32_MAX ? (uint32_t)us : UINT32_MAX,
                              memory_order_relaxed);
    }
}

static bool latency_is_wanted(const struct cluster *config)
{
    return config && config->hedge.enabled;
}

/* Without memory there are no percentiles, until a later step has some. */
static struct live_latency *latency_get(struct cluster_live *live)
{
    struct live_latency *latency = atomic_load_explicit(&live->latency, memory_order_relaxed);

    if (!latency && latency_is_wanted(live->config)) {
        latency = latency_new(live->loop_count);
        atomic_store_explicit(&live->latency, latency, memory_order_release);
    }
    return latency;
}

int64_t tulle__live_latency_step(struct cluster_live *live, int64_t now)
{
    struct live_latency *latency = latency_get(live);

    if (!latency || !atomic_load_explicit(&latency->fed, memory_order_acquire)) {
        return NEVER;
    }
    if (latency->look_at == 0) {
        latency->look_at =
            time_add(now, latency->window.total < SKETCH_ENOUGH ? FIRST_LOOK_NS : LOOK_NS);
    }
    if (now < latency->look_at) {
        return latency->look_at;
    }
    latency->look_at = 0;
    atomic_store_explicit(&latency->fed, false, memory_order_release);
    (void)tulle__sketch_take(&latency->window, latency->loops, latency->loop_count);
    latency_publish(latency);
    return NEVER;
}
