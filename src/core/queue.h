/* SPDX-License-Identifier: Apache-2.0 */

/* Completion queues: events as plain data, and a descriptor that says that there
 * are some. A source (a call, a pick) carries the room for all its events, so
 * telling cannot fail. */

#ifndef TULLE_CORE_QUEUE_H
#define TULLE_CORE_QUEUE_H

#include <tulle/queue.h>

#include <stdbool.h>

#include "base/list.h"

enum { QUEUE_KINDS = 4 }; /* HEAD, READABLE, WRITABLE, END: as the bits of enum tulle_event_kind */

/* The room for one event. */
struct queue_entry {
    struct list node; /* in the queue, while it waits there */
    int32_t kind;
    int32_t error;
};

/* Of a call or a pick. */
struct queue_source {
    struct tulle_queue *queue; /* a reference */
    struct tulle_call *call;
    struct tulle_pick *pick;
    void *user;
    struct queue_entry entries[QUEUE_KINDS];
    bool forgotten; /* guarded by the queue's lock, as the entries are */
};

/* False: it was made before fork(), and this is the child. */
bool tulle__queue_is_here(const struct tulle_queue *queue);

/* `call` or `pick` is NULL. */
void tulle__queue_source_init(struct queue_source *source, struct tulle_queue *queue,
                              struct tulle_call *call, struct tulle_pick *pick, void *user);
/* From any thread. A kind that waits in the queue already is not told twice. */
void tulle__queue_tell(struct queue_source *source, int32_t kind, int32_t error);
/* What waits is dropped, and nothing is told any more; any thread, before the handle goes. */
void tulle__queue_forget(struct queue_source *source);
void tulle__queue_source_fini(struct queue_source *source);

#endif
