/* SPDX-License-Identifier: Apache-2.0 */

/* Connections that stand before anybody needs them: so many of a pool are always
 * open (warm), or so many more than are in use (preconnect).
 *
 * libcurl connects only for a request, so the sockets are connected here, and
 * lie with the idle ones: they end with their time, go when others want their
 * room, and are claimed like a kept connection. libcurl finds none that it has
 * kept, asks for a socket, and is given one that stands. What is spoken on it
 * (TLS, HTTP/2) begins then. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fork.h"
#include "base/socket.h"
#include "transport/curl/internal.h"

enum { LOOK_MS = 250, AT_ONCE = 32, PERMILLE = 1000, DOUBLINGS_MAX = 6 };

#define BACKOFF_NS NS_PER_S /* after the first failure; doubled up to 64 s */

/* --- who is to be looked at --- */

static bool pool_is_warm(const struct pool *pool)
{
    return pool->warm.count > 0 || pool->warm.per_endpoint > PERMILLE;
}

void tulle__ahead_look(struct pool *pool)
{
    struct curl_transport *transport = pool->transport;

    if (!pool_is_warm(pool) || pool->draining || transport->closing) {
        return;
    }
    list_remove(&pool->ahead_node);
    list_add_last(&transport->ahead_now, &pool->ahead_node);
    tulle__flow_later(transport);
}

static void look_later(struct pool *pool)
{
    struct curl_transport *transport = pool->transport;

    list_add_last(&transport->ahead_later, &pool->ahead_node);
    if (transport->ahead_timer.node.index == 0) {
        tulle__timer_arm(transport->loop, &transport->ahead_timer,
                         time_add(transport->loop->now, LOOK_MS * NS_PER_MS));
    }
}

void tulle__ahead_fire(struct timer *timer, int64_t now)
{
    struct curl_transport *transport = CONTAINER_OF(timer, struct curl_transport, ahead_timer);

    (void)now;
    list_move_all(&transport->ahead_now, &transport->ahead_later);
    tulle__flow_settle(transport);
}

/* --- one connection --- */

static bool address_parse(const struct pool *pool, struct socket_address *out)
{
    struct place place = tulle__resolve_place(str_of(pool->connect_to->data + 2));

    return tulle__socket_address_read(place.host, place.port, out);
}

/* The other half of the descriptors is for calls. */
static bool is_affordable(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd < limit.rlim_cur / 2;
}

