/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/body.h"

#include <string.h>

#include "base/alloc.h"

void tulle__body_init(struct body *body, struct mutex *lock, size_t window)
{
    *body = (struct body){ .lock = lock, .window = window };
    list_init(&body->readers);
}

void tulle__body_fini(struct body *body)
{
    tulle__free(body->bytes);
}

static struct body_reader *reader_of(struct list *node)
{
    return CONTAINER_OF(node, struct body_reader, node);
}

/* What nobody needs any more ends here. Without a reader all may be needed. */
static uint64_t body_needed(const struct body *body)
{
    const struct list *node = body->readers.next;
    uint64_t needed = body->end;

    if (body->held || list_is_empty(&body->readers)) {
        return body->start;
    }
    for (; node != &body->readers; node = node->next) {
        uint64_t at = CONTAINER_OF(node, const struct body_reader, node)->at;

        needed = at < needed ? at : needed;
    }
    return needed;
}

static size_t body_room(const struct body *body)
{
    return body->window - (size_t)(body->end - body_needed(body));
}

static bool reader_may_go_on(const struct body *body, const struct body_reader *reader)
{
    return reader->at < body->end || body->ended;
}

static bool writer_may_go_on(const struct body *body)
{
    return body->writer_waits && body_room(body) >= body->window - body->window / 2;
}

static bool body_has_waiting(const struct body *body)
{
    const struct list *node = body->readers.next;

    for (; node != &body->readers; node = node->next) {
        if (CONTAINER_OF(node, const struct body_reader, node)->waits) {
            return true;
        }
    }
    return false;
}

/* --- the writer --- */

bool tulle__body_reserve(struct body *body)
{
    if (!body->bytes) {
        body->bytes = tulle__alloc(body->window);
    }
    return body->bytes != NULL;
}

static void ring_write(struct body *body, const char *data, size_t size)
{
    size_t at = (size_t)(body->end % body->window);
    size_t first = size < body->window - at ? size : body->window - at;

    memcpy(body->bytes + at, data, first);
    memcpy(body->bytes, data + first, size - first);
}

/* Takes room for as much of `size` as there is, and drops what lies in its way. */
static size_t body_make_room(struct body *body, size_t size)
{
    size_t room = body_room(body);
    size_t taken = size < room ? size : room;
    size_t free = body->window - (size_t)(body->end - body->start);

    if (taken > free) {
        body->start += taken - free;
    }
    return taken;
}

size_t tulle__body_write(struct body *body, const void *data, size_t size, bool *wake)
{
    size_t taken;

    *wake = false;
    tulle__mutex_lock(body->lock);
    taken = body_make_room(body, size);
    body->writer_waits = taken == 0 && size > 0;
    tulle__mutex_unlock(body->lock);
    if (taken == 0) {
        return 0;
    }
    ring_write(body, data, taken);
    tulle__mutex_lock(body->lock);
    body->end += taken;
    *wake = body_has_waiting(body);
    tulle__mutex_unlock(body->lock);
    return taken;
}

bool tulle__body_end(struct body *body)
{
    bool wake;

    tulle__mutex_lock(body->lock);
    body->ended = true;
    wake = body_has_waiting(body);
    tulle__mutex_unlock(body->lock);
    return wake;
}

bool tulle__body_await_room(struct body *body)
{
    bool has_room;

    tulle__mutex_lock(body->lock);
    has_room = body_room(body) > 0;
    body->writer_waits = !has_room;
    tulle__mutex_unlock(body->lock);
    return has_room;
}

/* --- a reader --- */

bool tulle__body_attach(struct body *body, struct body_reader *reader)
{
    bool from_start;

    list_init(&reader->node);
    reader->at = 0;
    reader->waits = false;
    tulle__mutex_lock(body->lock);
    body->held = false;
    from_start = body->start == 0;
    if (from_start) {
        list_add_last(&body->readers, &reader->node);
    }
    tulle__mutex_unlock(body->lock);
    return from_start;
}

void tulle__body_detach(struct body *body, struct body_reader *reader)
{
    tulle__mutex_lock(body->lock);
    list_remove(&reader->node);
    tulle__mutex_unlock(body->lock);
}

static void ring_read(const struct body *body, uint64_t from, char *data, size_t size)
{
    size_t at = (size_t)(from % body->window);
    size_t first = size < body->window - at ? size : body->window - at;

    memcpy(data, body->bytes + at, first);
    memcpy(data + first, body->bytes, size - first);
}

/* How much of `size` is there for it. */
static size_t reader_begin(struct body *body, struct body_reader *reader, size_t size)
{
    uint64_t left;
    bool waits;

    tulle__mutex_lock(body->lock);
    left = body->end - reader->at;
    waits = left == 0 && !body->ended;
    reader->waits = waits;
    tulle__mutex_unlock(body->lock);
    if (left == 0) {
        return waits ? BODY_NOTHING : 0;
    }
    return left < size ? (size_t)left : size;
}

size_t tulle__body_read(struct body *body, struct body_reader *reader, void *data, size_t size,
                        bool *wake)
{
    size_t got = reader_begin(body, reader, size);

    *wake = false;
    if (got == 0 || got == BODY_NOTHING) {
        return got;
    }
    ring_read(body, reader->at, data, got);
    tulle__mutex_lock(body->lock);
    reader->at += got;
    *wake = writer_may_go_on(body);
    tulle__mutex_unlock(body->lock);
    return got;
}

bool tulle__body_await_bytes(struct body *body, struct body_reader *reader)
{
    bool has_more;

    tulle__mutex_lock(body->lock);
    has_more = reader_may_go_on(body, reader);
    reader->waits = !has_more;
    tulle__mutex_unlock(body->lock);
    return has_more;
}

/* --- who wakes those that wait --- */

static struct body_reader *reader_to_wake(struct body *body)
{
    struct list *node = body->readers.next;

    for (; node != &body->readers; node = node->next) {
        struct body_reader *reader = reader_of(node);

        if (reader->waits && reader_may_go_on(body, reader)) {
            return reader;
        }
    }
    return NULL;
}

struct body_reader *tulle__body_claim_reader(struct body *body)
{
    struct body_reader *reader;

    tulle__mutex_lock(body->lock);
    reader = reader_to_wake(body);
    if (reader) {
        reader->waits = false;
    }
    tulle__mutex_unlock(body->lock);
    return reader;
}

bool tulle__body_claim_writer(struct body *body)
{
    bool claimed;

    tulle__mutex_lock(body->lock);
    claimed = writer_may_go_on(body);
    if (claimed) {
        body->writer_waits = false;
    }
    tulle__mutex_unlock(body->lock);
    return claimed;
}

/* --- who wants to begin again --- */

bool tulle__body_hold(struct body *body)
{
    bool held;

    tulle__mutex_lock(body->lock);
    held = body->start == 0;
    body->held = held;
    tulle__mutex_unlock(body->lock);
    return held;
}

bool tulle__body_let_go(struct body *body)
{
    bool wake;

    tulle__mutex_lock(body->lock);
    body->held = false;
    wake = writer_may_go_on(body);
    tulle__mutex_unlock(body->lock);
    return wake;
}
