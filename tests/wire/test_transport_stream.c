/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream through the libcurl transport, over HTTP/1.1 and HTTP/2. */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/stream_world.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HEAP_COUNTS = 0 };
#else
enum { HEAP_COUNTS = 1 };
#endif

enum { ECHO_SIZE = 64 * MB, MANY = 20 };

static size_t heap; /* before the stream */

static size_t heap_now(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Buffers that are kept for the next one do not count. */
static void note_heap(void)
{
    stream_world_start("/x?relay", MB);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(MB);
    heap = heap_now();
}

static void check_heap(void)
{
    if (HEAP_COUNTS && heap_now() > heap + MB) {
        fail_msg("%zu bytes more", heap_now() - heap);
    }
}

/* Runs to its end, and never holds much. */
static void wait_and_check_heap(void)
{
    int64_t due = test_now() + 100 * NS_PER_S;

    while (stream_world.stream.call.ends == 0) {
        assert_true(test_now() < due);
        tulle__loop_round(&stream_world.rig.loop, due);
        check_heap();
    }
}

static void what_is_sent_comes_back_at_once(void **state)
{
    (void)state;
    note_heap();
    stream_world_start("/x?relay", ECHO_SIZE);
    wait_and_check_heap();
    stream_world_assert_echoed(ECHO_SIZE);
    assert_int_equal(server_count(stream_world.server, "opened"), 1);
}

static void each_piece_goes_out_when_it_is_there(void **state)
{
    (void)state;
    stream_world_init("/x?relay", 50);
    stream_world.stream.send_to = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    for (uint64_t i = 1; i <= 5; i++) {
        rig_stream_send(&stream_world.stream, 10);
        rig_stream_until_got(&stream_world.stream, i * 10);
        assert_int_equal(stream_world.stream.sent, i * 10);
        assert_int_equal(stream_world.stream.call.heads, 1);
    }
    rig_stream_send(&stream_world.stream, 1);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(50);
}

static bool is_blocked(void *user)
{
    (void)user;
    rig_run(&stream_world.rig, 5 * NS_PER_MS);
    return server_count(stream_world.server, "unsent") > 16 * MB;
}

/* What they have read lets in no more than there is room for. */
static void others_go_on(void)
{
    for (int i = 0; i < 20; i++) {
        stream_world_other("/y");
    }
    check_heap();
    assert_true(is_blocked(NULL));
    stream_world.stream.take_to = UINT64_MAX;
    tulle__curl_transport.resume_receive(&stream_world.stream.call.exchange);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_int_equal(stream_world.stream.got, 32000000);
}

static void who_does_not_take_stops_the_server_and_nobody_else(void **state)
{
    uint32_t rounds;

    (void)state;
    note_heap();
    stream_world_init("/x?body=32000000", 0);
    stream_world.stream.call.exchange.method = STR("GET");
    stream_world.stream.call.exchange.streams = false;
    stream_world.stream.compare = false;
    stream_world.stream.take_to = 100000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_got(&stream_world.stream, 100000);
    assert_true(test_wait_until(is_blocked, NULL, 10 * NS_PER_S));
    rounds = stream_world.rig.loop.rounds;
    rig_run(&stream_world.rig, 100 * NS_PER_MS);
    assert_in_range(stream_world.rig.loop.rounds - rounds, 0, 20); /* nothing is polled for */
    others_go_on();
}

static bool sends_late(void *user)
{
    (void)user;
    rig_run(&stream_world.rig, NS_PER_MS);
    return stream_world.stream.send_pauses > 0;
}

/* What opened the window was the head, where sending had been resumed before it. */
static void neither_does_who_sends_late_and_does_not_take(void **state)
{
    (void)state;
    note_heap();
    stream_world_init("/x?body=32000000&delay=20", 10);
    stream_world.stream.compare = false;
    stream_world.stream.send_to = 0;
    stream_world.stream.take_to = 100000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    assert_true(test_wait_until(sends_late, NULL, 10 * NS_PER_S));
    rig_stream_send(&stream_world.stream, 10);
    rig_stream_until_got(&stream_world.stream, 100000);
    others_go_on();
}

static bool is_stuck(void *user)
{
    uint64_t before = stream_world.stream.sent;

    (void)user;
    rig_run(&stream_world.rig, 100 * NS_PER_MS);
    check_heap();
    return stream_world.stream.sent == before;
}

static void a_reply_that_waits_is_not_read_though_the_request_goes_on(void **state)
{
    (void)state;
    note_heap();
    stream_world_init("/x?relay", ECHO_SIZE);
    stream_world.stream.take_to = 1;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_got(&stream_world.stream, 1);
    assert_true(test_wait_until(is_stuck, NULL, 30 * NS_PER_S));
    assert_true(stream_world.stream.sent < ECHO_SIZE);
    stream_world.stream.take_to = UINT64_MAX;
    tulle__curl_transport.resume_receive(&stream_world.stream.call.exchange);
    wait_and_check_heap();
    stream_world_assert_echoed(ECHO_SIZE);
}

static void who_takes_slowly_is_given_little(void **state)
{
    (void)state;
    note_heap();
    stream_world_init("/x?relay", 4 * MB);
    stream_world.stream.take_to = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    for (uint64_t i = 0; stream_world.stream.call.ends == 0; i++) {
        rig_run(&stream_world.rig, NS_PER_MS / 2);
        rig_stream_take(&stream_world.stream, 20000);
        check_heap();
    }
    stream_world_assert_echoed(4 * MB);
    assert_in_range(stream_world.stream.receive_pauses, 10, 1000);
}

static void many_small_pieces_open_no_window(void **state)
{
    (void)state;
    note_heap();
    stream_world_init("/x?relay", 32 * MB);
    stream_world.stream.send_to = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    for (uint64_t i = 1; i <= 500; i++) {
        rig_stream_send(&stream_world.stream, 200);
        rig_stream_until_got(&stream_world.stream, i * 200);
        stream_world.stream.take_to = i * 200;
        if (i % 2 == 0) {
            rig_run(&stream_world.rig, 0);
            rig_stream_take(&stream_world.stream, 200);
        }
        stream_world.stream.take_to = UINT64_MAX;
    }
    stream_world.stream.take_to = stream_world.stream.got;
    rig_stream_send(&stream_world.stream, 32 * MB);
    assert_true(test_wait_until(is_stuck, NULL, 30 * NS_PER_S));
    stream_world.stream.take_to = UINT64_MAX;
    tulle__curl_transport.resume_receive(&stream_world.stream.call.exchange);
    wait_and_check_heap();
    stream_world_assert_echoed(32 * MB);
}

static void it_is_paused_and_resumed_inside_each_callback(void **state)
{
    (void)state;
    stream_world_init("/x?relay", 200000);
    stream_world.stream.send_to = 1000;
    stream_world.stream.take_to = 1000;
    stream_world.stream.drives = true;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(200000);
    assert_in_range(stream_world.stream.send_pauses, 199, 400);
    assert_in_range(stream_world.stream.receive_pauses, 5, 1000);
}

static void a_server_that_does_not_read_stops_the_request(void **state)
{
    (void)state;
    note_heap();
    stream_world_init("/x?sink&stall=700", ECHO_SIZE);
    stream_world.stream.compare = false;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    assert_true(test_wait_until(is_stuck, NULL, 30 * NS_PER_S));
    assert_true(stream_world.stream.sent < ECHO_SIZE);
    wait_and_check_heap();
    assert_string_equal(stream_world.stream.call.text, "");
    assert_string_equal(stream_world.stream.call.body, "64000000\n");
}

static void a_known_size_is_announced(void **state)
{
    (void)state;
    stream_world_init("/x?echo", 5000);
    stream_world.stream.compare = false;
    stream_world.stream.call.exchange.stream_size = 5000;
    stream_world.stream.call.exchange.method = STR("PROPPATCH");
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_non_null(strcasestr(stream_world.stream.call.body, "content-length: 5000"));
    assert_non_null(strstr(stream_world.stream.call.body, "PROPPATCH"));
    assert_null(strcasestr(stream_world.stream.call.body, "expect"));
    assert_int_equal(server_log_count(stream_world.server, "request * PROPPATCH * body=5000"), 1);
}

static void a_size_of_nothing_asks_for_nothing(void **state)
{
    (void)state;
    stream_world_init("/x?sink", 0);
    stream_world.stream.compare = false;
    stream_world.stream.call.exchange.stream_size = 0;
    stream_world.stream.fail_at = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_string_equal(stream_world.stream.call.body, "0\n");
}

static void a_goaway_lets_a_stream_go_on(void **state)
{
    (void)state;
    stream_world_init("/x?relay", 3000);
    stream_world.stream.send_to = 1000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_got(&stream_world.stream, 1000);
    server_command(stream_world.server, "goaway 0");
    rig_run(&stream_world.rig, 20 * NS_PER_MS);
    stream_world_other("/y");
    assert_int_equal(server_count(stream_world.server, "opened"), 2);
    rig_stream_send(&stream_world.stream, MB);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(3000);
}

static void many_streams_run_at_once(void **state)
{
    struct rig_stream *streams = calloc(MANY, sizeof(*streams));

    (void)state;
    for (int i = 0; i < MANY; i++) {
        uint64_t n = (uint64_t)i;

        rig_stream_init(&streams[i], &stream_world.rig, stream_world_url("/x?relay"),
                        300000 + n * 1000);
        if (i % 2 == 0) {
            streams[i].drives = true;
            streams[i].send_to = 1 + n * 7000;
            streams[i].take_to = 1 + n * 9000;
        }
        rig_stream_start(&streams[i], stream_world.pool);
    }
    for (int i = 0; i < MANY; i++) {
        rig_stream_wait(&streams[i]);
        assert_string_equal(streams[i].call.text, "");
        assert_int_equal(streams[i].got, streams[i].size);
    }
    free(streams);
}

static void plain(const char *method, const char *body, const char *log)
{
    rig_call_fini(&stream_world.other);
    rig_call_init(&stream_world.other, &stream_world.rig, stream_world_url("/plain?echobody"));
    stream_world.other.exchange.method = str_of(method);
    stream_world.other.exchange.body = body;
    stream_world.other.exchange.body_size = body ? strlen(body) : 0;
    rig_start(&stream_world.other, stream_world.pool);
    rig_wait(&stream_world.rig, &stream_world.other, 1);
    assert_string_equal(stream_world.other.text, "");
    assert_int_equal(server_log_count(stream_world.server, log), 1);
}

static void a_handle_that_streamed_does_all_else(void **state)
{
    static const char *const methods[] = { "GET", "HEAD", "DELETE" };

    (void)state;
    for (int i = 0; i < 3; i++) {
        char log[100];

        stream_world_start("/x?relay", 5000);
        rig_stream_wait(&stream_world.stream);
        stream_world_assert_echoed(5000);
        snprintf(log, sizeof(log), "request * %s /plain* body=0", methods[i]);
        plain(methods[i], NULL, log);
    }
    stream_world_start("/x?relay", 5000);
    rig_stream_wait(&stream_world.stream);
    plain("PUT", "12345", "request * PUT /plain* body=5");
    assert_string_equal(stream_world.other.body, "12345");
    stream_world_start("/x?relay", 5000);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(5000);
    assert_int_equal(server_count(stream_world.server, "opened"), 1);
}

TEST_MAIN(ON_ALL(what_is_sent_comes_back_at_once), ON_ALL(each_piece_goes_out_when_it_is_there),
          ON_ALL(who_does_not_take_stops_the_server_and_nobody_else),
          ON_ALL(neither_does_who_sends_late_and_does_not_take),
          ON_ALL(a_reply_that_waits_is_not_read_though_the_request_goes_on),
          ON_PLAIN(who_takes_slowly_is_given_little), ON_PLAIN(many_small_pieces_open_no_window),
          ON_PLAIN(it_is_paused_and_resumed_inside_each_callback),
          ON_PLAIN(a_server_that_does_not_read_stops_the_request),
          ON_PLAIN(a_known_size_is_announced), ON_PLAIN(a_size_of_nothing_asks_for_nothing),
          ON_HTTP2(a_goaway_lets_a_stream_go_on), ON_ALL(many_streams_run_at_once),
          ON_PLAIN(a_handle_that_streamed_does_all_else))
