/* SPDX-License-Identifier: Apache-2.0 */

/* What the app may read of a call that is over. */

#include "base/macros.h"
#include "core/mesh.h"
#include "stack/lines.h"

static const struct tulle_call *call_of(const struct tulle_reply *reply)
{
    return CONTAINER_OF(reply, const struct tulle_call, reply);
}

static unsigned fate_of(const struct tulle_call *call)
{
    return atomic_load_explicit(&call->fate, memory_order_acquire);
}

static bool is_over(const struct tulle_call *call)
{
    return fate_of(call) & FATE_OVER;
}

void tulle_reply_free(struct tulle_reply *reply)
{
    if (reply && call_is_here(CONTAINER_OF(reply, struct tulle_call, reply))) {
        tulle__call_unref(CONTAINER_OF(reply, struct tulle_call, reply));
    }
}

int32_t tulle_reply_status(const struct tulle_reply *reply)
{
    return reply->status;
}

const char *tulle_reply_body(const struct tulle_reply *reply)
{
    return reply->body.data ? reply->body.data : "";
}

size_t tulle_reply_body_size(const struct tulle_reply *reply)
{
    return reply->body.size;
}

size_t tulle_reply_header_count(const struct tulle_reply *reply)
{
    return reply->header_count;
}

static enum tulle_error lines_at(const struct buf *lines, size_t count, size_t index,
                                 struct tulle_header *out)
{
    const char *at = lines->data;

    *out = (struct tulle_header){ NULL, NULL };
    ENSURE(index < count, TULLE_E_USAGE);
    for (size_t i = 0; i <= index; i++) {
        at = tulle__lines_next(at, out);
    }
    return TULLE_OK;
}

const char *tulle_reply_header(const struct tulle_reply *reply, const char *name)
{
    return tulle__lines_find(&reply->headers, reply->header_count, name);
}

enum tulle_error tulle_reply_header_at(const struct tulle_reply *reply, size_t index,
                                       struct tulle_header *out)
{
    return lines_at(&reply->headers, reply->header_count, index, out);
}

/* Of a reply that streams they come while the app reads its head. */
size_t tulle_reply_trailer_count(const struct tulle_reply *reply)
{
    return is_over(call_of(reply)) ? reply->trailer_count : 0;
}

const char *tulle_reply_trailer(const struct tulle_reply *reply, const char *name)
{
    return tulle__lines_find(&reply->trailers, tulle_reply_trailer_count(reply), name);
}

enum tulle_error tulle_reply_trailer_at(const struct tulle_reply *reply, size_t index,
                                        struct tulle_header *out)
{
    return lines_at(&reply->trailers, tulle_reply_trailer_count(reply), index, out);
}

uint32_t tulle_reply_attempts(const struct tulle_reply *reply)
{
    return call_of(reply)->attempts;
}

const char *tulle_reply_endpoint(const struct tulle_reply *reply)
{
    return call_of(reply)->scratch->endpoint;
}

static int64_t since_start(const struct tulle_call *call, int64_t instant)
{
    return instant > 0 ? instant - call->started_at : 0;
}

enum tulle_error tulle_reply_timings(const struct tulle_reply *reply, struct tulle_timings *out)
{
    const struct tulle_call *call = call_of(reply);
    struct tulle_timings timings = {
        .size = out->size,
        .attempt_start_ns = since_start(call, call->attempt_at),
        .connected_ns = since_start(call, call->connected_at),
        .head_ns = since_start(call, call->head_at),
        .end_ns = is_over(call) ? since_start(call, call->ended_at) : 0,
    };

    ENSURE(out->size >= sizeof(size_t), TULLE_E_USAGE);
    memset(out, 0, out->size);
    memcpy(out, &timings, timings.size < sizeof(timings) ? timings.size : sizeof(timings));
    return TULLE_OK;
}

/* A stream's reply is there from its head on, also if its body breaks off. */
const struct tulle_reply *tulle_call_reply(const struct tulle_call *call)
{
    if (call->stream && call->stream->receives) {
        return fate_of(call) & FATE_HEAD ? &call->reply : NULL;
    }
    return is_over(call) && !call->failed ? &call->reply : NULL;
}

const struct tulle_failure *tulle_call_failure(const struct tulle_call *call)
{
    return is_over(call) && call->failed ? call->failure : NULL;
}

const char *tulle_call_explain(const struct tulle_call *call)
{
    return is_over(call) && call->story.data ? call->story.data : "";
}

const char *tulle_reply_explain(const struct tulle_reply *reply)
{
    return tulle_call_explain(call_of(reply));
}
