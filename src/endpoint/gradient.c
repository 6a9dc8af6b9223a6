/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/gradient.h"

#include <math.h>

#include "base/clock.h"

enum { PERMILLE = 1000, LEAST_IN_A_ROW = 5 };

static uint32_t limit_within(const struct adaptive_concurrency_config *config, double limit)
{
    if (limit >= (double)config->max_concurrency) {
        return config->max_concurrency;
    }
    return limit > (double)config->min_concurrency ? (uint32_t)limit : config->min_concurrency;
}

uint32_t tulle__gradient_next(const struct adaptive_concurrency_config *config, uint32_t limit,
                              int64_t min_rtt_ns, int64_t sample_ns)
{
    double buffered = (double)min_rtt_ns * (PERMILLE + config->buffer) / PERMILLE;
    double ratio = fmax(0.5, fmin(2.0, buffered / (double)sample_ns));
    double scaled = (double)limit * ratio;

    return limit_within(config, scaled + sqrt(scaled));
}

void tulle__gradient_init(struct gradient *gradient,
                          const struct adaptive_concurrency_config *config)
{
    *gradient = (struct gradient){ .limit = config->min_concurrency };
    tulle__gradient_measure(gradient, config);
}

void tulle__gradient_measure(struct gradient *gradient,
                             const struct adaptive_concurrency_config *config)
{
    gradient->deferred = gradient->limit;
    gradient->limit = config->min_concurrency;
    gradient->least_in_a_row = 0;
    gradient->measure_at = NEVER;
}

void tulle__gradient_measured(struct gradient *gradient,
                              const struct adaptive_concurrency_config *config, int64_t min_rtt_ns,
                              uint64_t chance, int64_t now)
{
    uint64_t range = (uint64_t)config->min_rtt_interval_ns / PERMILLE * config->jitter;

    gradient->min_rtt_ns = min_rtt_ns;
    gradient->limit = limit_within(config, gradient->deferred);
    gradient->deferred = 0;
    gradient->update_at = time_add(now, config->update_ns);
    gradient->measure_at = time_add(
        now, time_add(config->min_rtt_interval_ns, range > 0 ? (int64_t)(chance % range) : 0));
}

void tulle__gradient_update(struct gradient *gradient,
                            const struct adaptive_concurrency_config *config, int64_t sample_ns,
                            int64_t now)
{
    uint32_t old = gradient->limit;

    gradient->update_at = time_add(now, config->update_ns);
    if (sample_ns <= 0) {
        return;
    }
    gradient->limit = tulle__gradient_next(config, old, gradient->min_rtt_ns, sample_ns);
    if (old != config->min_concurrency || gradient->limit != config->min_concurrency) {
        gradient->least_in_a_row = 0;
        return;
    }
    if (++gradient->least_in_a_row >= LEAST_IN_A_ROW) {
        gradient->measure_at = now;
    }
}
