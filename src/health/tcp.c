/* SPDX-License-Identifier: Apache-2.0 */

/* TCP: a connection, and where the check has bytes, those out and those in. A new
 * connection each time: one that is kept says that it was there, not that the
 * endpoint takes another. Of the addresses that a name has the first that takes
 * a connection is asked. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fork.h"
#include "base/socket.h"
#include "health/checkup.h"

enum { PIECE_SIZE = 4096 };

struct tcp_checkup {
    struct checkup checkup;
    struct checkup_spec spec;
    struct watch watch; /* fd -1: none */
    struct str rest;    /* addresses that were not tried */
    struct str port;
    int error; /* of the last address that could not be tried */
    bool stands, reads;
    size_t sent;
    struct buf received; /* as much as may still be part of what is waited for */
    size_t received_size;
};

/* --- where it is --- */

static struct str port_cut(struct str address, struct str *host)
{
    size_t size = address.size;

    while (size > 0 && address.data[size - 1] != ':') {
        size--;
    }
    *host = (struct str){ address.data, size > 0 ? size - 1 : 0 };
    return (struct str){ address.data + size, address.size - size };
}

/* --- its end --- */

static void socket_close(struct tcp_checkup *tcp)
{
    if (tcp->watch.fd >= 0) {
        tulle__watch_remove(tcp->spec.loop, &tcp->watch);
        tulle__fork_close(tcp->watch.fd);
    }
    tcp->watch.fd = -1;
}

static void tcp_free(struct tcp_checkup *tcp)
{
    socket_close(tcp);
    tulle__buf_fini(&tcp->received);
    tulle__free(tcp);
}

static void tcp_cancel(struct checkup *checkup)
{
    tcp_free(CONTAINER_OF(checkup, struct tcp_checkup, checkup));
}

static void tcp_end(struct tcp_checkup *tcp, enum check_result result, const char *what,
                    const char *more)
{
    struct checkup_spec spec = tcp->spec;
    struct checkup_end end = { .result = result };

    snprintf(end.why, sizeof(end.why), "%s%s", what, more);
    tcp_free(tcp);
    spec.done(spec.user, &end);
}

static void tcp_break(struct tcp_checkup *tcp, const char *what, int error)
{
    char text[CHECKUP_WHY_SIZE / 2];

    tcp_end(tcp, CHECK_UNREACHED, what, strerror_r(error, text, sizeof(text)));
}

/* --- bytes --- */

static bool received_has(const struct tcp_checkup *tcp)
{
    struct str wanted = tcp->spec.check->receive;

    return wanted.size == 0 ||
           (tcp->received.size >= wanted.size &&
            memmem(tcp->received.data, tcp->received.size, wanted.data, wanted.size) != NULL);
}

/* All but the start of what may yet be complete is of no use. */
static void received_trim(struct tcp_checkup *tcp)
{
    size_t keep = tcp->spec.check->receive.size - 1;

    if (tcp->received.size > keep) {
        memmove(tcp->received.data, tcp->received.data + tcp->received.size - keep, keep);
        tcp->received.size = keep;
    }
}

static void tcp_read(struct tcp_checkup *tcp)
{
    char piece[PIECE_SIZE];
    ssize_t got = recv(tcp->watch.fd, piece, sizeof(piece), 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got < 0) {
        tcp_break(tcp, "receiving: ", errno);
        return;
    }
    if (got == 0) {
        tcp_end(tcp, CHECK_UNREACHED, "the connection ended before what must come", "");
        return;
    }
    tcp->received_size += (size_t)got;
    if (!tulle__buf_add(&tcp->received, piece, (size_t)got)) {
        tcp_end(tcp, CHECK_NONE, "out of memory", "");
        return;
    }
    if (received_has(tcp)) {
        tcp_end(tcp, CHECK_PASSED, "it sent what must come", "");
        return;
    }
    received_trim(tcp);
    if (tcp->received_size > CHECKUP_BODY_MAX) {
        tcp_end(tcp, CHECK_UNREACHED, "64 KiB came without what must come", "");
    }
}

