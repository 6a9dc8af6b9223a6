/* SPDX-License-Identifier: Apache-2.0 */

#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_PIECE = 64 * 1024, READ_ROUND = 4 * READ_PIECE, IN_MAX = 256 << 20 };

static ssize_t plain_read(struct conn *conn, void *data, size_t size)
{
    return recv(conn->watch.fd, data, size, 0);
}

static ssize_t plain_write(struct conn *conn, const void *data, size_t size)
{
    return send(conn->watch.fd, data, size, MSG_NOSIGNAL);
}

static const struct stream_type plain_stream = { .read = plain_read, .write = plain_write };

static void address_text(const struct sockaddr_storage *address, char text[64])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    char host[INET6_ADDRSTRLEN] = "";

    if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(text, 64, "[%s]:%u", host, ntohs(v6->sin6_port));
        return;
    }
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
    snprintf(text, 64, "%s:%u", host, ntohs(v4->sin_port));
}

static void conn_end(struct conn *conn)
{
    struct host *host = conn->host;

    conn->dead = true;
    timer_cancel(&host->loop, &conn->timer);
    if (conn->protocol != NULL) {
        conn->protocol->stop(conn);
    }
    if (conn->stream->close != NULL) {
        conn->stream->close(conn);
    }
    loop_remove(&host->loop, &conn->watch);
    close(conn->watch.fd);
    link_remove(&conn->link);
    host->counts.open--;
    host_note(host, "close %lu", (unsigned long)conn->number);
    buf_free(&conn->in);
    buf_free(&conn->out);
    if (conn->state != NULL) {
        loop_bury(&host->loop, conn->state);
    }
    loop_bury(&host->loop, conn);
}

void conn_close(struct conn *conn)
{
    if (!conn->dead) {
        conn_end(conn);
    }
}

void conn_reset(struct conn *conn)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (!conn->dead) {
        setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        conn_end(conn);
    }
}

void conn_send(struct conn *conn, const void *data, size_t size)
{
    if (!conn->dead) {
        buf_add(&conn->out, data, size);
    }
}

static void conn_want(struct conn *conn, bool deaf, bool wants_write)
{
    uint32_t events = EPOLLRDHUP | (deaf ? 0 : (uint32_t)EPOLLIN);

    if (conn->wants_write == wants_write && conn->deaf == deaf) {
        return;
    }
    conn->wants_write = wants_write;
    conn->deaf = deaf;
    loop_change(&conn->host->loop, &conn->watch, events | (wants_write ? (uint32_t)EPOLLOUT : 0));
}

/* False: the peer has closed, or broken the connection. */
static bool conn_read(struct conn *conn)
{
    size_t sum = 0;

    conn->more = false;
    for (;;) {
        ssize_t count = conn->stream->read(conn, buf_reserve(&conn->in, READ_PIECE), READ_PIECE);

        if (count < 0) {
            return errno == EAGAIN;
        }
        if (count == 0 || conn->in.size > IN_MAX) {
            return false;
        }
        conn->in.size += (size_t)count;
        sum += (size_t)count;
        conn->in.data[conn->in.size] = '\0';
        if (sum >= READ_ROUND) {
            conn->more = true;
            return true;
        }
        if (count < READ_PIECE && conn->tls == NULL) {
            return true;
        }
    }
}

/* The same, and what it read is input. */
static bool conn_take(struct conn *conn)
{
    bool alive;

    do {
        alive = conn_read(conn);
        if (conn->in.size > 0) {
            conn->protocol->input(conn);
        }
    } while (alive && conn->more && !conn->dead && !conn->deaf);
    return alive;
}

void conn_deafen(struct conn *conn)
{
    if (!conn->dead) {
        conn_want(conn, true, conn->wants_write);
    }
}

void conn_hear(struct conn *conn)
{
    if (!conn->dead && conn->deaf) {
        conn_want(conn, false, conn->wants_write);
        conn->protocol->input(conn);
        /* TLS may hold what epoll does not know of. */
        if (!conn->dead && !conn->deaf && conn->more && !conn_take(conn)) {
            conn_close(conn);
        }
        conn_flush(conn);
    }
}