static int socket_connect(const struct pool *pool)
{
    struct socket_address address;
    int fd, on = 1;

    if (!address_parse(pool, &address)) {
        return -1;
    }
    fd = tulle__fork_own(
        socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (is_affordable(fd) && (connect(fd, (struct sockaddr *)&address.storage, address.size) == 0 ||
                              errno == EINPROGRESS)) {
        return fd;
    }
    tulle__fork_close(fd);
    return -1;
}

static void note_failure(struct pool *pool)
{
    unsigned doublings =
        pool->ahead_failures < DOUBLINGS_MAX ? pool->ahead_failures : DOUBLINGS_MAX;

    pool->ahead_failures++;
    pool->ahead_due = time_add(pool->transport->loop->now, BACKOFF_NS << doublings);
}

static bool ahead_open(struct pool *pool)
{
    struct curl_transport *transport = pool->transport;
    struct connection_limit *limit = pool->warm.connections;
    const struct room room = { limit, pool->warm.connections_max,
                               pool->warm.endpoint_connections_max };
    struct connection *connection;
    int fd;

    if (limit &&
        (atomic_load(&limit->waiting) > 0 || tulle__room_take(pool, &room) != ROOM_TAKEN)) {
        return false;
    }
    fd = socket_connect(pool);
    connection = fd >= 0 ? tulle__connection_new(transport, fd) : NULL;
    if (!connection) {
        if (fd >= 0) {
            tulle__fork_close(fd);
        }
        if (limit) {
            tulle__room_give(pool, limit);
        }
        note_failure(pool);
        return false;
    }
    connection->ahead = AHEAD_CONNECTING;
    connection->idle_since = transport->loop->now;
    connection->idle_timeout_ns = pool->warm.idle_timeout_ns;
    connection->keepalive = pool->warm.keepalive;
    tulle__connection_keep_alive(connection);
    tulle__connection_count(connection, pool, limit);
    list_add_last(&pool->ahead, &connection->in_opened);
    pool->ahead_connecting++;
    atomic_fetch_add_explicit(&transport->base.warmed, 1, memory_order_relaxed);
    return true;
}

/* It leaves those that are ahead: for a request, or for good. */
void tulle__ahead_leave(struct connection *connection)
{
    struct pool *pool = connection->pool;

    list_remove(&connection->in_opened);
    if (connection->ahead == AHEAD_CONNECTING) {
        pool->ahead_connecting--;
    } else {
        pool->ahead_standing--;
        atomic_fetch_sub_explicit(&pool->transport->base.warm, 1, memory_order_relaxed);
    }
    connection->ahead = AHEAD_NOT;
}

static void ahead_close(struct connection *connection)
{
    struct pool *pool = connection->pool;
    int64_t lived = pool->transport->loop->now - connection->idle_since;

    if (connection->ahead == AHEAD_CONNECTING || lived < BACKOFF_NS) {
        note_failure(pool);
    }
    (void)tulle__connection_close(pool->transport, connection->watch.fd);
}

void tulle__ahead_ready(struct connection *connection)
{
    struct pool *pool = connection->pool;

    bool stands = tulle__connection_bearing(connection) == BEARING_STANDS;

    if (connection->ahead == AHEAD_STANDING && stands && pool->spoken == POOL_HTTP2) {
        tulle__idle_ready(connection); /* its SETTINGS */
        return;
    }
    if (connection->ahead == AHEAD_STANDING || !stands) {
        ahead_close(connection);
        return;
    }
    connection->ahead = AHEAD_STANDING;
    pool->ahead_connecting--;
    pool->ahead_standing++;
    atomic_fetch_add_explicit(&pool->transport->base.warm, 1, memory_order_relaxed);
    tulle__watch_change(pool->transport->loop, &connection->watch, LOOP_READ);
    if (!list_is_empty(&pool->waiting)) {
        pool->full = false;
        tulle__flow_later(pool->transport);
    }
    tulle__idle_add(connection);
}

struct connection *tulle__ahead_take(struct pool *pool)
{
    while (pool->ahead_standing > 0) {
        struct connection *connection = NULL;

        for (struct list *node = pool->ahead.next; node != &pool->ahead; node = node->next) {
            struct connection *each = CONTAINER_OF(node, struct connection, in_opened);

            connection = each->ahead == AHEAD_STANDING ? each : connection;
        }
        if (tulle__connection_bearing(connection) == BEARING_STANDS) {
            tulle__idle_remove(connection);
            tulle__ahead_leave(connection);
            pool->ahead_failures = 0;
            atomic_fetch_add_explicit(&pool->transport->base.warm_used, 1, memory_order_relaxed);
            return connection;
        }
        ahead_close(connection);
    }
    return NULL;
}

/* --- a pool --- */

static unsigned ceil_permille(uint64_t count, uint32_t permille)
{
    return (unsigned)((count * permille + PERMILLE - 1) / PERMILLE);
}

/* What there is to be in all. Of HTTP/2 nobody knows how many connections its
 * streams will need until a server has said no. */
static unsigned wanted_connections(const struct pool *pool)
{
    unsigned most = pool->warm.count, needed = 0;

    if (pool->warm.per_endpoint > PERMILLE) {
        needed = ceil_permille(pool->transfers + pool->waiting_count, pool->warm.per_endpoint);
        if (pool->spoken != POOL_HTTP1) {
            needed =
                pool->stream_limit ? (needed + pool->stream_limit - 1) / pool->stream_limit : 0;
        }
    }
    return needed > most ? needed : most;
}

static void connects_expire(struct pool *pool)
{
    int64_t now = pool->transport->loop->now;
    struct list *node = pool->ahead.next;

    while (node != &pool->ahead) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_opened);

        node = node->next;
        if (connection->ahead == AHEAD_CONNECTING &&
            time_add(connection->idle_since, pool->warm.connect_timeout_ns) <= now) {
            ahead_close(connection);
        }
    }
}

static void pool_fill(struct pool *pool)
{
    struct curl_transport *transport = pool->transport;
    unsigned wanted = wanted_connections(pool);

    connects_expire(pool);
    while (pool->open < wanted && pool->ahead_connecting < AT_ONCE &&
           pool->ahead_due <= transport->loop->now) {
        if (!ahead_open(pool)) {
            break;
        }
    }
    list_remove(&pool->ahead_node);
    if (pool->open < wanted || pool->ahead_connecting > 0) {
        look_later(pool);
    }
}

void tulle__ahead_settle(struct curl_transport *transport)
{
    struct list now;
    struct list *node;

    list_init(&now);
    list_move_all(&now, &transport->ahead_now);
    while ((node = list_first(&now))) {
        pool_fill(CONTAINER_OF(node, struct pool, ahead_node));
    }
}

/* Those that nobody has used go. */
static void pool_cool(struct pool *pool)
{
    struct list *node;

    while ((node = list_first(&pool->ahead))) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_opened);

        (void)tulle__connection_close(pool->transport, connection->watch.fd);
    }
}

void tulle__ahead_stop(struct pool *pool)
{
    struct connection_limit *limit = pool->warm.connections;

    pool->warm = (struct warm_spec){ 0 };
    list_remove(&pool->ahead_node);
    pool_cool(pool);
    if (limit) {
        limit->unref(limit);
    }
}

void tulle__ahead_warm(struct pool *pool, const struct warm_spec *spec)
{
    struct connection_limit *before = pool->warm.connections;

    if (pool->draining || !pool->connect_to || !pool->is_address) {
        return;
    }
    if (spec->count == 0 && spec->per_endpoint <= PERMILLE) {
        tulle__ahead_stop(pool);
        return;
    }
    if (spec->connections) {
        spec->connections->ref(spec->connections);
    }
    pool->warm = *spec;
    if (before) {
        before->unref(before);
    }
    tulle__ahead_look(pool);
}
