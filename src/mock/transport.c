/* SPDX-License-Identifier: Apache-2.0 */

#include "mock/transport.h"

#include <stdio.h>

#include "base/alloc.h"
#include "mock/internal.h"

enum { AUTHORITY_SIZE = 64 };

static char failed; /* exchange.private of those for which there was no memory */

static struct script_transport *transport_of(struct transport *transport)
{
    return (struct script_transport *)(void *)transport;
}

void tulle__script_settle_soon(struct script_transport *transport)
{
    tulle__loop_post(transport->loop, &transport->task);
}

/* --- who waits, and what for --- */

/* The connection that became idle last; of HTTP/2 any with a free stream. */
static struct connection *kept_connection(const struct flight *flight)
{
    struct list *node = flight->pool->connections.prev;
    struct connection *best = NULL;

    for (; node != &flight->pool->connections; node = node->prev) {
        struct connection *each = CONTAINER_OF(node, struct connection, in_pool);
        unsigned streams = flight->pool->is_http2 ? STREAMS_MAX : 1;
        if (each->stands && !each->closing && each->streams < streams &&
            each->endpoint == flight->endpoint) {
            best = best && best->idle_since >= each->idle_since ? best : each;
        }
    }
    return best;
}

static bool is_connecting_http2(const struct flight *flight)
{
    struct list *node = flight->pool->connections.next;

    for (; flight->pool->is_http2 && node != &flight->pool->connections; node = node->next) {
        if (!CONTAINER_OF(node, struct connection, in_pool)->stands) {
            return true;
        }
    }
    return false;
}

static bool shed_one(struct script_transport *transport, const struct connection_limit *limit)
{
    struct list *node;

    for (node = transport->idle.next; node != &transport->idle; node = node->next) {
        struct connection *each = CONTAINER_OF(node, struct connection, in_idle);
        if (each->limit == limit) {
            tulle__script_connection_free(each);
            return true;
        }
    }
    return false;
}

static bool has_room(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;
    struct connection_limit *limit = flight->exchange->connections;
    enum script_room room =
        limit ? tulle__script_room_take(flight->pool, flight->exchange) : SCRIPT_ROOM;

    if (room == SCRIPT_NO_ROOM && shed_one(transport, limit)) {
        room = tulle__script_room_take(flight->pool, flight->exchange);
    }
    if (room == SCRIPT_ROOM) {
        return true;
    }
    if (room == SCRIPT_NO_ROOM && !flight->wants_room) {
        flight->wants_room = true;
        atomic_fetch_add(&limit->waiting, 1);
        limit->wanted(limit, transport->loop); /* once; it is told when there may be some */
    }
    return false;
}

static void flight_take_off(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;

    script_count(&transport->base.waiting, -1);
    if (flight->wants_room) {
        flight->wants_room = false;
        atomic_fetch_sub(&flight->exchange->connections->waiting, 1);
    }
    list_remove(&flight->node);
    list_add_last(&transport->flying, &flight->node);
    flight->stage = STAGE_CONNECTING;
    flight->line = tulle__script_next(transport->script, flight->endpoint, flight->exchange);
    if (flight->line.unexpected) {
        (void)tulle__script_note_request(
            transport->script, flight->endpoint, flight->exchange,
            &(struct script_request){ .at = transport->loop->now, .unexpected = true });
    }
}

static bool line_needs_connecting(enum script_kind kind)
{
    return kind == SCRIPT_REFUSE || kind == SCRIPT_CONNECT_HANG;
}

static struct script_line flight_peek(const struct flight *flight)
{
    return tulle__script_peek(flight->pool->transport->script, flight->endpoint, flight->exchange);
}

static bool flight_reuse(struct flight *flight)
{
    struct connection *kept = kept_connection(flight);

    while (kept && kept->streams == 0 && line_needs_connecting(flight_peek(flight).kind)) {
        tulle__script_connection_free(kept);
        kept = kept_connection(flight);
    }
    if (!kept) {
        return false;
    }
    flight_take_off(flight);
    tulle__script_connection_use(kept, flight);
    atomic_fetch_add(&flight->pool->transport->base.reused, 1);
    flight->reused = true;
    tulle__script_flight_send(flight);
    return true;
}

