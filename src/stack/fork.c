/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/fork.h"

#include <string.h>

/* The request is its call's; bytes stay where they are. */
static void request_borrow(struct tulle_call *fork, const struct tulle_call *call)
{
    fork->url = call->url;
    fork->method = call->method;
    fork->body = call->body;
    fork->body_size = call->body_size;
    fork->body_max = call->body_max;
    fork->deadline = call->deadline;
    fork->deadline_asked = call->deadline_asked;
    fork->retry_off = call->retry_off;
    fork->has_idempotency_key = call->has_idempotency_key;
    fork->is_grpc = call->is_grpc;
    fork->has_hash = call->has_hash;
    fork->hash = call->hash;
    fork->source = call->source;
    fork->plan = call->plan;
    fork->handed = call->handed;
    fork->started_at = call->started_at;
    fork->explain = call->explain;
}

static void attempt_borrow(struct tulle_call *fork, const struct tulle_call *call)
{
    fork->attempts = call->attempts;
    fork->timeout_at = call->timeout_at;
    fork->any_host = call->any_host;
    fork->hash = call->hash;
    fork->has_hash = call->has_hash;
    fork->seen_priorities = call->seen_priorities;
    fork->tried_priorities = call->tried_priorities;
    fork->tried_count = call->tried_count;
    memcpy(fork->tried, call->tried, call->tried_count * sizeof(fork->tried[0]));
}

/* Attempts write into their lines: a fork has its own. */
static bool headers_copy(struct tulle_call *fork, const struct tulle_call *call)
{
    struct header_line *lines =
        ARENA_ARRAY(&fork->arena, struct header_line, call->header_count + 1);

    for (size_t i = 0; lines && i < call->header_count; i++) {
        lines[i] = call->headers[i];
        lines[i].line = tulle__arena_str(&fork->arena, lines[i].line);
        if (!lines[i].line.data) {
            return false;
        }
    }
    fork->headers = fork->sent_headers = lines;
    fork->header_count = fork->sent_header_count = call->header_count;
    return lines;
}

/* The same place in the copy of its line. */
static char *place_copy(const struct tulle_call *fork, const struct tulle_call *call,
                        const char *place)
{
    for (size_t i = 0; i < call->header_count; i++) {
        const struct str *line = &call->headers[i].line;

        if (place >= line->data && place < line->data + line->size) {
            return (char *)(uintptr_t)fork->headers[i].line.data + (place - line->data);
        }
    }
    return NULL;
}

static bool trace_copy(struct tulle_call *fork, const struct tulle_call *call)
{
    struct call_trace *trace;

    if (!call->trace) {
        return true;
    }
    trace = ARENA_NEW(&fork->arena, struct call_trace);
    if (!trace) {
        return false;
    }
    *trace = *call->trace;
    trace->span_count = 0;
    for (size_t i = 0; i < call->trace->span_count; i++) {
        char *place = place_copy(fork, call, call->trace->spans[i]);

        if (place) {
            trace->spans[trace->span_count++] = place;
        }
    }
    fork->trace = trace;
    return true;
}

static void fork_gone(struct tulle_call *fork)
{
    tulle__call_unref(fork->parent);
}

struct tulle_call *tulle__fork_new(struct tulle_call *call, size_t at)
{
    struct tulle_call *fork = tulle__call_alloc();

    if (!fork) {
        return NULL;
    }
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    fork->parent = call;
    fork->gone = fork_gone;
    fork->stack = call->stack;
    fork->on = call->on;
    fork->base = (uint8_t)(at + 1);
    fork->depth = fork->base;
    request_borrow(fork, call);
    attempt_borrow(fork, call);
    if (!headers_copy(fork, call) || !trace_copy(fork, call) ||
        !tulle__loop_reserve_timers(call->on->loop, 1)) {
        tulle__call_unref(fork);
        return NULL;
    }
    return fork;
}

void tulle__fork_run(struct tulle_call *fork)
{
    tulle__call_run(fork);
}

static void fork_silent(struct tulle_call *fork)
{
    (void)fork;
}

void tulle__fork_drop(struct tulle_call *fork, const struct outcome *why)
{
    fork->replied = NULL;
    fork->tells = false;
    fork->ended = fork_silent;
    tulle__call_cancel_here(fork, why);
    list_remove(&fork->node);
    tulle__fork_give_tried(fork);
    tulle__loop_release_timers(fork->on->loop, 1);
    tulle__call_unref(fork);
}

void tulle__fork_give_head(struct tulle_call *fork)
{
    struct tulle_call *call = fork->parent;
    struct tulle_reply reply = call->reply;

    call->reply = fork->reply;
    fork->reply = reply;
    tulle__buf_clear(&fork->reply.headers);
    tulle__buf_clear(&fork->reply.body);
    tulle__buf_clear(&fork->reply.trailers);
    fork->reply.header_count = fork->reply.trailer_count = 0;
    call->view = fork->view;
    call->attempt_at = fork->attempt_at;
    call->connected_at = fork->connected_at;
    call->head_at = fork->head_at;
    memcpy(call->scratch->endpoint, fork->scratch->endpoint, sizeof(call->scratch->endpoint));
}

static void buf_swap(struct buf *a, struct buf *b)
{
    struct buf kept = *a;

    *a = *b;
    *b = kept;
}

void tulle__fork_give_body(struct tulle_call *fork)
{
    struct tulle_reply *reply = &fork->parent->reply;

    buf_swap(&reply->body, &fork->reply.body);
    buf_swap(&reply->trailers, &fork->reply.trailers);
    reply->trailer_count = fork->reply.trailer_count;
}

struct outcome tulle__fork_outcome(struct tulle_call *fork)
{
    struct outcome outcome = fork->outcome;
    struct scratch *scratch = fork->parent->scratch;

    if (outcome.text == fork->scratch->text) {
        memcpy(scratch->text, outcome.text, sizeof(scratch->text));
        outcome.text = scratch->text;
    }
    return outcome;
}

void tulle__fork_give_tried(const struct tulle_call *fork)
{
    struct tulle_call *call = fork->parent;

    for (size_t i = 0; i < fork->tried_count; i++) {
        size_t at = 0;

        while (at < call->tried_count && call->tried[at] != fork->tried[i]) {
            at++;
        }
        if (at == call->tried_count && at < TRIED_MAX) {
            call->tried[call->tried_count++] = fork->tried[i];
        }
    }
}
