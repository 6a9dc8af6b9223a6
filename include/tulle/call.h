/* SPDX-License-Identifier: Apache-2.0 */

/* Calls: a request goes out, a reply or a failure comes back. */

#ifndef TULLE_CALL_H
#define TULLE_CALL_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tulle_call;
struct tulle_context;
struct tulle_queue;
struct tulle_reply;

struct tulle_header {
    const char *name;  /* sent with this case on HTTP/1.1 */
    const char *value; /* no CR, LF, NUL or other control byte but a tab */
};

enum tulle_retry {
    TULLE_RETRY_DEFAULT = 0, /* as the route says */
    TULLE_RETRY_OFF = 1      /* one attempt, whatever happens */
};

/* Which body is streamed (stream.h). */
enum tulle_stream {
    TULLE_STREAM_REQUEST = 1, /* the app writes it: tulle_call_write() */
    TULLE_STREAM_REPLY = 2    /* the app reads it: tulle_call_read() */
};

/* What happens to a call (stream.h, queue.h). */
enum tulle_event_kind {
    TULLE_EVENT_HEAD = 1,     /* the reply's head is here: once, before READABLE */
    TULLE_EVENT_READABLE = 2, /* after tulle_call_read() said TULLE_E_AGAIN: there is something */
    TULLE_EVENT_WRITABLE = 4, /* after tulle_call_write() said TULLE_E_AGAIN: there is room */
    TULLE_EVENT_END = 8       /* all is over: once, last; what was read in is still to be read */
};

/* An event of a streamed call but its end, which comes to `done`; `user` is that
 * of tulle_call_start(). On the call's loop, never from inside a function of the
 * call, and no more once it was cancelled or freed; it may call anything but
 * blocking functions. */
typedef void tulle_call_event_fn(struct tulle_call *call, int32_t kind, void *user);

struct tulle_request {
    size_t size;                        /* set by TULLE_REQUEST_INIT */
    const char *method;                 /* NULL: GET; case matters */
    const char *url;                    /* http:// or https://, absolute */
    const struct tulle_header *headers; /* sent in this order; Host, Content-Length,
                                         * Transfer-Encoding and Connection are refused */
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_size;
    int64_t deadline_ns;         /* from now, over all attempts; 0: the mesh's, TULLE_NONE: none */
    int32_t retry;               /* enum tulle_retry */
    int32_t explain;             /* 1: record the story for tulle_call_explain() */
    const char *idempotency_key; /* sent as Idempotency-Key; makes any method retriable, as that
                                  * header among `headers` does; NULL: none */
    size_t body_max; /* largest reply body; 0: 64 MiB (streamed: none), SIZE_MAX: no cap */
    struct tulle_failure *failure; /* filled when tulle_call() fails; NULL: not wanted */
    int32_t stream;                /* enum tulle_stream, or-ed; 0: bodies are whole, in memory */
    int32_t has_stream_size;       /* 1: `stream_size` is the whole body's size, which is sent as
                                    * Content-Length; 0: not known (chunked on HTTP/1.1) */
    uint64_t stream_size;
    size_t window;                 /* of a streamed body, kept for another attempt, and the most
                                    * that waits to be sent; 0: 64 KiB */
    struct tulle_queue *queue;     /* where the call's events go; NULL: to `event` and `done` */
    tulle_call_event_fn *event;    /* NULL: none */
    struct tulle_context *context; /* whose trace goes on; NULL: the thread's scope */
    const char *source; /* in whose name, for a hash policy by source (Envoy: the client's
                         * address): a user, a session, an address; NULL: nobody's */
};                      /* append only */

#define TULLE_REQUEST_INIT .size = sizeof(struct tulle_request)

/* Sets every field to its default. `size` is the caller's sizeof.
 * Thread: any. Errors: none. */
TULLE_API void tulle_request_init(struct tulle_request *request, size_t size);

/* Where a call's time went, in ns from its start; of the last attempt where it
 * says so. 0: did not happen. */
struct tulle_timings {
    size_t size;              /* set by TULLE_TIMINGS_INIT */
    int64_t attempt_start_ns; /* last attempt */
    int64_t connected_ns;     /* last attempt; 0 on a kept connection */
    int64_t head_ns;          /* the reply's head was read */
    int64_t end_ns;           /* all was over */
};                            /* append only */

#define TULLE_TIMINGS_INIT .size = sizeof(struct tulle_timings)

/* The completion of an asynchronous call: once a call, on the call's loop
 * (a library thread, or that of a blocking caller who runs the loop), never
 * from inside tulle_call_start(). `call` is still the app's to free. It may
 * call anything but blocking functions, which answer TULLE_E_USAGE. */
typedef void tulle_call_done_fn(struct tulle_call *call, enum tulle_error error, void *user);

/* GETs a URL and waits for the whole reply: tulle_call() with defaults.
 *
 * Owns, Gives, Thread, Errors: as tulle_call() */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_get(struct tulle *mesh, const char *url,
                                                    struct tulle_reply **out);