/* What a peer sent meanwhile would make of close() a reset, which takes what is
 * still on its way to him: who has streams hears him to his end (RFC 9112 9.6). */
static void conn_part(struct conn *conn)
{
    if (conn->protocol == NULL || conn->protocol->goaway == NULL) {
        conn_close(conn);
        return;
    }
    conn->lingering = true;
    if (conn->stream->finish != NULL) {
        conn->stream->finish(conn);
    }
    shutdown(conn->watch.fd, SHUT_WR);
}

static void conn_drop_input(struct conn *conn)
{
    char data[4096];
    ssize_t count;

    do {
        count = recv(conn->watch.fd, data, sizeof(data), MSG_DONTWAIT);
    } while (count > 0);
    if (count == 0 || errno != EAGAIN) {
        conn_close(conn);
    }
}

void conn_flush(struct conn *conn)
{
    size_t done = 0;

    if (conn->dead || conn->lingering) {
        return;
    }
    host_flush(conn->host);
    while (done < conn->out.size) {
        ssize_t count = conn->stream->write(conn, conn->out.data + done, conn->out.size - done);

        if (count < 0 && errno == EAGAIN) {
            break;
        }
        if (count <= 0) {
            conn_close(conn);
            return;
        }
        done += (size_t)count;
    }
    buf_drop(&conn->out, done);
    conn_want(conn, conn->deaf, conn->out.size > 0);
    if (conn->closing && conn->out.size == 0 && !conn->lingering) {
        conn_part(conn);
    }
}

void conn_finish(struct conn *conn)
{
    conn->closing = true;
    conn_flush(conn);
}

static bool conn_handshake(struct conn *conn)
{
    if (conn->protocol != NULL) {
        return true;
    }
    switch (conn->stream->handshake(conn)) {
    case STREAM_DONE: return !conn->dead;
    case STREAM_AGAIN: return false;
    case STREAM_FAILED: conn_close(conn); return false;
    }
    return false;
}

static void conn_ready(struct watch *watch, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    bool alive = true;

    if (conn->dead || !conn_handshake(conn)) {
        return;
    }
    if (conn->lingering) {
        conn_drop_input(conn);
        return;
    }
    if (!conn->deaf && (events & ~(uint32_t)EPOLLOUT) != 0) {
        alive = conn_take(conn);
    }
    if (conn->dead) {
        return;
    }
    if (!alive || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        conn_close(conn);
        return;
    }
    conn_flush(conn);
    if (!conn->dead && !conn->stalled && conn->out.size == 0) {
        conn_hear(conn);
    }
}

void conn_speak(struct conn *conn, const struct protocol *protocol)
{
    conn->protocol = protocol;
    conn->state = must_alloc(protocol->state_size);
    protocol->start(conn);
}

static void conn_count(struct host *host, struct conn *conn, const char *peer)
{
    struct host_counts *counts = &host->counts;

    conn->number = ++counts->opened;
    counts->open++;
    if (counts->open > counts->open_max) {
        counts->open_max = counts->open;
    }
    host_note(host, "open %lu %s", (unsigned long)conn->number, peer);
}

void conn_accept(struct host *host, int listener)
{
    struct sockaddr_storage peer = { 0 };
    struct sockaddr_storage ours = { 0 };
    socklen_t size = sizeof(peer);
    int one = 1;
    char text[64];
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct conn *conn;

    if (fd < 0) {
        return;
    }
    loop_drain(&host->loop);
    conn = must_alloc(sizeof(*conn));
    *conn = (struct conn){ .host = host, .stream = &plain_stream };
    conn->watch = (struct watch){ .fd = fd, .ready = conn_ready };
    size = sizeof(ours);
    getsockname(fd, (struct sockaddr *)&ours, &size);
    address_text(&ours, conn->address);
    address_text(&peer, text);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    link_append(&host->conns, &conn->link);
    conn_count(host, conn, text);
    loop_add(&host->loop, &conn->watch, EPOLLIN | EPOLLRDHUP);
    host->welcome(conn);
}
