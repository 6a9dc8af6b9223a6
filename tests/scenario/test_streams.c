/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream, both ways: what is taken, what waits, what is told. */

#include "scenario/streamed.h"

/* --- both ways --- */

static void bodies_go_both_ways_at_once_with_trailers(void **state)
{
    const struct tulle_header trailer = { "X-Sum", "42" };
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    const struct tulle_reply *reply;

    (void)state;
    streamed.call.call = NULL;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .echo = true, .trailers = { "Grpc-Status: 0", "X-B: c" });
    CHECK_OR_DONE(STREAM(world, &streamed, .stream = BOTH));
    CHECK_OK(streamed_write(&streamed, 3000));
    world_advance(world, NS_PER_S);
    CHECK_OR_DONE(!streamed.call.result.done);
    assert_int_equal(streamed.heads, 1);
    assert_int_equal(streamed_read(&streamed), TULLE_E_AGAIN);
    assert_int_equal(streamed.got, 3000);
    assert_int_equal(streamed.readables, 0);
    CHECK_OK(streamed_write(&streamed, 10));
    world_run(world);
    CHECK_OR_DONE(!streamed.call.result.done);
    assert_int_equal(streamed.readables, 1);
    reply = tulle_call_reply(streamed.call.call);
    assert_non_null(reply);
    assert_int_equal(tulle_reply_status(reply), 200);
    assert_int_equal(tulle_reply_trailer_count(reply), 0);
    assert_int_equal(tulle_call_error(streamed.call.call), TULLE_E_AGAIN);
    CHECK_OK(tulle_call_write_end(streamed.call.call, &trailer, 1));
    world_run(world);
    CHECK_OR_DONE(streamed.call.result.error == TULLE_OK);
    assert_true(streamed.call.result.done);
    assert_int_equal(streamed_read(&streamed), TULLE_OK);
    assert_int_equal(streamed.got, 3010);
    assert_true(is_what_was_written(streamed.body, 3010));
    assert_int_equal(tulle_call_error(streamed.call.call), TULLE_OK);
    assert_string_equal(tulle_reply_trailer(reply, "grpc-status"), "0");
    assert_int_equal(tulle_reply_trailer_count(reply), 2);
    assert_string_equal(world_request(world, 0)->trailers, "X-Sum: 42\n");
    assert_int_equal(world_request(world, 0)->body_size, 3010);
done:
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_body_of_many_windows_comes_back_whole(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    enum tulle_error error;

    (void)state;
    world_answer(world, FIRST, .echo = true, .take_size = 3001);
    assert_true(STREAM(world, &streamed, .stream = BOTH));
    do {
        error = streamed_write(&streamed, LONG - streamed.wrote);
        world_advance(world, NS_PER_MS);
        (void)streamed_read(&streamed);
    } while (error == TULLE_E_AGAIN);
    assert_int_equal(error, TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    do {
        world_advance(world, NS_PER_MS);
        error = streamed_read(&streamed);
    } while (error == TULLE_E_AGAIN);
    assert_int_equal(error, TULLE_OK);
    assert_int_equal(streamed.got, LONG);
    assert_true(is_what_was_written(streamed.body, LONG));
    assert_true(streamed.call.result.done);
    world_call_free(&streamed.call);
    world_close(world);
}

static void trailers_of_a_reply_in_memory_are_kept(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_header trailer;
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .body = "hello", .trailers = { "A: 1", "B: 2" });
    assert_true(START(world, &call, .method = "GET"));
    world_finish(&call);
    assert_string_equal(call.result.body, "hello");
    assert_int_equal(tulle_reply_trailer_count(tulle_call_reply(call.call)), 2);
    assert_int_equal(tulle_reply_trailer_at(tulle_call_reply(call.call), 1, &trailer), TULLE_OK);
    assert_string_equal(trailer.name, "B");
    assert_string_equal(tulle_reply_trailer(tulle_call_reply(call.call), "a"), "1");
    assert_null(tulle_reply_trailer(tulle_call_reply(call.call), "c"));
    assert_int_equal(tulle_reply_trailer_at(tulle_call_reply(call.call), 2, &trailer),
                     TULLE_E_USAGE);
    world_call_free(&call);
    world_close(world);
}

static void a_streamed_request_may_have_a_reply_in_memory(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    size_t got;
    char data[8];

    (void)state;
    world_answer(world, FIRST, .body = "thanks");
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    assert_int_equal(streamed_write(&streamed, 5000), TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    assert_int_equal(tulle_call_read(streamed.call.call, data, sizeof(data), &got), TULLE_E_USAGE);
    world_finish(&streamed.call);
    assert_string_equal(streamed.call.result.body, "thanks");
    assert_int_equal(streamed.heads, 1);
    assert_true(is_what_was_written(world_request(world, 0)->body, 5000));
    world_call_free(&streamed.call);
    world_close(world);
}

/* --- who is slow stops the other --- */

static void a_peer_that_does_not_read_stops_the_app(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    size_t bytes;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG, .take_max = 10);
    assert_true(STREAM(world, &streamed, .stream = BOTH));
    assert_int_equal(streamed_write(&streamed, LONG), TULLE_E_AGAIN);
    assert_int_equal(streamed.wrote, WINDOW);
    bytes = test_memory_bytes();
    for (int i = 0; i < 10; i++) {
        world_advance(world, NS_PER_S);
        assert_int_equal(streamed_write(&streamed, LONG), TULLE_E_AGAIN);
    }
    assert_int_equal(streamed.wrote, WINDOW + 10);
    assert_int_equal(streamed.writables, 0);
    assert_in_range(test_memory_bytes(), 0, bytes + WINDOW / 2);
    world_advance(world, 21 * NS_PER_S);
    assert_int_equal(streamed.call.result.error, TULLE_E_TIMEOUT); /* the deadline of 30 s */
    assert_int_equal(streamed_write(&streamed, 1), TULLE_E_TIMEOUT);
    assert_int_equal(streamed_end(&streamed), TULLE_E_TIMEOUT);
    assert_int_equal(streamed_read(&streamed), TULLE_E_TIMEOUT);
    world_call_free(&streamed.call);
    world_close(world);
}

