/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/live_adaptive.h"

#include "base/clock.h"
#include "endpoint/lines.h"

static void adaptive_publish(struct live_adaptive *adaptive)
{
    const struct gradient *gradient = &adaptive->gradient;
    int64_t due =
        gradient->update_at < gradient->measure_at ? gradient->update_at : gradient->measure_at;

    atomic_store_explicit(&adaptive->limit, gradient->limit, memory_order_relaxed);
    atomic_store_explicit(&adaptive->min_rtt_ns, gradient->min_rtt_ns, memory_order_relaxed);
    atomic_store_explicit(&adaptive->due, due, memory_order_relaxed);
    atomic_store_explicit(&adaptive->measuring, gradient_is_measuring(gradient),
                          memory_order_relaxed);
}

struct live_adaptive *tulle__live_adaptive_new(size_t loop_count, uint64_t seed,
                                               const struct adaptive_concurrency_config *config,
                                               int64_t now)
{
    struct live_adaptive *adaptive =
        tulle__lines_alloc(sizeof(*adaptive) + loop_count * sizeof(adaptive->loops[0]));

    if (!adaptive) {
        return NULL;
    }
    adaptive->loop_count = loop_count;
    adaptive->since = now;
    tulle__rand_init(&adaptive->rand, seed);
    tulle__gradient_init(&adaptive->gradient, config);
    adaptive_publish(adaptive);
    return adaptive;
}

void tulle__live_adaptive_free(struct live_adaptive *adaptive)
{
    tulle__lines_free(adaptive);
}

/* What was sampled since the last time, as one latency; 0: nothing was. */
static int64_t samples_take(struct live_adaptive *adaptive, unsigned permille)
{
    tulle__sketch_forget(&adaptive->window);
    if (tulle__sketch_take(&adaptive->window, adaptive->loops, adaptive->loop_count) == 0) {
        return 0;
    }
    return tulle__sketch_rank(&adaptive->window, permille);
}

/* Samples of before would hide the least latency. */
static void measure_begin(struct live_adaptive *adaptive,
                          const struct adaptive_concurrency_config *config, int64_t now)
{
    tulle__gradient_measure(&adaptive->gradient, config);
    (void)samples_take(adaptive, 0);
    atomic_store_explicit(&adaptive->measured, 0, memory_order_relaxed);
    atomic_store_explicit(&adaptive->since, now, memory_order_relaxed);
}

static void measure_end(struct live_adaptive *adaptive,
                        const struct adaptive_concurrency_config *config, int64_t now)
{
    int64_t took;

    if (atomic_load_explicit(&adaptive->measured, memory_order_acquire) <
        config->min_rtt_requests) {
        return;
    }
    took = samples_take(adaptive, config->percentile);
    tulle__gradient_measured(&adaptive->gradient, config, took > 0 ? took : 1,
                             rand_next(&adaptive->rand), now);
}

static void adaptive_step(struct live_adaptive *adaptive,
                          const struct adaptive_concurrency_config *config, int64_t now)
{
    struct gradient *gradient = &adaptive->gradient;

    if (gradient_is_measuring(gradient)) {
        measure_end(adaptive, config, now);
        return;
    }
    if (now >= gradient->update_at) {
        tulle__gradient_update(gradient, config, samples_take(adaptive, config->percentile), now);
    }
    if (now >= gradient->measure_at) {
        measure_begin(adaptive, config, now);
    }
}

static void adaptive_try_step(struct live_adaptive *adaptive,
                              const struct adaptive_concurrency_config *config, int64_t now)
{
    if (atomic_exchange_explicit(&adaptive->claimed, true, memory_order_acquire)) {
        return;
    }
    adaptive_step(adaptive, config, now);
    adaptive_publish(adaptive);
    atomic_store_explicit(&adaptive->claimed, false, memory_order_release);
}

/* Release: who finds enough samples counted finds them in the sketches. */
static bool is_due(struct live_adaptive *adaptive, const struct adaptive_concurrency_config *config,
                   int64_t now)
{
    if (atomic_load_explicit(&adaptive->measuring, memory_order_relaxed)) {
        return atomic_fetch_add_explicit(&adaptive->measured, 1, memory_order_acq_rel) + 1 >=
               config->min_rtt_requests;
    }
    return now >= atomic_load_explicit(&adaptive->due, memory_order_relaxed);
}

void tulle__live_adaptive_sample(struct live_adaptive *adaptive,
                                 const struct adaptive_concurrency_config *config, size_t loop,
                                 int64_t start, int64_t now)
{
    if (start < atomic_load_explicit(&adaptive->since, memory_order_relaxed)) {
        return;
    }
    tulle__sketch_add(&adaptive->loops[loop], now - start);
    if (is_due(adaptive, config, now)) {
        adaptive_try_step(adaptive, config, now);
    }
}
