/* SPDX-License-Identifier: Apache-2.0 */

/* Every socket is ours: made in OPENSOCKET, where the limit has the last word,
 * and closed in CLOSESOCKET. Between them libcurl says what it waits for.
 *
 * A kept connection stays in epoll for reading while it is idle: that is how
 * its end is seen, and it saves two system calls a request. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fork.h"
#include "transport/curl/internal.h"

static void connection_ready(struct watch *watch, unsigned events)
{
    struct connection *connection = CONTAINER_OF(watch, struct connection, watch);
    struct curl_transport *transport = connection->transport;

    if (connection->ahead != AHEAD_NOT) {
        tulle__ahead_ready(connection);
        tulle__flow_settle(transport);
        return;
    }
    if (connection->wanted == 0) {
        tulle__idle_ready(connection);
        tulle__flow_settle(transport);
        return;
    }
    tulle__lane_action(&transport->lane, watch->fd, events);
    tulle__lane_collect(&transport->lane);
    tulle__flow_settle(transport);
}

static bool fds_reserve(struct curl_transport *transport, int fd)
{
    size_t count = transport->fds ? transport->fds : 64;
    struct connection **by_fd;

    if ((size_t)fd < transport->fds) {
        return true;
    }
    while (count <= (size_t)fd) {
        count *= 2;
    }
    by_fd = tulle__realloc(transport->by_fd, count * sizeof(struct connection *));
    if (!by_fd) {
        return false;
    }
    memset(by_fd + transport->fds, 0, (count - transport->fds) * sizeof(struct connection *));
    transport->by_fd = by_fd;
    transport->fds = count;
    return true;
}

static struct connection *connection_at(const struct curl_transport *transport, int fd)
{
    return fd >= 0 && (size_t)fd < transport->fds ? transport->by_fd[fd] : NULL;
}

struct connection *tulle__connection_new(struct curl_transport *transport, int fd)
{
    struct connection *connection;

    if (!fds_reserve(transport, fd)) {
        return NULL;
    }
    connection = ALLOC_ZERO(struct connection);
    if (!connection) {
        return NULL;
    }
    connection->watch = (struct watch){ .fd = fd, .events = LOOP_WRITE, .ready = connection_ready };
    connection->transport = transport;
    connection->key = -1;
    connection->capacity = UINT_MAX;
    list_init(&connection->in_pool);
    list_init(&connection->in_idle);
    list_init(&connection->in_opened);
    if (!tulle__watch_add(transport->loop, &connection->watch)) {
        tulle__free(connection);
        return NULL;
    }
    transport->by_fd[fd] = connection;
    return connection;
}

/* Takes the room that was kept for it, or asks anew: libcurl may open one where
 * a kept connection was expected. */
static bool connection_take_room(struct transfer *transfer)
{
    const struct room room = room_of(transfer->exchange);
    enum room_taken taken;

    if (!room.limit || transfer->room) {
        return true;
    }
    taken = tulle__room_take(transfer->pool, &room);
    if (taken == ROOM_NONE && tulle__idle_shed(transfer->transport, room.limit)) {
        taken = tulle__room_take(transfer->pool, &room);
    }
    if (taken == ROOM_TAKEN) {
        transfer->room = room.limit;
        return true;
    }
    transfer->no_room = true;
    return false;
}

static bool connection_is_welcome(struct transfer *transfer)
{
    if (transfer->sent) {
        transfer->again = true;
        transfer->silent = transfer->text[0] == '\0';
        return false;
    }
    if (!transfer->exchange) {
        return false;
    }
    if (!tulle__pool_may_connect(transfer)) {
        transfer->no_room = true;
        return false;
    }
    return true;
}

void tulle__connection_count(struct connection *connection, struct pool *pool,
                             struct connection_limit *limit)
{
    struct transport *base = &pool->transport->base;

    connection->pool = pool;
    connection->limit = limit;
    connection->opened_at = pool->transport->loop->now;
    pool->open++;
    list_add_last(&pool->connections, &connection->in_pool);
    atomic_fetch_add_explicit(&base->open, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&base->opened, 1, memory_order_relaxed);
    if (connection->limit) {
        atomic_fetch_add_explicit(&connection->limit->opened, 1, memory_order_relaxed);
    }
}

/* One that stands already and is nobody else's; what was kept of room for another
 * one is free. */
static struct connection *connection_take_ahead(struct transfer *transfer)
{
    struct pool *pool = transfer->pool;
    unsigned spare = tulle__pool_shares(pool) ? pool->ahead_standing : pool->idle;
    struct connection_limit *room = transfer->room;
    struct connection *connection;

    pool->claimed -= transfer->claimed;
    transfer->claimed = false;
    connection = spare > pool->claimed ? tulle__ahead_take(pool) : NULL;
    if (!connection) {
        return NULL;
    }
    connection->was_ahead = true;
    list_add_last(&transfer->opened, &connection->in_opened);
    transfer->room = NULL;
    if (room) {
        tulle__room_give(pool, room);
    }
    return connection;
}

