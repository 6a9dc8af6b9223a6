/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "base/alloc.h"
#include "mock/internal.h"

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

void tulle__script_flight_free(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;

    flight->pool->flights--;
    tulle__loop_release_timers(transport->loop, 1);
    tulle__free(flight);
    tulle__script_settle_soon(transport);
}

/* Out of all lists; the connection is kept if it can be used again. */
void tulle__script_flight_detach(struct flight *flight, bool reusable)
{
    struct script_transport *transport = flight->pool->transport;

    flight_leave_wait(flight);
    list_remove(&flight->node);
    tulle__timer_disarm(transport->loop, &flight->timer);
    if (flight->stage > STAGE_CONNECTING) {
        script_count(&transport->base.active, -1);
        tulle__script_note_end(transport->script, flight->endpoint);
    }
    if (flight->connection) {
        flight->connection->closing |= !reusable && !flight->pool->is_http2;
        flight->connection->idle_timeout_ns = flight->exchange->idle_timeout_ns;
        tulle__script_connection_release(flight->connection);
    }
    flight->exchange->private = NULL;
}

static void flight_end(struct flight *flight, const struct exchange_end *end, bool reusable)
{
    struct exchange *exchange = flight->exchange;

    tulle__script_flight_detach(flight, reusable);
    tulle__script_flight_free(flight);
    exchange->events->end(exchange, end);
}

void tulle__script_flight_fail(struct flight *flight, enum tulle_error error,
                               enum tulle_progress progress, const char *text)
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

bool tulle__script_flight_lives(struct flight *flight)
{
    flight->telling = false;
    if (!flight->cancelled) {
        return true;
    }
    tulle__script_flight_free(flight);
    return false;
}

static bool tell_line(struct flight *flight, const char *line,
                      bool (*tell)(struct exchange *, struct str, struct str))
{
    const char *colon = strchr(line, ':');
    struct str name = { line, (size_t)(colon - line) };

    return tell(flight->exchange, name, tulle__str_trim(str_of(colon + 1)));
}

/* False: too much of them, or the flight is cancelled. */
static bool tell_list(struct flight *flight, const struct tulle_header *list, size_t count,
                      bool (*tell)(struct exchange *, struct str, struct str))
{
    for (size_t i = 0; i < count; i++) {
        if (!tell(flight->exchange, str_of(list[i].name), str_of(list[i].value)) ||
            flight->cancelled) {
            return false;
        }
    }
    return true;
}

static bool tell_headers(struct flight *flight)
{
    size_t i;

    for (i = 0; i < SCRIPT_HEADERS && flight->line.headers[i]; i++) {
        if (!tell_line(flight, flight->line.headers[i], flight->exchange->events->header) ||
            flight->cancelled) {
            return false;
        }
    }
    return tell_list(flight, flight->line.header_list, flight->line.header_count,
                     flight->exchange->events->header);
}

static bool tell_trailers(struct flight *flight)
{
    const struct exchange_events *events = flight->exchange->events;
    size_t i;

    for (i = 0; events->trailer && i < SCRIPT_HEADERS && flight->line.trailers[i]; i++) {
        if (!tell_line(flight, flight->line.trailers[i], events->trailer) || flight->cancelled) {
            return false;
        }
    }
    return !events->trailer || tell_list(flight, flight->line.trailer_list,
                                         flight->line.trailer_count, events->trailer);
}

