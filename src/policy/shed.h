/* SPDX-License-Identifier: Apache-2.0 */

/* What the layers that shed load by a share of late have in common: a window of a
 * cluster (endpoint/recent.h) and the loop's chance. */

#ifndef TULLE_POLICY_SHED_H
#define TULLE_POLICY_SHED_H

#include <inttypes.h>

#include "policy/shedding.h"
#include "stack/call.h"

struct shed_window {
    struct recent *recent;
    int64_t tick_ns;
};

static inline struct shed_window shed_window(_Atomic(struct recent *) *recent, int64_t window_ns)
{
    return (struct shed_window){ atomic_load_explicit(recent, memory_order_acquire),
                                 window_ns / RECENT_TICKS };
}

static inline uint16_t shed_tick(const struct tulle_call *call, const struct shed_window *window)
{
    return (uint16_t)(call_now(call) / window->tick_ns);
}

static inline struct recent_sum shed_read(const struct tulle_call *call,
                                          const struct shed_window *window)
{
    return tulle__recent_read(window->recent, shed_tick(call, window));
}

static inline void shed_count(const struct tulle_call *call, const struct shed_window *window,
                              unsigned all, unsigned good)
{
    tulle__recent_add(window->recent, shed_tick(call, window), all, good);
}

static inline bool shed_draw(struct tulle_call *call, double odds)
{
    return rand_unit(rand_next(&call->on->rand)) < odds;
}

#endif
