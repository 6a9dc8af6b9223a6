/* SPDX-License-Identifier: Apache-2.0 */

/* One thread, one epoll, timers in a heap: what every test server runs on. */

#ifndef SERVERS_LOOP_H
#define SERVERS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t events);
};

struct timer {
    int64_t due;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct timer *timer);
};

struct loop {
    int epoll;
    bool stop;
    unsigned depth; /* loop_drain() runs rounds inside a round */
    struct timer **heap;
    size_t timers, timers_room;
    void **graves;
    size_t grave_count, graves_room;
};

int64_t now_ns(void);

void loop_init(struct loop *loop);
void loop_fini(struct loop *loop);
void loop_add(struct loop *loop, struct watch *watch, uint32_t events);
void loop_change(struct loop *loop, struct watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct watch *watch);

/* Runs until loop->stop. `after_round` may be NULL. */
void loop_run(struct loop *loop, void (*after_round)(void *user), void *user);

/* Handles whatever is ready now. */
void loop_drain(struct loop *loop);

/* Frees `memory` when no event in hand can name it any more. */
void loop_bury(struct loop *loop, void *memory);

void timer_set(struct loop *loop, struct timer *timer, int64_t due);
void timer_cancel(struct loop *loop, struct timer *timer);

#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
