/* SPDX-License-Identifier: Apache-2.0 */

/* Completions as events: ten thousand of them, taken a handful at a time; a
 * queue for each thread, a queue for several meshes, and who is freed first. */

#include <poll.h>
#include <stdlib.h>

#include "wire/wire.h"

static bool is_readable(struct tulle_queue *queue, int ms)
{
    struct pollfd poller = { .fd = tulle_queue_fd(queue), .events = POLLIN };

    return poll(&poller, 1, ms) == 1;
}

/* Waits by the descriptor. */
static size_t take(struct tulle_queue *queue, struct tulle_event *events, size_t count)
{
    assert_true(is_readable(queue, 60000));
    return tulle_queue_take(queue, events, count);
}

static struct tulle_queue *queue_new(void)
{
    struct tulle_queue *queue;

    assert_int_equal(tulle_queue_new(&queue), TULLE_OK);
    return queue;
}

static struct tulle_call *start(struct tulle *mesh, struct tulle_queue *queue, const char *url,
                                void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url, .queue = queue,
                                     .deadline_ns = TULLE_S(60) };
    struct tulle_call *call;

    assert_int_equal(tulle_call_start(mesh, &request, NULL, user, &call), TULLE_OK);
    return call;
}

enum { MANY = 10000, AT_ONCE = 200, HANDFUL = 7 };

struct flood {
    struct server *server;
    struct tulle *meshes[2];
    struct tulle_queue *queue;
    unsigned char ends[MANY];
    int started, ended;
};

static void flood_start(struct flood *flood)
{
    int index = flood->started++;

    start(flood->meshes[index % 2], flood->queue, "http://shop/", &flood->ends[index]);
}

static void flood_event(struct flood *flood, const struct tulle_event *event)
{
    assert_int_equal(event->kind, TULLE_EVENT_END);
    assert_int_equal(event->error, TULLE_OK);
    assert_int_equal(tulle_reply_status(tulle_call_reply(event->call)), 200);
    assert_int_equal((*(unsigned char *)event->user)++, 0);
    tulle_call_free(event->call);
    flood->ended++;
}

