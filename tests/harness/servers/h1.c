/* SPDX-License-Identifier: Apache-2.0 */

#include "h1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chunks.h"
#include "exchange.h"

enum { HEAD_MAX = 1 << 20, STREAM_PIECE = 256 << 10 };

struct h1 {
    struct exchange exchange;
    bool busy;      /* a request was read and its answer is not out */
    bool continued; /* 100 Continue was sent */
    bool last;      /* the client said "Connection: close" */
    struct buf body;
    size_t body_sent;
    bool streaming; /* the request's body is dealt with as it comes */
    bool relaying;
    long drop_at;
    struct chunks chunks;
    struct timer stall;
};

struct h1_head {
    size_t size; /* with the empty line */
    size_t body_size;
    bool expects, closes, chunked;
};

static struct h1 *h1_of(const struct conn *conn)
{
    return conn->state;
}

static void h1_bad(struct conn *conn, const char *reason)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    conn->host->counts.bad++;
    host_note(conn->host, "bad %lu %s", (unsigned long)conn->number, reason);
    conn_send(conn, answer, sizeof(answer) - 1);
    conn_finish(conn);
}

static void h1_header(struct h1 *h1, struct h1_head *head, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    size_t name = colon != NULL ? (size_t)(colon - line) : 0;
    const char *value = line + name + 1;

    if (name == 0) {
        return;
    }
    while (value < line + size && (*value == ' ' || *value == '\t')) {
        value++;
    }
    if (name == 14 && strncasecmp(line, "content-length", name) == 0) {
        head->body_size = strtoul(value, NULL, 10);
    } else if (name == 15 && strncasecmp(line, "idempotency-key", name) == 0) {
        h1->exchange.key.size = 0;
        buf_add(&h1->exchange.key, value, (size_t)(line + size - value));
    } else if (name == 6 && strncasecmp(line, "expect", name) == 0) {
        head->expects = true;
    } else if (name == 17 && strncasecmp(line, "transfer-encoding", name) == 0) {
        head->chunked = true;
    } else if (name == 10 && strncasecmp(line, "connection", name) == 0) {
        head->closes = strncasecmp(value, "close", 5) == 0;
    }
}

static bool h1_request_line(struct h1 *h1, const char *line, size_t size)
{
    const char *first = memchr(line, ' ', size);
    const char *second =
        first != NULL ? memchr(first + 1, ' ', size - (size_t)(first + 1 - line)) : NULL;

    if (second == NULL || second == first + 1) {
        return false;
    }
    h1->exchange.method.size = h1->exchange.target.size = h1->exchange.key.size = 0;
    buf_add(&h1->exchange.method, line, (size_t)(first - line));
    buf_add(&h1->exchange.target, first + 1, (size_t)(second - first - 1));
    return true;
}

/* False: it is no head. */
static bool h1_head_parse(struct h1 *h1, const char *data, struct h1_head *head)
{
    const char *end = data + head->size - 2;
    const char *line = data;
    const char *stop = strstr(line, "\r\n");

    if (!h1_request_line(h1, line, (size_t)(stop - line))) {
        return false;
    }
    for (line = stop + 2; line < end; line = stop + 2) {
        stop = strstr(line, "\r\n");
        h1_header(h1, head, line, (size_t)(stop - line));
    }
    return true;
}

static void h1_head(struct conn *conn, const struct exchange *exchange, size_t body_size);
static void h1_body_piece(struct conn *conn, const char *data, size_t size);

static void h1_unstall(struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct h1, stall)->exchange.conn;

    conn->stalled = false;
    conn_hear(conn);
}

/* True: the target says so, or the body comes in chunks. */
static bool h1_stream_start(struct conn *conn, const struct h1_head *head)
{
    struct h1 *h1 = h1_of(conn);
    struct plan *plan = &h1->exchange.plan;

    plan_init(plan);
    plan_parse_target(plan, h1->exchange.target.data);
    if (!plan_streams(plan) && !head->chunked) {
        return false;
    }
    h1->streaming = true;
    h1->relaying = plan->relay;
    h1->drop_at = plan->drop_at;
    h1->last = head->closes;
    chunks_start(&h1->chunks, head->chunked, head->body_size);
    buf_drop(&conn->in, head->size);
    if (plan->stall_ms > 0) {
        conn->stalled = true;
        conn_deafen(conn);
        timer_set(&conn->host->loop, &h1->stall, now_ns() + plan->stall_ms * 1000000);
    }
    if (plan->relay) {
        plan->chunked = true;
        h1_head(conn, &h1->exchange, 0);
        conn_flush(conn);
    } else if (plan->early) {
        h1->busy = true;
        exchange_begin(&h1->exchange);
        conn_flush(conn);
    }
    return true;
}

