/* SPDX-License-Identifier: Apache-2.0 */

/* libcurl looks nothing up. The addresses of a name come with the exchange and
 * go into libcurl's cache (RESOLVE) in the round in which it wants them; of
 * several it takes the first that answers, both families at once (RFC 8305).
 * Should it ever not find them there, it asks before it starts a look-up, and
 * is told no. Only what is an address already passes that question. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "transport/curl/internal.h"

struct str tulle__resolve_authority(struct str url)
{
    const char *start = memchr(url.data, ':', url.size);
    size_t from = (size_t)(start - url.data) + 3;

    return (struct str){ url.data + from, strcspn(url.data + from, "/?#") };
}

struct place tulle__resolve_place(struct str text)
{
    size_t at = text.size;

    while (at > 0 && text.data[at - 1] != ':' && text.data[at - 1] != ']') {
        at--;
    }
    if (at == 0 || text.data[at - 1] == ']') {
        return (struct place){ text, STR("") };
    }
    return (struct place){ { text.data, at - 1 }, { text.data + at, text.size - at } };
}

static bool is_address(struct str host)
{
    char copy[INET_ADDRSTRLEN];
    struct in_addr address;

    if (host.size > 0 && host.data[0] == '[') {
        return true;
    }
    if (host.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, host.data, host.size);
    copy[host.size] = '\0';
    return inet_pton(AF_INET, copy, &address) == 1;
}

bool tulle__resolve_is_address(struct str place)
{
    return is_address(tulle__resolve_place(place).host);
}

static bool goes_to_address(const struct pool *pool, const struct exchange *exchange)
{
    return pool->connect_to ? pool->is_address
                            : tulle__resolve_is_address(tulle__resolve_authority(exchange->url));
}

static bool resolve_nothing(struct transfer *transfer)
{
    if (transfer->resolves && curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, NULL) != CURLE_OK) {
        return false;
    }
    transfer->resolves = false;
    return true;
}

/* "+": it may be forgotten after DNS_CACHE_TIMEOUT. */
bool tulle__resolve_set(struct transfer *transfer, const struct pool *pool,
                        const struct exchange *exchange)
{
    struct buf *text = &transfer->resolve;
    struct place place;
    struct str port;

    transfer->goes_to_address = exchange->addresses.size == 0 && goes_to_address(pool, exchange);
    if (exchange->addresses.size == 0) {
        return resolve_nothing(transfer);
    }
    place = tulle__resolve_place(pool->connect_to ? str_of(pool->connect_to->data + 2)
                                                  : tulle__resolve_authority(exchange->url));
    port = place.port;
    if (port.size == 0) {
        port = tulle__str_starts(exchange->url, STR("https:")) ? STR("443") : STR("80");
    }
    tulle__buf_clear(text);
    tulle__buf_addf(text, "+%.*s:%.*s:%.*s", STR_ARG(place.host), STR_ARG(port),
                    STR_ARG(exchange->addresses));
    if (!tulle__buf_ok(text)) {
        return false;
    }
    transfer->resolve_line.data = text->data;
    transfer->resolves = true;
    return curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, &transfer->resolve_line) == CURLE_OK;
}

/* A second try of a request that was sent is refused here as it is in OPENSOCKET. */
int tulle__resolve_start(void *state, void *reserved, void *user)
{
    struct transfer *transfer = user;

    (void)state;
    (void)reserved;
    if (transfer->goes_to_address) {
        return 0;
    }
    if (transfer->sent) {
        transfer->again = true;
        transfer->silent = transfer->text[0] == '\0';
    }
    return 1;
}