static void room_is_told_once_after_there_was_none(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .take_size = 4096, .take_ns = NS_PER_S);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    assert_int_equal(streamed_write(&streamed, WINDOW), TULLE_OK);
    world_advance(world, 7 * NS_PER_S);
    assert_int_equal(streamed.writables, 0); /* nobody has asked */
    assert_int_equal(streamed_write(&streamed, LONG), TULLE_E_AGAIN);
    world_advance(world, 7 * NS_PER_S);
    assert_int_equal(streamed.writables, 0);
    world_advance(world, 10 * NS_PER_S);
    assert_int_equal(streamed.writables, 1); /* half of the window is free */
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    world_call_free(&streamed.call);
    world_close(world);
}

static void an_app_that_does_not_read_stops_the_peer(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    size_t bytes;

    (void)state;
    world_answer(world, FIRST, .body_size = LONG);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REPLY));
    bytes = test_memory_bytes();
    world_advance(world, 10 * NS_PER_S);
    assert_in_range(test_memory_bytes(), bytes + WINDOW, bytes + 2 * WINDOW);
    assert_int_equal(streamed.heads, 1);
    assert_int_equal(streamed_read(&streamed), TULLE_E_AGAIN);
    assert_int_equal(streamed.got, WINDOW);
    do {
        unsigned before = streamed.readables;

        world_run(world);
        assert_int_equal(streamed.readables, before + 1);
    } while (streamed_read(&streamed) == TULLE_E_AGAIN && !streamed.call.result.done);
    world_advance(world, NS_PER_S);
    assert_int_equal(streamed_read(&streamed), TULLE_OK);
    assert_int_equal(streamed.got, LONG);
    assert_int_equal(streamed.call.result.error, TULLE_OK);
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_reply_s_cap_holds_only_when_it_is_asked_for(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .body_size = 5000, .chunk_size = 1000);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REPLY, .body_max = 4500));
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.error, TULLE_E_TOO_LARGE);
    assert_int_equal(streamed_read(&streamed), TULLE_E_TOO_LARGE);
    assert_int_equal(streamed.got, 4000);
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_body_that_breaks_off_is_read_to_where_it_broke(void **state)
{
    struct test_world *world = world_open(ONE RETRIES("attempts: 3, retryOn: 5xx"), NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_BREAK, .body_size = 5000, .break_at = 1234);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REPLY));
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.error, TULLE_E_NETWORK);
    assert_int_equal(streamed.call.result.attempts, 1); /* its head had gone to the app */
    assert_int_equal(tulle_reply_status(tulle_call_reply(streamed.call.call)), 200);
    assert_int_equal(streamed_read(&streamed), TULLE_E_NETWORK);
    assert_int_equal(streamed.got, 1234);
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_peer_that_answers_early_needs_no_more(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .status = 413, .take_max = 100);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.status, 413);
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_E_CLOSED);
    assert_int_equal(streamed_end(&streamed), TULLE_E_CLOSED);
    world_call_free(&streamed.call);
    world_close(world);
}

/* Its head had gone to the app, so that the reply may be read though the call failed. */
static void what_the_app_may_read_of_trailers_is_whole(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;
    const struct tulle_reply *reply;
    struct tulle_header trailer;

    (void)state;
    streamed.call.call = NULL;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .body = "hello", .trailers = { "A: 1", "B: 2" });
    CHECK_OR_DONE(STREAM(world, &streamed, .stream = TULLE_STREAM_REPLY));
    world_finish(&streamed.call);
    reply = tulle_call_reply(streamed.call.call);
    CHECK_OR_DONE(reply);
    for (size_t i = 0; i < tulle_reply_trailer_count(reply); i++) {
        assert_int_equal(tulle_reply_trailer_at(reply, i, &trailer), TULLE_OK);
        assert_string_equal(trailer.name, i == 0 ? "A" : "B");
    }
    assert_null(tulle_reply_trailer(reply, "c"));
done:
    world_call_free(&streamed.call);
    world_close(world);
}

TEST_MAIN(TEST_OOM(bodies_go_both_ways_at_once_with_trailers),
          cmocka_unit_test(a_body_of_many_windows_comes_back_whole),
          cmocka_unit_test(trailers_of_a_reply_in_memory_are_kept),
          TEST_OOM(what_the_app_may_read_of_trailers_is_whole),
          cmocka_unit_test(a_streamed_request_may_have_a_reply_in_memory),
          cmocka_unit_test(a_peer_that_does_not_read_stops_the_app),
          cmocka_unit_test(room_is_told_once_after_there_was_none),
          cmocka_unit_test(an_app_that_does_not_read_stops_the_peer),
          cmocka_unit_test(a_reply_s_cap_holds_only_when_it_is_asked_for),
          cmocka_unit_test(a_body_that_breaks_off_is_read_to_where_it_broke),
          cmocka_unit_test(a_peer_that_answers_early_needs_no_more))
