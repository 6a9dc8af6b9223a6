/* SPDX-License-Identifier: Apache-2.0 */

/* How many requests a connection of HTTP/2 takes at once.
 *
 * The server says it (SETTINGS_MAX_CONCURRENT_STREAMS), but only libcurl hears
 * it. What we see is that libcurl wants another connection although some could
 * be joined: then these are full with what is on them. Before the server's word
 * has come, libcurl takes 100 for granted, and a server that has said 10 refuses
 * the rest; so nobody joins a connection before its first reply. */

#include "transport/curl/internal.h"

static bool is_joinable(const struct connection *connection, uint64_t host)
{
    return connection->joinable && connection->host == host;
}

bool tulle__capacity_has(const struct pool *pool, uint64_t host)
{
    unsigned promised = pool->joining;

    for (struct list *node = pool->connections.next; node != &pool->connections;
         node = node->next) {
        const struct connection *connection = CONTAINER_OF(node, struct connection, in_pool);
        unsigned capacity = is_joinable(connection, host) ? connection->capacity : 0;
        unsigned room = capacity > connection->streams ? capacity - connection->streams : 0;

        if (room > promised) {
            return true;
        }
        promised -= room;
    }
    return false;
}

bool tulle__capacity_learn(struct pool *pool, uint64_t host)
{
    unsigned most = 0;

    for (struct list *node = pool->connections.next; node != &pool->connections;
         node = node->next) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_pool);

        if (is_joinable(connection, host)) {
            connection->capacity = connection->streams;
            most = connection->streams > most ? connection->streams : most;
        }
    }
    if (most > pool->stream_limit) {
        pool->stream_limit = most;
    }
    return most > 1;
}

/* One, while nobody knows better: what a connection takes is known when it stands. */
unsigned tulle__capacity_connections(const struct pool *pool)
{
    unsigned wanted = pool->waiting_count + pool->connecting + pool->joining;

    return pool->stream_limit == 0 ? 1 : (wanted + pool->stream_limit - 1) / pool->stream_limit;
}
