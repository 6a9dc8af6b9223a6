/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint that reads a request's body which streams, at its own pace, and
 * may give it back. */

#include "mock/internal.h"

enum took { TOOK_PIECE, TOOK_END, TOOK_NOTHING, TOOK_GONE };

static void arm_after(struct flight *flight, int64_t ns)
{
    struct loop *loop = flight->pool->transport->loop;

    tulle__timer_arm(loop, &flight->timer, time_add(loop->now, ns));
}

static size_t wanted(const struct flight *flight)
{
    size_t size = flight->line.take_size ? flight->line.take_size : sizeof(flight->piece);
    size_t left = flight->line.take_max ? flight->line.take_max - flight->taken : SIZE_MAX;

    size = size < sizeof(flight->piece) ? size : sizeof(flight->piece);
    return size < left ? size : left;
}

static enum took take(struct flight *flight)
{
    struct script *script = flight->pool->transport->script;
    size_t size = wanted(flight), got;

    if (size == 0) {
        return TOOK_END;
    }
    flight->telling = true;
    got = flight->exchange->events->more(flight->exchange, flight->piece, size);
    if (!tulle__script_flight_lives(flight)) {
        return TOOK_GONE;
    }
    if (got == MORE_LATER) {
        flight->starved = true;
        return TOOK_NOTHING;
    }
    if (got == MORE_FAIL) {
        tulle__script_flight_fail(flight, TULLE_E_CANCELLED, TULLE_PERHAPS_EXECUTED,
                                  "the request's body ended early");
        return TOOK_GONE;
    }
    if (got == 0) {
        tulle__script_note_trailers(script, flight->request, flight->exchange);
        return TOOK_END;
    }
    flight->piece_size = got;
    flight->taken += got;
    tulle__script_note_body(script, flight->request, flight->piece, got);
    return TOOK_PIECE;
}

static bool is_to_wait(struct flight *flight)
{
    if (flight->line.take_ns > 0) {
        arm_after(flight, flight->line.take_ns);
    }
    return flight->line.take_ns > 0;
}

void tulle__script_body_begin(struct flight *flight)
{
    flight->stage = STAGE_TAKE;
    if (!is_to_wait(flight)) {
        tulle__script_body_take(flight);
    }
}

void tulle__script_body_take(struct flight *flight)
{
    enum took took;

    if (flight->killed) {
        tulle__script_flight_fail(flight, TULLE_E_NETWORK, TULLE_PERHAPS_EXECUTED,
                                  "the connection was reset while the body was sent");
        return;
    }
    do {
        took = take(flight);
    } while (took == TOOK_PIECE && !is_to_wait(flight));
    if (took == TOOK_END) {
        tulle__script_flight_answer_soon(flight);
    }
}

/* False: not now, or the flight is gone. */
static bool echo_tell(struct flight *flight)
{
    enum body_taken taken;

    flight->telling = true;
    taken = flight->exchange->events->body(flight->exchange, flight->piece, flight->piece_size);
    if (!tulle__script_flight_lives(flight)) {
        return false;
    }
    if (taken == BODY_TOO_LARGE) {
        tulle__script_flight_fail(flight, TULLE_E_TOO_LARGE, TULLE_ANSWERED,
                                  "the reply is over its cap");
        return false;
    }
    flight->paused = taken == BODY_LATER;
    flight->piece_size = flight->paused ? flight->piece_size : 0;
    return !flight->paused;
}

void tulle__script_body_echo(struct flight *flight)
{
    enum took took;

    if (flight->killed) {
        tulle__script_flight_finish(flight);
        return;
    }
    do {
        if (flight->piece_size > 0 && !echo_tell(flight)) {
            return;
        }
        took = take(flight);
    } while (took == TOOK_PIECE && !is_to_wait(flight));
    if (took == TOOK_END) {
        tulle__script_flight_finish(flight);
    }
}

void tulle__script_body_resume_send(struct exchange *exchange)
{
    struct flight *flight = exchange->private;

    if (flight->starved) {
        flight->starved = false;
        arm_after(flight, 0);
    }
}

void tulle__script_body_resume_receive(struct exchange *exchange)
{
    struct flight *flight = exchange->private;

    if (flight->paused) {
        flight->paused = false;
        arm_after(flight, 0);
    }
}
