/* SPDX-License-Identifier: Apache-2.0 */

/* What goes over the wire, byte for byte, and what comes back from it. */

#include <stdio.h>
#include <stdlib.h>

#include "wire/wire.h"

static struct server *server;
static struct tulle *mesh;

static int world_open(void **state)
{
    /* Traces are test_trace.c's; here is what a call sends for itself. */
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1,
                                           .trace = TULLE_TRACE_OFF };

    (void)state;
    server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    return 0;
}

static int world_close(void **state)
{
    (void)state;
    wire_close(mesh);
    server_stop(server);
    return 0;
}

static void a_get_is_sent_with_these_bytes(void **state)
{
    struct outcome outcome = wire_get(mesh, "http://shop/headers");

    (void)state;
    assert_string_equal(outcome.body, "GET /headers HTTP/1.1\r\nHost: shop\r\n"
                                      "x-envoy-attempt-count: 1\r\n\r\n");
    assert_string_equal(outcome.endpoint, server_address(server));
    assert_int_equal(outcome.attempts, 1);
}

static void headers_go_out_in_order_and_with_their_case(void **state)
{
    static const struct tulle_header headers[] = {
        { "X-Second-Letter", "b" }, { "x-first-LETTER", "a" },    { "X-Second-Letter", "b2" },
        { "Accept", "text/*" },     { "User-Agent", "shop/1.0" }, { "X-Empty", "" },
    };
    struct outcome outcome =
        wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://shop/headers",
                                                 .headers = headers, .header_count = 6 });

    (void)state;
    assert_non_null(strstr(outcome.body, "X-Second-Letter: b\r\nx-first-LETTER: a\r\n"
                                         "X-Second-Letter: b2\r\nAccept: text/*\r\n"
                                         "User-Agent: shop/1.0\r\nX-Empty:"));
}

static void a_post_says_its_length_and_no_more(void **state)
{
    struct outcome outcome =
        wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "POST",
                                                 .url = "http://shop/headers", .body = "hello",
                                                 .body_size = 5 });

    (void)state;
    assert_memory_equal(outcome.body, "POST /headers HTTP/1.1\r\n", 24);
    assert_non_null(strstr(outcome.body, "Content-Length: 5\r\n"));
    assert_null(strcasestr(outcome.body, "content-type"));
    assert_null(strcasestr(outcome.body, "expect"));
    assert_null(strcasestr(outcome.body, "user-agent"));
    assert_null(strcasestr(outcome.body, "accept"));
}

static void any_method_goes_out_as_it_is(void **state)
{
    static const char *const methods[] = { "PUT", "DELETE", "PATCH", "OPTIONS", "BREW" };

    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct outcome outcome =
            wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = methods[i],
                                                     .url = "http://shop/headers" });

        assert_int_equal(outcome.status, 200);
        assert_memory_equal(outcome.body, methods[i], strlen(methods[i]));
    }
}

static void a_head_has_headers_and_no_body(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .method = "HEAD",
                                     .url = "http://shop/body/1000" };
    struct tulle_reply *reply;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_OK);
        assert_string_equal(tulle_reply_header(reply, "content-length"), "1000");
        assert_int_equal(tulle_reply_body_size(reply), 0);
        tulle_reply_free(reply);
    }
    assert_int_equal(server_count(server, "opened"), 1);
}

static void every_status_is_a_success_of_the_call(void **state)
{
    static const int32_t statuses[] = { 200, 201, 204, 301, 304, 404, 418, 429, 500, 503, 599 };

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        char url[64];
        struct outcome outcome;

        snprintf(url, sizeof(url), "http://shop/?status=%d&header=Location:/elsewhere",
                 statuses[i]);
        outcome = wire_get(mesh, url);
        assert_int_equal(outcome.error, TULLE_OK);
        assert_int_equal(outcome.status, statuses[i]);
        assert_int_equal(server_count(server, "requests"), i + 1);
    }
}

static void headers_come_back_in_order_and_with_their_case(void **state)
{
    struct tulle_reply *reply;
    struct tulle_header header;

    (void)state;
    assert_int_equal(tulle_get(mesh, "http://shop/?heads=3&header=X-CASE:Kept", &reply), TULLE_OK);
    assert_int_equal(tulle_reply_header_count(reply), 8);
    assert_int_equal(tulle_reply_header_at(reply, 3, &header), TULLE_OK);
    assert_string_equal(header.name, "x-more-0");
    assert_int_equal(tulle_reply_header_at(reply, 6, &header), TULLE_OK);
    assert_string_equal(header.name, "X-CASE");
    assert_string_equal(header.value, "Kept");
    assert_string_equal(tulle_reply_header(reply, "x-case"), "Kept");
    assert_null(tulle_reply_header(reply, "x-cas"));
    assert_int_equal(tulle_reply_header_at(reply, 8, &header), TULLE_E_USAGE);
    tulle_reply_free(reply);
}

static void big_bodies_go_both_ways_whole(void **state)
{
    enum { SIZE = 10 << 20 };
    char *body = malloc(SIZE);
    struct tulle_reply *reply;
    struct tulle_request request = { TULLE_REQUEST_INIT, .method = "PUT",
                                     .url = "http://shop/echobody", .body = body,
                                     .body_size = SIZE };

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char)(i * 2654435761u >> 13);
    }
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_OK);
    assert_int_equal(tulle_reply_body_size(reply), SIZE);
    assert_memory_equal(tulle_reply_body(reply), body, SIZE);
    assert_int_equal(tulle_reply_body(reply)[SIZE], 0);
    tulle_reply_free(reply);
    free(body);
}

