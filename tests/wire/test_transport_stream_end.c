/* SPDX-License-Identifier: Apache-2.0 */

/* How streams end: with trailers, early, short, given up, cancelled. */

#include <stdio.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/stream_world.h"

static void trailers_of_the_reply_are_told_behind_the_body(void **state)
{
    (void)state;
    stream_world_init("/x?body=100000&chunked&trailer=x-sum:abc", 10);
    stream_world.stream.compare = false;
    stream_world.stream.take_to = 50000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_got(&stream_world.stream, 50000);
    rig_run(&stream_world.rig, 20 * NS_PER_MS);
    assert_int_equal(stream_world.stream.trailer_count, 0);
    rig_stream_take(&stream_world.stream, MB);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_int_equal(stream_world.stream.got, 100000);
    assert_string_equal(stream_world.stream.trailers, "x-sum: abc\n");
    assert_null(strstr(stream_world.stream.call.headers, "x-sum"));
}

static void too_many_trailers_are_too_large(void **state)
{
    (void)state;
    stream_world_init("/x?body=10&chunked&trailer=x-sum:abc", 10);
    stream_world.stream.compare = false;
    stream_world.stream.trailers_max = -1;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_TOO_LARGE);
    stream_world_other("/y");
}

static void trailers_that_nobody_wants_are_dropped(void **state)
{
    (void)state;
    stream_world_init("/x?body=10&chunked&trailer=x-sum:abc", 10);
    stream_world.stream.compare = false;
    stream_world.stream.events.trailer = NULL;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_string_equal(stream_world.stream.trailers, "");
}

static void trailers_of_the_request_go_behind_its_chunks(void **state)
{
    (void)state;
    stream_world_init("/x?sink", 100);
    stream_world.stream.compare = false;
    rig_stream_trailer(&stream_world.stream, "x-sum: 42", 5);
    rig_stream_trailer(&stream_world.stream, "x-empty: ", 7);
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_string_equal(stream_world.stream.call.text, "");
    assert_string_equal(stream_world.stream.call.body, "100\nx-sum: 42\nx-empty: \n");
    stream_world_init("/x?relay", 100);
    rig_stream_trailer(&stream_world.stream, "x-sum: 42", 5);
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    stream_world_assert_echoed(100);
    assert_string_equal(stream_world.stream.trailers, "x-sum: 42\n");
}

static void trailers_of_a_request_cannot_go_over_http2(void **state)
{
    (void)state;
    stream_world_init("/x?sink", 100);
    stream_world.stream.compare = false;
    rig_stream_trailer(&stream_world.stream, "x-sum: 42", 5);
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_INTERNAL);
    assert_string_equal(stream_world.stream.call.text,
                        "the request's trailers cannot be sent over HTTP/2");
    assert_int_equal(server_log_count(stream_world.server, "request *"), 0);
    stream_world_other("/y");
}

static void a_body_of_a_known_size_has_no_trailers(void **state)
{
    (void)state;
    stream_world_init("/x?sink", 100);
    stream_world.stream.compare = false;
    stream_world.stream.call.exchange.stream_size = 100;
    rig_stream_trailer(&stream_world.stream, "x-sum: 42", 5);
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_INTERNAL);
    assert_int_equal(stream_world.stream.call.end.progress, TULLE_ANSWERED);
    assert_non_null(strstr(stream_world.stream.call.text, "trailers were not sent"));
}

static void trailers_are_never_left_out_silently(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        stream_world_init("/x?sink", 100);
        stream_world.stream.compare = false;
        rig_stream_trailer(&stream_world.stream, "x-sum: 42", 5);
        rig_stream_start(&stream_world.stream, stream_world.pool);
        rig_stream_wait(&stream_world.stream);
        assert_int_equal(stream_world.stream.call.end.error, TULLE_E_INTERNAL);
        assert_non_null(strstr(stream_world.stream.call.text, "trailers"));
        assert_int_equal(server_log_count(stream_world.server, "request * /x*"), 1);
    }
}

static void assert_early(void)
{
    assert_string_equal(stream_world.stream.call.text, "");
    assert_int_equal(stream_world.stream.call.end.error, TULLE_OK);
    assert_int_equal(stream_world.stream.call.body_size, 1000);
    assert_true(stream_world.stream.sent < stream_world.stream.size);
}

