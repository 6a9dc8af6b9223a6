/* SPDX-License-Identifier: Apache-2.0 */

/* The bottom layer: gives the request to the transport, takes the reply in,
 * and says how the attempt ended. Caps what a peer can make us hold. */

#include "dns/dns.h"
#include "policy/head.h"
#include "policy/layers.h"
#include "stack/held.h"

#include <stdio.h>

enum { HEADERS_MAX = 100, HEAD_SIZE_MAX = 64 * 1024, HEAD_SIZE_USUAL = 480 };

struct transport_slot {
    struct exchange exchange;
    struct tulle_call *call;
    struct body_reader reader; /* of a streamed request */
    size_t at;
    size_t head_size;      /* the trailers' besides */
    const char *too_large; /* what was over its cap; NULL: nothing */
    bool has_head;
    bool no_memory;
};

static struct transport_slot *slot_of(struct exchange *exchange)
{
    return CONTAINER_OF(exchange, struct transport_slot, exchange);
}

static bool slot_too_large(struct transport_slot *slot, const char *what)
{
    slot->too_large = what;
    return false;
}

/* "name NUL value NUL", in one piece: a reply has many. */
static bool header_keep(struct buf *headers, struct str name, struct str value)
{
    size_t size = name.size + value.size + 2;
    bool is_first_of_many = headers->size == 0 && size < HEAD_SIZE_USUAL;
    char *at;

    if (!tulle__buf_reserve(headers, is_first_of_many ? HEAD_SIZE_USUAL : size)) {
        return false;
    }
    at = headers->data + headers->size;
    memcpy(at, name.data, name.size);
    at[name.size] = '\0';
    memcpy(at + name.size + 1, value.data, value.size);
    at[size - 1] = at[size] = '\0';
    headers->size += size;
    return true;
}

static bool exchange_header(struct exchange *exchange, struct str name, struct str value)
{
    struct transport_slot *slot = slot_of(exchange);
    struct tulle_reply *reply = &slot->call->reply;

    slot->head_size += name.size + value.size + 4;
    if (reply->header_count == HEADERS_MAX) {
        return slot_too_large(slot, "the reply's head has over 100 headers");
    }
    if (slot->head_size > HEAD_SIZE_MAX) {
        return slot_too_large(slot, "the reply's head is over 64 KiB");
    }
    slot->no_memory = !header_keep(&reply->headers, name, value);
    reply->header_count += !slot->no_memory;
    return !slot->no_memory;
}

static bool exchange_trailer(struct exchange *exchange, struct str name, struct str value)
{
    struct transport_slot *slot = slot_of(exchange);
    struct tulle_reply *reply = &slot->call->reply;

    slot->head_size += name.size + value.size + 4;
    if (reply->trailer_count == HEADERS_MAX || slot->head_size > HEAD_SIZE_MAX) {
        return slot_too_large(slot,
                              "the reply has over 100 trailers, or over 64 KiB with its head");
    }
    slot->no_memory = !header_keep(&reply->trailers, name, value);
    reply->trailer_count += !slot->no_memory;
    return !slot->no_memory;
}

/* ALPN agreed on HTTP/2: connections are shared, and those who wait for one of
 * their own need not. */
static void http2_learn(struct tulle_call *call, bool is_http2)
{
    struct cluster_live *live;

    if (!is_http2 || call->plan.kind != PLAN_TARGET) {
        return;
    }
    live = call_target(call)->live;
    if (atomic_load_explicit(&live->is_http2, memory_order_relaxed)) {
        return;
    }
    atomic_store_explicit(&live->is_http2, true, memory_order_seq_cst);
    tulle__held_nudge(live);
}

static void exchange_head(struct exchange *exchange, int status, bool is_http2)
{
    struct transport_slot *slot = slot_of(exchange);
    struct tulle_call *call = slot->call;
    struct outcome outcome = {
        .progress = TULLE_ANSWERED,
        .status = status,
        .flags = call->outcome.flags,
        .open = true,
    };

    slot->has_head = true;
    call->moved_at = call_now(call);
    http2_learn(call, is_http2);
    call->reply.status = status;
    call->reply.is_http2 = is_http2;
    call->head_at = call_now(call);
    call->connected_at = exchange->connected_at;
    tulle__call_tell(call, slot->at, "%s answered %d over %s", call->scratch->endpoint, status,
                     exchange->connected_at ? "a new connection" : "a kept connection");
    tulle__call_answer(call, slot->at, &outcome, &outcome);
}

/* To the app, as much as its window has room for. What is told again after a
 * BODY_LATER is in there already with its first `taken_before` bytes. */
