/* SPDX-License-Identifier: Apache-2.0 */

/* Traces. A server hands over the headers of the request it serves; every call
 * made meanwhile carries the trace on: by naming the context in the request, or
 * by a scope of the thread. The formats that came are continued (traceparent
 * and tracestate, b3, x-b3-*), x-request-id and baggage are passed on, and each
 * attempt has a span id of its own. Where nothing came, a trace starts (option
 * `trace`) and an x-request-id is made, one for all attempts of a call. A trace
 * that the app sets in the request's headers stands, and none is added to it.
 *
 * A context carries the request's deadline as well: its grpc-timeout and its
 * x-envoy-expected-rq-timeout-ms (the smaller), counted from when the context was
 * made, bound every call and pick made under it, whatever deadline those name; each
 * attempt tells its peer what is left. */

#ifndef TULLE_TRACE_H
#define TULLE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/call.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A context from the headers of a request (names in any case).
 *
 * Owns: takes nothing. Gives: `*out`, to be freed by tulle_context_free(); calls
 *   that use it may outlive that.
 * Thread: any; a context is read-only.
 * Errors: TULLE_E_NOMEM
 *         TULLE_E_USAGE  a `count` without `headers`
 *   What is malformed is passed over, as the formats say. */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_context_new(const struct tulle_header *headers, size_t count, struct tulle_context **out);

/* Gives a context back. NULL does nothing. Thread: any. */
TULLE_API void tulle_context_free(struct tulle_context *context);

/* The trace id, 32 lower-case hex digits; "" when the headers had none. Borrowed. */
TULLE_API const char *tulle_context_trace_id(const struct tulle_context *context);

/* Makes `context` (NULL: none) the one of this thread: calls started here that
 * name none carry it on. A completion or another callback runs in no scope, on
 * whichever thread: it enters one, or names a context.
 *
 * Owns: borrows `context` until the next enter.
 * Gives: the one before, to be entered again afterwards. Thread: this one. */
TULLE_API struct tulle_context *tulle_scope_enter(struct tulle_context *context);

/* One attempt that ended. Texts are borrowed; times are monotonic ns. The ids are
 * those that were sent: "" where none was, or the app's own was malformed. */
struct tulle_span {
    size_t size;           /* of the struct the library filled */
    const char *trace_id;  /* 32 hex digits */
    const char *span_id;   /* 16 hex digits: what the peer saw as its parent */
    const char *parent_id; /* of the context; "" at the start of a trace */
    int32_t sampled;       /* 1, 0; -1: nobody decided */
    const char *method;
    const char *authority;
    const char *path;
    const char *cluster;  /* "" outside the mesh */
    const char *endpoint; /* "" when none was picked */
    uint32_t attempt;     /* 1: the first */
    int32_t status;       /* of the reply, or the one Envoy would have answered with */
    int32_t error;        /* enum tulle_error, of the attempt */
    int64_t start_ns, end_ns;
    int32_t hedge; /* 1: sent beside an attempt that took long; 0: on its own */
};                 /* append only */

#ifdef __cplusplus
}
#endif

#endif
