/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "harness/script_internal.h"

enum { FILL_SIZE = 4096 };

#define DELAY_DEFAULT NS_PER_MS

static void flight_leave_wait(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;

    if (flight->stage == STAGE_WAITING) {
        script_count(&transport->base.waiting, -1);
    }
    if (flight->wants_room) {
        atomic_fetch_sub(&flight->exchange->connections->waiting, 1);
        flight->wants_room = false;
    }
}

void script_flight_free(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;

    flight->pool->flights--;
    tulle__loop_release_timers(transport->loop, 1);
    tulle__free(flight);
    script_settle_soon(transport);
}

/* Out of all lists; the connection is kept if it can be used again. */
void script_flight_detach(struct flight *flight, bool reusable)
{
    struct script_transport *transport = flight->pool->transport;

    flight_leave_wait(flight);
    list_remove(&flight->node);
    tulle__timer_disarm(transport->loop, &flight->timer);
    if (flight->stage > STAGE_CONNECTING) {
        script_count(&transport->base.active, -1);
        flight->endpoint->active--;
    }
    if (flight->connection) {
        flight->connection->closing |= !reusable && !flight->pool->is_http2;
        flight->connection->idle_timeout_ns = flight->exchange->idle_timeout_ns;
        script_connection_release(flight->connection);
    }
    flight->exchange->private = NULL;
}

static void flight_end(struct flight *flight, const struct exchange_end *end, bool reusable)
{
    struct exchange *exchange = flight->exchange;

    script_flight_detach(flight, reusable);
    script_flight_free(flight);
    exchange->events->end(exchange, end);
}

void script_flight_fail(struct flight *flight, enum tulle_error error, enum tulle_progress progress,
                        const char *text)
{
    flight_end(flight, &(struct exchange_end){ .error = error, .progress = progress, .text = text },
               false);
}

static void flight_connect_failed(struct flight *flight, enum tulle_error error, const char *text)
{
    flight_end(flight,
               &(struct exchange_end){ .error = error, .connect_failure = true, .text = text },
               false);
}

/* After each thing told: false when the flight is gone. */
static bool flight_lives(struct flight *flight)
{
    flight->telling = false;
    if (!flight->cancelled) {
        return true;
    }
    script_flight_free(flight);
    return false;
}

static bool tell_header(struct flight *flight, const char *line)
{
    const char *colon = strchr(line, ':');
    struct str name = { line, (size_t)(colon - line) };

    return flight->exchange->events->header(flight->exchange, name,
                                            tulle__str_trim(str_of(colon + 1)));
}

static bool tell_headers(struct flight *flight)
{
    size_t i;

    for (i = 0; i < SCRIPT_HEADERS && flight->line.headers[i]; i++) {
        if (!tell_header(flight, flight->line.headers[i]) || flight->cancelled) {
            return false;
        }
    }
    return true;
}

static void flight_too_large(struct flight *flight)
{
    script_flight_fail(flight, TULLE_E_TOO_LARGE, TULLE_ANSWERED, "the reply is over its cap");
}

static size_t body_size(const struct flight *flight)
{
    const struct script_line *line = &flight->line;

    return line->body_size == 0 && line->body ? strlen(line->body) : line->body_size;
}

static size_t chunk_size(const struct flight *flight, size_t left)
{
    size_t size = flight->line.chunk_size ? flight->line.chunk_size : left;

    if (!flight->line.body && size > FILL_SIZE) {
        size = FILL_SIZE;
    }
    return size < left ? size : left;
}

/* False: the flight is gone, or has ended. */
static bool tell_chunk(struct flight *flight, size_t left)
{
    char fill[FILL_SIZE];
    const char *data = flight->line.body ? flight->line.body + flight->told : fill;
    size_t size = chunk_size(flight, left);
    bool taken;

    memset(fill, 'x', sizeof(fill));
    flight->telling = true;
    flight->told += size;
    taken = flight->exchange->events->body(flight->exchange, data, size);
    if (!flight_lives(flight)) {
        return false;
    }
    if (!taken) {
        flight_too_large(flight);
    }
    return taken;
}

static void flight_body(struct flight *flight)
{
    size_t size = body_size(flight);
    struct exchange_end end = { .progress = TULLE_ANSWERED, .text = "" };

    if (flight->line.kind == SCRIPT_BREAK) {
        size = flight->line.break_at < size ? flight->line.break_at : size;
        end = (struct exchange_end){ .error = TULLE_E_NETWORK,
                                     .progress = TULLE_ANSWERED,
                                     .truncated = true,
                                     .text = "the body broke off" };
    }
    while (flight->told < size) {
        if (!tell_chunk(flight, size - flight->told)) {
            return;
        }
        if (flight->line.chunk_ns > 0 && flight->told < size) {
            struct loop *loop = flight->pool->transport->loop;
            tulle__timer_arm(loop, &flight->timer, time_add(loop->now, flight->line.chunk_ns));
            return;
        }
    }
    flight_end(flight, &end, end.error == TULLE_OK && !flight->line.close);
}

