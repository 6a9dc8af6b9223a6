/* SPDX-License-Identifier: Apache-2.0 */

#include "h2.h"

#include <ctype.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2_stream.h"

enum { HEADERS_MAX = 2200 };

void h2_flush(struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);
    const uint8_t *data;
    ssize_t size;

    if (conn->dead || h2->reading) {
        return;
    }
    while ((size = nghttp2_session_mem_send(h2->session, &data)) > 0) {
        conn_send(conn, data, (size_t)size);
    }
    if (size < 0 || (nghttp2_session_want_read(h2->session) == 0 &&
                     nghttp2_session_want_write(h2->session) == 0)) {
        conn_finish(conn);
        return;
    }
    conn_flush(conn);
}

static void stream_slow(struct timer *timer)
{
    struct h2_stream *stream = CONTAINER_OF(timer, struct h2_stream, slow);
    struct conn *conn = stream->exchange.conn;

    stream->paused = false;
    nghttp2_session_resume_data(h2_of(conn)->session, stream->id);
    h2_flush(conn);
}

static ssize_t stream_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *stream = source->ptr;
    const struct plan *plan = &stream->exchange.plan;
    size_t left = stream->body.size - stream->sent;
    size_t piece = left < size ? left : size;

    (void)session;
    (void)id;
    (void)user;
    if (stream->paused) {
        return NGHTTP2_ERR_DEFERRED;
    }
    if (left == 0 && plan->break_at >= 0) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (plan->slow_ms > 0 && piece > (size_t)plan->piece) {
        piece = (size_t)plan->piece;
        stream->paused = true;
        timer_set(&stream->exchange.conn->host->loop, &stream->slow,
                  now_ns() + plan->slow_ms * 1000000);
    }
    memcpy(out, stream->body.data + stream->sent, piece);
    stream->sent += piece;
    if (stream->sent == stream->body.size && plan->break_at < 0) {
        h2_stream_end(stream, flags);
    }
    return (ssize_t)piece;
}

struct header_list {
    nghttp2_nv items[HEADERS_MAX];
    size_t count;
};

static void header_add(void *user, const char *name, const char *value)
{
    struct header_list *list = user;
    nghttp2_nv *item = &list->items[list->count];

    if (list->count == HEADERS_MAX) {
        return;
    }
    list->count++;
    *item = (nghttp2_nv){ .name = (uint8_t *)strdup(name),
                          .namelen = strlen(name),
                          .value = (uint8_t *)strdup(value),
                          .valuelen = strlen(value) };
    for (size_t i = 0; i < item->namelen; i++) {
        item->name[i] = (uint8_t)tolower(item->name[i]);
    }
}

static void stream_submit(struct h2_stream *stream, const nghttp2_data_provider *provider)
{
    struct exchange *exchange = &stream->exchange;
    struct header_list *list = must_alloc(sizeof(*list));
    char number[32];

    snprintf(number, sizeof(number), "%ld", exchange->plan.status);
    header_add(list, ":status", number);
    if (!exchange->plan.chunked && !stream->relaying) {
        snprintf(number, sizeof(number), "%zu", stream->body.size);
        header_add(list, "content-length", number);
    }
    exchange_headers(exchange, header_add, list);
    nghttp2_submit_response(h2_of(exchange->conn)->session, stream->id, list->items, list->count,
                            provider);
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].value);
    }
    free(list);
}

static void stream_answer(struct exchange *exchange)
{
    struct h2_stream *stream = CONTAINER_OF(exchange, struct h2_stream, exchange);
    struct conn *conn = exchange->conn;
    const struct plan *plan = &exchange->plan;
    nghttp2_data_provider provider = { .source.ptr = stream, .read_callback = stream_read };
    bool bare = strcmp(exchange->method.data, "HEAD") == 0;

    if (plan->refuse || plan->rst >= 0) {
        nghttp2_submit_rst_stream(h2_of(conn)->session, NGHTTP2_FLAG_NONE, stream->id,
                                  plan->refuse ? NGHTTP2_REFUSED_STREAM : (uint32_t)plan->rst);
        h2_flush(conn);
        return;
    }
    if (stream->relaying) {
        conn->host->counts.answers++;
        nghttp2_session_resume_data(h2_of(conn)->session, stream->id);
        h2_flush(conn);
        return;
    }
    stream->body.size = 0;
    exchange_body(exchange, &stream->body);
    bare = bare || stream->body.size == 0;
    conn->host->counts.answers++;
    stream_submit(stream, bare ? NULL : &provider);
    if (plan->break_at >= 0 && (size_t)plan->break_at < stream->body.size) {
        stream->body.size = (size_t)plan->break_at;
    }
    h2_flush(conn);
}

static void stream_free(struct h2_stream *stream)
{
    timer_cancel(&stream->exchange.conn->host->loop, &stream->slow);
    timer_cancel(&stream->exchange.conn->host->loop, &stream->stall);
    link_remove(&stream->link);
    exchange_fini(&stream->exchange);
    buf_free(&stream->body);
    free(stream);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *conn = user;
    struct h2_stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    stream = must_alloc(sizeof(*stream));
    stream->id = frame->hd.stream_id;
    stream->exchange.conn = conn;
    stream->exchange.answer = stream_answer;
    stream->slow.fire = stream_slow;
    stream->stall.fire = h2_stream_unstall;
    plan_init(&stream->exchange.plan);
    link_append(&h2_of(conn)->streams, &stream->link);
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static bool is_name(const uint8_t *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)user;
    if (stream == NULL) {
        return 0;
    }
    if (is_name(name, name_size, ":method")) {
        buf_add(&stream->exchange.method, value, value_size);
    } else if (is_name(name, name_size, ":path")) {
        buf_add(&stream->exchange.target, value, value_size);
    } else if (is_name(name, name_size, "idempotency-key")) {
        buf_add(&stream->exchange.key, value, value_size);
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        buf_format(&stream->exchange.trailers, "%.*s: %.*s\n", (int)name_size, (const char *)name,
                   (int)value_size, (const char *)value);
        return 0;
    }
    buf_format(&stream->exchange.head, "%.*s: %.*s\r\n", (int)name_size, (const char *)name,
               (int)value_size, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *user)
{
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)user;
    nghttp2_session_consume_connection(session, size);
    if (stream != NULL) {
        h2_stream_take(stream, data, size);
    }
    return 0;
}