static void h1_stream_over(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);
    bool early = h1->exchange.plan.early;

    h1->streaming = false;
    if (early) {
        return;
    }
    buf_add(&h1->exchange.trailers, h1->chunks.trailers.data, h1->chunks.trailers.size);
    h1->busy = true;
    exchange_begin(&h1->exchange);
}

/* False: more must come, or what is out must go first. */
static bool h1_stream_take(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);
    const char *piece = NULL;
    size_t size = 0;
    size_t used = chunks_take(&h1->chunks, conn->in.data, conn->in.size, &piece, &size);

    if (h1->chunks.bad) {
        h1_bad(conn, "chunk");
        return false;
    }
    h1->exchange.got += size;
    if (h1->relaying && size > 0) {
        h1_body_piece(conn, piece, size);
    } else if (!plan_streams(&h1->exchange.plan)) {
        buf_add(&h1->exchange.body, piece, size);
    }
    buf_drop(&conn->in, used);
    if (h1->drop_at >= 0 && h1->exchange.got >= (size_t)h1->drop_at) {
        conn_close(conn);
        return false;
    }
    if (conn->out.size > STREAM_PIECE) {
        conn_flush(conn);
        if (!conn->dead && conn->out.size > 0) {
            conn_deafen(conn);
        }
    }
    return used > 0;
}

static void h1_stream(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);

    while (!conn->dead && !conn->closing && !conn->deaf && h1->streaming) {
        if (h1->chunks.over) {
            h1_stream_over(conn);
        } else if (!h1_stream_take(conn)) {
            return;
        }
    }
}

/* True: a whole request was taken off the input. */
static bool h1_take(struct conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct h1 *h1 = h1_of(conn);
    struct h1_head head = { 0 };
    const char *end = conn->in.size > 0 ? strstr(conn->in.data, "\r\n\r\n") : NULL;

    if (end == NULL) {
        if (conn->in.size > HEAD_MAX) {
            h1_bad(conn, "head-too-large");
        }
        return false;
    }
    head.size = (size_t)(end - conn->in.data) + 4;
    if (h1_head_parse(h1, conn->in.data, &head) && h1_stream_start(conn, &head)) {
        return false;
    }
    if (h1->exchange.target.size == 0 || head.chunked) {
        h1_bad(conn, head.chunked ? "chunked" : "request-line");
        return false;
    }
    if (conn->in.size - head.size < head.body_size) {
        if (head.expects && !h1->continued) {
            h1->continued = true;
            conn_send(conn, go_on, sizeof(go_on) - 1);
        }
        return false;
    }
    buf_add(&h1->exchange.head, conn->in.data, head.size);
    buf_add(&h1->exchange.body, conn->in.data + head.size, head.body_size);
    buf_drop(&conn->in, head.size + head.body_size);
    h1->last = head.closes;
    h1->continued = false;
    return true;
}

static void h1_input(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);

    if (h1->streaming) {
        h1_stream(conn);
    }
    while (!conn->dead && !conn->closing && !h1->busy && !h1->streaming && h1_take(conn)) {
        h1->busy = true;
        exchange_begin(&h1->exchange);
    }
    if (h1_of(conn)->streaming) {
        h1_stream(conn);
    }
}

static void h1_done(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);
    const struct plan *plan = &h1->exchange.plan;
    bool last = h1->last || plan->close || plan->cut || plan->until_close || plan->break_at >= 0;

    conn->host->counts.answers++;
    exchange_end(&h1->exchange);
    h1->body.size = 0;
    h1->body_sent = 0;
    h1->busy = false;
    if (last) {
        conn_finish(conn);
        return;
    }
    conn_flush(conn);
}

