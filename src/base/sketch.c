/* SPDX-License-Identifier: Apache-2.0 */

#include "base/sketch.h"

#include <string.h>

enum { STEPS = 1 << SKETCH_STEPS_LOG2, LAST_LOG2 = SKETCH_FIRST_LOG2 + SKETCH_OCTAVES - 1 };

static size_t bucket_of(int64_t ns)
{
    int octave;

    if (ns < (int64_t)1 << SKETCH_FIRST_LOG2) {
        return 0;
    }
    octave = 63 - __builtin_clzll((unsigned long long)ns);
    if (octave > LAST_LOG2) {
        return SKETCH_BUCKETS - 1;
    }
    return ((size_t)(octave - SKETCH_FIRST_LOG2) << SKETCH_STEPS_LOG2) +
           ((size_t)(ns >> (octave - SKETCH_STEPS_LOG2)) & (STEPS - 1));
}

static int64_t bucket_start(size_t bucket)
{
    int64_t step = (int64_t)(bucket & (STEPS - 1));
    unsigned octave = SKETCH_FIRST_LOG2 + (unsigned)(bucket >> SKETCH_STEPS_LOG2);

    return (STEPS + step) << (octave - SKETCH_STEPS_LOG2);
}

/* With one writer, load and store are enough: a locked add costs ten times as much. */
void tulle__sketch_add(struct sketch *sketch, int64_t ns)
{
    atomic_uint_least32_t *count = &sketch->counts[bucket_of(ns)];

    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static uint32_t sum_of(const struct sketch *sketches, size_t count, size_t bucket)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += atomic_load_explicit(&sketches[i].counts[bucket], memory_order_relaxed);
    }
    return sum;
}

uint64_t tulle__sketch_take(struct sketch_window *window, const struct sketch *sketches,
                            size_t count)
{
    float keep = window->total > SKETCH_PLENTY ? 0.9F : 1.0F;
    uint64_t taken = 0;

    window->total *= (double)keep;
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        uint32_t sum = sum_of(sketches, count, i);
        uint32_t came = sum - window->seen[i];

        window->seen[i] = sum;
        window->weights[i] = window->weights[i] * keep + (float)came;
        window->total += (double)came;
        taken += came;
    }
    return taken;
}

int64_t tulle__sketch_read(const struct sketch_window *window, unsigned permille)
{
    return window->total < SKETCH_ENOUGH ? 0 : tulle__sketch_rank(window, permille);
}

void tulle__sketch_forget(struct sketch_window *window)
{
    window->total = 0;
    memset(window->weights, 0, sizeof(window->weights));
}

int64_t tulle__sketch_rank(const struct sketch_window *window, unsigned permille)
{
    double wanted = window->total * (double)permille / 1000, below = 0;

    if (window->total <= 0) {
        return 0;
    }
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        double weight = (double)window->weights[i];

        if (weight > 0 && below + weight >= wanted) {
            double share = wanted > below ? (wanted - below) / weight : 0;
            int64_t start = bucket_start(i), width = bucket_start(i + 1) - start;

            return start + (int64_t)(share * (double)width);
        }
        below += weight;
    }
    return bucket_start(SKETCH_BUCKETS);
}
