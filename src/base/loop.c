/* SPDX-License-Identifier: Apache-2.0 */

/* No wake-up is lost and none is made for nothing: whoever posts first puts the
 * task in, then looks at `sleeping`; the owner first sets `sleeping`, then looks
 * at the inbox. Both in one order (seq_cst), so at least one sees the other, and
 * the eventfd is written only to an owner who sleeps.
 *
 * Nothing spins inside a round: a task or timer that puts itself in again runs
 * in the next. */

#include "base/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fork.h"

enum { EVENTS_MAX = 64, WAIT_MAX_MS = 3600000 };

/* What epoll_wait() brought and is not yet dispatched. A watch that is removed
 * meanwhile may be freed at once: it is struck out here. */
struct loop_batch {
    struct epoll_event events[EVENTS_MAX];
    int count;
    int at;
};

static void wake_drain(struct watch *watch, unsigned events)
{
    eventfd_t value;

    (void)events;
    eventfd_read(watch->fd, &value);
}

bool tulle__loop_init(struct loop *loop, const struct world *world)
{
    *loop = (struct loop){ .world = world, .epoll_fd = -1, .wake_fd = -1 };
    loop->now = world_now(world);
    if (world->is_virtual) {
        return true;
    }
    loop->epoll_fd = tulle__fork_own(epoll_create1(EPOLL_CLOEXEC));
    loop->wake_fd = tulle__fork_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    loop->wake_watch =
        (struct watch){ .fd = loop->wake_fd, .events = LOOP_READ, .ready = wake_drain };
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 || !tulle__watch_add(loop, &loop->wake_watch)) {
        tulle__loop_fini(loop);
        return false;
    }
    return true;
}

void tulle__loop_fini(struct loop *loop)
{
    if (loop->epoll_fd >= 0) {
        tulle__fork_close(loop->epoll_fd);
    }
    if (loop->wake_fd >= 0) {
        tulle__fork_close(loop->wake_fd);
    }
    loop->epoll_fd = loop->wake_fd = -1;
    tulle__heap_fini(&loop->timers);
}

/* --- tasks --- */

/* The write fails only when the counter is full: then it is readable anyway. */
void tulle__loop_wake(struct loop *loop)
{
    if (atomic_exchange(&loop->sleeping, false)) {
        eventfd_write(loop->wake_fd, 1);
    }
}

bool tulle__loop_post(struct loop *loop, struct task *task)
{
    struct task *first;

    if (atomic_exchange(&task->posted, true)) {
        return false;
    }
    first = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next = first;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &first, task));
    if (atomic_load(&loop->sleeping)) {
        tulle__loop_wake(loop);
    }
    return true;
}

void tulle__loop_doze(struct loop *loop)
{
    atomic_store(&loop->sleeping, true);
    if (atomic_load(&loop->inbox)) {
        tulle__loop_wake(loop);
    }
}

static struct task *inbox_take(struct loop *loop)
{
    struct task *newest, *oldest = NULL;