static enum body_taken body_stream(struct transport_slot *slot, const char *data, size_t size)
{
    struct tulle_call *call = slot->call;
    struct stream *stream = call->stream;
    size_t before = stream->taken_before < size ? stream->taken_before : size;
    size_t at = before, taken = 1;
    bool wake, wakes = false;

    if (size - at > call->body_max - stream->received) {
        slot->too_large = "the reply's body is over its cap";
        return BODY_TOO_LARGE;
    }
    slot->no_memory = !tulle__body_reserve(&stream->reply);
    if (slot->no_memory) {
        return BODY_TOO_LARGE;
    }
    for (; at < size && taken > 0; at += taken, stream->received += taken) {
        taken = tulle__body_write(&stream->reply, data + at, size - at, &wake);
        wakes = wakes || wake;
    }
    stream->taken_before = at < size ? at : stream->taken_before - before;
    stream->reply_is_full = at < size;
    if (wakes && tulle__body_claim_reader(&stream->reply)) {
        stream->tell(call, TULLE_EVENT_READABLE);
    }
    return at < size ? BODY_LATER : BODY_TAKEN;
}

static enum body_taken exchange_body(struct exchange *exchange, const char *data, size_t size)
{
    struct transport_slot *slot = slot_of(exchange);
    struct tulle_call *call = slot->call;

    call->moved_at = call_now(call);
    if (call->stream && call->stream->receives) {
        return body_stream(slot, data, size);
    }
    if (size > call->body_max - call->reply.body.size) {
        slot->too_large = "the reply's body is over its cap";
        return BODY_TOO_LARGE;
    }
    slot->no_memory = !tulle__buf_add(&call->reply.body, data, size);
    return slot->no_memory ? BODY_TOO_LARGE : BODY_TAKEN;
}

static size_t exchange_more(struct exchange *exchange, char *data, size_t size)
{
    struct transport_slot *slot = slot_of(exchange);
    struct stream *stream = slot->call->stream;
    bool wake;
    size_t got = tulle__body_read(&stream->request, &slot->reader, data, size, &wake);

    if (got == BODY_NOTHING) {
        return MORE_LATER;
    }
    stream->sent += got;
    slot->call->moved_at = call_now(slot->call);
    if (got == 0) {
        exchange->trailers = stream->trailers;
        exchange->trailer_count = stream->trailer_count;
    }
    if (wake && tulle__body_claim_writer(&stream->request)) {
        stream->tell(slot->call, TULLE_EVENT_WRITABLE);
    }
    return got;
}

static enum origin origin_of(enum tulle_error error)
{
    switch (error) {
    case TULLE_E_PEER:
    case TULLE_E_TOO_LARGE: return ORIGIN_PEER;
    case TULLE_E_NOMEM:
    case TULLE_E_INTERNAL: return ORIGIN_HERE;
    default: return ORIGIN_TRANSPORT;
    }
}

/* Envoy's answer in place of a lost one: 503 with UF (no connection), UC (it
 * ended), 502 with UPE (the peer broke the protocol). */
static void failure_classify(const struct exchange_end *end, struct outcome *outcome)
{
    outcome->status = outcome->error == TULLE_E_PEER ? 502 : 503;
    if (end->connect_failure || outcome->error == TULLE_E_TLS) {
        outcome->flags |= FLAG_UF;
    } else if (outcome->error == TULLE_E_PEER || outcome->error == TULLE_E_TOO_LARGE) {
        outcome->flags |= FLAG_UPE;
    } else if (end->refused_stream) {
        outcome->flags |= FLAG_UR;
    } else {
        outcome->flags |= FLAG_UC;
    }
}

static void failure_outcome(struct transport_slot *slot, const struct exchange_end *end,
                            struct outcome *outcome)
{
    struct tulle_call *call = slot->call;
    const char *text = slot->too_large   ? slot->too_large
                       : slot->no_memory ? "out of memory for the reply"
                                         : end->text;
    enum tulle_error error = slot->too_large   ? TULLE_E_TOO_LARGE
                             : slot->no_memory ? TULLE_E_NOMEM
                                               : end->error;

    snprintf(call->scratch->text, sizeof(call->scratch->text), "%s", text);
    *outcome = (struct outcome){
        .error = error,
        .progress = slot->has_head ? TULLE_ANSWERED : end->progress,
        .origin = origin_of(error),
        .flags = call->outcome.flags,
        .connect_failure = end->connect_failure,
        .refused_stream = end->refused_stream,
        .layer = "transport",
        .text = call->scratch->text,
    };
    failure_classify(end, outcome);
}