/* Makes a call and waits for the whole reply or the failure.
 *
 * Owns: takes nothing; `request` is used until return.
 * Gives: `*out`, to be freed by tulle_reply_free(); NULL on failure, and then
 *   `request->failure` (if given) says why.
 * Thread: any but a callback of the library's; many at once. The call runs on
 *   this thread where a loop is free.
 * Calls back: the access log, and completions of other calls of that loop.
 * Errors: any; TULLE_E_USAGE, TULLE_E_NOMEM and TULLE_E_CLOSED before any I/O */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_call(struct tulle *mesh, const struct tulle_request *request, struct tulle_reply **out);

/* Starts a call. The reply, or the reason there is none, comes to `done`.
 *
 * Owns: takes nothing; `request` and all it points to may go after return.
 * Gives: `*out`, to be freed by tulle_call_free() at any time; freeing it
 *   before the end cancels. `*out` is set before `done` can run.
 * Thread: any. The call then lives on one loop of `mesh`; from a callback, on
 *   that callback's loop.
 * Calls back: `done` exactly once, from that loop, never from inside this
 *   function; also after tulle_call_cancel() and during tulle_close(). With
 *   `request->queue` the end is an event there, and `done` is NULL.
 * Errors: TULLE_E_USAGE   the request is wrong: URL, method, a header; nothing was started
 *         TULLE_E_CLOSED  the mesh is closing
 *         TULLE_E_NOMEM, TULLE_E_INTERNAL  nothing was started; `done` will not be called */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_call_start(struct tulle *mesh,
                                                           const struct tulle_request *request,
                                                           tulle_call_done_fn *done, void *user,
                                                           struct tulle_call **out);

/* Ends a call early: it completes with TULLE_E_CANCELLED, unless it was over
 * already; then nothing happens. NULL does nothing.
 * Thread: any, also from any callback. Errors: none. */
TULLE_API void tulle_call_cancel(struct tulle_call *call);

/* Gives the handle back; cancels a call that is not over (`done` still comes).
 * Owns: takes `call`. NULL does nothing. Thread: any, also inside `done`. */
TULLE_API void tulle_call_free(struct tulle_call *call);

/* The reply of a call that ended with TULLE_OK, else NULL; with
 * TULLE_STREAM_REPLY from TULLE_EVENT_HEAD on, without a body, and also when that
 * breaks off. Borrowed from `call`. Thread: any, after the event. */
TULLE_API const struct tulle_reply *tulle_call_reply(const struct tulle_call *call);

/* Why a call failed; NULL while it runs and when it did not fail. Borrowed
 * from `call`. Thread: any, after `done` was called. */
TULLE_API const struct tulle_failure *tulle_call_failure(const struct tulle_call *call);

/* The story of a call that was made with `explain`: a line for each layer that
 * spoke, with the time since the start. Static text "" without `explain`.
 * Borrowed from `call`. Thread: any, after `done` was called. */
TULLE_API const char *tulle_call_explain(const struct tulle_call *call);

/* The story of the call that gave this reply, as tulle_call_explain().
 * Borrowed from `reply`. Thread: any. */
TULLE_API const char *tulle_reply_explain(const struct tulle_reply *reply);

/* Frees what tulle_get() or tulle_call() gave. Never what tulle_call_reply()
 * lends. NULL does nothing. Thread: any. */
TULLE_API void tulle_reply_free(struct tulle_reply *reply);

/* The HTTP status. Thread: any. */
TULLE_API int32_t tulle_reply_status(const struct tulle_reply *reply);

/* The body, followed by a NUL that its size does not count. Borrowed; never NULL. */
TULLE_API const char *tulle_reply_body(const struct tulle_reply *reply);

/* The size of the body in bytes. */
TULLE_API size_t tulle_reply_body_size(const struct tulle_reply *reply);

/* The first header of this name (case does not matter), or NULL. Borrowed. */
TULLE_API const char *tulle_reply_header(const struct tulle_reply *reply, const char *name);

/* How many header lines came. */
TULLE_API size_t tulle_reply_header_count(const struct tulle_reply *reply);

/* The `index`th header line in the order of the wire, into `*out` (borrowed).
 * Errors: TULLE_E_USAGE  there is no such line */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_reply_header_at(const struct tulle_reply *reply, size_t index, struct tulle_header *out);

/* How many attempts were made, the first included. */
TULLE_API uint32_t tulle_reply_attempts(const struct tulle_reply *reply);

/* The endpoint that answered, "10.0.0.1:9080"; "" outside the mesh. Borrowed. */
TULLE_API const char *tulle_reply_endpoint(const struct tulle_reply *reply);

/* Where the time went, into `*out`, whose size must be set.
 * Errors: TULLE_E_USAGE  `out->size` is not set */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_reply_timings(const struct tulle_reply *reply,
                                                              struct tulle_timings *out);

#ifdef __cplusplus
}
#endif

#endif
