/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/rig_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/test.h"

static struct rig_stream *stream_of(struct exchange *exchange)
{
    return CONTAINER_OF(CONTAINER_OF(exchange, struct rig_call, exchange), struct rig_stream, call);
}

/* As long as a piece may be, and of no round number. */
enum { PATTERN = 65521, KEPT_MAX = 65536 };

static const char *pattern_at(uint64_t at)
{
    static char pattern[2 * PATTERN];

    if (pattern[1] == 0) {
        for (int i = 0; i < 2 * PATTERN; i++) {
            int place = i % PATTERN;

            pattern[i] = (char)(place ^ (place >> 8) ^ 0x55);
        }
    }
    return pattern + at % PATTERN;
}

static bool stream_acts(struct rig_call *call, enum rig_moment moment)
{
    if (call->act_at != moment || !call->act) {
        return false;
    }
    call->act_at = 0;
    call->act(call);
    return true;
}

static size_t stream_more(struct exchange *exchange, char *data, size_t size)
{
    struct rig_stream *stream = stream_of(exchange);

    if (stream_acts(&stream->call, RIG_MORE)) {
        return MORE_LATER;
    }
    if (stream->sent >= stream->fail_at) {
        return MORE_FAIL;
    }
    if (stream->sent >= stream->size) {
        return 0;
    }
    if (stream->sent >= stream->send_to) {
        stream->send_pauses++;
        if (stream->drives) {
            rig_stream_send(stream, 1000);
        }
        return MORE_LATER;
    }
    if (size > stream->send_to - stream->sent) {
        size = (size_t)(stream->send_to - stream->sent);
    }
    if (size > stream->size - stream->sent) {
        size = (size_t)(stream->size - stream->sent);
    }
    if (size > PATTERN) {
        size = PATTERN;
    }
    memcpy(data, pattern_at(stream->sent), size);
    stream->sent += size;
    return size;
}

static void stream_keep(struct rig_call *call, const char *data, size_t size)
{
    call->body = realloc(call->body, call->body_size + size + 1);
    memcpy(call->body + call->body_size, data, size);
    call->body_size += size;
    call->body[call->body_size] = '\0';
}

static enum body_taken stream_body(struct exchange *exchange, const char *data, size_t size)
{
    struct rig_stream *stream = stream_of(exchange);

    if (stream_acts(&stream->call, RIG_BODY)) {
        return BODY_LATER;
    }
    if (stream->got >= stream->take_to) {
        stream->receive_pauses++;
        if (stream->drives) {
            rig_stream_take(stream, 1000);
        }
        return BODY_LATER;
    }
    assert_true(size <= PATTERN);
    assert_true(!stream->compare || memcmp(data, pattern_at(stream->got), size) == 0);
    if (!stream->compare && stream->call.body_size < KEPT_MAX) {
        stream_keep(&stream->call, data, size);
    }
    stream->got += size;
    return stream->call.body_max > 0 && stream->got > stream->call.body_max ? BODY_TOO_LARGE
                                                                            : BODY_TAKEN;
}

static bool stream_trailer(struct exchange *exchange, struct str name, struct str value)
{
    struct rig_stream *stream = stream_of(exchange);
    size_t at = strlen(stream->trailers);

    snprintf(stream->trailers + at, sizeof(stream->trailers) - at, "%.*s: %.*s\n", STR_ARG(name),
             STR_ARG(value));
    stream->trailer_count++;
    if (stream_acts(&stream->call, RIG_TRAILER)) {
        return true;
    }
    return stream->trailers_max == 0 || stream->trailer_count <= stream->trailers_max;
}

void rig_stream_init(struct rig_stream *stream, struct rig *rig, const char *url, uint64_t size)
{
    *stream = (struct rig_stream){ .size = size,
                                   .send_to = UINT64_MAX,
                                   .take_to = UINT64_MAX,
                                   .fail_at = UINT64_MAX,
                                   .compare = true };
    rig_call_init(&stream->call, rig, url);
    stream->events = rig_events;
    stream->events.more = stream_more;
    stream->events.body = stream_body;
    stream->events.trailer = stream_trailer;
    stream->call.exchange.events = &stream->events;
    stream->call.exchange.method = STR("POST");
    stream->call.exchange.streams = true;
    stream->call.exchange.stream_size = -1;
    stream->call.exchange.paces = true;
    stream->call.exchange.trailers = stream->trailer_lines;
}

void rig_stream_start(struct rig_stream *stream, struct pool *pool)
{
    rig_start(&stream->call, pool);
}

void rig_stream_trailer(struct rig_stream *stream, const char *line, size_t name_size)
{
    struct exchange *exchange = &stream->call.exchange;

    assert_true(exchange->trailer_count < RIG_LINES);
    stream->trailer_lines[exchange->trailer_count++] =
        (struct header_line){ .line = str_of(line), .name_size = name_size };
}

static void stream_round(struct rig_stream *stream, int64_t due)
{
    if (test_now() >= due) {
        fail_msg("nothing more: sent %llu, got %llu, ends %d", (unsigned long long)stream->sent,
                 (unsigned long long)stream->got, stream->call.ends);
    }
    tulle__loop_round(&stream->call.rig->loop, due);
}

void rig_stream_wait(struct rig_stream *stream)
{
    int64_t due = test_now() + 60 * NS_PER_S;

    while (stream->call.ends == 0) {
        stream_round(stream, due);
    }
}

void rig_stream_until_sent(struct rig_stream *stream, uint64_t sent)
{
    int64_t due = test_now() + 60 * NS_PER_S;

    while (stream->sent < sent) {
        stream_round(stream, due);
    }
}

void rig_stream_until_got(struct rig_stream *stream, uint64_t got)
{
    int64_t due = test_now() + 60 * NS_PER_S;

    while (stream->got < got) {
        stream_round(stream, due);
    }
}

void rig_stream_send(struct rig_stream *stream, uint64_t size)
{
    stream->send_to = stream->sent + size;
    tulle__curl_transport.resume_send(&stream->call.exchange);
}

void rig_stream_take(struct rig_stream *stream, uint64_t size)
{
    stream->take_to = stream->got + size;
    tulle__curl_transport.resume_receive(&stream->call.exchange);
}
