/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a cluster are counted over all loops by one number. Room
 * is taken before the socket is made, so the number is never above the limit
 * and the server never sees one connection too many. It is changed and read in one
 * order with `wants_room` of the loops: whoever finds none is told of the next. */

#include "transport/curl/internal.h"

bool tulle__room_take(struct connection_limit *limit, uint32_t max)
{
    unsigned open = atomic_load_explicit(&limit->open, memory_order_seq_cst);

    do {
        if (open >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&limit->open, &open, open + 1,
                                                    memory_order_seq_cst, memory_order_seq_cst));
    limit->ref(limit);
    return true;
}

void tulle__room_give(struct connection_limit *limit, struct loop *loop)
{
    atomic_fetch_sub_explicit(&limit->open, 1, memory_order_seq_cst);
    limit->freed(limit, loop);
    limit->unref(limit);
}
