/* SPDX-License-Identifier: Apache-2.0 */

/* How a gate changes. Whoever closes it has taken a place under the cap, or takes
 * it; whoever opens it gives one back: so each change has one author, whatever
 * else tries at the same time (tests/unit/endpoint/test_gate.c runs every order). */

#ifndef TULLE_ENDPOINT_GATE_H
#define TULLE_ENDPOINT_GATE_H

#include "endpoint/view.h"

/* From whichever other state. False: another has closed it. */
static inline bool gate_close(atomic_uint *gate)
{
    unsigned seen = atomic_load_explicit(gate, memory_order_relaxed);

    while (seen != GATE_EJECTED) {
        if (atomic_compare_exchange_weak_explicit(gate, &seen, GATE_EJECTED, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* False: it was not (or no longer) `from`. */
static inline bool gate_move(atomic_uint *gate, unsigned from, unsigned to)
{
    return atomic_compare_exchange_strong_explicit(gate, &from, to, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

#endif