static void ten_thousand_calls_of_two_meshes_taken_a_handful_at_a_time(void **state)
{
    static struct flood flood;
    struct tulle_event events[HANDFUL];

    (void)state;
    flood = (struct flood){ .queue = queue_new() };
    flood.server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL);
    flood.meshes[0] = wire_open(&flood.server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    flood.meshes[1] = wire_open(&flood.server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    while (flood.ended < MANY) {
        while (flood.started < MANY && flood.started - flood.ended < AT_ONCE) {
            flood_start(&flood);
        }
        for (size_t i = 0, count = take(flood.queue, events, HANDFUL); i < count; i++) {
            flood_event(&flood, &events[i]);
        }
    }
    assert_false(is_readable(flood.queue, 0));
    tulle_queue_free(flood.queue);
    wire_close(flood.meshes[0]);
    wire_close(flood.meshes[1]);
    server_stop(flood.server);
}

/* Nobody takes while they end: there is room for all. */
static void a_queue_that_nobody_looks_at_loses_nothing(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_queue *queue = queue_new();
    struct tulle_event events[HANDFUL];
    int ended = 0;

    (void)state;
    for (int i = 0; i < 500; i++) {
        start(mesh, queue, "http://shop/", NULL);
    }
    wire_close(mesh);
    while (is_readable(queue, 0)) {
        for (size_t i = 0, count = tulle_queue_take(queue, events, HANDFUL); i < count; i++) {
            assert_int_equal(tulle_reply_status(tulle_call_reply(events[i].call)), 200);
            tulle_call_free(events[i].call);
            ended++;
        }
    }
    assert_int_equal(ended, 500);
    tulle_queue_free(queue);
    server_stop(server);
}

struct thread_of_calls {
    struct tulle *mesh;
    pthread_t thread;
    int ended;
};

static void *call_by_a_queue_of_its_own(void *user)
{
    struct thread_of_calls *self = user;
    struct tulle_queue *queue = queue_new();
    struct tulle_event events[HANDFUL];

    for (int i = 0; i < 50; i++) {
        start(self->mesh, queue, "http://shop/", self);
    }
    while (self->ended < 1000) {
        for (size_t i = 0, count = take(queue, events, HANDFUL); i < count; i++) {
            assert_ptr_equal(events[i].user, self);
            tulle_call_free(events[i].call);
            if (++self->ended <= 950) {
                start(self->mesh, queue, "http://shop/", self);
            }
        }
    }
    tulle_queue_free(queue);
    return NULL;
}

static void two_threads_with_a_queue_each_see_their_own(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct thread_of_calls threads[2] = { { .mesh = mesh }, { .mesh = mesh } };

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            pthread_create(&threads[i].thread, NULL, call_by_a_queue_of_its_own, &threads[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_int_equal(threads[i].ended, 1000);
    }
    wire_close(mesh);
    server_stop(server);
}

static void a_call_that_is_freed_takes_its_event_along(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_queue *queue = queue_new();
    struct tulle_call *calls[2];
    struct tulle_event events[4];

    (void)state;
    calls[0] = start(mesh, queue, "http://shop/", &calls[0]);
    assert_true(is_readable(queue, 60000));
    tulle_call_free(calls[0]);
    assert_false(is_readable(queue, 0));
    calls[0] = start(mesh, queue, "http://shop/hang", &calls[0]);
    calls[1] = start(mesh, queue, "http://shop/", &calls[1]);
    tulle_call_free(calls[0]);
    assert_int_equal(take(queue, events, 4), 1);
    assert_ptr_equal(events[0].user, &calls[1]);
    tulle_call_free(calls[1]);
    wire_close(mesh);
    assert_int_equal(tulle_queue_take(queue, events, 4), 0);
    tulle_queue_free(queue);
    server_stop(server);
}

static void a_queue_that_is_freed_first_leaves_its_calls_alone(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_queue *queue = queue_new();
    struct tulle_call *calls[2];

    (void)state;
    calls[0] = start(mesh, queue, "http://shop/", NULL);
    assert_true(is_readable(queue, 60000));
    calls[1] = start(mesh, queue, "http://shop/?delay=20", NULL);
    tulle_queue_free(queue);
    wire_close(mesh);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tulle_reply_status(tulle_call_reply(calls[i])), 200);
        tulle_call_free(calls[i]);
    }
    server_stop(server);
}

static void what_ends_badly_says_how(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_queue *queue = queue_new();
    struct tulle_call *call = start(mesh, queue, "http://shop/hang", NULL);
    struct tulle_event event;

    (void)state;
    tulle_call_cancel(call);
    assert_int_equal(take(queue, &event, 1), 1);
    assert_int_equal(event.error, TULLE_E_CANCELLED);
    assert_int_equal(tulle_call_failure(call)->error, TULLE_E_CANCELLED);
    tulle_call_free(call);
    wire_close(mesh);
    tulle_queue_free(queue);
    server_stop(server);
}

static void never_called(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call;
    (void)error;
    (void)user;
    abort();
}

static void a_queue_and_done_at_once_are_refused_and_so_is_a_queue_that_blocks(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_queue *queue = queue_new();
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/", .queue = queue };
    struct tulle_reply *reply;
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(mesh, &request, never_called, NULL, &call), TULLE_E_USAGE);
    assert_null(call);
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_E_USAGE);
    wire_close(mesh);
    assert_false(is_readable(queue, 0));
    tulle_queue_free(queue);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(ten_thousand_calls_of_two_meshes_taken_a_handful_at_a_time),
          cmocka_unit_test(a_queue_that_nobody_looks_at_loses_nothing),
          cmocka_unit_test(two_threads_with_a_queue_each_see_their_own),
          cmocka_unit_test(a_call_that_is_freed_takes_its_event_along),
          cmocka_unit_test(a_queue_that_is_freed_first_leaves_its_calls_alone),
          cmocka_unit_test(what_ends_badly_says_how),
          cmocka_unit_test(a_queue_and_done_at_once_are_refused_and_so_is_a_queue_that_blocks))