/* The target says that the request is dealt with while its body comes. */
static void stream_open(struct h2_stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    struct conn *conn = exchange->conn;
    nghttp2_data_provider provider = { .source.ptr = stream, .read_callback = h2_stream_relay };

    plan_parse_target(&exchange->plan, exchange->target.data);
    if (exchange->plan.stall_ms > 0) {
        stream->stalled = true;
        timer_set(&conn->host->loop, &stream->stall, now_ns() + exchange->plan.stall_ms * 1000000);
    }
    if (exchange->plan.relay) {
        stream->relaying = true;
        stream_submit(stream, &provider);
    } else if (exchange->plan.early) {
        link_remove(&stream->link);
        link_append(&h2_of(conn)->complete, &stream->link);
    }
}

/* As servers do whose answer is out: the rest of the request is not wanted. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)user;
    if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !stream->over &&
        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *conn = user;
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (stream != NULL && frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        stream_open(stream);
    }
    if (stream == NULL || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
        (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) {
        return 0;
    }
    stream->over = true;
    if (stream->exchange.begun || (stream->exchange.plan.early && stream->exchange.count == 0)) {
        return 0;
    }
    /* A plan may end the connection, which nghttp2 does not expect in here. */
    link_remove(&stream->link);
    link_append(&h2_of(conn)->complete, &stream->link);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    struct conn *conn = user;

    if (stream == NULL) {
        return 0;
    }
    if (code != 0) {
        host_note(conn->host, "stream-closed %lu %s code=%u", (unsigned long)conn->number,
                  stream->exchange.target.size > 0 ? stream->exchange.target.data : "-", code);
    }
    stream_free(stream);
    return 0;
}

static void h2_goaway(struct conn *conn, long unprocessed)
{
    struct h2 *h2 = h2_of(conn);
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session) - (int32_t)unprocessed * 2;

    if (h2->going) {
        return;
    }
    h2->going = true;
    host_note(conn->host, "goaway %lu last=%d", (unsigned long)conn->number, last > 0 ? last : 0);
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last > 0 ? last : 0, NGHTTP2_NO_ERROR,
                          NULL, 0);
    h2_flush(conn);
}

static void h2_begin_complete(struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);
    uint64_t every = conn->host->goaway_every;

    while (!conn->dead && !link_is_empty(&h2->complete)) {
        struct h2_stream *stream = CONTAINER_OF(h2->complete.next, struct h2_stream, link);

        link_remove(&stream->link);
        link_append(&h2->streams, &stream->link);
        exchange_begin(&stream->exchange);
    }
    if (!conn->dead && every > 0 && conn->requests >= every) {
        h2_goaway(conn, 0);
    }
}

static void h2_input(struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);
    ssize_t used;

    h2->reading = true;
    used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)conn->in.data, conn->in.size);
    conn->in.size = 0;
    if (used < 0) {
        conn->host->counts.bad++;
        host_note(conn->host, "bad %lu %s", (unsigned long)conn->number,
                  nghttp2_strerror((int)used));
        conn_close(conn);
        return;
    }
    if (h2->dropping) {
        conn_close(conn);
        return;
    }
    h2_begin_complete(conn);
    if (!conn->dead) {
        h2->reading = false;
        h2_flush(conn);
    }
}

static nghttp2_session_callbacks *h2_callbacks(void)
{
    nghttp2_session_callbacks *callbacks = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        abort();
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    return callbacks;
}

static void h2_start(struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);
    nghttp2_session_callbacks *callbacks = h2_callbacks();
    nghttp2_option *option = NULL;
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, conn->host->streams_max },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 },
    };

    link_init(&h2->streams);
    link_init(&h2->complete);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    if (nghttp2_session_server_new2(&h2->session, callbacks, conn, option) != 0) {
        abort();
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, 16 << 20);
    h2_flush(conn);
}

static void h2_stop(struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);

    nghttp2_session_del(h2->session);
    while (!link_is_empty(&h2->streams)) {
        stream_free(CONTAINER_OF(h2->streams.next, struct h2_stream, link));
    }
    while (!link_is_empty(&h2->complete)) {
        stream_free(CONTAINER_OF(h2->complete.next, struct h2_stream, link));
    }
}

static bool h2_is_idle(const struct conn *conn)
{
    return link_is_empty(&h2_of(conn)->streams) && conn->out.size == 0;
}

static size_t h2_unsent(const struct conn *conn)
{
    struct h2 *h2 = h2_of(conn);
    size_t size = 0;

    for (struct link *link = h2->streams.next; link != &h2->streams; link = link->next) {
        const struct h2_stream *stream = CONTAINER_OF(link, struct h2_stream, link);

        size += stream->body.size - (stream->relaying ? 0 : stream->sent);
    }
    return size;
}

const struct protocol h2_protocol = {
    .name = "h2",
    .state_size = sizeof(struct h2),
    .start = h2_start,
    .input = h2_input,
    .stop = h2_stop,
    .is_idle = h2_is_idle,
    .goaway = h2_goaway,
    .unsent = h2_unsent,
};
