/* SPDX-License-Identifier: Apache-2.0 */

/* One peer: where its connections go, and which exchanges wait for one.
 *
 * An exchange starts when libcurl will find a kept connection for it, or when
 * there is room for a new one. That is a forecast: libcurl has its own mind
 * (a kept connection may be dead, or of another host of the same address), so
 * OPENSOCKET asks for room again, and an exchange that it refuses comes back
 * to its old place here.
 *
 * Where connections are shared (HTTP/2, or https before ALPN has spoken) one
 * exchange connects and the others wait for it, in our list and not in
 * libcurl's, where nobody sees them. */

#include "base/alloc.h"
#include "transport/curl/internal.h"

/* HTTP/2 in the clear is joined by libcurl only after its first reply. */
enum { PATIENCE_MS = 50 };

bool tulle__pool_shares(const struct pool *pool)
{
    return pool->spoken != POOL_HTTP1;
}

static struct curl_slist *connect_to_new(struct str address)
{
    struct curl_slist *list;
    struct buf text = { 0 };

    tulle__buf_add_str(&text, STR("::"));
    tulle__buf_add_str(&text, address);
    list = tulle__buf_ok(&text) ? curl_slist_append(NULL, text.data) : NULL;
    tulle__buf_fini(&text);
    return list;
}

static enum pool_protocol spoken_by(enum protocol protocol)
{
    switch (protocol) {
    case PROTOCOL_HTTP1: return POOL_HTTP1;
    case PROTOCOL_HTTP2: return POOL_HTTP2;
    case PROTOCOL_HTTPS: break;
    }
    return POOL_UNKNOWN;
}

struct pool *tulle__pool_open(struct transport *base, const struct pool_spec *spec)
{
    struct curl_transport *transport = CONTAINER_OF(base, struct curl_transport, base);
    struct pool *pool = ALLOC_ZERO(struct pool);

    if (!pool) {
        return NULL;
    }
    if (spec->address.size > 0) {
        pool->connect_to = connect_to_new(spec->address);
        if (!pool->connect_to) {
            tulle__free(pool);
            return NULL;
        }
        pool->is_address = tulle__resolve_is_address(spec->address);
    }
    pool->transport = transport;
    pool->protocol = spec->protocol;
    pool->spoken = spoken_by(spec->protocol);
    pool->user = spec->user;
    pool->drained = spec->drained;
    pool->endpoint_open = spec->open;
    list_init(&pool->waiting);
    list_init(&pool->waiting_node);
    list_init(&pool->connections);
    list_init(&pool->ahead);
    list_init(&pool->ahead_node);
    list_add_last(&transport->pools, &pool->node);
    return pool;
}

void tulle__pool_free(struct pool *pool)
{
    list_remove(&pool->node);
    curl_slist_free_all(pool->connect_to);
    tulle__free(pool);
}

void tulle__pool_drain(struct pool *pool)
{
    struct list *node;

    tulle__ahead_stop(pool);
    node = pool->connections.next;
    pool->draining = true;
    list_remove(&pool->node);
    list_add_last(&pool->transport->draining, &pool->node);
    while (node != &pool->connections) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_pool);

        node = node->next;
        if (!list_is_empty(&connection->in_idle)) {
            tulle__connection_shut(connection);
        }
    }
    tulle__flow_later(pool->transport);
}

void tulle__pool_settle(struct curl_transport *transport)
{
    struct list *node = transport->draining.next;

    while (node != &transport->draining) {
        struct pool *pool = CONTAINER_OF(node, struct pool, node);

        node = node->next;
        if (pool->transfers == 0 && list_is_empty(&pool->waiting) &&
            list_is_empty(&pool->connections)) {
            void (*drained)(void *user) = pool->drained;
            void *user = pool->user;

            tulle__pool_free(pool);
            if (drained) {
                drained(user);
            }
        }
    }
}

static struct exchange *pool_first(const struct pool *pool)
{
    struct list *node = list_first(&pool->waiting);

    return node ? CONTAINER_OF(node, struct exchange, node) : NULL;
}

/* Behind all that came before it; who starts now goes last at once. */
static void waiting_insert(struct list *list, struct exchange *exchange)
{
    struct list *after = list->prev;

    while (after != list && CONTAINER_OF(after, struct exchange, node)->order > exchange->order) {
        after = after->prev;
    }
    list_add_first(after, &exchange->node);
}

