/* SPDX-License-Identifier: Apache-2.0 */

/* Loops share these two words without a lock: a sample that another one
 * overwrites is a sample less, and averages forgive that. */

#include "base/ewma.h"

#include <math.h>

static double ewma_weight(int64_t stamp, int64_t tau_ns, int64_t now)
{
    return now <= stamp ? 1.0 : exp(-(double)(now - stamp) / (double)tau_ns);
}

void tulle__ewma_add(struct ewma *ewma, int64_t sample_ns, int64_t tau_ns, int64_t now)
{
    double value = atomic_load_explicit(&ewma->value_ns, memory_order_relaxed);
    int64_t stamp = atomic_load_explicit(&ewma->stamp_ns, memory_order_relaxed);
    double sample = (double)sample_ns;
    double weight;

    if (sample < value) {
        weight = ewma_weight(stamp, tau_ns, now);
        sample = value * weight + sample * (1.0 - weight);
    }
    atomic_store_explicit(&ewma->value_ns, sample, memory_order_relaxed);
    atomic_store_explicit(&ewma->stamp_ns, now, memory_order_relaxed);
}

double tulle__ewma_read(const struct ewma *ewma, int64_t tau_ns, int64_t now)
{
    double value = atomic_load_explicit(&ewma->value_ns, memory_order_relaxed);
    int64_t stamp = atomic_load_explicit(&ewma->stamp_ns, memory_order_relaxed);

    return value <= 0.0 ? 0.0 : value * ewma_weight(stamp, tau_ns, now);
}
