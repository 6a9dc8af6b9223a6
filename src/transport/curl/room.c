/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a cluster are counted over all loops by one number. Room
 * is taken before the socket is made, so the number is never above the limit
 * and the server never sees one connection too many. It is changed and read in one
 * order with `wants_room` of the loops: whoever finds none is told of the next.
 *
 * Those to an endpoint are counted by another number. A pool that has none may always
 * open one, whatever the others have: what waits there would have no way (as each
 * worker's pool in Envoy). So what waits for its endpoint waits for a connection of
 * its own loop, and nobody need be told. */

#include "base/word.h"
#include "transport/curl/internal.h"

static bool endpoint_take(struct pool *pool, uint32_t max)
{
    bool bounded = max > 0 && pool->counted > 0;

    return !pool->endpoint_open || word_take(pool->endpoint_open, bounded ? max : UINT32_MAX);
}

static void endpoint_give(const struct pool *pool)
{
    if (pool->endpoint_open) {
        word_give(pool->endpoint_open);
    }
}

enum room_taken tulle__room_take(struct pool *pool, const struct room *room)
{
    if (!endpoint_take(pool, room->endpoint_max)) {
        return ROOM_NOT_AT_ENDPOINT;
    }
    if (!word_take(&room->limit->open, room->max)) {
        endpoint_give(pool);
        return ROOM_NONE;
    }
    pool->counted++;
    room->limit->ref(room->limit);
    return ROOM_TAKEN;
}

/* What counts for one counts for the other: libcurl uses what a pool of the same
 * address has left. */
void tulle__room_move(struct pool *from, struct pool *to)
{
    (void)endpoint_take(to, 0);
    to->counted++;
    endpoint_give(from);
    from->counted--;
}

void tulle__room_give(struct pool *pool, struct connection_limit *limit)
{
    pool->counted--;
    endpoint_give(pool);
    word_give(&limit->open);
    limit->freed(limit, pool->transport->loop);
    limit->unref(limit);
}
