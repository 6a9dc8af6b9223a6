/* SPDX-License-Identifier: Apache-2.0 */

/* Events as plain data: their order, the descriptor, who may go first. */

#include "core/queue.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "harness/test.h"

/* Events name their call, they never look into it. */
static struct tulle_call *call_of(uintptr_t number)
{
    return (struct tulle_call *)number;
}

static bool is_readable(const struct tulle_queue *queue)
{
    struct pollfd poller = { .fd = tulle_queue_fd(queue), .events = POLLIN };

    return poll(&poller, 1, 0) == 1;
}

static void events_come_out_in_the_order_they_were_told(void **state)
{
    struct tulle_queue *queue = NULL;
    struct queue_source sources[2];
    struct tulle_event events[4];
    int user;

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&sources[0], queue, call_of(1), NULL, &user);
    tulle__queue_source_init(&sources[1], queue, call_of(2), NULL, NULL);
    tulle__queue_tell(&sources[0], TULLE_EVENT_HEAD, 0);
    tulle__queue_tell(&sources[1], TULLE_EVENT_END, TULLE_E_TIMEOUT);
    tulle__queue_tell(&sources[0], TULLE_EVENT_END, TULLE_OK);
    assert_int_equal(tulle_queue_take(queue, events, 4), 3);
    assert_ptr_equal(events[0].call, call_of(1));
    assert_null(events[0].pick);
    assert_ptr_equal(events[0].user, &user);
    assert_int_equal(events[0].kind, TULLE_EVENT_HEAD);
    assert_ptr_equal(events[1].call, call_of(2));
    assert_int_equal(events[1].kind, TULLE_EVENT_END);
    assert_int_equal(events[1].error, TULLE_E_TIMEOUT);
    assert_ptr_equal(events[2].call, call_of(1));
    assert_int_equal(events[2].kind, TULLE_EVENT_END);
    tulle__queue_source_fini(&sources[0]);
    tulle__queue_source_fini(&sources[1]);
done:
    tulle_queue_free(queue);
}

static void the_descriptor_is_readable_exactly_while_events_wait(void **state)
{
    struct tulle_queue *queue = NULL;
    struct queue_source source;
    struct tulle_event event;

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&source, queue, call_of(1), NULL, NULL);
    assert_false(is_readable(queue));
    assert_int_equal(tulle_queue_take(queue, &event, 1), 0);
    for (int round = 0; round < 3; round++) {
        tulle__queue_tell(&source, TULLE_EVENT_READABLE, 0);
        tulle__queue_tell(&source, TULLE_EVENT_WRITABLE, 0);
        assert_true(is_readable(queue));
        assert_int_equal(tulle_queue_take(queue, &event, 0), 0);
        assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
        assert_true(is_readable(queue));
        assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
        assert_false(is_readable(queue));
    }
    tulle__queue_source_fini(&source);
done:
    tulle_queue_free(queue);
}

static void a_kind_that_waits_is_not_told_twice(void **state)
{
    struct tulle_queue *queue = NULL;
    struct queue_source source;
    struct tulle_event events[4];

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&source, queue, call_of(1), NULL, NULL);
    tulle__queue_tell(&source, TULLE_EVENT_READABLE, 0);
    tulle__queue_tell(&source, TULLE_EVENT_READABLE, 0);
    assert_int_equal(tulle_queue_take(queue, events, 4), 1);
    tulle__queue_tell(&source, TULLE_EVENT_READABLE, 0);
    assert_int_equal(tulle_queue_take(queue, events, 4), 1);
    tulle__queue_source_fini(&source);
done:
    tulle_queue_free(queue);
}

static void an_event_of_a_pick_names_the_pick(void **state)
{
    struct tulle_pick *pick = (struct tulle_pick *)(uintptr_t)7;
    struct tulle_queue *queue = NULL;
    struct queue_source source;
    struct tulle_event event;

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&source, queue, NULL, pick, NULL);
    tulle__queue_tell(&source, TULLE_EVENT_END, TULLE_OK);
    assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
    assert_null(event.call);
    assert_ptr_equal(event.pick, pick);
    tulle__queue_source_fini(&source);
done:
    tulle_queue_free(queue);
}

