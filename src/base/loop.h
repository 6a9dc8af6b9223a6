/* SPDX-License-Identifier: Apache-2.0 */

/* A reactor: descriptors, timers, and tasks that other threads post. It has no
 * thread of its own; whoever owns it at the moment runs its rounds, one at a
 * time (core/loops.c decides who). Only tulle__loop_post() may be called by
 * others than the owner.
 *
 * In a virtual world there is no epoll: tulle__loop_round() runs what is due
 * now, and tulle__loop_due() says when the next is. */

#ifndef TULLE_BASE_LOOP_H
#define TULLE_BASE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/thread.h"

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop;
struct loop_batch;

struct timer {
    struct heap_node node; /* key: when due; in no heap: not armed */
    void (*fire)(struct timer *timer, int64_t now);
};

/* A descriptor that is watched. Lives inside its owner. */
struct watch {
    int fd;
    unsigned events; /* as asked for; 0: registered, but silent */
    void (*ready)(struct watch *watch, unsigned events);
};

/* Something to do on the loop. Lives inside its owner until `run` was called. */
struct task {
    struct task *next; /* the inbox's */
    void (*run)(struct task *task);
    atomic_bool posted; /* a task that is waiting is not posted twice */
};

struct loop {
    const struct world *world;
    int64_t now; /* of this round */
    struct heap timers;
    int epoll_fd; /* -1 in a virtual world */
    int wake_fd;
    struct watch wake_watch;
    _Atomic(struct task *) inbox; /* newest first; reversed when taken */
    atomic_bool sleeping;         /* the owner is in epoll_wait(), or about to be */
    struct loop_batch *batch;     /* events being dispatched; NULL: none */
    size_t reserved;              /* timers */
    uint32_t rounds;
};

bool tulle__loop_init(struct loop *loop,
                      const struct world *world); /* false: no memory or descriptor */
void tulle__loop_fini(struct loop *loop);

/* One round: tasks, due timers, then (waiting at most until `due`, if there is
 * nothing to do) descriptors, then tasks and timers again. */
void tulle__loop_round(struct loop *loop, int64_t due);
int64_t tulle__loop_due(const struct loop *loop); /* the next timer; NEVER: none; 0: tasks wait */
/* For an owner who waits elsewhere for `epoll_fd` to be readable: after each
 * round, so that a task that waits, or comes, makes it so. */
void tulle__loop_doze(struct loop *loop);
void tulle__loop_wake(struct loop *loop); /* from any thread: its wait, or its doze, ends */

/* From any thread. `task` must stay until it ran. False: it is waiting already. */
bool tulle__loop_post(struct loop *loop, struct task *task);

/* Arming an armed timer moves it. Room is reserved beforehand with
 * tulle__loop_reserve_timers(), so arming cannot fail. */
bool tulle__loop_reserve_timers(struct loop *loop, size_t count); /* this many more than now */
void tulle__loop_release_timers(struct loop *loop, size_t count); /* gives back what was reserved */
void tulle__timer_arm(struct loop *loop, struct timer *timer, int64_t due);
void tulle__timer_disarm(struct loop *loop, struct timer *timer);

bool tulle__watch_add(struct loop *loop, struct watch *watch); /* false: epoll refused */
bool tulle__watch_change(struct loop *loop, struct watch *watch, unsigned events);
void tulle__watch_remove(struct loop *loop, struct watch *watch); /* the descriptor stays open */

#endif
