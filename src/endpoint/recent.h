/* SPDX-License-Identifier: Apache-2.0 */

/* Two counts over a window of time, kept by all loops: how much there was, and how
 * much of it was good. The window is thirty ticks. The tick under way is one word,
 * changed by compare-and-swap; who finds it over puts it with the others and adds
 * these up, so that a look costs two loads.
 *
 * While that is done, for some nanoseconds each tick, a look may miss the tick that
 * has just ended; nothing is ever lost from the count. */

#ifndef TULLE_ENDPOINT_RECENT_H
#define TULLE_ENDPOINT_RECENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Slots: more than the window's ticks, and ticks wrap around where they do. */
enum { RECENT_TICKS = 30, RECENT_SLOTS = 32, RECENT_BITS = 24 };

#define RECENT_MOST ((UINT32_C(1) << RECENT_BITS) - 1) /* a tick counts no further */

struct recent {
    _Alignas(64) atomic_uint_least64_t now; /* tick, all, good */
    atomic_uint_least64_t past;             /* of the ticks before in the window: all, good */
    atomic_uint oldest;                     /* of those */
    atomic_uint_least64_t ticks[RECENT_SLOTS];
};

struct recent_sum {
    uint64_t all, good;
    unsigned ticks; /* how many ticks ago the first of them was */
};

/* --- a tick, as a word --- */

static inline uint64_t recent_word(uint16_t tick, uint64_t all, uint64_t good)
{
    return (uint64_t)tick << 2 * RECENT_BITS | all << RECENT_BITS | good;
}

static inline uint16_t recent_tick(uint64_t word)
{
    return (uint16_t)(word >> 2 * RECENT_BITS);
}

static inline uint64_t recent_all(uint64_t word)
{
    return word >> RECENT_BITS & RECENT_MOST;
}

static inline uint64_t recent_good(uint64_t word)
{
    return word & RECENT_MOST;
}

/* A loop whose round began earlier counts into the newest tick. */
static inline bool recent_is_over(uint64_t word, uint16_t tick)
{
    uint16_t ahead = (uint16_t)(recent_tick(word) - tick);

    return ahead > 2;
}

static inline uint64_t recent_plus(uint64_t word, unsigned all, unsigned good)
{
    uint64_t sum_all = recent_all(word) + all, sum_good = recent_good(word) + good;

    return recent_word(recent_tick(word), sum_all < RECENT_MOST ? sum_all : RECENT_MOST,
                       sum_good < RECENT_MOST ? sum_good : RECENT_MOST);
}

/* True: `*over` is a tick that this has ended, and the caller's to keep. */
static inline bool recent_count(atomic_uint_least64_t *now, uint16_t tick, unsigned all,
                                unsigned good, uint64_t *over)
{
    uint64_t seen = atomic_load_explicit(now, memory_order_relaxed), next;
    bool is_over;

    do {
        is_over = recent_is_over(seen, tick);
        next = recent_plus(is_over ? recent_word(tick, 0, 0) : seen, all, good);
    } while (!atomic_compare_exchange_weak_explicit(now, &seen, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    *over = seen;
    return is_over;
}

/* --- the window --- */

void tulle__recent_add(struct recent *recent, uint16_t tick, unsigned all, unsigned good);
struct recent_sum tulle__recent_read(struct recent *recent, uint16_t tick);

#endif
