/* SPDX-License-Identifier: Apache-2.0 */

/* The functions of a stream: what each refuses, from where it may be called, and
 * that a call may go at any moment. */

#include "core/mesh.h"
#include "harness/world.h"
#include "scenario/reviews.h"

#define BOTH (TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY)

/* Starts a call to URL; its error. */
#define TRY_START(world, call, ...) (START(world, call, __VA_ARGS__), (call)->result.error)

static void a_request_that_contradicts_itself_is_refused(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_queue *queue;
    struct tulle_reply *reply;
    struct world_call call;

    (void)state;
    assert_int_equal(tulle_queue_new(&queue), TULLE_OK);
    assert_int_equal(TRY_START(world, &call, .stream = 4), TULLE_E_USAGE);
    assert_int_equal(TRY_START(world, &call, .stream = BOTH, .body = "x"), TULLE_E_USAGE);
    assert_int_equal(TRY_START(world, &call, .stream = BOTH, .body_size = 1), TULLE_E_USAGE);
    assert_int_equal(TRY_START(world, &call, .stream = BOTH, .method = "HEAD"), TULLE_E_USAGE);
    assert_int_equal(
        TRY_START(world, &call, .stream = BOTH, .has_stream_size = 1, .stream_size = UINT64_MAX),
        TULLE_E_USAGE);
    assert_int_equal(TRY_START(world, &call, .stream = BOTH, .queue = queue), TULLE_E_USAGE);
    assert_int_equal(tulle_call(world->mesh,
                                &(struct tulle_request){ TULLE_REQUEST_INIT, .url = URL,
                                                         .stream = TULLE_STREAM_REPLY },
                                &reply),
                     TULLE_E_USAGE);
    assert_null(reply);
    assert_int_equal(world_requests(world, NULL), 0);
    tulle_queue_free(queue);
    world_close(world);
}

