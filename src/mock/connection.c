/* SPDX-License-Identifier: Apache-2.0 */

#include "base/alloc.h"
#include "mock/internal.h"

static bool count_below(atomic_uint *count, unsigned max)
{
    unsigned taken = atomic_load(count);

    do {
        if (taken >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(count, &taken, taken + 1));
    return true;
}

/* As the real one (transport/curl/room.c): a pool may always have its first. */
enum script_room tulle__script_room_take(struct pool *pool, const struct exchange *exchange)
{
    struct connection_limit *limit = exchange->connections;
    uint32_t endpoint_max = exchange->endpoint_connections_max;
    bool bounded = endpoint_max > 0 && pool->counted > 0;

    if (pool->endpoint_open &&
        !count_below(pool->endpoint_open, bounded ? endpoint_max : UINT32_MAX)) {
        return SCRIPT_NO_ROOM_AT_ENDPOINT;
    }
    if (!count_below(&limit->open, exchange->connections_max)) {
        if (pool->endpoint_open) {
            atomic_fetch_sub(pool->endpoint_open, 1);
        }
        return SCRIPT_NO_ROOM;
    }
    pool->counted++;
    atomic_fetch_add(&limit->opened, 1);
    limit->ref(limit);
    return SCRIPT_ROOM;
}

void tulle__script_room_give(struct pool *pool, struct connection_limit *limit)
{
    pool->counted--;
    if (pool->endpoint_open) {
        atomic_fetch_sub(pool->endpoint_open, 1);
    }
    atomic_fetch_sub(&limit->open, 1);
    limit->freed(limit, pool->transport->loop);
    limit->unref(limit);
}

static void connection_leave_idle(struct connection *connection)
{
    struct script_transport *transport = connection->pool->transport;

    if (!list_is_empty(&connection->in_idle)) {
        list_remove(&connection->in_idle);
        script_count(&transport->base.idle, -1);
        tulle__timer_disarm(transport->loop, &connection->idle_timer);
    }
}

void tulle__script_connection_free(struct connection *connection)
{
    struct script_transport *transport = connection->pool->transport;

    connection_leave_idle(connection);
    list_remove(&connection->in_pool);
    list_remove(&connection->in_transport);
    tulle__script_note_closed(transport->script, connection->endpoint);
    script_count(&transport->base.open, -1);
    if (connection->limit) {
        tulle__script_room_give(connection->pool, connection->limit);
    }
    tulle__loop_release_timers(transport->loop, 1);
    tulle__free(connection);
    tulle__script_settle_soon(transport);
}

static void connection_idle_too_long(struct timer *timer, int64_t now)
{
    (void)now;
    tulle__script_connection_free(CONTAINER_OF(timer, struct connection, idle_timer));
}

static struct connection *connection_alloc(struct script_transport *transport)
{
    struct connection *connection;

    if (!tulle__loop_reserve_timers(transport->loop, 1)) {
        return NULL;
    }
    connection = ALLOC_ZERO(struct connection);
    if (!connection) {
        tulle__loop_release_timers(transport->loop, 1);
    }
    return connection;
}

struct connection *tulle__script_connection_new(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;
    struct connection *connection = connection_alloc(transport);

    if (!connection) {
        return NULL;
    }
    connection->pool = flight->pool;
    connection->endpoint = flight->endpoint;
    connection->opened_at = transport->loop->now;
    connection->limit = flight->exchange->connections;
    connection->idle_timer.fire = connection_idle_too_long;
    list_init(&connection->in_idle);
    list_add_last(&flight->pool->connections, &connection->in_pool);
    list_add_last(&transport->connections, &connection->in_transport);
    tulle__script_note_open(transport->script, connection->endpoint);
    script_count(&transport->base.open, 1);
    atomic_fetch_add(&transport->base.opened, 1);
    return connection;
}

void tulle__script_connection_use(struct connection *connection, struct flight *flight)
{
    connection_leave_idle(connection);
    connection->streams++;
    connection->requests++;
    if (flight->exchange->connection) {
        connection->lifetime = flight->exchange->connection->lifetime;
    }
    flight->connection = connection;
}

static bool connection_is_spent(const struct connection *connection)
{
    uint32_t most = connection->lifetime.requests;

    return connection->closing || (most > 0 && connection->requests >= most);
}

/* NEVER: it has no end. */
static int64_t connection_end(const struct connection *connection)
{
    int64_t life = connection->lifetime.ns;

    return life > 0 ? time_add(connection->opened_at, life) : NEVER;
}

void tulle__script_connection_release(struct connection *connection)
{
    struct script_transport *transport = connection->pool->transport;
    int64_t now = transport->loop->now, end = connection_end(connection);
    int64_t due = time_add(now, connection->idle_timeout_ns);

    if (--connection->streams > 0) {
        return;
    }
    if (connection_is_spent(connection) || end <= now || connection->pool->draining ||
        !connection->stands) {
        tulle__script_connection_free(connection);
        return;
    }
    connection->idle_since = now;
    list_add_last(&transport->idle, &connection->in_idle);
    script_count(&transport->base.idle, 1);
    tulle__timer_arm(transport->loop, &connection->idle_timer, end < due ? end : due);
    tulle__script_settle_soon(transport);
}

static void kill_flights(const struct connection *connection)
{
    struct script_transport *transport = connection->pool->transport;
    struct list *node;

    for (node = transport->flying.next; node != &transport->flying; node = node->next) {
        struct flight *flight = CONTAINER_OF(node, struct flight, node);
        if (flight->connection == connection) {
            flight->killed = true;
            tulle__timer_arm(transport->loop, &flight->timer, transport->loop->now);
        }
    }
}

static void transport_kill(struct script_transport *transport,
                           const struct script_endpoint *endpoint)
{
    struct list *node, *next;

    for (node = transport->connections.next; node != &transport->connections; node = next) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_transport);
        next = node->next;
        if (connection->endpoint == endpoint && connection->streams == 0) {
            tulle__script_connection_free(connection);
        } else if (connection->endpoint == endpoint) {
            connection->closing = true;
            kill_flights(connection);
        }
    }
}

void tulle__script_kill_connections(struct script *script, const struct script_endpoint *endpoint)
{
    struct list *node;

    for (node = script->transports.next; node != &script->transports; node = node->next) {
        transport_kill(CONTAINER_OF(node, struct script_transport, in_script), endpoint);
    }
}
