/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream: a window of bytes between one writer and its readers.
 *
 * A request's body is written by the app and read by attempts, a reply's is
 * written by the attempt and read by the app. The slowest reader sets the
 * writer's pace. What all have read stays until its room is needed, so that a
 * reader may come late and begin at the start; from the moment the first byte
 * is gone, none may.
 *
 * Writer and readers are on different threads. They never touch the same bytes,
 * so bytes are copied without a lock; cursors are read and moved under one, for
 * a few instructions: a thread that is preempted there is rare, and while it
 * copies it stops nobody. */

#ifndef TULLE_STACK_BODY_H
#define TULLE_STACK_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/thread.h"

enum { BODY_WINDOW_DEFAULT = 64 * 1024 };

#define BODY_NOTHING SIZE_MAX /* of tulle__body_read(): nothing now */

struct exchange;

struct body_reader {
    struct list node;
    uint64_t at;               /* offset of what it reads next */
    bool waits;                /* it found nothing */
    struct exchange *exchange; /* to be resumed; NULL: of the app */
};

struct body {
    struct mutex *lock; /* guards the rest; a leaf; lent by who owns both bodies of a call */
    char *bytes;        /* a ring of `window`; NULL until something is written */
    size_t window;
    uint64_t start, end; /* offsets of the oldest byte that is kept, and behind the newest */
    bool ended;          /* nothing is added any more */
    bool held;           /* somebody counts on the start: nothing is dropped */
    bool writer_waits;   /* it found no room */
    struct list readers;
};

void tulle__body_init(struct body *body, struct mutex *lock, size_t window);
void tulle__body_fini(struct body *body);

/* --- the writer --- */

bool tulle__body_reserve(struct body *body); /* before it writes; false: no memory */
/* Gives how much of it there was room for; 0: the writer waits. `*wake`: a reader waits. */
size_t tulle__body_write(struct body *body, const void *data, size_t size, bool *wake);
bool tulle__body_end(struct body *body);        /* true: a reader waits */
bool tulle__body_await_room(struct body *body); /* there is some, or the writer waits */

/* --- a reader --- */

/* Begins at the first byte. False: that is gone. */
bool tulle__body_attach(struct body *body, struct body_reader *reader);
void tulle__body_detach(struct body *body, struct body_reader *reader);
/* Gives how much there was; 0: the body is over; BODY_NOTHING: the reader waits.
 * `*wake`: the writer waits, and there is room. */
size_t tulle__body_read(struct body *body, struct body_reader *reader, void *data, size_t size,
                        bool *wake);
/* There is something, or the end; else the reader waits. */
bool tulle__body_await_bytes(struct body *body, struct body_reader *reader);

/* --- who wakes those that wait --- */

/* A reader that waited and need not any more; it is waiting no longer. NULL: none. */
struct body_reader *tulle__body_claim_reader(struct body *body);
/* The writer waited, and half of the window is free: a wake-up is worth its price. */
bool tulle__body_claim_writer(struct body *body);

/* --- who wants to begin again --- */

/* Keeps the start for a reader to come, until one came or tulle__body_let_go().
 * False: it is gone. */
bool tulle__body_hold(struct body *body);
bool tulle__body_let_go(struct body *body); /* true: the writer waits, and there is room */

#endif