static void a_call_without_streams_has_nothing_to_write_or_read(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;
    char data[10];
    size_t size;
    int32_t ready;

    (void)state;
    assert_int_equal(TRY_START(world, &call, .body = NULL), TULLE_OK);
    assert_int_equal(tulle_call_write(call.call, "x", 1, &size), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write_end(call.call, NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_call_read(call.call, data, sizeof(data), &size), TULLE_E_USAGE);
    assert_int_equal(tulle_call_wait(call.call, TULLE_EVENT_END, 0, &ready), TULLE_E_USAGE);
    assert_int_equal(tulle_call_error(call.call), TULLE_E_AGAIN);
    world_finish(&call);
    assert_int_equal(tulle_call_error(call.call), TULLE_OK);
    world_call_free(&call);
    world_close(world);
}

static void a_body_keeps_to_its_announced_size(void **state)
{
    const struct tulle_header trailer = { "X-A", "b" };
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;
    size_t taken;

    (void)state;
    assert_int_equal(
        TRY_START(world, &call, .stream = BOTH, .has_stream_size = 1, .stream_size = 5), TULLE_OK);
    assert_int_equal(tulle_call_write(call.call, "123456", 6, &taken), TULLE_E_USAGE);
    assert_int_equal(taken, 0);
    assert_int_equal(tulle_call_write(call.call, "123", 3, &taken), TULLE_OK);
    assert_int_equal(tulle_call_write(call.call, "456", 3, &taken), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write_end(call.call, NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write(call.call, "45", 2, &taken), TULLE_OK);
    assert_int_equal(tulle_call_write(call.call, "", 0, &taken), TULLE_OK);
    assert_int_equal(tulle_call_write_end(call.call, &trailer, 1), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write_end(call.call, NULL, 0), TULLE_OK);
    assert_int_equal(tulle_call_write_end(call.call, NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write(call.call, "6", 1, &taken), TULLE_E_USAGE);
    world_finish(&call);
    assert_string_equal(world_request(world, 0)->body, "12345");
    world_call_free(&call);
    world_close(world);
}

static void an_empty_body_of_known_size_is_no_trouble(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    assert_int_equal(TRY_START(world, &call, .stream = TULLE_STREAM_REQUEST, .has_stream_size = 1),
                     TULLE_OK);
    assert_int_equal(tulle_call_write_end(call.call, NULL, 0), TULLE_OK);
    world_finish(&call);
    assert_int_equal(call.result.status, 200);
    world_call_free(&call);
    world_close(world);
}

static void a_trailer_is_checked_as_a_header_is(void **state)
{
    static const struct tulle_header bad[] = {
        { "a b", "c" }, { "", "c" },        { "A", "b\r\nC: d" },         { NULL, "b" },
        { "A", NULL },  { "Host", "shop" }, { "Transfer-Encoding", "x" },
    };
    const struct tulle_header good[] = { { "A", "1" }, { "B", "\xc3\xa4" } };
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    assert_int_equal(TRY_START(world, &call, .stream = TULLE_STREAM_REQUEST), TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct tulle_header both[] = { good[0], bad[i] };

        assert_int_equal(tulle_call_write_end(call.call, both, 2), TULLE_E_USAGE);
    }
    assert_int_equal(tulle_call_write_end(call.call, good, 2), TULLE_OK);
    world_finish(&call);
    assert_string_equal(world_request(world, 0)->trailers, "A: 1\nB: \xc3\xa4\n");
    world_call_free(&call);
    world_close(world);
}

/* --- from inside a callback --- */

enum deed { DEED_ALL, DEED_CANCEL, DEED_FREE };

struct actor {
    struct world_call call; /* first: it is the `user` */
    enum deed deed;
    int32_t on;    /* the kind at which it acts */
    unsigned told; /* after the deed */
    bool has_acted;
};

static void do_all(struct tulle_call *call)
{
    char data[100];
    size_t size;
    int32_t ready;

    assert_int_equal(tulle_call_wait(call, TULLE_EVENT_END, 0, &ready), TULLE_E_USAGE);
    assert_int_not_equal(tulle_call_write(call, "abc", 3, &size), TULLE_E_USAGE);
    assert_int_not_equal(tulle_call_read(call, data, sizeof(data), &size), TULLE_E_USAGE);
    assert_int_equal(tulle_call_error(call), TULLE_E_AGAIN);
    assert_int_equal(tulle_reply_status(tulle_call_reply(call)), 200);
    assert_int_equal(tulle_reply_trailer_count(tulle_call_reply(call)), 0);
    assert_null(tulle_call_failure(call));
    assert_int_equal(tulle_call_write_end(call, NULL, 0), TULLE_OK);
}

static void act(struct tulle_call *call, int32_t kind, void *user)
{
    struct actor *actor = user;

    actor->told += actor->has_acted;
    if (kind != actor->on || actor->has_acted) {
        return;
    }
    actor->has_acted = true;
    switch (actor->deed) {
    case DEED_ALL: do_all(call); break;
    case DEED_CANCEL: tulle_call_cancel(call); break;
    case DEED_FREE: tulle_call_free(call); break;
    }
}

/* Runs a call that hears all kinds of events, and acts at one of them. */
static void run_actor(struct test_world *world, struct actor *actor)
{
    char data[64 * 1024];
    enum tulle_error error = TULLE_OK;
    size_t size;

    memset(data, 'x', sizeof(data));
    world_answer(world, FIRST, .echo = true);
    assert_int_equal(TRY_START(world, &actor->call, .stream = BOTH, .event = act, .window = 10000),
                     TULLE_OK);
    while (error == TULLE_OK && !actor->has_acted) {
        error = tulle_call_write(actor->call.call, data, sizeof(data), &size);
    }
    assert_int_equal(tulle_call_read(actor->call.call, data, 1, &size), TULLE_E_AGAIN);
    world_advance(world, NS_PER_S);
}

static void a_callback_may_call_every_function(void **state)
{
    static const int32_t kinds[] = { TULLE_EVENT_HEAD, TULLE_EVENT_READABLE, TULLE_EVENT_WRITABLE };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct test_world *world = world_open(ONE, NULL);
        struct actor actor = { .on = kinds[i] };

        run_actor(world, &actor);
        assert_true(actor.has_acted);
        world_finish(&actor.call);
        assert_int_equal(actor.call.result.error, TULLE_OK);
        world_call_free(&actor.call);
        world_close(world);
    }
}

static void a_callback_may_cancel_or_free_its_call(void **state)
{
    static const int32_t kinds[] = { TULLE_EVENT_HEAD, TULLE_EVENT_READABLE, TULLE_EVENT_WRITABLE };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        struct test_world *world = world_open(ONE, NULL);
        struct actor actor = { .on = kinds[i / 2], .deed = i % 2 ? DEED_CANCEL : DEED_FREE };

        run_actor(world, &actor);
        assert_true(actor.has_acted);
        assert_int_equal(actor.told, 0);
        assert_int_equal(actor.call.result.completions, 1);
        assert_int_equal(actor.call.result.error, TULLE_E_CANCELLED);
        if (actor.deed == DEED_CANCEL) {
            tulle_call_free(actor.call.call);
        }
        world_close(world);
    }
}

/* --- a call goes at any moment --- */

static void a_stream_may_be_freed_at_every_instant(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 30; at++) {
        struct test_world *world = world_open(ONE, NULL);
        struct world_call call;
        size_t taken;

        world_answer(world, FIRST, .echo = true, .connect_ns = 5 * NS_PER_MS, .take_ns = NS_PER_MS,
                     .take_size = 1000, .delay_ns = 5 * NS_PER_MS);
        assert_int_equal(TRY_START(world, &call, .stream = BOTH, .window = 2000), TULLE_OK);
        world_advance(world, at * NS_PER_MS);
        assert_int_not_equal(tulle_call_write(call.call, "abc", 3, &taken), TULLE_E_USAGE);
        tulle_call_free(call.call);
        world_advance(world, NS_PER_S);
        assert_int_equal(call.result.completions, 1);
        assert_int_equal(world_endpoint(world, FIRST)->active, 0);
        world_close(world);
    }
}