static void flight_too_large(struct flight *flight)
{
    tulle__script_flight_fail(flight, TULLE_E_TOO_LARGE, TULLE_ANSWERED,
                              "the reply is over its cap");
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

/* False: the flight is gone, has ended, or is told to wait. */
static bool tell_chunk(struct flight *flight, size_t left)
{
    char fill[FILL_SIZE];
    const char *data = flight->line.body ? flight->line.body + flight->told : fill;
    size_t size = chunk_size(flight, left);
    enum body_taken taken;

    memset(fill, 'x', sizeof(fill));
    flight->telling = true;
    flight->told += size;
    taken = flight->exchange->events->body(flight->exchange, data, size);
    if (!tulle__script_flight_lives(flight)) {
        return false;
    }
    if (taken == BODY_LATER) {
        flight->told -= size;
        flight->paused = true;
    } else if (taken == BODY_TOO_LARGE) {
        flight_too_large(flight);
    }
    return taken == BODY_TAKEN;
}

static const struct exchange_end ended_well = { .progress = TULLE_ANSWERED, .text = "" };
static const struct exchange_end broke_off = { .error = TULLE_E_NETWORK,
                                               .progress = TULLE_ANSWERED,
                                               .truncated = true,
                                               .text = "the body broke off" };

void tulle__script_flight_finish(struct flight *flight)
{
    bool taken;

    if (flight->killed || flight->line.kind == SCRIPT_BREAK) {
        flight_end(flight, &broke_off, false);
        return;
    }
    flight->telling = true;
    taken = tell_trailers(flight);
    if (!tulle__script_flight_lives(flight)) {
        return;
    }
    if (!taken) {
        flight_too_large(flight);
        return;
    }
    flight_end(flight, &ended_well, !flight->line.close);
}

static void flight_body(struct flight *flight)
{
    size_t size = body_size(flight);

    if (flight->line.kind == SCRIPT_BREAK) {
        size = flight->line.break_at < size ? flight->line.break_at : size;
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
    tulle__script_flight_finish(flight);
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
    if (!tulle__script_flight_lives(flight)) {
        return;
    }
    if (!taken) {
        flight_too_large(flight);
        return;
    }
    if (flight->line.echo && flight->exchange->streams) {
        flight->stage = STAGE_ECHO;
        tulle__script_body_echo(flight);
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
        tulle__script_flight_fail(flight, TULLE_E_NETWORK, TULLE_PERHAPS_EXECUTED,
                                  "the connection was reset after the request was sent");
        return;
    }
    if (flight->line.kind == SCRIPT_REFUSED_STREAM) {
        flight_end(flight, &refused, true);
        return;
    }
    flight_head(flight);
}

static int64_t flight_delay(const struct flight *flight)
{
    int64_t delay = flight->line.delay_ns;

    return delay == NEVER ? 0 : delay == 0 ? DELAY_DEFAULT : delay;
}

void tulle__script_flight_answer_soon(struct flight *flight)
{
    struct loop *loop = flight->pool->transport->loop;

    flight->stage = STAGE_SENT;
    if (flight->line.kind != SCRIPT_HANG) {
        tulle__timer_arm(loop, &flight->timer, time_add(loop->now, flight_delay(flight)));
    }
}

void tulle__script_flight_send(struct flight *flight)
{
    struct script_transport *transport = flight->pool->transport;

    if (flight->line.kind == SCRIPT_RESET_BEFORE || flight->killed) {
        tulle__script_flight_fail(flight, TULLE_E_NETWORK, TULLE_NOTHING_SENT,
                                  "the connection ended before the request was sent");
        return;
    }
    flight->exchange->events->sent(flight->exchange);
    flight->stage = STAGE_SENT;
    script_count(&transport->base.active, 1);
    flight->request = tulle__script_note_request(
        transport->script, flight->endpoint, flight->exchange,
        &(struct script_request){ .at = transport->loop->now, .reused = flight->reused });
    if (flight->exchange->streams && !flight->line.echo) {
        tulle__script_body_begin(flight);
        return;
    }
    tulle__script_flight_answer_soon(flight);
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
    tulle__script_settle_soon(flight->pool->transport); /* HTTP/2: others may go along */
    flight->exchange->connected_at = flight->pool->transport->loop->now;
    tulle__script_flight_send(flight);
}

void tulle__script_flight_fire(struct timer *timer, int64_t now)
{
    struct flight *flight = CONTAINER_OF(timer, struct flight, timer);

    (void)now;
    switch (flight->stage) {
    case STAGE_WAITING: break;
    case STAGE_CONNECTING: flight_connected(flight); break;
    case STAGE_TAKE: tulle__script_body_take(flight); break;
    case STAGE_ECHO: tulle__script_body_echo(flight); break;
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