static void waiting_pools_insert(struct list *list, struct pool *pool)
{
    uint64_t order = pool_first(pool)->order;
    struct list *after = list->prev;

    while (after != list &&
           pool_first(CONTAINER_OF(after, struct pool, waiting_node))->order > order) {
        after = after->prev;
    }
    list_add_first(after, &pool->waiting_node);
}

static void pool_want_no_more(struct pool *pool)
{
    if (pool->wanted) {
        atomic_fetch_sub(&pool->wanted->waiting, 1);
        pool->wanted = NULL;
    }
}

/* The first one waits for room: idle connections elsewhere are asked to go. */
void tulle__pool_want(struct pool *pool, struct connection_limit *limit)
{
    if (pool->wanted == limit) {
        return;
    }
    pool_want_no_more(pool);
    pool->wanted = limit;
    atomic_fetch_add(&limit->waiting, 1);
    limit->wanted(limit, pool->transport->loop);
}

void tulle__pool_wait(struct pool *pool, struct exchange *exchange)
{
    struct curl_transport *transport = pool->transport;

    exchange->private = pool;
    pool->waiting_count++;
    waiting_insert(&pool->waiting, exchange);
    list_remove(&pool->waiting_node);
    waiting_pools_insert(&transport->waiting_pools, pool);
    atomic_fetch_add_explicit(&transport->base.waiting, 1, memory_order_relaxed);
}

void tulle__pool_leave(struct pool *pool, struct exchange *exchange)
{
    struct curl_transport *transport = pool->transport;
    bool was_first = pool_first(pool) == exchange;

    list_remove(&exchange->node);
    pool->waiting_count--;
    atomic_fetch_sub_explicit(&transport->base.waiting, 1, memory_order_relaxed);
    if (!was_first) {
        return;
    }
    pool_want_no_more(pool);
    list_remove(&pool->waiting_node);
    if (!list_is_empty(&pool->waiting)) {
        waiting_pools_insert(&transport->waiting_pools, pool);
        tulle__flow_later(transport);
    }
}

static bool pool_take_room(struct pool *pool, struct exchange *exchange, struct transfer *transfer)
{
    const struct room room = room_of(exchange);
    enum room_taken taken = room.limit ? tulle__room_take(pool, &room) : ROOM_TAKEN;

    if (taken == ROOM_NONE && tulle__idle_shed(pool->transport, room.limit)) {
        taken = tulle__room_take(pool, &room);
    }
    if (taken != ROOM_TAKEN) {
        if (taken == ROOM_NONE) {
            tulle__pool_want(pool, room.limit);
        }
        return false;
    }
    transfer->room = room.limit;
    transfer->connecting = true;
    pool->connecting++;
    return true;
}

static void patience_begin(struct curl_transport *transport)
{
    if (transport->patience_timer.node.index == 0) {
        tulle__timer_arm(transport->loop, &transport->patience_timer,
                         time_add(transport->loop->now, PATIENCE_MS * NS_PER_MS));
    }
}

/* Others wait for the connection of the first; if it takes long to become
 * joinable, ever more may open their own. */
static bool pool_is_patient(struct pool *pool)
{
    if (pool->connecting <= pool->patience ||
        pool->connecting < tulle__capacity_connections(pool)) {
        return false;
    }
    patience_begin(pool->transport);
    return true;
}

void tulle__pool_try_again(struct curl_transport *transport)
{
    struct list *node;

    for (node = transport->waiting_pools.next; node != &transport->waiting_pools;
         node = node->next) {
        CONTAINER_OF(node, struct pool, waiting_node)->full = false;
    }
    tulle__flow_later(transport);
}

/* Where it is known how many connections are needed, as many again are enough. */
static unsigned pool_patience(const struct pool *pool)
{
    return pool->stream_limit > 0 ? pool->connecting + pool->waiting_count / pool->stream_limit
                                  : pool->connecting * 2 - 1;
}

/* A connection with TLS whose first reply is late: what its server takes came long
 * before, so it may be shared. Not so in the clear: there libcurl waits on. */
static void late_replies_pass(struct curl_transport *transport, int64_t now)
{
    for (struct list *node = transport->transfers.next; node != &transport->transfers;
         node = node->next) {
        struct transfer *transfer = CONTAINER_OF(node, struct transfer, node);
        const struct connection *connection = transfer->connection;

        if (transfer->connecting && connection && transfer->pool->protocol == PROTOCOL_HTTPS &&
            now - connection->idle_since >= PATIENCE_MS * NS_PER_MS) {
            tulle__pool_join(transfer);
        }
    }
}

