/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/recent.h"

static uint16_t age_of(uint64_t word, uint16_t tick)
{
    return (uint16_t)(tick - recent_tick(word));
}

/* Of the ticks before this one. */
static void past_sum(struct recent *recent, uint16_t tick)
{
    uint64_t all = 0, good = 0;
    unsigned oldest = 0;

    for (unsigned i = 0; i < RECENT_SLOTS; i++) {
        uint64_t word = atomic_load_explicit(&recent->ticks[i], memory_order_relaxed);
        unsigned age = age_of(word, tick);

        if (age == 0 || age >= RECENT_TICKS || recent_all(word) + recent_good(word) == 0) {
            continue;
        }
        all += recent_all(word);
        good += recent_good(word);
        oldest = age > oldest ? age : oldest;
    }
    atomic_store_explicit(&recent->oldest, (uint16_t)(tick - oldest), memory_order_relaxed);
    atomic_store_explicit(&recent->past, all << 32 | good, memory_order_relaxed);
}

void tulle__recent_add(struct recent *recent, uint16_t tick, unsigned all, unsigned good)
{
    uint64_t over;

    if (!recent_count(&recent->now, tick, all, good, &over)) {
        return;
    }
    atomic_store_explicit(&recent->ticks[recent_tick(over) % RECENT_SLOTS], over,
                          memory_order_relaxed);
    past_sum(recent, tick);
}

struct recent_sum tulle__recent_read(struct recent *recent, uint16_t tick)
{
    uint64_t now = atomic_load_explicit(&recent->now, memory_order_relaxed), past;
    unsigned age;

    if (recent_is_over(now, tick)) {
        tulle__recent_add(recent, tick, 0, 0);
        now = atomic_load_explicit(&recent->now, memory_order_relaxed);
    }
    past = atomic_load_explicit(&recent->past, memory_order_relaxed);
    age = (uint16_t)(tick - atomic_load_explicit(&recent->oldest, memory_order_relaxed));
    return (struct recent_sum){
        .all = (past >> 32) + recent_all(now),
        .good = (past & UINT32_MAX) + recent_good(now),
        .ticks = past > 0 && age < RECENT_TICKS ? age : 0,
    };
}