/* libcurl has set its own numbers just before. */
int tulle__connection_sockopt(void *user, curl_socket_t fd, curlsocktype purpose)
{
    const struct connection *connection = connection_at(user, fd);

    (void)purpose;
    if (connection) {
        tulle__connection_keep_alive(connection);
    }
    return connection && connection->was_ahead ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

curl_socket_t tulle__connection_open(void *user, curlsocktype purpose,
                                     struct curl_sockaddr *address)
{
    struct transfer *transfer = user;
    struct connection *connection;
    int fd;

    (void)purpose;
    if (!transfer || !connection_is_welcome(transfer)) {
        return CURL_SOCKET_BAD;
    }
    connection = connection_take_ahead(transfer);
    if (connection) {
        return connection->watch.fd;
    }
    if (!connection_take_room(transfer)) {
        return CURL_SOCKET_BAD;
    }
    fd = tulle__fork_own(socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                address->protocol));
    if (fd < 0) {
        transfer->no_descriptor = true;
        return CURL_SOCKET_BAD;
    }
    connection = tulle__connection_new(transfer->transport, fd);
    if (!connection) {
        transfer->no_memory = true;
        tulle__fork_close(fd);
        return CURL_SOCKET_BAD;
    }
    if (transfer->exchange->connection) {
        connection->keepalive = transfer->exchange->connection->keepalive;
    }
    tulle__connection_count(connection, transfer->pool, transfer->room);
    transfer->room = NULL;
    list_add_last(&transfer->opened, &connection->in_opened);
    return fd;
}

/* libcurl says goodbye before it closes; if the peer has ended before and answers
 * that with a reset, the kernel says EPIPE for it. */
enum bearing tulle__connection_bearing(const struct connection *connection)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof(info);
    int error = 0;
    int fd = connection->watch.fd;

    if (fd < 0) {
        return connection->bearing;
    }
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    if (info.tcpi_state == TCP_ESTABLISHED) {
        return BEARING_STANDS;
    }
    size = sizeof(error);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return info.tcpi_state == TCP_CLOSE_WAIT || error == EPIPE ? BEARING_ENDED : BEARING_LOST;
}

/* It is no connection of its pool any more: the peer sees (or saw) its end. */
static void connection_leave(struct connection *connection)
{
    struct curl_transport *transport = connection->transport;
    struct connection_limit *limit = connection->limit;
    struct pool *pool = connection->pool;

    if (!pool) {
        return;
    }
    tulle__idle_remove(connection);
    if (connection->ahead != AHEAD_NOT) {
        tulle__ahead_leave(connection);
    }
    list_remove(&connection->in_pool);
    list_remove(&connection->in_opened);
    pool->open--;
    tulle__ahead_look(pool);
    pool->joinable -= connection->joinable;
    connection->joinable = false;
    connection->pool = NULL;
    connection->limit = NULL;
    if (list_is_empty(&pool->connections)) {
        pool->stream_limit = 0;
    }
    atomic_fetch_sub_explicit(&transport->base.open, 1, memory_order_relaxed);
    if (limit) {
        tulle__room_give(pool, limit);
    }
    tulle__pool_try_again(transport);
}

int tulle__connection_close(void *user, curl_socket_t fd)
{
    struct curl_transport *transport = user;
    struct connection *connection = connection_at(transport, fd);

    if (!connection) {
        return close(fd);
    }
    if (connection->streams > 0) {
        connection->bearing = tulle__connection_bearing(connection);
    }
    tulle__watch_remove(transport->loop, &connection->watch);
    transport->by_fd[fd] = NULL;
    tulle__names_remove(transport, connection);
    tulle__fork_close(fd); /* before the room is given back, so that the peer sees it first */
    connection->watch.fd = -1;
    transport->held -= connection->shut;
    transport->unread -= connection->unread;
    connection_leave(connection);
    if (connection->streams == 0) {
        tulle__free(connection);
    }
    return 0;
}

void tulle__connection_shut(struct connection *connection)
{
    struct curl_transport *transport = connection->transport;

    if (connection->ahead != AHEAD_NOT) {
        (void)tulle__connection_close(transport, connection->watch.fd);
        return;
    }
    shutdown(connection->watch.fd, SHUT_RDWR);
    tulle__watch_change(transport->loop, &connection->watch, 0);
    connection->shut = true;
    transport->held++;
    connection_leave(connection);
    tulle__idle_sweep_soon(transport);
}