static void closing_the_mesh_ends_open_streams(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call calls[3] = { 0 };
    size_t size;
    char data[10];

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .echo = true);
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(TRY_START(world, &calls[i], .stream = BOTH));
        world_advance(world, NS_PER_S);
        CHECK_OK(tulle_call_write(calls[i].call, "abc", 3, &size));
    }
    tulle_close(world->mesh);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(calls[i].result.completions, 1);
        CHECK(calls[i].result.error == TULLE_E_CANCELLED);
        assert_int_not_equal(tulle_call_write(calls[i].call, "abc", 3, &size), TULLE_OK);
        assert_int_not_equal(tulle_call_read(calls[i].call, data, 10, &size), TULLE_E_AGAIN);
        tulle_call_free(calls[i].call);
        calls[i].call = NULL;
    }
    world->mesh = NULL;
done:
    for (size_t i = 0; i < 3; i++) {
        world_call_free(&calls[i]);
    }
    world_close(world);
}

/* --- a queue --- */

/* The kinds that wait there, or-ed. */
static int32_t told(struct tulle_queue *queue, const struct tulle_call *call)
{
    struct tulle_event event;
    int32_t kinds = 0;

    while (tulle_queue_take(queue, &event, 1) == 1) {
        assert_ptr_equal(event.call, call);
        assert_int_equal(kinds & event.kind, 0);
        kinds |= event.kind;
    }
    return kinds;
}

