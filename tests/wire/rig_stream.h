/* SPDX-License-Identifier: Apache-2.0 */

/* A call whose bodies stream. What is sent follows a pattern, and what comes
 * back is compared with it and not kept. */

#ifndef TESTS_WIRE_RIG_STREAM_H
#define TESTS_WIRE_RIG_STREAM_H

#include "wire/rig.h"

enum { RIG_LINES = 8 };

struct rig_stream {
    struct rig_call call; /* the first member */
    struct exchange_events events;
    uint64_t size;    /* of the request's body */
    uint64_t sent;    /* given so far */
    uint64_t send_to; /* more() says MORE_LATER from here on */
    uint64_t fail_at; /* and MORE_FAIL here */
    uint64_t got;     /* of the reply's body */
    uint64_t take_to; /* body() says BODY_LATER from here on */
    bool compare;     /* the reply is the request's body; else its start is kept as text */
    bool drives;      /* it resumes itself, from inside, each time it has paused */
    int send_pauses, receive_pauses;
    char trailers[2048]; /* "name: value\n" each */
    int trailer_count;
    int trailers_max; /* 0: any */
    struct header_line trailer_lines[RIG_LINES];
};

/* A POST of `size` bytes; `stream_size` is -1. */
void rig_stream_init(struct rig_stream *stream, struct rig *rig, const char *url, uint64_t size);
void rig_stream_start(struct rig_stream *stream, struct pool *pool);
void rig_stream_trailer(struct rig_stream *stream, const char *line, size_t name_size);

/* Until it has paused, with what there is to send or to take. */
void rig_stream_wait(struct rig_stream *stream);
void rig_stream_until_sent(struct rig_stream *stream, uint64_t sent);
void rig_stream_until_got(struct rig_stream *stream, uint64_t got);

/* So much more may be sent, or taken. */
void rig_stream_send(struct rig_stream *stream, uint64_t size);
void rig_stream_take(struct rig_stream *stream, uint64_t size);

#endif
