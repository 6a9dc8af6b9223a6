/* SPDX-License-Identifier: Apache-2.0 */

/* A loop whose clock is behind finds a newer slice in its place and counts into
 * that: a sample may be a slice too young, and none is lost. */

#include "endpoint/breaker.h"

#include "base/rand.h"
#include "base/word.h"

enum { NUMBER_BITS = 24, COUNT_BITS = 20, DOUBLINGS_MAX = 40 };

#define NUMBER_MASK ((UINT32_C(1) << NUMBER_BITS) - 1)
#define COUNT_MASK  ((UINT32_C(1) << COUNT_BITS) - 1)

static uint32_t slice_number(uint64_t slice)
{
    return (uint32_t)(slice >> (2 * COUNT_BITS));
}

static uint32_t slice_requests(uint64_t slice)
{
    return (uint32_t)(slice >> COUNT_BITS) & COUNT_MASK;
}

static uint32_t slice_successes(uint64_t slice)
{
    return (uint32_t)slice & COUNT_MASK;
}

static uint64_t slice_word(uint32_t number, uint32_t requests, uint32_t successes)
{
    return (uint64_t)(number & NUMBER_MASK) << (2 * COUNT_BITS) | (uint64_t)requests << COUNT_BITS |
           successes;
}

/* How far `slice` is behind `number`, which wraps. A window ahead is not behind. */
static uint32_t slice_age(uint64_t slice, uint32_t number)
{
    uint32_t age = (number - slice_number(slice)) & NUMBER_MASK;

    return age > NUMBER_MASK - BREAKER_SLICES ? 0 : age;
}

uint64_t tulle__breaker_slice_add(uint64_t slice, uint32_t number, bool success)
{
    if (slice_requests(slice) == 0 || slice_age(slice, number) > 0) {
        return slice_word(number, 1, success);
    }
    if (slice_requests(slice) == COUNT_MASK) {
        return slice;
    }
    return slice_word(slice_number(slice), slice_requests(slice) + 1,
                      slice_successes(slice) + success);
}

static uint32_t number_at(const struct breaker_config *config, int64_t now)
{
    int64_t width = config->window_ns / BREAKER_SLICES;

    return (uint32_t)(now / (width > 0 ? width : 1));
}

static bool slice_step(uint64_t *slice, const void *success, uint32_t number)
{
    *slice = tulle__breaker_slice_add(*slice, number, *(const bool *)success);
    return true;
}

struct breaker_sum tulle__breaker_add(struct breaker *breaker, const struct breaker_config *config,
                                      bool success, int64_t now)
{
    uint32_t number = number_at(config, now);
    atomic_uint_least64_t *mine = &breaker->slices[number % BREAKER_SLICES];
    struct breaker_sum sum = { 0 };

    (void)word_change(mine, slice_step, &success, number);
    for (int i = 0; i < BREAKER_SLICES; i++) {
        uint64_t slice = atomic_load_explicit(&breaker->slices[i], memory_order_relaxed);
        if (slice_age(slice, number) < BREAKER_SLICES) {
            sum.requests += slice_requests(slice);
            sum.successes += slice_successes(slice);
        }
    }
    return sum;
}

void tulle__breaker_clear(struct breaker *breaker)
{
    for (int i = 0; i < BREAKER_SLICES; i++) {
        atomic_store_explicit(&breaker->slices[i], 0, memory_order_relaxed);
    }
}

int64_t tulle__breaker_penalty(const struct breaker_config *config, unsigned trips, uint64_t random)
{
    int64_t base = config->min_penalty_ns, most = config->max_penalty_ns;
    unsigned doublings = trips > 0 ? trips - 1 : 0;
    double extra;

    for (unsigned i = 0; i < doublings && i < DOUBLINGS_MAX && base < most; i++) {
        base = base > most / 2 ? most : base * 2;
    }
    if (base >= most) {
        return most;
    }
    extra = rand_unit(random) * (double)base * ((double)config->jitter / 1000.0);
    return extra < (double)(most - base) ? base + (int64_t)extra : most;
}