    if (!atomic_load_explicit(&loop->inbox, memory_order_relaxed)) {
        return NULL;
    }
    newest = atomic_exchange(&loop->inbox, NULL);
    while (newest) {
        struct task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static bool run_tasks(struct loop *loop)
{
    struct task *task = inbox_take(loop);
    bool ran = task != NULL;

    while (task) {
        struct task *next = task->next;
        /* An exchange, so that what was written before a post that found the
         * task waiting is seen by this run. */
        atomic_exchange(&task->posted, false);
        task->run(task);
        task = next;
    }
    return ran;
}

/* --- timers --- */

bool tulle__loop_reserve_timers(struct loop *loop, size_t count)
{
    if (!tulle__heap_reserve(&loop->timers, loop->reserved + count)) {
        return false;
    }
    loop->reserved += count;
    return true;
}

void tulle__loop_release_timers(struct loop *loop, size_t count)
{
    loop->reserved -= count;
}

/* What is due in the past is due now, behind all that is due already. */
void tulle__timer_arm(struct loop *loop, struct timer *timer, int64_t due)
{
    int64_t key = due < loop->now ? loop->now : due;

    if (timer->node.index != 0) {
        tulle__heap_move(&loop->timers, &timer->node, key);
        return;
    }
    (void)tulle__heap_add(&loop->timers, &timer->node, key);
}

void tulle__timer_disarm(struct loop *loop, struct timer *timer)
{
    tulle__heap_remove(&loop->timers, &timer->node);
}

static bool run_timers(struct loop *loop)
{
    uint64_t end = loop->timers.orders;
    struct heap_node *node = tulle__heap_first(&loop->timers);
    bool ran = false;

    while (node && node->key <= loop->now && node->order < end) {
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        tulle__heap_remove(&loop->timers, node);
        timer->fire(timer, loop->now);
        ran = true;
        node = tulle__heap_first(&loop->timers);
    }
    return ran;
}

int64_t tulle__loop_due(const struct loop *loop)
{
    const struct heap_node *first = tulle__heap_first(&loop->timers);

    if (atomic_load(&loop->inbox)) {
        return 0;
    }
    return first ? first->key : NEVER;
}

/* --- descriptors --- */

static uint32_t epoll_bits(unsigned events)
{
    return (events & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
           (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static bool watch_control(struct loop *loop, struct watch *watch, int operation)
{
    struct epoll_event event = { .events = epoll_bits(watch->events), .data.ptr = watch };

    return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) == 0;
}

bool tulle__watch_add(struct loop *loop, struct watch *watch)
{
    return loop->epoll_fd < 0 || watch->events == 0 || watch_control(loop, watch, EPOLL_CTL_ADD);
}

/* epoll reports hang-ups even to who asked for nothing, so who wants silence is
 * taken out. */
bool tulle__watch_change(struct loop *loop, struct watch *watch, unsigned events)
{
    unsigned before = watch->events;

    watch->events = events;
    if (loop->epoll_fd < 0 || before == events) {
        return true;
    }
    if (before == 0) {
        return watch_control(loop, watch, EPOLL_CTL_ADD);
    }
    return watch_control(loop, watch, events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD);
}

void tulle__watch_remove(struct loop *loop, struct watch *watch)
{
    struct loop_batch *batch = loop->batch;
    int i;

    if (loop->epoll_fd >= 0 && watch->events != 0) {
        watch_control(loop, watch, EPOLL_CTL_DEL);
    }
    for (i = batch ? batch->at : 0; batch && i < batch->count; i++) {
        if (batch->events[i].data.ptr == watch) {
            batch->events[i].data.ptr = NULL;
        }
    }
}

static void watch_dispatch(const struct epoll_event *event)
{
    struct watch *watch = event->data.ptr;
    unsigned events = 0;

    if (!watch) {
        return;
    }
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        events |= LOOP_READ;
    }
    if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        events |= LOOP_WRITE;
    }
    events &= watch->events;
    if (events != 0) {
        watch->ready(watch, events);
    }
}

static int wait_ms(const struct loop *loop, int64_t due)
{
    const struct heap_node *first = tulle__heap_first(&loop->timers);
    int64_t left;

    if (first && first->key < due) {
        due = first->key;
    }
    if (due == NEVER) {
        return -1;
    }
    left = due <= loop->now ? 0 : (due - loop->now - 1) / NS_PER_MS + 1;
    return left > WAIT_MAX_MS ? WAIT_MAX_MS : (int)left;
}

static void run_descriptors(struct loop *loop, int timeout_ms)
{
    struct loop_batch batch;

    if (timeout_ms != 0) {
        atomic_store(&loop->sleeping, true);
        if (atomic_load(&loop->inbox)) {
            timeout_ms = 0;
        }
    }
    batch.count = epoll_wait(loop->epoll_fd, batch.events, EVENTS_MAX, timeout_ms);
    if (batch.count < 0) {
        /* A process that was stopped goes on with EINTR, and what came meanwhile waits. */
        batch.count = epoll_wait(loop->epoll_fd, batch.events, EVENTS_MAX, 0);
    }
    atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
    loop->now = world_now(loop->world);
    loop->batch = &batch;
    for (batch.at = 0; batch.at < batch.count;) {
        watch_dispatch(&batch.events[batch.at++]);
    }
    loop->batch = NULL;
}

/* Who had something to do does not wait: it may have been what the owner waits
 * for. Descriptors come before timers: after a pause of this thread the answer
 * that lies in a socket counts, not the timeout that went by meanwhile. */
void tulle__loop_round(struct loop *loop, int64_t due)
{
    bool ran;

    loop->rounds++;
    loop->now = world_now(loop->world);
    ran = run_tasks(loop);
    if (loop->epoll_fd >= 0) {
        run_descriptors(loop, ran ? 0 : wait_ms(loop, due));
    } else {
        loop->now = world_now(loop->world);
    }
    run_tasks(loop);
    run_timers(loop);
}
