/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a cluster are counted over all loops by one number. Room
 * is taken before the socket is made, so the number is never above the limit
 * and the server never sees one connection too many. */

#include "transport/curl/internal.h"

bool tulle__room_take(struct connection_limit *limit, uint32_t max)
{
    unsigned open = atomic_load_explicit(&limit->open, memory_order_relaxed);

    do {
        if (open >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&limit->open, &open, open + 1,
                                                    memory_order_acq_rel, memory_order_relaxed));
    limit->ref(limit);
    return true;
}

void tulle__room_give(struct connection_limit *limit, struct loop *loop)
{
    atomic_fetch_sub_explicit(&limit->open, 1, memory_order_acq_rel);
    limit->freed(limit, loop);
    limit->unref(limit);
}
