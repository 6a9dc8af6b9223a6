/* SPDX-License-Identifier: Apache-2.0 */

/* Two sides. The app's thread moves bytes into and out of the windows; where it
 * finds that the loop waits for it, it posts the stream's one task. The loop
 * runs that (stream_run), and tells the app of what came (stream_tell). */

#include "core/stream.h"

#include "base/macros.h"
#include "core/escape.h"
#include "core/queue.h"
#include "core/request.h"

static unsigned fate_of(const struct tulle_call *call)
{
    return atomic_load_explicit(&call->fate, memory_order_acquire);
}

/* --- the loop's side --- */

/* Somebody may wait for just this. */
static void stream_wake(struct stream *stream)
{
    tulle__mutex_lock(&stream->lock);
    stream->changes++;
    tulle__cond_broadcast(&stream->changed);
    tulle__mutex_unlock(&stream->lock);
}

/* Of a call that was cancelled or freed only the end is told. */
static void stream_tell(struct tulle_call *call, int32_t kind)
{
    struct stream *stream = call->stream;

    if (kind == TULLE_EVENT_HEAD) {
        atomic_fetch_or(&call->fate, FATE_HEAD);
    }
    stream_wake(stream);
    if (fate_of(call) & FATE_CANCELLED) {
        return;
    }
    if (call->events) {
        tulle__queue_tell(call->events, kind, TULLE_OK);
    } else if (stream->event) {
        stream->event(call, kind, call->done_user);
        came_back(call->born);
    }
}

void tulle__stream_over(struct tulle_call *call)
{
    (void)tulle__body_end(&call->stream->reply);
    stream_wake(call->stream);
}

static void stream_resume(struct tulle_call *call)
{
    const struct transport_type *transport = call->on->transport->type;
    struct stream *stream = call->stream;
    struct body_reader *reader;

    while ((reader = tulle__body_claim_reader(&stream->request))) {
        if (reader->exchange->private) {
            transport->resume_send(reader->exchange);
        }
    }
    if (stream->exchange && stream->exchange->private && tulle__body_claim_writer(&stream->reply)) {
        transport->resume_receive(stream->exchange);
    }
}

static bool stream_take_post(struct stream *stream)
{
    bool request_is_over;

    tulle__mutex_lock(&stream->lock);
    stream->posted = false;
    request_is_over = stream->request.ended;
    tulle__mutex_unlock(&stream->lock);
    return request_is_over;
}

static void stream_run(struct task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, task);
    struct tulle_call *call = stream->call;
    bool request_is_over = stream_take_post(stream);

    if (!call->done) {
        if (request_is_over && call_is_uploading(call)) {
            tulle__call_request_end(call);
        }
        stream_resume(call);
    }
    tulle__call_let_go(call);
}

/* --- the app's side --- */

/* The task is posted once until it runs. A call that is over needs it no more. */
static void stream_post(struct tulle_call *call)
{
    struct stream *stream = call->stream;
    bool posts;

    tulle__mutex_lock(&stream->lock);
    posts = !stream->posted;
    stream->posted = true;
    tulle__mutex_unlock(&stream->lock);
    if (posts) {
        (void)tulle__call_post(call, &stream->task);
    }
}

enum tulle_error tulle__stream_open(struct tulle_call *call, const struct tulle_request *request)
{
    struct stream *stream = tulle__stream_new(call, &call->arena);

    ENSURE(stream, TULLE_E_NOMEM);
    stream->tell = stream_tell;
    stream->task.run = stream_run;
    call->stream = stream;
    if (!request) {
        return TULLE_OK;
    }
    stream->sends = request->stream & TULLE_STREAM_REQUEST;
    stream->receives = request->stream & TULLE_STREAM_REPLY;
    stream->event = request->event;
    stream->size = request->has_stream_size ? (int64_t)request->stream_size : -1;
    if (request->window > 0) {
        stream->request.window = request->window;
    }
    if (request->has_stream_size && request->stream_size < stream->request.window) {
        stream->request.window = request->stream_size > 0 ? (size_t)request->stream_size : 1;
    }
    return TULLE_OK;
}

/* What a call that is over says to its writer. */
static enum tulle_error write_over(const struct tulle_call *call)
{
    return call->outcome.error != TULLE_OK ? call->outcome.error : TULLE_E_CLOSED;
}

static enum tulle_error write_check(const struct tulle_call *call)
{
    const struct stream *stream = call->stream;

    ENSURE(call_is_here(call), TULLE_E_FORKED);
    ENSURE(stream && stream->sends, TULLE_E_USAGE);
    if (fate_of(call) & FATE_OVER) {
        return write_over(call);
    }
    return stream->request.ended ? TULLE_E_USAGE : TULLE_OK;
}

static uint64_t size_left(const struct stream *stream)
{
    return stream->size < 0 ? UINT64_MAX : (uint64_t)stream->size - stream->request.end;
}

enum tulle_error tulle_call_write(struct tulle_call *call, const void *data, size_t size,
                                  size_t *taken)
{
    struct stream *stream = call->stream;
    bool wake;

    *taken = 0;
    TRY(write_check(call));
    ENSURE(size <= size_left(stream), TULLE_E_USAGE);
    if (size == 0) {
        return TULLE_OK;
    }
    ENSURE(tulle__body_reserve(&stream->request), TULLE_E_NOMEM);
    *taken = tulle__body_write(&stream->request, data, size, &wake);
    if (wake) {
        stream_post(call);
    }
    return *taken > 0 ? TULLE_OK : TULLE_E_AGAIN;
}

static enum tulle_error trailers_copy(struct stream *stream, const struct tulle_header *trailers,
                                      size_t count)
{
    struct header_line *lines;

    if (count == 0) {
        return TULLE_OK;
    }
    lines = ARENA_ARRAY(&stream->arena, struct header_line, count);
    ENSURE(lines, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        TRY(tulle__trailer_format(&stream->arena, &trailers[i], &lines[i]));
    }
    stream->trailers = lines;
    stream->trailer_count = count;
    return TULLE_OK;
}

/* Posts in any case: the route's timeout begins. */
enum tulle_error tulle_call_write_end(struct tulle_call *call, const struct tulle_header *trailers,
                                      size_t count)
{
    struct stream *stream = call->stream;

    TRY(write_check(call));
    ENSURE(stream->size < 0 || (size_left(stream) == 0 && count == 0), TULLE_E_USAGE);
    TRY(trailers_copy(stream, trailers, count));
    (void)tulle__body_end(&stream->request);
    stream_post(call);
    return TULLE_OK;
}

/* The window ends when the call is over: that settled how. */
enum tulle_error tulle_call_read(struct tulle_call *call, void *data, size_t size, size_t *got)
{
    struct stream *stream = call->stream;
    bool wake;

    *got = 0;
    ENSURE(call_is_here(call), TULLE_E_FORKED);
    ENSURE(stream && stream->receives && size > 0, TULLE_E_USAGE);
    size = tulle__body_read(&stream->reply, &stream->app, data, size, &wake);
    if (size == BODY_NOTHING) {
        return TULLE_E_AGAIN;
    }
    if (wake) {
        stream_post(call);
    }
    *got = size;
    return size > 0 ? TULLE_OK : tulle_call_error(call);
}

enum tulle_error tulle_call_error(const struct tulle_call *call)
{
    if (fate_of(call) & FATE_OVER) {
        return call->outcome.error;
    }
    return call_is_here(call) ? TULLE_E_AGAIN : TULLE_E_FORKED;
}
