/* SPDX-License-Identifier: Apache-2.0 */

#include "fuzz/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* `now`: with a reset, so that a hundred thousand of them leave no port behind. */
static void connection_close(struct peer_connection *connection, bool now)
{
    struct linger none = { .l_onoff = 1 };
    struct peer *peer = connection->peer;

    if (connection->watch.fd < 0) {
        return;
    }
    tulle__watch_remove(peer->loop, &connection->watch);
    if (now) {
        setsockopt(connection->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    }
    close(connection->watch.fd);
    connection->watch.fd = -1;
    if (peer->speaker == connection) {
        peer->speaker = NULL;
        peer->at = peer->size;
    }
}

/* A piece, or (`all`) what there is. */
static void connection_speak(struct peer_connection *connection, bool all)
{
    struct peer *peer = connection->peer;
    size_t left = peer->size - peer->at;
    size_t size = all || peer->piece == 0 || peer->piece > left ? left : peer->piece;
    ssize_t sent =
        send(connection->watch.fd, peer->data + peer->at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && errno != EAGAIN) {
        connection_close(connection, true);
        return;
    }
    peer->at += sent > 0 ? (size_t)sent : 0;
    tulle__watch_change(peer->loop, &connection->watch,
                        LOOP_READ | (peer->at < peer->size ? LOOP_WRITE : 0U));
}

static bool ends_head(struct peer_connection *connection, const char *data, size_t size)
{
    bool ended = false;

    for (size_t i = 0; i < size; i++) {
        memmove(connection->last, connection->last + 1, 3);
        connection->last[3] = data[i];
        ended = ended || memcmp(connection->last, "\r\n\r\n", 4) == 0;
    }
    return ended;
}

static void connection_ready(struct watch *watch, unsigned ready)
{
    struct peer_connection *connection = CONTAINER_OF(watch, struct peer_connection, watch);
    struct peer *peer = connection->peer;
    char data[4096];
    ssize_t got;

    if (ready & LOOP_READ) {
        got = recv(watch->fd, data, sizeof(data), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            connection_close(connection, true);
            return;
        }
        if (got > 0 && ends_head(connection, data, (size_t)got)) {
            peer->speaker = connection;
        }
    }
    if (peer->speaker == connection && peer->at < peer->size) {
        connection_speak(connection, false);
    }
}

static void peer_accept(struct watch *watch, unsigned ready)
{
    struct peer *peer = CONTAINER_OF(watch, struct peer, listener);
    struct peer_connection *connection = peer->connections;
    int on = 1;

    (void)ready;
    while (connection->watch.fd >= 0) {
        must(++connection < peer->connections + PEER_CONNECTIONS);
    }
    connection->watch.fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection->watch.fd < 0) {
        return; /* it went again */
    }
    setsockopt(connection->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->watch.events = LOOP_READ;
    must(tulle__watch_add(peer->loop, &connection->watch));
}

void peer_init(struct peer *peer, struct loop *loop)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *peer = (struct peer){ .loop = loop,
                           .listener = { .fd = fd, .events = LOOP_READ, .ready = peer_accept } };
    for (size_t i = 0; i < PEER_CONNECTIONS; i++) {
        peer->connections[i] =
            (struct peer_connection){ .watch = { .fd = -1, .ready = connection_ready },
                                      .peer = peer };
    }
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 64) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(peer->address, sizeof(peer->address), "127.0.0.1:%u", ntohs(address.sin_port));
    must(tulle__watch_add(loop, &peer->listener));
}

void peer_say(struct peer *peer, const char *data, size_t size, size_t piece)
{
    if (peer->speaker && peer->at < peer->size) {
        connection_speak(peer->speaker, true);
    }
    peer->speaker = NULL;
    peer->data = data;
    peer->size = size;
    peer->at = 0;
    peer->piece = piece;
}

bool peer_has_spoken(const struct peer *peer)
{
    return peer->at == peer->size;
}

void peer_close(struct peer *peer)
{
    for (size_t i = 0; i < PEER_CONNECTIONS; i++) {
        connection_close(&peer->connections[i], false);
    }
}