/* 0: all of it is out; EAGAIN: not yet; else what broke it. */
static int tcp_send(struct tcp_checkup *tcp)
{
    struct str bytes = tcp->spec.check->send;

    while (tcp->sent < bytes.size) {
        ssize_t done =
            send(tcp->watch.fd, bytes.data + tcp->sent, bytes.size - tcp->sent, MSG_NOSIGNAL);

        if (done < 0) {
            return errno == EINTR ? EAGAIN : errno;
        }
        tcp->sent += (size_t)done;
    }
    return 0;
}

static void tcp_write(struct tcp_checkup *tcp)
{
    int error = tcp_send(tcp);

    if (error == EAGAIN) {
        return;
    }
    if (error != 0) {
        tcp_break(tcp, "sending: ", error);
        return;
    }
    if (tcp->spec.check->receive.size == 0) {
        tcp_end(tcp, CHECK_PASSED, "a connection stood", "");
        return;
    }
    tcp->reads = true;
    if (!tulle__watch_change(tcp->spec.loop, &tcp->watch, LOOP_READ)) {
        tcp_end(tcp, CHECK_NONE, "epoll refused", "");
    }
}

/* --- connecting --- */

static bool tcp_connect(struct tcp_checkup *tcp, const struct socket_address *address);

/* The next address that can be tried. False: there is none, or no descriptor. */
static bool tcp_try(struct tcp_checkup *tcp)
{
    struct socket_address address;

    while (tcp->rest.size > 0) {
        struct str host = tulle__str_cut(tcp->rest, ',', &tcp->rest);

        if (tulle__socket_address_read(host, tcp->port, &address) && tcp_connect(tcp, &address)) {
            return true;
        }
    }
    return false;
}

static int socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static void tcp_ready(struct watch *watch, unsigned events)
{
    struct tcp_checkup *tcp = CONTAINER_OF(watch, struct tcp_checkup, watch);
    int error = tcp->stands ? 0 : socket_error(watch->fd);

    (void)events;
    if (error != 0) {
        socket_close(tcp);
        if (!tcp_try(tcp)) {
            tcp_break(tcp, "connecting: ", error);
        }
        return;
    }
    tcp->stands = true;
    if (tcp->reads) {
        tcp_read(tcp);
    } else {
        tcp_write(tcp);
    }
}

static bool tcp_connect(struct tcp_checkup *tcp, const struct socket_address *address)
{
    int fd = tulle__fork_own(
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    tcp->error = errno;
    if (fd < 0) {
        return false;
    }
    tcp->watch = (struct watch){ .fd = fd, .events = LOOP_WRITE, .ready = tcp_ready };
    if ((connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0 ||
         errno == EINPROGRESS) &&
        tulle__watch_add(tcp->spec.loop, &tcp->watch)) {
        return true;
    }
    tcp->error = errno;
    tulle__fork_close(fd);
    tcp->watch.fd = -1;
    return false;
}

/* Of this machine, whoever is asked. */
static bool is_of_ours(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC || error == EADDRNOTAVAIL;
}

enum tulle_error tulle__checkup_tcp(const struct checkup_spec *spec, struct checkup **out)
{
    struct tcp_checkup *tcp = ALLOC_ZERO(struct tcp_checkup);
    enum tulle_error error;

    if (tcp == NULL) {
        return TULLE_E_NOMEM;
    }
    tcp->checkup.cancel = tcp_cancel;
    tcp->spec = *spec;
    tcp->watch.fd = -1;
    tcp->port = port_cut(spec->address, &tcp->rest);
    if (spec->addresses.size > 0) {
        tcp->rest = spec->addresses;
    }
    *out = &tcp->checkup;
    if (tcp_try(tcp)) {
        return TULLE_OK;
    }
    error = is_of_ours(tcp->error) ? TULLE_E_INTERNAL : TULLE_E_NETWORK;
    tcp_free(tcp);
    return error;
}
