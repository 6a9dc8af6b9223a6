/* SPDX-License-Identifier: Apache-2.0 */

/* What threads share in one word: a pure step (next = step(word, now)), applied
 * by compare-and-swap. A step that answers false changes nothing that anyone
 * must see. Every interleaving of three threads is run by tests/unit/base/test_word.c. */

#ifndef TULLE_BASE_WORD_H
#define TULLE_BASE_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Counts one more, unless that would be more than `max`. */
static inline bool word_take(atomic_uint *count, unsigned max)
{
    unsigned taken = atomic_load_explicit(count, memory_order_seq_cst);

    do {
        if (taken >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(count, &taken, taken + 1, memory_order_seq_cst,
                                                    memory_order_seq_cst));
    return true;
}

static inline void word_give(atomic_uint *count)
{
    atomic_fetch_sub_explicit(count, 1, memory_order_seq_cst);
}

/* Brings it down to `most`, if it is above. */
static inline void word_lower(atomic_int_least64_t *word, int64_t most)
{
    int64_t seen = atomic_load_explicit(word, memory_order_relaxed);

    while (most < seen && !atomic_compare_exchange_weak_explicit(
                              word, &seen, most, memory_order_relaxed, memory_order_relaxed)) {
    }
}

typedef bool word_step_fn(uint64_t *word, const void *config, uint32_t now_ms);

static inline bool word_change(atomic_uint_least64_t *word, word_step_fn *step, const void *config,
                               uint32_t now_ms)
{
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed), next;
    bool granted;

    do {
        next = seen;
        granted = step(&next, config, now_ms);
    } while (!atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return granted;
}

#endif