static void flight_connect(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;
    struct connection *connection = tulle__script_connection_new(flight);
    int64_t delay;

    flight_take_off(flight);
    if (!connection) {
        if (flight->exchange->connections) {
            tulle__script_room_give(flight->pool, flight->exchange->connections);
        }
        tulle__script_flight_fail(flight, TULLE_E_NOMEM, TULLE_NOTHING_SENT, "out of memory");
        return;
    }
    tulle__script_connection_use(connection, flight);
    delay = flight->line.kind == SCRIPT_CONNECT_HANG ? flight->exchange->connect_timeout_ns
                                                     : flight->line.connect_ns;
    tulle__timer_arm(transport->loop, &flight->timer, time_add(transport->loop->now, delay));
}

static void flight_try(struct flight *flight)
{
    if (flight_reuse(flight) || is_connecting_http2(flight) || !has_room(flight)) {
        return;
    }
    flight_connect(flight);
}

/* --- what was noted, in the loop's next pass --- */

static void settle_failed(struct script_transport *transport)
{
    const struct exchange_end end = { .error = TULLE_E_NOMEM, .text = "out of memory" };
    struct list *node;

    while ((node = list_first(&transport->failed))) {
        struct exchange *exchange = CONTAINER_OF(node, struct exchange, node);
        list_remove(node);
        exchange->private = NULL;
        exchange->events->end(exchange, &end);
    }
}

/* What starts or is cancelled meanwhile changes the list under us. */
static void settle_waiting(struct script_transport *transport)
{
    struct list looking, kept;
    struct list *node;

    list_init(&looking);
    list_init(&kept);
    list_move_all(&looking, &transport->waiting);
    while ((node = list_first(&looking))) {
        list_remove(node);
        list_add_last(&kept, node);
        flight_try(CONTAINER_OF(node, struct flight, node));
    }
    list_move_all(&kept, &transport->waiting);
    list_move_all(&transport->waiting, &kept);
}

/* Who still waits for room waits on another loop. */
static void settle_idle(struct script_transport *transport)
{
    struct list *node, *next;

    for (node = transport->idle.next; node != &transport->idle; node = next) {
        struct connection *each = CONTAINER_OF(node, struct connection, in_idle);
        next = node->next;
        if (each->limit && atomic_load(&each->limit->waiting) > 0) {
            tulle__script_connection_free(each);
        }
    }
}

static void settle_draining(struct script_transport *transport)
{
    struct list *node, *next;

    for (node = transport->pools.next; node != &transport->pools; node = next) {
        struct pool *pool = CONTAINER_OF(node, struct pool, node);
        next = node->next;
        if (pool->draining && pool->flights == 0 && list_is_empty(&pool->connections)) {
            list_remove(node);
            pool->drained(pool->user);
            tulle__free(pool);
        }
    }
}

static void settle(struct task *task)
{
    struct script_transport *transport = CONTAINER_OF(task, struct script_transport, task);

    settle_failed(transport);
    settle_waiting(transport);
    settle_idle(transport);
    settle_draining(transport);
}

/* --- the table of functions --- */

static struct transport *transport_open(const struct transport_options *options)
{
    struct script_transport *transport = ALLOC_ZERO(struct script_transport);

    if (!transport) {
        return NULL;
    }
    transport->base.type = options->type;
    transport->loop = options->loop;
    transport->script = CONTAINER_OF(options->type, struct script, type);
    transport->task.run = settle;
    list_init(&transport->pools);
    list_init(&transport->waiting);
    list_init(&transport->flying);
    list_init(&transport->idle);
    list_init(&transport->failed);
    list_init(&transport->connections);
    tulle__mutex_lock(&transport->script->lock);
    list_add_last(&transport->script->transports, &transport->in_script);
    tulle__mutex_unlock(&transport->script->lock);
    return &transport->base;
}

static void transport_close(struct transport *base)
{
    struct script_transport *transport = transport_of(base);
    struct list *node;

    while ((node = list_first(&transport->idle))) {
        tulle__script_connection_free(CONTAINER_OF(node, struct connection, in_idle));
    }
    while ((node = list_first(&transport->pools))) {
        list_remove(node);
        tulle__free(CONTAINER_OF(node, struct pool, node));
    }
    tulle__mutex_lock(&transport->script->lock);
    list_remove(&transport->in_script);
    tulle__mutex_unlock(&transport->script->lock);
    tulle__free(transport);
}

static struct pool *transport_open_pool(struct transport *base, const struct pool_spec *spec)
{
    struct script_transport *transport = transport_of(base);
    struct pool *pool = ALLOC_ZERO(struct pool);

