/* SPDX-License-Identifier: Apache-2.0 */

/* How many requests a connection of HTTP/1.1 takes, and how long.
 *
 * With its last request libcurl is told to close it: one that is shut by us keeps its
 * descriptor for a second, and with a request each there would be thousands of them.
 * One that has stood too long is shut where it is idle; that is rare. */

#include "transport/curl/internal.h"

bool tulle__lifetime_set_last(struct transfer *transfer, bool is_last)
{
    if (transfer->is_last == is_last) {
        return true;
    }
    transfer->is_last = is_last;
    return curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, is_last ? 1L : 0L) == CURLE_OK;
}

bool tulle__lifetime_use(struct transfer *transfer)
{
    struct connection *connection = transfer->connection;
    const struct connection_config *config = transfer->exchange->connection;
    uint32_t most = config ? config->lifetime.requests : 0;

    connection->requests++;
    if (!config || transfer->pool->protocol != PROTOCOL_HTTP1) {
        return true;
    }
    connection->lifetime = config->lifetime;
    return tulle__lifetime_set_last(transfer, most > 0 && connection->requests >= most);
}

int64_t tulle__lifetime_due(const struct connection *connection)
{
    const struct lifetime *lifetime = &connection->lifetime;

    return lifetime->ns > 0 ? time_add(connection->opened_at, lifetime->ns) : NEVER;
}
