/* SPDX-License-Identifier: Apache-2.0 */

/* A connection: bytes in, bytes out, and a protocol that makes sense of them.
 * The bytes go through a stream, plain or TLS. */

#ifndef SERVERS_CONN_H
#define SERVERS_CONN_H

#include <stdint.h>
#include <sys/types.h>

#include "host.h"

enum stream_step { STREAM_DONE, STREAM_AGAIN, STREAM_FAILED };

/* Reads and writes answer as read() and write() do: -1 with EAGAIN is later. */
struct stream_type {
    ssize_t (*read)(struct conn *conn, void *data, size_t size);
    ssize_t (*write)(struct conn *conn, const void *data, size_t size);
    enum stream_step (*handshake)(struct conn *conn); /* NULL: none */
    void (*finish)(struct conn *conn);                /* says that no more comes; NULL: FIN does */
    void (*close)(struct conn *conn);                 /* NULL: nothing but the descriptor */
};

struct protocol {
    const char *name;
    size_t state_size;
    void (*start)(struct conn *conn);
    void (*input)(struct conn *conn); /* conn->in has grown */
    void (*stop)(struct conn *conn);  /* frees what hangs from the state */
    bool (*is_idle)(const struct conn *conn);
    void (*goaway)(struct conn *conn, long unprocessed); /* NULL: has none */
    size_t (*unsent)(const struct conn *conn);           /* of bodies that wait; NULL: none do */
};

struct conn {
    struct watch watch;
    struct link link;
    struct host *host;
    uint64_t number;
    uint64_t requests;
    char address[64]; /* of our side */
    const struct stream_type *stream;
    void *tls;
    const struct protocol *protocol; /* NULL: the handshake is not over */
    void *state;
    struct buf in, out;
    bool wants_write, closing, dead;
    bool lingering;     /* FIN was sent, the peer's is awaited */
    bool deaf;          /* nothing is read: until all is written, or for `stalled` */
    bool stalled;       /* until its protocol says */
    bool more;          /* there may be more to read than was */
    struct timer timer; /* the protocol's */
};

/* Accepts one connection of a listener; counts it after whatever other
 * connections have to say, so that a close before a connect is seen first. */
void conn_accept(struct host *host, int fd);

void conn_speak(struct conn *conn, const struct protocol *protocol);
void conn_send(struct conn *conn, const void *data, size_t size);
void conn_flush(struct conn *conn); /* the connection may be dead afterwards */

/* Nothing is read until all is written. */
void conn_deafen(struct conn *conn);
void conn_hear(struct conn *conn); /* and what was kept is input */

/* Once all is written: FIN. */
void conn_finish(struct conn *conn);

/* Now: FIN, or RST. `conn` stays readable until the round is over. */
void conn_close(struct conn *conn);
void conn_reset(struct conn *conn);

#endif