static void run_early(const char *target, uint64_t send_to)
{
    stream_world_init(target, UINT64_MAX / 2);
    stream_world.stream.compare = false;
    stream_world.stream.send_to = send_to;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_early();
}

static void a_reply_that_is_over_ends_the_request(void **state)
{
    (void)state;
    run_early("/x?early&body=1000", 10);
    run_early("/x?early&body=1000&chunked", 10);
    run_early("/x?early&body=1000", UINT64_MAX);
    run_early("/x?early&body=1000&chunked", UINT64_MAX);
    run_early("/x?early&body=1000&status=404", 10);
    run_early("/x?early&body=1000&status=404", UINT64_MAX);
    run_early("/x?early&body=1000&close", 10);
    stream_world_other("/y");
    /* HTTP/1.1 has no other way to leave the rest of it unsaid. */
    if (!stream_world.is_http2) {
        assert_int_equal(server_count(stream_world.server, "opened"), 8);
        assert_true(server_wait_exactly(stream_world.server, "open", 1));
    }
}

static void a_server_that_closes_meanwhile_has_perhaps_executed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        stream_world_init("/x?sink&dropat=300000", 8 * MB);
        rig_stream_start(&stream_world.stream, stream_world.pool);
        rig_stream_wait(&stream_world.stream);
        assert_int_equal(stream_world.stream.call.end.error, TULLE_E_NETWORK);
        assert_int_equal(stream_world.stream.call.end.progress, TULLE_PERHAPS_EXECUTED);
        assert_int_equal(server_count(stream_world.server, "opened"), 1 + i);
        stream_world_other("/y"); /* the next one goes on a kept connection */
        assert_int_equal(server_count(stream_world.server, "opened"), 2 + i);
    }
}

static void a_refused_stream_is_not_sent_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        stream_world_init("/x?refuse", 1000);
        rig_stream_start(&stream_world.stream, stream_world.pool);
        rig_stream_wait(&stream_world.stream);
        assert_int_equal(stream_world.stream.call.end.progress, TULLE_REFUSED_UNPROCESSED);
        assert_true(stream_world.stream.call.end.refused_stream);
        assert_int_equal(stream_world.stream.sent, 1000);
        assert_int_equal(server_log_count(stream_world.server, "request * POST *"), 1 + i);
        stream_world_other("/y");
    }
}

static void a_body_shorter_than_announced_fails(void **state)
{
    (void)state;
    stream_world_init("/x?sink", 4000);
    stream_world.stream.compare = false;
    stream_world.stream.call.exchange.stream_size = 5000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_INTERNAL);
    assert_string_equal(stream_world.stream.call.text,
                        "the request's body is shorter than was announced");
    assert_int_equal(stream_world.stream.call.end.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(server_log_count(stream_world.server, "request *"), 0);
    stream_world_other("/y");
}

static void a_body_that_is_given_up_ends_the_exchange(void **state)
{
    (void)state;
    stream_world_init("/x?relay", MB);
    stream_world.stream.fail_at = 300000;
    stream_world.stream.send_to = 300000;
    stream_world.stream.drives = true;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_CANCELLED);
    assert_string_equal(stream_world.stream.call.text, "the request's body was given up");
    assert_int_equal(server_log_count(stream_world.server, "request * /x*"), 0);
    stream_world_other("/y");
}

static void a_head_does_not_stream(void **state)
{
    (void)state;
    stream_world_init("/x", 10);
    stream_world.stream.call.exchange.method = STR("HEAD");
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_INTERNAL);
    assert_int_equal(stream_world.stream.call.end.progress, TULLE_NOTHING_SENT);
}

static void cancel(struct rig_call *call)
{
    tulle__curl_transport.cancel(&call->exchange);
}

static void assert_silent(void)
{
    uint64_t sent = stream_world.stream.sent;
    uint64_t got = stream_world.stream.got;

    tulle__curl_transport.resume_send(&stream_world.stream.call.exchange);
    tulle__curl_transport.resume_receive(&stream_world.stream.call.exchange);
    stream_world_other("/y");
    rig_run(&stream_world.rig, 5 * NS_PER_MS);
    assert_int_equal(stream_world.stream.sent, sent);
    assert_int_equal(stream_world.stream.got, got);
    assert_int_equal(stream_world.stream.call.ends, 0);
}

