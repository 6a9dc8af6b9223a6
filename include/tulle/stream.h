/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream, both ways at once.
 *
 * A call with TULLE_STREAM_REQUEST waits for tulle_call_write() and
 * tulle_call_write_end(); one with TULLE_STREAM_REPLY keeps the reply's body for
 * tulle_call_read(). Neither ever waits: they take what there is room for, give
 * what there is, and say TULLE_E_AGAIN for nothing; then an event follows, by
 * the call's queue, by its callback, or out of tulle_call_wait(). An app that
 * does not read stops the peer; a peer that does not read stops the app.
 *
 * What was written is kept for another attempt as long as all of it fits into
 * `request.window`; from then on no new attempt starts
 * (tulle_retries_skipped_total{reason="body"}). The timeouts of the route begin
 * when the body was ended; the call's deadline bounds all of it. */

#ifndef TULLE_STREAM_H
#define TULLE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/call.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes to the request's body as much as there is room for.
 *
 * Owns: takes nothing; what was taken is copied.
 * Gives: `*taken`, the bytes that were taken; fewer than `size` when there was
 *   no more room.
 * Thread: any, one at a time for each call.
 * Errors: TULLE_E_AGAIN  no room: TULLE_EVENT_WRITABLE follows
 *         TULLE_E_USAGE  the call does not stream its request, or the body was ended,
 *                        or this would go over `stream_size`
 *         TULLE_E_NOMEM
 *         any            the call is over, and why; TULLE_E_CLOSED when it is over and
 *                        went well: the peer needs no more of the body */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_call_write(struct tulle_call *call, const void *data, size_t size, size_t *taken);

/* Ends the request's body, with trailers (NULL, 0: none), which HTTP/1.1 sends
 * behind a chunked body. Over HTTP/2, and with a `stream_size`, they cannot be
 * sent: the call then fails with TULLE_E_INTERNAL, and says so.
 *
 * Owns: takes nothing. Thread: as tulle_call_write().
 * Errors: as tulle_call_write() but TULLE_E_AGAIN; TULLE_E_USAGE also for a trailer that is
 *   no header, for trailers behind a body of known size, and for less than `stream_size` */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_call_write_end(struct tulle_call *call, const struct tulle_header *trailers, size_t count);

/* Reads from the reply's body as much as there is, `size` bytes at most.
 *
 * Gives: `*got`; 0 with TULLE_OK: the body is over, whole (read the trailers).
 * Thread: any, one at a time for each call.
 * Errors: TULLE_E_AGAIN  nothing now: TULLE_EVENT_READABLE follows
 *         TULLE_E_USAGE  the call does not stream its reply, or `size` is 0
 *         any            there is no reply, or it broke off; after all that came was read */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_call_read(struct tulle_call *call, void *data,
                                                          size_t size, size_t *got);

/* Waits for one of `kinds` (enum tulle_event_kind, or-ed), at most `timeout_ns`
 * (0: until it comes; TULLE_NONE: as well); the call's own deadline goes on.
 * READABLE and WRITABLE are there as long as reading or writing would not say
 * TULLE_E_AGAIN; END, once there, ends every wait.
 *
 * Gives: `*ready`, those that are there.
 * Thread: any but a callback of the library's; in a mesh without threads it runs it.
 * Errors: TULLE_E_USAGE    in a callback; or the call has a queue; or it streams nothing, and
 *                          has a `done`
 *         TULLE_E_TIMEOUT  none came in `timeout_ns`; the call goes on */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_call_wait(struct tulle_call *call, int32_t kinds,
                                                          int64_t timeout_ns, int32_t *ready);

/* How a call ended; TULLE_E_AGAIN while it runs. Thread: any. */
TULLE_API enum tulle_error tulle_call_error(const struct tulle_call *call);

/* The first trailer of this name (case does not matter), or NULL. Borrowed.
 * Thread: any, after the body was read to its end. */
TULLE_API const char *tulle_reply_trailer(const struct tulle_reply *reply, const char *name);

/* How many trailers came. */
TULLE_API size_t tulle_reply_trailer_count(const struct tulle_reply *reply);

/* The `index`th trailer in the order of the wire, into `*out` (borrowed).
 * Errors: TULLE_E_USAGE  there is no such trailer */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_reply_trailer_at(const struct tulle_reply *reply, size_t index, struct tulle_header *out);

#ifdef __cplusplus
}
#endif

#endif