static void a_queue_hears_all_events_of_a_stream(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL, .method = "PUT",
                                           .stream = BOTH, .window = 3 };
    struct tulle_request queued = request;
    struct tulle_queue *queue;
    struct tulle_call *call;
    char data[10];
    size_t size;

    (void)state;
    world_answer(world, FIRST, .echo = true);
    assert_int_equal(tulle_queue_new(&queue), TULLE_OK);
    queued.queue = queue;
    assert_int_equal(tulle_call_start(world->mesh, &queued, NULL, world, &call), TULLE_OK);
    assert_int_equal(tulle_call_write(call, "abcdef", 6, &size), TULLE_OK);
    assert_int_equal(size, 3);
    assert_int_equal(tulle_call_write(call, "def", 3, &size), TULLE_E_AGAIN);
    assert_int_equal(tulle_call_read(call, data, 10, &size), TULLE_E_AGAIN);
    world_advance(world, NS_PER_S);
    assert_int_equal(told(queue, call),
                     TULLE_EVENT_HEAD | TULLE_EVENT_READABLE | TULLE_EVENT_WRITABLE);
    assert_int_equal(tulle_call_read(call, data, 10, &size), TULLE_OK);
    assert_int_equal(tulle_call_write_end(call, NULL, 0), TULLE_OK);
    world_run(world);
    assert_int_equal(told(queue, call), TULLE_EVENT_END);
    assert_int_equal(tulle_call_read(call, data, 10, &size), TULLE_OK);
    assert_int_equal(size, 0);
    tulle_call_free(call);
    tulle_queue_free(queue);
    world_close(world);
}

/* --- waiting: what is there at once needs no other thread --- */

static void what_is_there_is_given_without_waiting(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL, .method = "PUT",
                                           .stream = BOTH, .window = 3 };
    const int32_t any = TULLE_EVENT_HEAD | TULLE_EVENT_READABLE | TULLE_EVENT_WRITABLE;
    struct tulle_call *call;
    size_t size;
    int32_t ready;

    (void)state;
    world_answer(world, FIRST, .echo = true);
    assert_int_equal(tulle_call_start(world->mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_call_wait(call, any, 0, &ready), TULLE_OK);
    assert_int_equal(ready, TULLE_EVENT_WRITABLE);
    assert_int_equal(tulle_call_wait(call, 16, 0, &ready), TULLE_E_USAGE);
    assert_int_equal(tulle_call_wait(call, any, -1, &ready), TULLE_E_USAGE);
    assert_int_equal(tulle_call_write(call, "abc", 3, &size), TULLE_OK);
    assert_int_equal(tulle_call_wait(call, any, 1, &ready), TULLE_E_USAGE); /* a clock of ours */
    assert_int_equal(ready, 0);
    world_advance(world, NS_PER_S);
    assert_int_equal(tulle_call_wait(call, any, 0, &ready), TULLE_OK);
    assert_int_equal(ready, any);
    tulle_call_cancel(call);
    world_run(world);
    assert_int_equal(tulle_call_wait(call, 0, 0, &ready), TULLE_OK);
    assert_int_equal(ready, TULLE_EVENT_END);
    assert_int_equal(tulle_call_wait(call, any, 0, &ready), TULLE_OK);
    assert_int_equal(ready, any | TULLE_EVENT_END);
    tulle_call_free(call);
    world_close(world);
}

static void a_call_that_nobody_is_told_of_can_be_waited_for(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_call *call = NULL;
    int32_t ready;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .body = "hello");
    CHECK_OK(tulle_call_start(world->mesh, &request, NULL, NULL, &call));
    world_advance(world, NS_PER_S);
    CHECK_OK(tulle_call_wait(call, TULLE_EVENT_END, 0, &ready));
    assert_int_equal(ready, TULLE_EVENT_END);
    CHECK_OK(tulle_call_error(call));
    assert_string_equal(tulle_reply_body(tulle_call_reply(call)), "hello");
done:
    tulle_call_free(call);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(a_request_that_contradicts_itself_is_refused),
          cmocka_unit_test(a_call_without_streams_has_nothing_to_write_or_read),
          cmocka_unit_test(a_body_keeps_to_its_announced_size),
          cmocka_unit_test(an_empty_body_of_known_size_is_no_trouble),
          cmocka_unit_test(a_trailer_is_checked_as_a_header_is),
          cmocka_unit_test(a_callback_may_call_every_function),
          cmocka_unit_test(a_callback_may_cancel_or_free_its_call),
          cmocka_unit_test(a_stream_may_be_freed_at_every_instant),
          TEST_OOM(closing_the_mesh_ends_open_streams),
          cmocka_unit_test(a_queue_hears_all_events_of_a_stream),
          cmocka_unit_test(what_is_there_is_given_without_waiting),
          TEST_OOM(a_call_that_nobody_is_told_of_can_be_waited_for))
