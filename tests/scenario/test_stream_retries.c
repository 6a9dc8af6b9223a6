/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream, and those who may end or repeat an attempt: retries, and the
 * clocks of a call. */

#include "scenario/streamed.h"

/* --- retries --- */

#define SKIPPED  "tulle_retries_skipped_total{" CLUSTER ",reason=\"body\"}"
#define RETRYING ONE RETRIES("attempts: 2, retryOn: 'reset,503'")

static void a_body_within_the_window_is_sent_again(void **state)
{
    struct test_world *world = world_open(RETRYING, NULL);
    static struct streamed streamed;

    (void)state;
    streamed.call.call = NULL;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1);
    world_answer(world, FIRST, .body = "got it");
    CHECK_OR_DONE(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    CHECK_OK(streamed_write(&streamed, WINDOW));
    CHECK_OK(streamed_end(&streamed));
    world_finish(&streamed.call);
    CHECK_OR_DONE(streamed.call.result.error == TULLE_OK);
    assert_int_equal(streamed.call.result.attempts, 2);
    assert_int_equal(world_request(world, 0)->body_size, WINDOW);
    assert_int_equal(world_request(world, 1)->body_size, WINDOW);
    assert_true(is_what_was_written(world_request(world, 1)->body, WINDOW));
    CHECK(world_metric(world, SKIPPED) == 0);
done:
    world_call_free(&streamed.call);
    world_close(world);
}

static void what_is_written_between_attempts_reaches_the_next(void **state)
{
    struct test_world *world = world_open(RETRYING, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET, .times = 1, .take_max = 100);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST, .window = 1000));
    assert_int_equal(streamed_write(&streamed, 600), TULLE_OK);
    while (world->script.request_count == 0 || streamed.call.call == NULL ||
           world_request(world, 0)->body_size < 100) {
        world_advance(world, NS_PER_MS);
    }
    world_advance(world, NS_PER_MS); /* the reset; its retry waits a few ms */
    assert_int_equal(streamed_write(&streamed, 400), TULLE_OK);
    world_advance(world, NS_PER_S);
    assert_int_equal(world->script.request_count, 2);
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.status, 200);
    assert_int_equal(world_request(world, 1)->body_size, 2000);
    assert_true(is_what_was_written(world_request(world, 1)->body, 2000));
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_body_beyond_the_window_is_not_sent_again_and_counted(void **state)
{
    struct test_world *world = world_open(RETRYING, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST, .window = 1000));
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    world_run(world);
    assert_int_equal(streamed_write(&streamed, 1), TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.error, TULLE_E_NETWORK);
    assert_int_equal(streamed.call.result.attempts, 1);
    assert_int_equal(world_request(world, 0)->body_size, 1001);
    assert_true(world_metric(world, SKIPPED) == 1);
    assert_non_null(strstr(streamed.call.result.story, "the body's start has left its window"));
    world_call_free(&streamed.call);
    world_close(world);
}

static void a_status_is_retried_before_the_app_sees_a_head(void **state)
{
    struct test_world *world = world_open(RETRYING, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .status = 503, .body = "sorry", .times = 1);
    world_answer(world, FIRST, .body = "fine");
    assert_true(STREAM(world, &streamed, .stream = BOTH));
    assert_int_equal(streamed_write(&streamed, 700), TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.attempts, 2);
    assert_int_equal(streamed.call.result.status, 200);
    assert_int_equal(streamed.heads, 1);
    assert_int_equal(streamed_read(&streamed), TULLE_OK);
    assert_string_equal(streamed.body, "fine");
    world_call_free(&streamed.call);
    world_close(world);
}

/* The retry was refused, its reply passes: what was kept for it may go. */
static void a_refused_retry_gives_the_window_back(void **state)
{
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 2, retryOn: '503'") POOL("http: {maxRetries: 0}"), NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .status = 503, .echo = true);
    assert_true(STREAM(world, &streamed, .stream = BOTH, .window = 1000));
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    world_advance(world, NS_PER_S);
    assert_int_equal(streamed.heads, 1);
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    world_run(world);
    assert_int_equal(streamed_write(&streamed, 1000), TULLE_OK);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed_read(&streamed), TULLE_OK);
    assert_int_equal(streamed.got, 3000);
    world_call_free(&streamed.call);
    world_close(world);
}

/* --- clocks --- */

static void the_route_s_timeout_begins_when_the_body_is_whole(void **state)
{
    struct test_world *world = world_open(ONE TIMEOUT("2s"), NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    assert_int_equal(streamed_write(&streamed, 10), TULLE_OK);
    world_advance(world, 10 * NS_PER_S);
    assert_false(streamed.call.result.done);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.error, TULLE_E_TIMEOUT);
    assert_string_equal(streamed.call.result.failure.flags, "UT");
    assert_int_equal(streamed.call.result.ended_at - streamed.call.result.started_at,
                     12 * NS_PER_S);
    world_call_free(&streamed.call);
    world_close(world);
}

static void so_does_the_timeout_of_a_try(void **state)
{
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 1, perTryTimeout: 1s, retryOn: 5xx"), NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REQUEST));
    assert_int_equal(streamed_write(&streamed, 10), TULLE_OK);
    world_advance(world, 5 * NS_PER_S);
    assert_int_equal(world->script.request_count, 1);
    assert_int_equal(streamed_end(&streamed), TULLE_OK);
    world_finish(&streamed.call);
    assert_int_equal(streamed.call.result.attempts, 2);
    assert_in_range(streamed.call.result.ended_at - streamed.call.result.started_at, 7 * NS_PER_S,
                    8 * NS_PER_S);
    world_call_free(&streamed.call);
    world_close(world);
}

static void the_deadline_ends_a_stream_that_nobody_reads(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    static struct streamed streamed;

    (void)state;
    world_answer(world, FIRST, .body_size = LONG);
    assert_true(STREAM(world, &streamed, .stream = TULLE_STREAM_REPLY, .deadline_ns = TULLE_S(3)));
    world_advance(world, 4 * NS_PER_S);
    assert_int_equal(streamed.call.result.error, TULLE_E_TIMEOUT);
    assert_int_equal(streamed_read(&streamed), TULLE_E_TIMEOUT);
    assert_int_equal(streamed.got, WINDOW);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
    world_call_free(&streamed.call);
    world_close(world);
}

TEST_MAIN(TEST_OOM(a_body_within_the_window_is_sent_again),
          cmocka_unit_test(what_is_written_between_attempts_reaches_the_next),
          cmocka_unit_test(a_body_beyond_the_window_is_not_sent_again_and_counted),
          cmocka_unit_test(a_status_is_retried_before_the_app_sees_a_head),
          cmocka_unit_test(a_refused_retry_gives_the_window_back),
          cmocka_unit_test(the_route_s_timeout_begins_when_the_body_is_whole),
          cmocka_unit_test(so_does_the_timeout_of_a_try),
          cmocka_unit_test(the_deadline_ends_a_stream_that_nobody_reads))
