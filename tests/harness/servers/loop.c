/* SPDX-License-Identifier: Apache-2.0 */

#include "loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"

enum { BATCH = 256, DRAIN_ROUNDS = 64 };

int64_t now_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

void loop_init(struct loop *loop)
{
    *loop = (struct loop){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
}

void loop_fini(struct loop *loop)
{
    for (size_t i = 0; i < loop->grave_count; i++) {
        free(loop->graves[i]);
    }
    free(loop->graves);
    free(loop->heap);
    close(loop->epoll);
}

static void loop_control(struct loop *loop, int operation, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };

    epoll_ctl(loop->epoll, operation, watch->fd, &event);
}

void loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
    loop_control(loop, EPOLL_CTL_ADD, watch, events);
}

void loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
    loop_control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_remove(struct loop *loop, struct watch *watch)
{
    loop_control(loop, EPOLL_CTL_DEL, watch, 0);
}

static void heap_put(struct loop *loop, size_t place, struct timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static void heap_up(struct loop *loop, size_t place, struct timer *timer)
{
    while (place > 1 && loop->heap[place / 2]->due > timer->due) {
        heap_put(loop, place, loop->heap[place / 2]);
        place /= 2;
    }
    heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * place;

        if (child < loop->timers && loop->heap[child + 1]->due < loop->heap[child]->due) {
            child++;
        }
        if (child > loop->timers || loop->heap[child]->due >= timer->due) {
            break;
        }
        heap_put(loop, place, loop->heap[child]);
        place = child;
    }
    heap_put(loop, place, timer);
}

static void *grown(void *array, size_t *room, size_t count, size_t item)
{
    if (count < *room) {
        return array;
    }
    *room = *room > 0 ? 2 * *room : 64;
    array = realloc(array, *room * item);
    if (array == NULL) {
        abort();
    }
    return array;
}

void timer_set(struct loop *loop, struct timer *timer, int64_t due)
{
    timer_cancel(loop, timer);
    loop->heap = grown(loop->heap, &loop->timers_room, loop->timers + 1, sizeof(struct timer *));
    loop->timers++;
    timer->due = due;
    heap_up(loop, loop->timers, timer);
}

void timer_cancel(struct loop *loop, struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last;

    if (place == 0) {
        return;
    }
    timer->place = 0;
    last = loop->heap[loop->timers--];
    if (last == timer) {
        return;
    }
    if (place > 1 && loop->heap[place / 2]->due > last->due) {
        heap_up(loop, place, last);
        return;
    }
    heap_down(loop, place, last);
}

static int loop_timeout(const struct loop *loop)
{
    int64_t left;

    if (loop->timers == 0) {
        return -1;
    }
    left = loop->heap[1]->due - now_ns();
    return left <= 0 ? 0 : (int)(left / 1000000) + 1;
}

static void loop_fire(struct loop *loop)
{
    int64_t now = loop->timers > 0 ? now_ns() : 0;

    while (loop->timers > 0 && loop->heap[1]->due <= now) {
        struct timer *timer = loop->heap[1];

        timer_cancel(loop, timer);
        timer->fire(timer);
    }
}

static int loop_round(struct loop *loop, int timeout)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(loop->epoll, events, BATCH, timeout);

    loop->depth++;
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;

        watch->ready(watch, events[i].events);
    }
    loop->depth--;
    return count;
}

static void loop_dig(struct loop *loop)
{
    while (loop->grave_count > 0) {
        free(loop->graves[--loop->grave_count]);
    }
}

void loop_run(struct loop *loop, void (*after_round)(void *user), void *user)
{
    while (!loop->stop) {
        loop_round(loop, loop_timeout(loop));
        loop_fire(loop);
        loop_dig(loop);
        if (after_round != NULL) {
            after_round(user);
        }
    }
}

void loop_drain(struct loop *loop)
{
    /* A batch that is not full was all there was; the bound is for clients
     * that fill every batch anew. */
    for (int rounds = 0; rounds < DRAIN_ROUNDS; rounds++) {
        if (loop_round(loop, 0) < BATCH) {
            return;
        }
    }
}

void loop_bury(struct loop *loop, void *memory)
{
    loop->graves =
        grown(loop->graves, &loop->graves_room, loop->grave_count, sizeof(*loop->graves));
    loop->graves[loop->grave_count++] = memory;
}