static void it_is_cancelled_inside_each_callback(void **state)
{
    static const enum rig_moment moments[] = { RIG_HEADER, RIG_HEAD, RIG_BODY, RIG_MORE,
                                               RIG_TRAILER };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        stream_world_init("/x?relay&trailer=a:b", 100000);
        stream_world.stream.call.act_at = moments[i];
        stream_world.stream.call.act = cancel;
        rig_stream_start(&stream_world.stream, stream_world.pool);
        while (stream_world.stream.call.act_at != 0) {
            rig_run(&stream_world.rig, NS_PER_MS);
        }
        assert_silent();
    }
}

static void it_is_cancelled_while_it_is_paused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        stream_world_init("/x?relay", MB);
        stream_world.stream.send_to = i & 1 ? 200000 : MB;
        stream_world.stream.take_to = i & 2 ? 10000 : MB * 2;
        rig_stream_start(&stream_world.stream, stream_world.pool);
        rig_stream_until_sent(&stream_world.stream, 100000);
        rig_run(&stream_world.rig, 10 * NS_PER_MS);
        if (stream_world.stream.call.ends > 0) {
            assert_int_equal(i, 0);
            continue;
        }
        cancel(&stream_world.stream.call);
        assert_silent();
    }
}

static void it_is_cancelled_when_it_was_just_resumed(void **state)
{
    (void)state;
    stream_world_init("/x?relay", MB);
    stream_world.stream.send_to = 200000;
    stream_world.stream.take_to = 10000;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_got(&stream_world.stream, 10000);
    rig_stream_take(&stream_world.stream, MB);
    rig_stream_send(&stream_world.stream, MB);
    cancel(&stream_world.stream.call);
    assert_silent();
    stream_world_init("/x?relay", MB);
    rig_stream_start(&stream_world.stream, stream_world.pool);
    tulle__curl_transport.resume_send(&stream_world.stream.call.exchange);
    cancel(&stream_world.stream.call);
    assert_silent();
}

/* What is told again when it is resumed may be too much, or cancel it. */
static void what_was_kept_can_end_it(void **state)
{
    (void)state;
    stream_world_init("/x?relay", 60000);
    stream_world.stream.take_to = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_sent(&stream_world.stream, 60000);
    rig_run(&stream_world.rig, 10 * NS_PER_MS);
    stream_world.stream.call.body_max = 100;
    rig_stream_take(&stream_world.stream, MB);
    rig_stream_wait(&stream_world.stream);
    assert_int_equal(stream_world.stream.call.end.error, TULLE_E_TOO_LARGE);
    stream_world_init("/x?relay", 60000);
    stream_world.stream.take_to = 0;
    rig_stream_start(&stream_world.stream, stream_world.pool);
    rig_stream_until_sent(&stream_world.stream, 60000);
    rig_run(&stream_world.rig, 10 * NS_PER_MS);
    stream_world.stream.call.act_at = RIG_BODY;
    stream_world.stream.call.act = cancel;
    rig_stream_take(&stream_world.stream, MB);
    while (stream_world.stream.call.act_at != 0) {
        rig_run(&stream_world.rig, NS_PER_MS);
    }
    assert_silent();
}

TEST_MAIN(ON_PLAIN(a_body_shorter_than_announced_fails),
          ON_PLAIN(a_body_that_is_given_up_ends_the_exchange),
          ON_ALL(trailers_of_the_reply_are_told_behind_the_body),
          ON_PLAIN(too_many_trailers_are_too_large),
          ON_PLAIN(trailers_that_nobody_wants_are_dropped),
          ON_HTTP1(trailers_of_the_request_go_behind_its_chunks),
          ON_TLS1(trailers_of_the_request_go_behind_its_chunks),
          ON_HTTP2(trailers_of_a_request_cannot_go_over_http2),
          ON_PLAIN(a_body_of_a_known_size_has_no_trailers),
          ON_TLS2(trailers_are_never_left_out_silently),
          ON_ALL(a_reply_that_is_over_ends_the_request),
          ON_PLAIN(a_server_that_closes_meanwhile_has_perhaps_executed),
          ON_HTTP2(a_refused_stream_is_not_sent_again), ON_PLAIN(a_head_does_not_stream),
          ON_ALL(it_is_cancelled_inside_each_callback),
          ON_PLAIN(it_is_cancelled_while_it_is_paused),
          ON_PLAIN(it_is_cancelled_when_it_was_just_resumed), ON_ALL(what_was_kept_can_end_it))
