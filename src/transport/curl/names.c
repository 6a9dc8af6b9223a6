/* SPDX-License-Identifier: Apache-2.0 */

/* When a request is about to be sent libcurl says on which of its connections:
 * by number from 8.2 on, by our own port before. A table of chains through the
 * connections; when it cannot grow the chains do, so adding needs no memory
 * but for the first time. */

#include "base/alloc.h"
#include "transport/curl/internal.h"

static struct connection **names_bucket(const struct curl_transport *transport, int64_t key)
{
    return &transport->buckets[(uint64_t)key & (transport->bucket_count - 1)];
}

static void names_insert(const struct curl_transport *transport, struct connection *connection)
{
    struct connection **bucket = names_bucket(transport, connection->key);

    connection->next = *bucket;
    *bucket = connection;
}

static void names_move(struct curl_transport *transport, struct connection *chain)
{
    while (chain) {
        struct connection *next = chain->next;

        names_insert(transport, chain);
        chain = next;
    }
}

static void names_grow(struct curl_transport *transport)
{
    struct connection **before = transport->buckets;
    size_t before_count = transport->bucket_count;
    size_t count = before_count ? before_count * 2 : 64;
    struct connection **buckets = tulle__alloc_zero(count, sizeof(struct connection *));

    if (!buckets) {
        return;
    }
    transport->buckets = buckets;
    transport->bucket_count = count;
    for (size_t i = 0; i < before_count; i++) {
        names_move(transport, before[i]);
    }
    tulle__free(before);
}

struct connection *tulle__names_find(const struct curl_transport *transport, int64_t key)
{
    struct connection *connection = transport->bucket_count ? *names_bucket(transport, key) : NULL;

    while (connection && connection->key != key) {
        connection = connection->next;
    }
    return connection;
}

bool tulle__names_add(struct curl_transport *transport, struct connection *connection, int64_t key)
{
    if (transport->named >= transport->bucket_count) {
        names_grow(transport);
    }
    if (transport->bucket_count == 0) {
        return false;
    }
    connection->key = key;
    names_insert(transport, connection);
    transport->named++;
    return true;
}

void tulle__names_remove(struct curl_transport *transport, struct connection *connection)
{
    struct connection **at;

    if (connection->key < 0) {
        return;
    }
    at = names_bucket(transport, connection->key);
    while (*at != connection) {
        at = &(*at)->next;
    }
    *at = connection->next;
    connection->key = -1;
    transport->named--;
}