static void h1_body_piece(struct conn *conn, const char *data, size_t size)
{
    char line[32];

    if (!h1_of(conn)->exchange.plan.chunked) {
        conn_send(conn, data, size);
        return;
    }
    conn_send(conn, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", size));
    conn_send(conn, data, size);
    conn_send(conn, "\r\n", 2);
}

static void h1_last_chunk(struct conn *conn)
{
    const struct exchange *exchange = &h1_of(conn)->exchange;
    const char *line = exchange->trailers.data;
    const char *colon = strchr(exchange->plan.trailer, ':');

    conn_send(conn, "0\r\n", 3);
    for (size_t left = exchange->trailers.size; exchange->plan.relay && left > 0;) {
        size_t size = strcspn(line, "\n");

        conn_send(conn, line, size);
        conn_send(conn, "\r\n", 2);
        line += size + 1;
        left -= size + 1;
    }
    if (colon != NULL) {
        conn_send(conn, exchange->plan.trailer, strlen(exchange->plan.trailer));
        conn_send(conn, "\r\n", 2);
    }
    conn_send(conn, "\r\n", 2);
}

/* The body, at once or the next piece of it. */
static void h1_body(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);
    const struct plan *plan = &h1->exchange.plan;
    size_t left = h1->body.size - h1->body_sent;
    size_t piece = plan->slow_ms > 0 && left > (size_t)plan->piece ? (size_t)plan->piece : left;

    if (piece > 0) {
        h1_body_piece(conn, h1->body.data + h1->body_sent, piece);
    }
    h1->body_sent += piece;
    if (h1->body_sent < h1->body.size) {
        timer_set(&conn->host->loop, &conn->timer, now_ns() + plan->slow_ms * 1000000);
        conn_flush(conn);
        return;
    }
    if (plan->chunked && plan->break_at < 0) {
        h1_last_chunk(conn);
    }
    h1_done(conn);
}

static void h1_slow(struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);

    h1_body(conn);
    if (!conn->dead) {
        h1_input(conn);
        conn_flush(conn);
    }
}

static void h1_add(void *user, const char *name, const char *value)
{
    struct conn *conn = user;

    conn_send(conn, name, strlen(name));
    conn_send(conn, ": ", 2);
    conn_send(conn, value, strlen(value));
    conn_send(conn, "\r\n", 2);
}

static bool h1_has_body(const struct exchange *exchange)
{
    long status = exchange->plan.status;

    return status >= 200 && status != 204 && status != 304;
}

static void h1_head(struct conn *conn, const struct exchange *exchange, size_t body_size)
{
    const struct plan *plan = &exchange->plan;

    buf_format(&conn->out, "HTTP/1.1 %ld Test\r\n", plan->status);
    exchange_headers(exchange, h1_add, conn);
    if (plan->chunked) {
        h1_add(conn, "Transfer-Encoding", "chunked");
    } else if (!plan->until_close && h1_has_body(exchange)) {
        buf_format(&conn->out, "Content-Length: %zu\r\n", body_size);
    }
    if (plan->close) {
        h1_add(conn, "Connection", "close");
    }
    conn_send(conn, "\r\n", 2);
}

static void h1_answer(struct exchange *exchange)
{
    struct conn *conn = exchange->conn;
    struct h1 *h1 = h1_of(conn);
    const struct plan *plan = &exchange->plan;
    bool bare = !h1_has_body(exchange) || strcmp(exchange->method.data, "HEAD") == 0;

    if (h1->relaying) {
        h1->relaying = false;
        h1_last_chunk(conn);
        h1_done(conn);
        return;
    }
    if (plan->raw) {
        conn_send(conn, conn->host->raw.data, conn->host->raw.size);
        h1_done(conn);
        return;
    }
    exchange_body(exchange, &h1->body);
    h1_head(conn, exchange, h1->body.size);
    if (bare) {
        h1_done(conn);
        return;
    }
    if (plan->break_at >= 0 && (size_t)plan->break_at < h1->body.size) {
        h1->body.size = (size_t)plan->break_at;
    }
    h1_body(conn);
}

/* From a timer or `release`: what was pipelined behind it is next. */
static void h1_answer_late(struct exchange *exchange)
{
    struct conn *conn = exchange->conn;

    h1_answer(exchange);
    if (!conn->dead) {
        h1_input(conn);
        conn_flush(conn);
    }
}

static void h1_start(struct conn *conn)
{
    struct h1 *h1 = h1_of(conn);

    h1->exchange.conn = conn;
    h1->exchange.answer = h1_answer_late;
    conn->timer.fire = h1_slow;
    h1->stall.fire = h1_unstall;
}

static void h1_stop(struct conn *conn)
{
    exchange_fini(&h1_of(conn)->exchange);
    buf_free(&h1_of(conn)->body);
    chunks_free(&h1_of(conn)->chunks);
    timer_cancel(&conn->host->loop, &h1_of(conn)->stall);
}

static bool h1_is_idle(const struct conn *conn)
{
    return !h1_of(conn)->busy && !h1_of(conn)->streaming && conn->in.size == 0 &&
           conn->out.size == 0;
}

const struct protocol h1_protocol = {
    .name = "http/1.1",
    .state_size = sizeof(struct h1),
    .start = h1_start,
    .input = h1_input,
    .stop = h1_stop,
    .is_idle = h1_is_idle,
};
