/* SPDX-License-Identifier: Apache-2.0 */

#include "h2_stream.h"

#include <stdint.h>
#include <string.h>

/* The window that it took is given back: it was read. */
static void stream_consume(struct h2_stream *stream, size_t size)
{
    nghttp2_session *session = h2_of(stream->exchange.conn)->session;

    if (stream->stalled) {
        stream->unread += size;
        return;
    }
    if (size > 0) {
        nghttp2_session_consume_stream(session, stream->id, size);
    }
}

void h2_stream_unstall(struct timer *timer)
{
    struct h2_stream *stream = CONTAINER_OF(timer, struct h2_stream, stall);
    size_t unread = stream->unread;

    stream->stalled = false;
    stream->unread = 0;
    stream_consume(stream, unread);
    h2_flush(stream->exchange.conn);
}

static void header_text(nghttp2_nv *item, const char *line)
{
    size_t name = strcspn(line, ":");
    size_t gap = strspn(line + name, ": ");

    *item = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)line,
                          .namelen = name,
                          .value = (uint8_t *)(uintptr_t)line + name + gap,
                          .valuelen = strcspn(line + name + gap, "\n") };
}

void h2_stream_end(struct h2_stream *stream, uint32_t *flags)
{
    const struct exchange *exchange = &stream->exchange;
    const char *line = exchange->trailers.data;
    nghttp2_nv items[64];
    size_t count = 0;

    for (size_t left = exchange->trailers.size; exchange->plan.relay && left > 0 && count < 63;) {
        header_text(&items[count++], line);
        left -= strcspn(line, "\n") + 1;
        line += strcspn(line, "\n") + 1;
    }
    if (strchr(exchange->plan.trailer, ':') != NULL) {
        header_text(&items[count++], exchange->plan.trailer);
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(h2_of(exchange->conn)->session, stream->id, items, count);
    }
}

/* What came is sent, and only then given window for. */
ssize_t h2_stream_relay(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                        uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *stream = source->ptr;
    size_t piece = stream->body.size < size ? stream->body.size : size;

    (void)session;
    (void)id;
    (void)user;
    if (piece == 0 && !stream->over) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(out, stream->body.data, piece);
    buf_drop(&stream->body, piece);
    stream_consume(stream, piece);
    if (stream->over && stream->body.size == 0) {
        h2_stream_end(stream, flags);
    }
    return (ssize_t)piece;
}

void h2_stream_take(struct h2_stream *stream, const uint8_t *data, size_t size)
{
    struct exchange *exchange = &stream->exchange;
    const struct plan *plan = &exchange->plan;
    struct h2 *h2 = h2_of(exchange->conn);

    if (!plan_streams(plan)) {
        stream_consume(stream, size);
        buf_add(&exchange->body, data, size);
        return;
    }
    exchange->got += size;
    h2->dropping |= plan->drop_at >= 0 && exchange->got >= (size_t)plan->drop_at;
    if (!plan->relay) {
        stream_consume(stream, size);
        return;
    }
    buf_add(&stream->body, data, size);
    nghttp2_session_resume_data(h2->session, stream->id);
}