static void what_was_forgotten_is_gone_and_stays_silent(void **state)
{
    struct tulle_queue *queue = NULL;
    struct queue_source sources[2];
    struct tulle_event events[4];

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&sources[0], queue, call_of(1), NULL, NULL);
    tulle__queue_source_init(&sources[1], queue, call_of(2), NULL, NULL);
    tulle__queue_tell(&sources[0], TULLE_EVENT_HEAD, 0);
    tulle__queue_tell(&sources[1], TULLE_EVENT_END, 0);
    tulle__queue_tell(&sources[0], TULLE_EVENT_END, 0);
    tulle__queue_forget(&sources[0]);
    assert_true(is_readable(queue));
    assert_int_equal(tulle_queue_take(queue, events, 4), 1);
    assert_ptr_equal(events[0].call, call_of(2));
    tulle__queue_tell(&sources[0], TULLE_EVENT_READABLE, 0);
    assert_false(is_readable(queue));
    tulle__queue_tell(&sources[1], TULLE_EVENT_READABLE, 0);
    tulle__queue_forget(&sources[1]);
    assert_false(is_readable(queue));
    tulle__queue_source_fini(&sources[0]);
    tulle__queue_source_fini(&sources[1]);
done:
    tulle_queue_free(queue);
}

static void a_source_outlives_its_queue(void **state)
{
    struct tulle_queue *queue = NULL;
    struct queue_source source;

    (void)state;
    CHECK_OK(tulle_queue_new(&queue));
    tulle__queue_source_init(&source, queue, call_of(1), NULL, NULL);
    tulle__queue_tell(&source, TULLE_EVENT_HEAD, 0);
    tulle_queue_free(queue);
    tulle__queue_tell(&source, TULLE_EVENT_HEAD, 0);
    tulle__queue_tell(&source, TULLE_EVENT_END, 0);
    tulle__queue_forget(&source);
    tulle__queue_source_fini(&source);
done:
    tulle_queue_free(NULL);
}

static void without_a_descriptor_there_is_no_queue(void **state)
{
    struct tulle_queue *queue;
    struct rlimit before, none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(tulle_queue_new(&queue), TULLE_E_INTERNAL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(queue);
}

enum { TELLERS = 2, TAKERS = 2, EACH = 5000 };

struct crowd {
    struct tulle_queue *queue;
    struct queue_source sources[TELLERS][EACH];
    atomic_uint started, taken;
};

static void *tell_all(void *user)
{
    struct crowd *crowd = user;
    unsigned me = atomic_fetch_add(&crowd->started, 1);

    for (unsigned i = 0; i < EACH; i++) {
        tulle__queue_tell(&crowd->sources[me][i], TULLE_EVENT_END, 0);
    }
    return NULL;
}

static void *take_all(void *user)
{
    struct crowd *crowd = user;
    struct tulle_event events[7];

    while (atomic_load(&crowd->taken) < TELLERS * EACH) {
        struct pollfd poller = { .fd = tulle_queue_fd(crowd->queue), .events = POLLIN };

        if (poll(&poller, 1, 10) == 1) {
            atomic_fetch_add(&crowd->taken, (unsigned)tulle_queue_take(crowd->queue, events, 7));
        }
    }
    return NULL;
}

static void several_threads_tell_and_take_and_each_event_comes_once(void **state)
{
    static struct crowd crowd;
    pthread_t threads[TELLERS + TAKERS];

    (void)state;
    crowd.started = crowd.taken = 0;
    assert_int_equal(tulle_queue_new(&crowd.queue), TULLE_OK);
    for (int i = 0; i < TELLERS * EACH; i++) {
        tulle__queue_source_init(&crowd.sources[0][0] + i, crowd.queue, call_of(1), NULL, NULL);
    }
    for (int i = 0; i < TELLERS + TAKERS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < TELLERS ? tell_all : take_all, &crowd), 0);
    }
    for (int i = 0; i < TELLERS + TAKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(crowd.taken, TELLERS * EACH);
    assert_false(is_readable(crowd.queue));
    for (int i = 0; i < TELLERS * EACH; i++) {
        tulle__queue_source_fini(&crowd.sources[0][0] + i);
    }
    tulle_queue_free(crowd.queue);
}

TEST_MAIN(TEST_OOM(events_come_out_in_the_order_they_were_told),
          TEST_OOM(the_descriptor_is_readable_exactly_while_events_wait),
          TEST_OOM(a_kind_that_waits_is_not_told_twice),
          TEST_OOM(an_event_of_a_pick_names_the_pick),
          TEST_OOM(what_was_forgotten_is_gone_and_stays_silent),
          TEST_OOM(a_source_outlives_its_queue),
          cmocka_unit_test(without_a_descriptor_there_is_no_queue),
          cmocka_unit_test(several_threads_tell_and_take_and_each_event_comes_once))
