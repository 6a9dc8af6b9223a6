/* SPDX-License-Identifier: Apache-2.0 */

/* An HTTP/2 stream whose request is dealt with while it comes. */

#ifndef SERVERS_H2_STREAM_H
#define SERVERS_H2_STREAM_H

#include <nghttp2/nghttp2.h>

#include "exchange.h"

struct h2 {
    nghttp2_session *session;
    struct link streams;
    struct link complete; /* read to their end, and not begun */
    bool reading;         /* nothing is flushed until all input is seen */
    bool going;           /* GOAWAY was sent */
    bool dropping;        /* closed as soon as nghttp2 is back */
};

struct h2_stream {
    struct link link;
    struct exchange exchange;
    struct timer slow;
    int32_t id;
    struct buf body;
    size_t sent;
    bool paused; /* slow: the next piece waits for its time */
    bool relaying;
    bool over;     /* the request is */
    bool stalled;  /* its body is left unread: no window is given */
    size_t unread; /* of it: bytes whose window is not given back */
    struct timer stall;
};

static inline struct h2 *h2_of(const struct conn *conn)
{
    return conn->state;
}

void h2_flush(struct conn *conn);

void h2_stream_unstall(struct timer *timer);

/* A piece of the request's body has come. */
void h2_stream_take(struct h2_stream *stream, const uint8_t *data, size_t size);

/* The body of a relay's answer. */
ssize_t h2_stream_relay(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                        uint32_t *flags, nghttp2_data_source *source, void *user);

/* The answer's body is over; behind it, its trailers. */
void h2_stream_end(struct h2_stream *stream, uint32_t *flags);

#endif