static void flight_head(struct flight *flight)
{
    int status = flight->line.status ? flight->line.status : 200;
    bool taken;

    flight->stage = STAGE_BODY;
    flight->telling = true;
    taken = tell_headers(flight);
    if (taken) {
        flight->exchange->events->head(flight->exchange, status, flight->pool->is_http2);
    }
    if (!flight_lives(flight)) {
        return;
    }
    if (!taken) {
        flight_too_large(flight);
        return;
    }
    if (flight->line.chunk_ns > 0 && body_size(flight) > 0) {
        struct loop *loop = flight->pool->transport->loop;
        tulle__timer_arm(loop, &flight->timer, time_add(loop->now, flight->line.chunk_ns));
        return;
    }
    flight_body(flight);
}

static void flight_outcome(struct flight *flight)
{
    struct exchange_end refused = { .error = TULLE_E_NETWORK,
                                    .progress = TULLE_REFUSED_UNPROCESSED,
                                    .refused_stream = true,
                                    .text = "the peer refused the stream" };

    if (flight->killed || flight->line.kind == SCRIPT_RESET) {
        script_flight_fail(flight, TULLE_E_NETWORK, TULLE_PERHAPS_EXECUTED,
                           "the connection was reset after the request was sent");
        return;
    }
    if (flight->line.kind == SCRIPT_REFUSED_STREAM) {
        flight_end(flight, &refused, true);
        return;
    }
    flight_head(flight);
}

static void flight_record(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;
    const struct exchange *exchange = flight->exchange;
    struct script_request *request = script_request_new(transport->script);
    size_t size = 1;
    size_t i;
    char *out;

    for (i = 0; i < exchange->header_count; i++) {
        size += exchange->headers[i].line.size + 1;
    }
    request->address = flight->endpoint->address;
    request->at = transport->loop->now;
    request->body_size = exchange->body_size;
    request->reused = flight->reused;
    request->url = strndup(exchange->url.data, exchange->url.size);
    request->headers = out = malloc(size);
    snprintf(request->method, sizeof(request->method), "%.*s", STR_ARG(exchange->method));
    for (i = 0; out && i < exchange->header_count; i++) {
        memcpy(out, exchange->headers[i].line.data, exchange->headers[i].line.size);
        out += exchange->headers[i].line.size;
        *out++ = '\n';
    }
    if (out) {
        *out = '\0';
    }
}

void script_flight_send(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;
    struct script_endpoint *endpoint = flight->endpoint;
    int64_t delay = flight->line.delay_ns ? flight->line.delay_ns : DELAY_DEFAULT;

    if (flight->line.kind == SCRIPT_RESET_BEFORE || flight->killed) {
        script_flight_fail(flight, TULLE_E_NETWORK, TULLE_NOTHING_SENT,
                           "the connection ended before the request was sent");
        return;
    }
    flight->exchange->events->sent(flight->exchange);
    flight->stage = STAGE_SENT;
    script_count(&transport->base.active, 1);
    endpoint->requests++;
    endpoint->active++;
    endpoint->most_active =
        endpoint->active > endpoint->most_active ? endpoint->active : endpoint->most_active;
    flight_record(flight);
    if (flight->line.kind != SCRIPT_HANG) {
        tulle__timer_arm(transport->loop, &flight->timer, time_add(transport->loop->now, delay));
    }
}

static void flight_connected(struct flight *flight)
{
    if (flight->killed || flight->line.kind == SCRIPT_REFUSE) {
        flight_connect_failed(flight, TULLE_E_NETWORK, "the connection was refused");
        return;
    }
    if (flight->line.kind == SCRIPT_CONNECT_HANG) {
        flight_connect_failed(flight, TULLE_E_TIMEOUT, "no connection within connectTimeout");
        return;
    }
    flight->connection->stands = true;
    script_settle_soon(flight->pool->transport); /* HTTP/2: others may go along */
    flight->exchange->connected_at = flight->pool->transport->loop->now;
    script_flight_send(flight);
}

void script_flight_fire(struct timer *timer, int64_t now)
{
    struct flight *flight = CONTAINER_OF(timer, struct flight, timer);

    (void)now;
    switch (flight->stage) {
    case STAGE_WAITING: break;
    case STAGE_CONNECTING: flight_connected(flight); break;
    case STAGE_SENT: flight_outcome(flight); break;
    case STAGE_BODY:
        if (flight->killed) {
            flight->line.kind = SCRIPT_BREAK;
            flight->line.break_at = flight->told;
        }
        flight_body(flight);
        break;
    }
}
