/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a cluster are counted over all loops by one number. Room
 * is taken before the socket is made, so the number is never above the limit
 * and the server never sees one connection too many. It is changed and read in one
 * order with `wants_room` of the loops: whoever finds none is told of the next. */

#include "base/word.h"
#include "transport/curl/internal.h"

bool tulle__room_take(struct connection_limit *limit, uint32_t max)
{
    if (!word_take(&limit->open, max)) {
        return false;
    }
    limit->ref(limit);
    return true;
}

void tulle__room_give(struct connection_limit *limit, struct loop *loop)
{
    word_give(&limit->open);
    limit->freed(limit, loop);
    limit->unref(limit);
}