static void bodies_of_any_framing_are_read(void **state)
{
    (void)state;
    assert_string_equal(wire_get(mesh, "http://shop/?text=abcdef&chunked&slow=1&piece=2").body,
                        "abcdef");
    assert_string_equal(wire_get(mesh, "http://shop/?text=abcdef&untilclose").body, "abcdef");
    assert_string_equal(wire_get(mesh, "http://shop/?text=abcdef&close").body, "abcdef");
    assert_string_equal(wire_get(mesh, "http://shop/").body, "");
}

static void a_body_that_breaks_off_is_no_reply(void **state)
{
    struct outcome outcome = wire_get(mesh, "http://shop/?body=1000&break=10");

    (void)state;
    assert_int_equal(outcome.error, TULLE_E_NETWORK);
    assert_int_equal(outcome.failure.progress, TULLE_ANSWERED);
    assert_int_equal(server_count(server, "requests"), 1);
    outcome = wire_get(mesh, "http://shop/?body=1000&break=10&chunked");
    assert_int_not_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.failure.progress, TULLE_ANSWERED);
}

static void a_reply_over_its_caps_is_refused(void **state)
{
    struct outcome outcome =
        wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://shop/body/9",
                                                 .body_max = 8 });

    (void)state;
    assert_int_equal(outcome.error, TULLE_E_TOO_LARGE);
    assert_int_equal(wire_get(mesh, "http://shop/heads/120").error, TULLE_E_TOO_LARGE);
    assert_int_equal(wire_get(mesh, "http://shop/headbytes/70000").error, TULLE_E_TOO_LARGE);
    assert_int_equal(wire_get(mesh, "http://shop/heads/90").error, TULLE_OK);
    assert_int_equal(server_count(server, "requests"), 4);
}

static void what_is_no_http_is_the_peers_fault_or_the_networks(void **state)
{
    static const char *const answers[] = {
        "00000000",                           /* zeros */
        "5353482d322e300d0a",                 /* SSH-2.0 */
        "485454502f312e3120323030204f4b0d0a", /* a status line, and the end */
        "485454502f312e31203939390d0a0d0a",   /* status 999, no length, the end */
        "485454502f312e3120323030204f4b0d0a436f6e74656e742d4c656e6774683a202d310d0a0d0a",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct outcome outcome;

        server_command(server, "raw %s", answers[i]);
        outcome = wire_call(
            mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://shop/?raw&cut",
                                           .retry = TULLE_RETRY_OFF, .deadline_ns = TULLE_S(5) });
        assert_true(outcome.error == TULLE_E_PEER || outcome.error == TULLE_E_NETWORK ||
                    (outcome.error == TULLE_OK && outcome.status == 999));
    }
}

static void a_deadline_ends_a_call_that_hangs(void **state)
{
    struct outcome outcome =
        wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://shop/hang",
                                                 .deadline_ns = TULLE_MS(100) });

    (void)state;
    assert_int_equal(outcome.error, TULLE_E_TIMEOUT);
    assert_string_equal(outcome.failure.layer, "deadline");
    assert_int_equal(outcome.failure.status, 504);
    assert_in_range(outcome.took_ns, TULLE_MS(100), TULLE_S(2));
    assert_true(server_wait_exactly(server, "open", 0));
}

static void a_name_outside_the_mesh_is_passed_or_refused(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .outside = TULLE_OUTSIDE_REFUSE };
    struct tulle *strict = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://%s/", server_address(server));
    assert_int_equal(wire_get(mesh, url).status, 200);
    assert_int_equal(wire_get(strict, url).error, TULLE_E_REFUSED);
    assert_int_equal(wire_get(strict, "http://shop/").status, 200);
    assert_int_equal(server_count(server, "requests"), 2);
    wire_close(strict);
}

#define CALLS_TEST(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

/* Compiled when a request ended with `failure`. */
static void an_older_program_hears_as_well_why_its_call_failed(void **state)
{
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_request request = { .size = offsetof(struct tulle_request, stream),
                                     .url = "http://shop/hang",
                                     .deadline_ns = TULLE_MS(50),
                                     .failure = &failure };
    struct tulle_reply *reply;

    (void)state;
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_E_TIMEOUT);
    assert_int_equal(failure.error, TULLE_E_TIMEOUT);
}

TEST_MAIN(CALLS_TEST(a_get_is_sent_with_these_bytes),
          CALLS_TEST(headers_go_out_in_order_and_with_their_case),
          CALLS_TEST(a_post_says_its_length_and_no_more), CALLS_TEST(any_method_goes_out_as_it_is),
          CALLS_TEST(a_head_has_headers_and_no_body),
          CALLS_TEST(every_status_is_a_success_of_the_call),
          CALLS_TEST(headers_come_back_in_order_and_with_their_case),
          CALLS_TEST(big_bodies_go_both_ways_whole), CALLS_TEST(bodies_of_any_framing_are_read),
          CALLS_TEST(a_body_that_breaks_off_is_no_reply),
          CALLS_TEST(a_reply_over_its_caps_is_refused),
          CALLS_TEST(what_is_no_http_is_the_peers_fault_or_the_networks),
          CALLS_TEST(a_deadline_ends_a_call_that_hangs),
          CALLS_TEST(a_name_outside_the_mesh_is_passed_or_refused),
          CALLS_TEST(an_older_program_hears_as_well_why_its_call_failed))
