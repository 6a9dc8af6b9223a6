/* SPDX-License-Identifier: Apache-2.0 */

/* The descriptor is written when the first event comes and read when the last
 * one goes, both under the lock that guards the events: it is readable exactly
 * while some wait, and a thousand events cost two system calls. */

#include "core/queue.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fork.h"
#include "base/macros.h"
#include "base/thread.h"

struct tulle_queue {
    struct mutex lock; /* guards the rest but `refs` */
    struct list waiting;
    int fd;           /* -1: the app has freed the queue */
    unsigned born;    /* fork_generation() */
    atomic_uint refs; /* the app's, and one for each source */
};

static void queue_unref(struct tulle_queue *queue)
{
    if (atomic_fetch_sub_explicit(&queue->refs, 1, memory_order_acq_rel) == 1) {
        tulle__mutex_fini(&queue->lock);
        tulle__free(queue);
    }
}

bool tulle__queue_is_here(const struct tulle_queue *queue)
{
    return queue->born == fork_generation();
}

enum tulle_error tulle_queue_new(struct tulle_queue **out)
{
    struct tulle_queue *queue = tulle__fork_begin() ? ALLOC_ZERO(struct tulle_queue) : NULL;

    *out = NULL;
    ENSURE(queue, TULLE_E_NOMEM);
    queue->fd = tulle__fork_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (queue->fd < 0) {
        tulle__free(queue);
        return TULLE_E_INTERNAL;
    }
    if (!tulle__mutex_init(&queue->lock)) {
        tulle__fork_close(queue->fd);
        tulle__free(queue);
        return TULLE_E_INTERNAL;
    }
    list_init(&queue->waiting);
    queue->refs = 1;
    queue->born = fork_generation();
    *out = queue;
    return TULLE_OK;
}

void tulle_queue_free(struct tulle_queue *queue)
{
    struct list *node;

    if (!queue || !tulle__queue_is_here(queue)) {
        return;
    }
    tulle__mutex_lock(&queue->lock);
    while ((node = list_first(&queue->waiting))) {
        list_remove(node);
    }
    tulle__fork_close(queue->fd);
    queue->fd = -1;
    tulle__mutex_unlock(&queue->lock);
    queue_unref(queue);
}

int tulle_queue_fd(const struct tulle_queue *queue)
{
    return tulle__queue_is_here(queue) ? queue->fd : -1;
}

static struct queue_source *source_of(struct queue_entry *entry)
{
    size_t index = (size_t)__builtin_ctz((unsigned)entry->kind);

    return CONTAINER_OF(entry - index, struct queue_source, entries);
}

static void event_take(struct list *node, struct tulle_event *event)
{
    struct queue_entry *entry = CONTAINER_OF(node, struct queue_entry, node);
    const struct queue_source *source = source_of(entry);

    list_remove(node);
    *event = (struct tulle_event){
        .call = source->call,
        .pick = source->pick,
        .user = source->user,
        .kind = entry->kind,
        .error = entry->error,
    };
}

/* Under the lock, after events have gone. */
static void silence_if_empty(struct tulle_queue *queue)
{
    eventfd_t value;

    if (list_is_empty(&queue->waiting)) {
        eventfd_read(queue->fd, &value);
    }
}

size_t tulle_queue_take(struct tulle_queue *queue, struct tulle_event *events, size_t count)
{
    struct list *node;
    size_t taken = 0;

    if (!tulle__queue_is_here(queue)) {
        return 0;
    }
    tulle__mutex_lock(&queue->lock);
    while (taken < count && (node = list_first(&queue->waiting))) {
        event_take(node, &events[taken++]);
    }
    if (taken > 0) {
        silence_if_empty(queue);
    }
    tulle__mutex_unlock(&queue->lock);
    return taken;
}

void tulle__queue_source_init(struct queue_source *source, struct tulle_queue *queue,
                              struct tulle_call *call, struct tulle_pick *pick, void *user)
{
    *source = (struct queue_source){ .queue = queue, .call = call, .pick = pick, .user = user };
    for (int i = 0; i < QUEUE_KINDS; i++) {
        source->entries[i].kind = 1 << i;
        list_init(&source->entries[i].node);
    }
    atomic_fetch_add_explicit(&queue->refs, 1, memory_order_relaxed);
}

void tulle__queue_tell(struct queue_source *source, int32_t kind, int32_t error)
{
    struct queue_entry *entry = &source->entries[__builtin_ctz((unsigned)kind)];
    struct tulle_queue *queue = source->queue;
    bool was_empty;

    tulle__mutex_lock(&queue->lock);
    if (queue->fd >= 0 && !source->forgotten && list_is_empty(&entry->node)) {
        was_empty = list_is_empty(&queue->waiting);
        entry->error = error;
        list_add_last(&queue->waiting, &entry->node);
        if (was_empty) {
            eventfd_write(queue->fd, 1);
        }
    }
    tulle__mutex_unlock(&queue->lock);
}

void tulle__queue_forget(struct queue_source *source)
{
    struct tulle_queue *queue = source->queue;
    bool any = false;

    tulle__mutex_lock(&queue->lock);
    source->forgotten = true;
    for (int i = 0; i < QUEUE_KINDS; i++) {
        any = any || !list_is_empty(&source->entries[i].node);
        list_remove(&source->entries[i].node);
    }
    if (any) {
        silence_if_empty(queue);
    }
    tulle__mutex_unlock(&queue->lock);
}

void tulle__queue_source_fini(struct queue_source *source)
{
    queue_unref(source->queue);
}
