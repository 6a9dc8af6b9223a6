/* SPDX-License-Identifier: Apache-2.0 */

/* What a call that streams has besides: both bodies, and who is told of them.
 * A call whose end nobody is told of has one as well, to be waited for. */

#ifndef TULLE_STACK_STREAM_H
#define TULLE_STACK_STREAM_H

#include <tulle/call.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/loop.h"
#include "base/thread.h"
#include "seam/transport.h"
#include "stack/body.h"

struct stream {
    struct tulle_call *call;
    bool sends, receives; /* which body streams */
    struct body request, reply;
    struct mutex lock;   /* of both bodies, `posted` and `changes` */
    struct cond changed; /* for tulle_call_wait() */
    uint64_t changes;

    /* The app's. */
    struct body_reader app; /* of the reply */
    int64_t size;           /* of the request's whole body; -1: not known */
    struct arena arena;     /* the trailers'; settled before the request's body ends */
    const struct header_line *trailers;
    size_t trailer_count;

    /* The loop's. */
    struct exchange *exchange; /* of the attempt; NULL: none is under way */
    size_t taken_before;       /* of what it is told again */
    uint64_t sent, received;   /* by this attempt */
    bool reply_is_full;        /* the app is to read before the peer may go on */
    bool request_over;         /* on_request_end() was told */

    /* Core's. */
    void (*tell)(struct tulle_call *call, int32_t kind); /* enum tulle_event_kind; on the loop */
    tulle_call_event_fn *event;
    struct task task; /* resumes what may go on */
    bool posted;
};

/* Lies in the arena of its call. NULL: no memory. */
struct stream *tulle__stream_new(struct tulle_call *call, struct arena *arena);
void tulle__stream_fini(struct stream *stream); /* NULL does nothing */

#endif