    if (!pool) {
        return NULL;
    }
    pool->transport = transport;
    snprintf(pool->address, sizeof(pool->address), "%.*s", STR_ARG(spec->address));
    pool->is_http2 = spec->protocol == PROTOCOL_HTTP2;
    pool->endpoint_open = spec->open;
    pool->user = spec->user;
    pool->drained = spec->drained;
    list_init(&pool->connections);
    list_add_last(&transport->pools, &pool->node);
    return pool;
}

/* "http://reviews:9080/x" goes to "reviews:9080", without a port to 80 or 443.
 */
static void authority_of(const char *url, char out[AUTHORITY_SIZE])
{
    const char *host = strstr(url, "://");
    bool is_https = strncmp(url, "https:", 6) == 0;
    size_t size;

    host = host ? host + 3 : url;
    size = strcspn(host, "/?#");
    snprintf(out, AUTHORITY_SIZE, "%.*s%s", (int)size, host,
             memchr(host, ':', size) ? ""
             : is_https              ? ":443"
                                     : ":80");
}

/* The first address of a name, if somebody spoke of an endpoint there; else the
 * name. */
static struct script_endpoint *endpoint_of(const struct pool *pool, const struct exchange *exchange)
{
    struct script *script = pool->transport->script;
    char authority[AUTHORITY_SIZE], address[AUTHORITY_SIZE];
    struct str first = tulle__str_cut(exchange->addresses, ',', &(struct str){ 0 });

    authority_of(exchange->url.data, authority);
    if (pool->address[0]) {
        snprintf(authority, sizeof(authority), "%s", pool->address);
    }
    snprintf(address, sizeof(address), "%.*s%s", STR_ARG(first), strrchr(authority, ':'));
    return tulle__script_endpoint(
        script, first.size > 0 && tulle__script_knows(script, address) ? address : authority);
}

static struct flight *flight_new(struct pool *pool, struct exchange *exchange)
{
    struct script_transport *transport = pool->transport;
    struct script_endpoint *endpoint = endpoint_of(pool, exchange);
    struct flight *flight;

    if (!endpoint || !tulle__loop_reserve_timers(transport->loop, 1)) {
        return NULL;
    }
    flight = ALLOC_ZERO(struct flight);
    if (!flight) {
        tulle__loop_release_timers(transport->loop, 1);
        return NULL;
    }
    flight->exchange = exchange;
    flight->pool = pool;
    flight->timer.fire = tulle__script_flight_fire;
    flight->endpoint = endpoint;
    return flight;
}

static void transport_start(struct pool *pool, struct exchange *exchange)
{
    struct script_transport *transport = pool->transport;
    struct flight *flight = flight_new(pool, exchange);

    exchange->connected_at = 0;
    tulle__script_settle_soon(transport);
    if (!flight) {
        exchange->private = &failed;
        list_add_last(&transport->failed, &exchange->node);
        return;
    }
    exchange->private = flight;
    pool->flights++;
    script_count(&transport->base.waiting, 1);
    list_add_last(&transport->waiting, &flight->node);
}

static void transport_cancel(struct exchange *exchange)
{
    struct flight *flight = exchange->private;

    if (!flight) {
        return;
    }
    if (exchange->private == &failed) {
        list_remove(&exchange->node);
        exchange->private = NULL;
        return;
    }
    tulle__script_flight_detach(flight, false);
    if (flight->telling) {
        flight->cancelled = true;
        return;
    }
    tulle__script_flight_free(flight);
}

static void transport_drain(struct pool *pool)
{
    struct list *node, *next;

    pool->draining = true;
    for (node = pool->connections.next; node != &pool->connections; node = next) {
        struct connection *each = CONTAINER_OF(node, struct connection, in_pool);
        next = node->next;
        if (each->streams == 0) {
            tulle__script_connection_free(each);
        }
    }
    tulle__script_settle_soon(pool->transport);
}

static bool transport_shed(struct transport *transport, struct connection_limit *limit)
{
    return shed_one(transport_of(transport), limit);
}

static void transport_retry(struct transport *transport, struct connection_limit *limit)
{
    (void)limit;
    tulle__script_settle_soon(transport_of(transport));
}

const struct transport_type tulle__script_transport = {
    .name = "script",
    .open_transport = transport_open,
    .close_transport = transport_close,
    .open = transport_open_pool,
    .start = transport_start,
    .cancel = transport_cancel,
    .resume_send = tulle__script_body_resume_send,
    .resume_receive = tulle__script_body_resume_receive,
    .drain = transport_drain,
    .shed = transport_shed,
    .retry = transport_retry,
};
