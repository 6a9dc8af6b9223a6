/* SPDX-License-Identifier: Apache-2.0 */

/* Completions as plain data, for other languages and other loops: a queue has a
 * descriptor that is readable while there are events in it, and takes no
 * callback. As many as the program wants; each call names its own. Room for all
 * events of a call is reserved when it starts, so a queue never overflows and
 * never drops one. */

#ifndef TULLE_QUEUE_H
#define TULLE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/call.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tulle_pick;
struct tulle_queue;

/* One event. Its size never changes. */
struct tulle_event {
    struct tulle_call *call; /* NULL: of a pick */
    struct tulle_pick *pick; /* NULL: of a call */
    void *user;              /* as given to tulle_call_start() or tulle_pick_start() */
    int32_t kind;            /* enum tulle_event_kind */
    int32_t error;           /* enum tulle_error, of TULLE_EVENT_END */
};

/* A queue, for calls of any mesh.
 * Gives: `*out`, to be freed by tulle_queue_free(). Thread: any.
 * Errors: TULLE_E_NOMEM, TULLE_E_INTERNAL (no descriptor) */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_queue_new(struct tulle_queue **out);

/* Frees a queue. Calls that name it go on; their events are dropped. NULL does
 * nothing. Thread: any; no other thread may be inside a function of the queue. */
TULLE_API void tulle_queue_free(struct tulle_queue *queue);

/* A descriptor that is readable while events are waiting. It stays the queue's. */
TULLE_API int tulle_queue_fd(const struct tulle_queue *queue);

/* Takes the oldest events, at most `count`, into `events`, and never waits.
 * Events of a call that was freed are gone.
 *
 * Gives: how many. Thread: any, several at once. Errors: none. */
TULLE_API size_t tulle_queue_take(struct tulle_queue *queue, struct tulle_event *events,
                                  size_t count);

#ifdef __cplusplus
}
#endif

#endif