void tulle__pool_lose_patience(struct timer *timer, int64_t now)
{
    struct curl_transport *transport = CONTAINER_OF(timer, struct curl_transport, patience_timer);
    struct list *node;

    late_replies_pass(transport, now);
    for (node = transport->waiting_pools.next; node != &transport->waiting_pools;
         node = node->next) {
        struct pool *pool = CONTAINER_OF(node, struct pool, waiting_node);

        if (tulle__pool_shares(pool) && pool->connecting > 0) {
            pool->patience = pool_patience(pool);
            pool->full = false;
        }
    }
    tulle__flow_settle(transport);
}

static bool pool_joins(struct pool *pool, const struct exchange *exchange,
                       struct transfer *transfer)
{
    struct str authority = tulle__resolve_authority(exchange->url);

    transfer->host = tulle__str_hash(authority, 0);
    if (!tulle__capacity_has(pool, transfer->host)) {
        return false;
    }
    transfer->joining = true;
    pool->joining++;
    return true;
}

/* By one that stands ahead, or a new one. */
static bool pool_connects(struct pool *pool, struct exchange *exchange, struct transfer *transfer)
{
    if (pool->ahead_standing <= pool->claimed) {
        return pool_take_room(pool, exchange, transfer);
    }
    transfer->claimed = transfer->connecting = true;
    pool->claimed++;
    pool->connecting++;
    return true;
}

static bool pool_has_way(struct pool *pool, struct exchange *exchange, struct transfer *transfer)
{
    if (tulle__pool_shares(pool)) {
        return pool_joins(pool, exchange, transfer) ||
               (!pool_is_patient(pool) && pool_connects(pool, exchange, transfer));
    }
    if (pool->idle > pool->claimed) {
        transfer->claimed = true;
        pool->claimed++;
        return true;
    }
    return pool_take_room(pool, exchange, transfer);
}

bool tulle__pool_may_start(struct pool *pool, struct exchange *exchange, struct transfer *transfer)
{
    if (pool->full && pool->credit == 0) {
        if (tulle__pool_shares(pool) && pool->connecting > 0) {
            patience_begin(pool->transport);
        }
        return false;
    }
    if (!pool_has_way(pool, exchange, transfer)) {
        return false;
    }
    pool->credit -= pool->full;
    return true;
}

/* libcurl wants a connection that was not foreseen: those that might be shared
 * are full. With one stream each they are no HTTP/2. */
bool tulle__pool_may_connect(struct transfer *transfer)
{
    struct pool *pool = transfer->pool;

    if (transfer->connecting || !tulle__pool_shares(pool)) {
        return true;
    }
    if (!tulle__capacity_learn(pool, transfer->host) && pool->spoken == POOL_UNKNOWN &&
        pool->joinable > 0) {
        pool->spoken = POOL_HTTP1;
        return true;
    }
    if (pool->connecting > 0 && pool->connecting >= tulle__capacity_connections(pool)) {
        return false;
    }
    tulle__pool_end_joining(transfer);
    transfer->connecting = true;
    pool->connecting++;
    return true;
}

void tulle__pool_end_joining(struct transfer *transfer)
{
    struct pool *pool = transfer->pool;

    if (transfer->joining && !list_is_empty(&pool->waiting)) {
        tulle__flow_later(transfer->transport);
    }
    pool->joining -= transfer->joining;
    transfer->joining = false;
}

/* libcurl joins HTTP/2 in the clear after its first reply only; with TLS at once,
 * but it does not know then how many requests the server takes. */
bool tulle__pool_joins_at_once(const struct pool *pool)
{
    return pool->spoken == POOL_HTTP1;
}

void tulle__pool_join(struct transfer *transfer)
{
    struct pool *pool = transfer->pool;
    struct connection *connection = transfer->connection;

    tulle__pool_give_up(transfer);
    if (connection->pool && !connection->joinable) {
        connection->joinable = true;
        connection->pool->joinable++;
        pool->full = false;
        pool->patience = 0;
    }
}

void tulle__pool_give_up(struct transfer *transfer)
{
    struct pool *pool = transfer->pool;

    tulle__pool_end_joining(transfer);
    pool->claimed -= transfer->claimed;
    pool->connecting -= transfer->connecting;
    if (transfer->connecting && tulle__pool_shares(pool)) {
        tulle__flow_later(transfer->transport); /* who waited for this connection */
    }
    transfer->claimed = transfer->connecting = false;
    if (transfer->room) {
        struct connection_limit *limit = transfer->room;

        transfer->room = NULL;
        tulle__room_give(pool, limit);
    }
}