static void exchange_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct transport_slot *slot = slot_of(exchange);
    struct tulle_call *call = slot->call;
    struct outcome outcome = call->outcome;
    size_t at = slot->at;

    if (!slot->has_head) {
        call->connected_at = exchange->connected_at;
    }
    if (end->error == TULLE_OK) {
        outcome.open = false;
        tulle__call_finish(call, at, &outcome);
        return;
    }
    failure_outcome(slot, end, &outcome);
    tulle__call_tell(call, at, "%s: %s", call->scratch->endpoint, call->scratch->text);
    if (slot->has_head) {
        tulle__call_finish(call, at, &outcome);
    } else {
        tulle__call_answer(call, at, &outcome, &outcome);
    }
}

static void exchange_sent(struct exchange *exchange)
{
    call_note_sent(slot_of(exchange)->call);
}

static const struct exchange_events transport_events = {
    .sent = exchange_sent,
    .header = exchange_header,
    .head = exchange_head,
    .body = exchange_body,
    .trailer = exchange_trailer,
    .more = exchange_more,
    .end = exchange_end,
};

static struct pool *transport_pool(struct tulle_call *call)
{
    if (call->plan.kind == PLAN_TARGET) {
        return call->on->pool_of(call->on, call->view->peer);
    }
    return call->on->outside;
}

static void exchange_fill(struct tulle_call *call, size_t at, struct transport_slot *slot)
{
    const struct target *target = call->plan.kind == PLAN_TARGET ? call_target(call) : NULL;

    slot->call = call;
    slot->at = at;
    slot->exchange = (struct exchange){
        .events = &transport_events,
        .method = call->method,
        .url = call->url.text,
        .headers = call->sent_headers,
        .header_count = call->sent_header_count,
        .body = call->body,
        .body_size = call->body_size,
        .addresses = call->resolved ? call->resolved->text : STR_NONE,
        .connect_timeout_ns = target ? target->cluster->connect_timeout_ns : 10 * NS_PER_S,
        .idle_timeout_ns = target ? target->cluster->idle_timeout_ns : 60 * NS_PER_S,
        .connection = target ? &target->cluster->connection : NULL,
        .connections = target ? &target->live->connections : NULL,
        .connections_max = target ? target->cluster->limits.max_connections : LIMIT_NONE,
        .endpoint_connections_max = target ? target->cluster->limits.endpoint_max_connections : 0,
    };
}

static void reply_clear(struct tulle_call *call)
{
    tulle__buf_clear(&call->reply.headers);
    tulle__buf_clear(&call->reply.body);
    tulle__buf_clear(&call->reply.trailers);
    call->reply.header_count = call->reply.trailer_count = 0;
    call->reply.status = 0;
}

/* False: the body's start is gone. */
static bool stream_begin(struct tulle_call *call, struct transport_slot *slot)
{
    struct stream *stream = call->stream;

    list_init(&slot->reader.node);
    stream->taken_before = 0;
    stream->sent = stream->received = 0;
    stream->reply_is_full = false;
    slot->exchange.paces = stream->receives;
    if (!stream->sends) {
        return true;
    }
    slot->exchange.streams = true;
    slot->exchange.stream_size = stream->size;
    slot->reader.exchange = &slot->exchange;
    return tulle__body_attach(&stream->request, &slot->reader);
}

static enum down transport_on_call(struct tulle_call *call, size_t at)
{
    struct pool *pool = transport_pool(call);
    struct transport_slot *slot = call_slot(call, at);

    if (!tulle__head_write(call, at)) {
        return tulle__call_refuse(call, at, TULLE_E_NOMEM, 503, 0, "out of memory for the head");
    }
    call_count_attempt(call);
    call->attempt_at = call_now(call);
    call->connected_at = 0;
    reply_clear(call);
    if (!pool) {
        return tulle__call_refuse(call, at, TULLE_E_NOMEM, 503, 0,
                                  "out of memory for a connection");
    }
    exchange_fill(call, at, slot);
    call->on_wire = false;
    if (call->stream) {
        if (!stream_begin(call, slot)) {
            return tulle__call_refuse(call, at, TULLE_E_INTERNAL, 503, 0,
                                      "the body's start is gone before the attempt began");
        }
        call->stream->exchange = &slot->exchange;
    }
    call->on->transport->type->start(pool, &slot->exchange);
    return DOWN_HOLD;
}

static void transport_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    struct transport_slot *slot = call_slot(call, at);

    (void)outcome;
    if (call->stream && call->stream->exchange) {
        call->stream->exchange = NULL;
        tulle__body_detach(&call->stream->request, &slot->reader);
    }
    if (slot->exchange.private) {
        call->on->transport->type->cancel(&slot->exchange);
    }
}

const struct layer_type tulle__transport_layer = {
    .name = "transport",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct transport_slot),
    .on_call = transport_on_call,
    .on_end = transport_on_end,
    .prepare = tulle__head_prepare,
};