static bool connection_has_port(const struct connection *connection, int local_port)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    uint16_t port;

    if (getsockname(connection->watch.fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    port = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                         : ((struct sockaddr_in *)&address)->sin_port;
    return ntohs(port) == local_port;
}

/* Of the sockets that libcurl tried (an address each), the one that stands. */
static struct connection *connection_that_stands(struct transfer *transfer, int local_port)
{
    struct list *node = list_first(&transfer->opened);

    if (!node || node->next == &transfer->opened) {
        return node ? CONTAINER_OF(node, struct connection, in_opened) : NULL;
    }
    for (; node != &transfer->opened; node = node->next) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_opened);

        if (connection_has_port(connection, local_port)) {
            return connection;
        }
    }
    return NULL;
}

static int64_t connection_key(CURL *easy, const struct ends *ends)
{
#if LIBCURL_VERSION_NUM >= 0x080200
    curl_off_t id = -1;

    (void)ends;
    return curl_easy_getinfo(easy, CURLINFO_CONN_ID, &id) == CURLE_OK ? id : -1;
#else
    uint64_t name = tulle__str_hash(str_of(ends->remote), 0) << 32;

    (void)easy;
    name |= (uint64_t)(ends->remote_port & 0xffff) << 16 | (uint64_t)(ends->local_port & 0xffff);
    return (int64_t)(name & INT64_MAX);
#endif
}

/* libcurl may use what a draining pool of the same address has: that goes with
 * its new user, so that the old pool can end. */
static void connection_move(struct connection *connection, struct pool *to)
{
    struct pool *from = connection->pool;

    if (from == to || !from) {
        return;
    }
    list_remove(&connection->in_pool);
    list_add_last(&to->connections, &connection->in_pool);
    from->open--;
    to->open++;
    if (connection->limit) {
        tulle__room_move(from, to);
    }
    from->joinable -= connection->joinable;
    to->joinable += connection->joinable;
    connection->pool = to;
    tulle__flow_later(connection->transport);
}

bool tulle__connection_take(struct transfer *transfer, const struct ends *ends)
{
    struct curl_transport *transport = transfer->transport;
    struct exchange *exchange = transfer->exchange;
    int64_t key = connection_key(transfer->easy, ends);
    struct connection *connection = key < 0 ? NULL : tulle__names_find(transport, key);

    /* libcurl believes that it takes a hundred; it goes back, nothing was sent. */
    if (connection && transfer->joining && !connection->joinable) {
        transfer->no_room = true;
        return false;
    }
    if (!connection) {
        connection = connection_that_stands(transfer, ends->local_port);
        if (!connection || !tulle__names_add(transport, connection, key)) {
            transfer->no_memory = true;
            return false;
        }
        list_remove(&connection->in_opened);
        connection->host = transfer->host;
        connection->idle_since = transport->loop->now;
        if (!connection->was_ahead || transfer->pool->protocol == PROTOCOL_HTTPS) {
            exchange->connected_at = transport->loop->now;
        }
    } else {
        atomic_fetch_add_explicit(&transport->base.reused, 1, memory_order_relaxed);
    }
    tulle__idle_remove(connection);
    connection_move(connection, transfer->pool);
    connection->streams++;
    tulle__pool_end_joining(transfer);
    if (connection->streams > connection->capacity) {
        connection->capacity = connection->streams;
    }
    connection->idle_timeout_ns = exchange->idle_timeout_ns;
    if (exchange->streams) {
        connection->upload = transfer;
    }
    transfer->connection = connection;
    if (!tulle__lifetime_use(transfer)) {
        transfer->no_memory = true;
        return false;
    }
    if (!transfer->connecting || tulle__pool_joins_at_once(transfer->pool)) {
        tulle__pool_join(transfer);
    }
    return true;
}

void tulle__connection_release(struct transfer *transfer)
{
    struct connection *connection = transfer->connection;

    while (!list_is_empty(&transfer->opened)) {
        list_remove(transfer->opened.next);
    }
    transfer->connection = NULL;
    if (connection && connection->upload == transfer) {
        connection->upload = NULL;
    }
    if (!connection || --connection->streams > 0) {
        return;
    }
    if (connection->watch.fd < 0) {
        tulle__free(connection);
        return;
    }
    if (connection->pool) {
        tulle__idle_add(connection);
    }
}

/* Waits for what libcurl wants; else for its end, but not while transfers are
 * paused: what nobody takes would be told for ever. */
void tulle__connection_listen(struct connection *connection)
{
    unsigned events = connection->wanted;

    if (events == 0 && !connection->shut && connection->paused == 0) {
        events = LOOP_READ;
    }
    if (events != connection->watch.events) {
        tulle__watch_change(connection->transport->loop, &connection->watch, events);
    }
}

int tulle__connection_watch(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct curl_transport *transport = user;
    struct connection *connection = connection_at(transport, fd);
    unsigned events = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? LOOP_READ : 0u) |
                      (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? LOOP_WRITE : 0u);

    (void)easy;
    (void)socket_user;
    if (!connection) {
        return 0;
    }
    connection->wanted = events;
    if (connection->upload && !(events & LOOP_READ)) {
        tulle__stream_suspect(connection->upload);
    }
    tulle__connection_listen(connection);
    return 0;
}
