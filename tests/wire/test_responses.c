/* SPDX-License-Identifier: Apache-2.0 */

/* What a server may say that is no response, or half of one: each is refused
 * with its own error, never taken for a success, and its connection is never
 * used again. And what is odd and yet right is taken. */

#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "wire/wire.h"

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define FIVE    "Content-Length: 5\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct response {
    const char *name;
    const char *bytes;
    size_t size;
    const char *body; /* of a success; NULL: "hello" */
};

#define RESPONSE(name, bytes)                                                                      \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, NULL                                                       \
    }
#define RESPONSE_WITH(name, bytes, body)                                                           \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, body                                                       \
    }

/* --- the server --- */

static void say(struct server *server, const char *bytes, size_t size, const char *plan)
{
    char *hex = malloc(2 * size + 1);

    assert_non_null(hex);
    hex[0] = '\0';
    for (size_t i = 0; i < size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
    }
    server_command(server, "raw %s", hex);
    server_command(server, "next 1 %s", plan);
    free(hex);
}

struct stage {
    struct server *server;
    struct tulle *mesh;
};

static int stage_open(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));

    assert_non_null(stage);
    stage->server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    server_command(stage->server, "set text=own");
    stage->mesh = wire_open(&stage->server, 1, TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);
    *state = stage;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *stage = *state;

    wire_close(stage->mesh);
    server_stop(stage->server);
    free(stage);
    return 0;
}

static struct outcome get_once(struct tulle *mesh, const char *method)
{
    return wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = method,
                                                    .url = "http://shop/", .retry = TULLE_RETRY_OFF,
                                                    .deadline_ns = TULLE_S(10) });
}

/* The next call is answered by the server's own hand, on a connection that is
 * new (or, `kept`, the same). */
static void check_next(struct stage *stage, const char *name, uint64_t opened, bool kept)
{
    struct outcome outcome = get_once(stage->mesh, "GET");

    if (outcome.error != TULLE_OK || strcmp(outcome.body, "own") != 0) {
        fail_msg("after %s: %s, body '%s'", name, outcome.failure.text, outcome.body);
    }
    if (server_count(stage->server, "opened") != opened + (kept ? 0 : 1)) {
        fail_msg("after %s: the connection was %s", name, kept ? "not kept" : "used again");
    }
}

static void check_failure(struct stage *stage, const struct response *response,
                          enum tulle_error error, const char *plan)
{
    struct outcome outcome;

    say(stage->server, response->bytes, response->size, plan);
    outcome = get_once(stage->mesh, "GET");
    if (outcome.error != error) {
        fail_msg("%s: %s (%s) instead of %s", response->name, tulle_error_text(outcome.error),
                 outcome.failure.text, tulle_error_text(error));
    }
    assert_int_equal(outcome.attempts, 1);
    assert_string_not_equal(outcome.failure.text, "");
    check_next(stage, response->name, server_count(stage->server, "opened"), false);
}

static void check_success(struct stage *stage, const struct response *response, const char *plan,
                          bool kept)
{
    const char *body = response->body ? response->body : "hello";
    struct outcome outcome;

    say(stage->server, response->bytes, response->size, plan);
    outcome = get_once(stage->mesh, "GET");
    if (outcome.error != TULLE_OK || strcmp(outcome.body, body) != 0) {
        fail_msg("%s: %s (%s), body '%s'", response->name, tulle_error_text(outcome.error),
                 outcome.failure.text, outcome.body);
    }
    check_next(stage, response->name, server_count(stage->server, "opened"), kept);
}

/* --- what breaks the protocol --- */

static const struct response no_responses[] = {
    RESPONSE("HTTP/0.9", "<html>hello</html>"),
    RESPONSE("frames of HTTP/2", "\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    RESPONSE("an alert of TLS", "\x15\x03\x01\x00\x02\x02\x46"),
    RESPONSE("a greeting of SMTP", "220 mail.example ESMTP\r\n\r\n"),
    RESPONSE("a greeting of SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    RESPONSE("a version in lower case", "http/1.1 200 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("HTTP/3", "HTTP/3 200 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("HTTP/7.1", "HTTP/7.1 200 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("a version without a dot", "HTTP/11 200 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("no status", "HTTP/1.1\r\n" FIVE "\r\nhello"),
    RESPONSE("a status of two digits", "HTTP/1.1 20 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("a status of four digits", "HTTP/1.1 2000 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("a negative status", "HTTP/1.1 -20 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("a status that is a word", "HTTP/1.1 two OK\r\n" FIVE "\r\nhello"),
    RESPONSE("status 000", "HTTP/1.1 000 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("status 099", "HTTP/1.1 099 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n"
                                 "Connection: upgrade\r\n\r\nhello"),
    RESPONSE("a CR in a value", OK_LINE "X-A: b\rc\r\n" FIVE "\r\nhello"),
    RESPONSE("a CR before a name", OK_LINE FIVE "\rX-A: b\r\nhello"),
    RESPONSE("a NUL in the status line", "HTTP/1.1 200 O\0K\r\n" FIVE "\r\nhello"),
    RESPONSE("a NUL in a value", OK_LINE "X-A: b\0c\r\n" FIVE "\r\nhello"),
    RESPONSE("a NUL in a name", OK_LINE "X\0A: b\r\n" FIVE "\r\nhello"),
    RESPONSE("a line without a colon", OK_LINE "X-A\r\n" FIVE "\r\nhello"),
    RESPONSE("a header without a name", OK_LINE ": b\r\n" FIVE "\r\nhello"),
    RESPONSE("a blank in a name", OK_LINE "X A: b\r\n" FIVE "\r\nhello"),
    RESPONSE("a blank before the colon", OK_LINE "Content-Length : 5\r\n\r\nhello"),
    RESPONSE("a tab before the colon", OK_LINE "Content-Length\t: 5\r\n\r\nhello"),
    RESPONSE("a fold on the first line", OK_LINE " c: d\r\n" FIVE "\r\nhello"),
};

static const struct response bad_lengths[] = {
    RESPONSE("a negative length", OK_LINE "Content-Length: -5\r\n\r\nhello"),
    RESPONSE("a length of minus zero", OK_LINE "Content-Length: -0\r\n\r\n"),
    RESPONSE("a length with a plus", OK_LINE "Content-Length: +5\r\n\r\nhello"),
    RESPONSE("a length over 2^64", OK_LINE "Content-Length: 99999999999999999999\r\n\r\nhello"),
    RESPONSE("a length of 2^63", OK_LINE "Content-Length: 9223372036854775808\r\n\r\nhello"),
    RESPONSE("a length in hex", OK_LINE "Content-Length: 0x5\r\n\r\nhello"),
    RESPONSE("a length with a dot", OK_LINE "Content-Length: 5.0\r\n\r\nhello"),
    RESPONSE("a length that is a word", OK_LINE "Content-Length: five\r\n\r\nhello"),
    RESPONSE("a length and a letter", OK_LINE "Content-Length: 5x\r\n\r\nhello"),
    RESPONSE("two words for a length", OK_LINE "Content-Length: 5 5\r\n\r\nhello"),
    RESPONSE("no length's value", OK_LINE "Content-Length:\r\n\r\nhello"),
    RESPONSE("a list of lengths", OK_LINE "Content-Length: 5, 5\r\n\r\nhello"),
    RESPONSE("a list of other lengths", OK_LINE "Content-Length: 5, 6\r\n\r\nhello"),
    RESPONSE("two lengths", OK_LINE FIVE "Content-Length: 6\r\n\r\nhello"),
    RESPONSE("two lengths, the last fits", OK_LINE "Content-Length: 6\r\n" FIVE "\r\nhello"),
    RESPONSE("a right and a wrong length", OK_LINE FIVE "Content-Length: x\r\n\r\nhello"),
    RESPONSE("a length, then chunks", OK_LINE FIVE CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("chunks, then a length", OK_LINE CHUNKED FIVE "\r\n5\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a length and identity", OK_LINE "Transfer-Encoding: identity\r\n" FIVE "\r\nhello"),
};

static const struct response bad_chunks[] = {
    RESPONSE("a coding nobody knows", OK_LINE "Transfer-Encoding: cow\r\n\r\nhello"),
    RESPONSE("a size over 2^64", OK_LINE CHUNKED "\r\nFFFFFFFFFFFFFFFF1\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a negative size", OK_LINE CHUNKED "\r\n-5\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a size that is a word", OK_LINE CHUNKED "\r\nxyz\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("no size", OK_LINE CHUNKED "\r\n\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a chunk longer than its size", OK_LINE CHUNKED "\r\n3\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a chunk shorter than its size", OK_LINE CHUNKED "\r\n7\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("a chunk without its end", OK_LINE CHUNKED "\r\n5\r\nhello0\r\n\r\n"),
};

static void check_failures(struct stage *stage, const struct response *responses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_failure(stage, &responses[i], TULLE_E_PEER, "raw cut");
        check_failure(stage, &responses[i], TULLE_E_PEER, "raw");
    }
}

static void what_is_no_response_is_refused(void **state)
{
    check_failures(*state, no_responses, COUNT_OF(no_responses));
}

static void a_length_that_is_none_is_refused(void **state)
{
    check_failures(*state, bad_lengths, COUNT_OF(bad_lengths));
}

static void a_chunk_that_is_none_is_refused(void **state)
{
    check_failures(*state, bad_chunks, COUNT_OF(bad_chunks));
}

/* --- what breaks off --- */

static const struct response broken[] = {
    RESPONSE("nothing", ""),
    RESPONSE("half a status line", "HTTP/1."),
    RESPONSE("a status line", OK_LINE),
    RESPONSE("half a header", OK_LINE "Content-Le"),
    RESPONSE("a head without its end", OK_LINE FIVE),
    RESPONSE("a head", OK_LINE FIVE "\r\n"),
    RESPONSE("a byte too few", OK_LINE FIVE "\r\nhell"),
    RESPONSE("much too few", OK_LINE "Content-Length: 9223372036854775807\r\n\r\nhello"),
    RESPONSE("no chunk", OK_LINE CHUNKED "\r\n"),
    RESPONSE("half a size", OK_LINE CHUNKED "\r\n5"),
    RESPONSE("half a chunk", OK_LINE CHUNKED "\r\n5\r\nhel"),
    RESPONSE("half of a huge chunk", OK_LINE CHUNKED "\r\n7FFFFFFFFFFFFFFF\r\nhello"),
    RESPONSE("no last chunk", OK_LINE CHUNKED "\r\n5\r\nhello\r\n"),
    RESPONSE("half a last chunk", OK_LINE CHUNKED "\r\n5\r\nhello\r\n0"),
    RESPONSE("a last chunk without its end", OK_LINE CHUNKED "\r\n5\r\nhello\r\n0\r\n"),
    RESPONSE("a trailer without its end", OK_LINE CHUNKED "\r\n5\r\nhello\r\n0\r\nX-A: b\r\n"),
    RESPONSE("a hint and no more", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    RESPONSE("100 and no more", "HTTP/1.1 100 Continue\r\n\r\n"),
};

static void what_breaks_off_is_no_success(void **state)
{
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        check_failure(*state, &broken[i], TULLE_E_NETWORK, "raw cut");
    }
}

/* --- what is more than asked for --- */

static const struct response too_much[] = {
    RESPONSE("a body and more", OK_LINE FIVE "\r\nhello and more"),
    RESPONSE("a second response",
             OK_LINE FIVE "\r\nhello" OK_LINE "Content-Length: 6\r\n\r\nforged"),
    RESPONSE("a blank line more", OK_LINE FIVE "\r\nhello\r\n"),
    RESPONSE_WITH("a body behind 204", "HTTP/1.1 204 No Content\r\n\r\nhello", ""),
    RESPONSE_WITH("a body behind 304", "HTTP/1.1 304 Not Modified\r\n\r\nhello", ""),
};

/* libcurl drops what came with the last chunk, and says nothing of it. */
static const struct response too_much_in_chunks[] = {
    RESPONSE("a second response behind chunks",
             OK_LINE CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n" OK_LINE FIVE "\r\nforge"),
};

static void what_comes_behind_a_response_is_no_answer(void **state)
{
    for (size_t i = 0; i < COUNT_OF(too_much); i++) {
        check_success(*state, &too_much[i], "raw", false);
    }
    for (size_t i = 0; i < COUNT_OF(too_much_in_chunks); i++) {
        check_success(*state, &too_much_in_chunks[i], "raw", true);
    }
}

/* --- what is odd and right --- */

static const struct response odd[] = {
    RESPONSE("plain", OK_LINE FIVE "\r\nhello"),
    RESPONSE("no reason", "HTTP/1.1 200\r\n" FIVE "\r\nhello"),
    RESPONSE("status 999", "HTTP/1.1 999 What\r\n" FIVE "\r\nhello"),
    RESPONSE("lines that end with LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    RESPONSE("a folded value", OK_LINE "X-A: b\r\n c\r\n\td\r\n" FIVE "\r\nhello"),
    RESPONSE("no blank before a value", OK_LINE "Content-Length:5\r\n\r\nhello"),
    RESPONSE("blanks around a value", OK_LINE "Content-Length: \t 5 \t\r\n\r\nhello"),
    RESPONSE("zeros before a length", OK_LINE "Content-Length: 00005\r\n\r\nhello"),
    RESPONSE("one length, twice", OK_LINE FIVE FIVE "\r\nhello"),
    RESPONSE("bytes above 127", OK_LINE "X-A: \xff\x80\r\n" FIVE "\r\nhello"),
    RESPONSE("chunks", OK_LINE CHUNKED "\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    RESPONSE("chunks in capitals",
             OK_LINE "TRANSFER-ENCODING: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    RESPONSE("chunks with zeros", OK_LINE CHUNKED "\r\n0005\r\nhello\r\n000\r\n\r\n"),
    RESPONSE("extensions", OK_LINE CHUNKED "\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n"),
    RESPONSE("a trailer", OK_LINE CHUNKED "\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
    RESPONSE("a length in a trailer",
             OK_LINE CHUNKED "\r\n5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"),
    RESPONSE_WITH("no body", OK_LINE "Content-Length: 0\r\n\r\n", ""),
    RESPONSE_WITH("204", "HTTP/1.1 204 No Content\r\n\r\n", ""),
    RESPONSE_WITH("304 with a length", "HTTP/1.1 304 Not Modified\r\n" FIVE "\r\n", ""),
    RESPONSE("100 first", "HTTP/1.1 100 Continue\r\n\r\n" OK_LINE FIVE "\r\nhello"),
    RESPONSE("two hints first",
             "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"
             "HTTP/1.1 103 Early\r\nLink: </b>\r\n\r\n" OK_LINE FIVE "\r\nhello"),
    RESPONSE("a redirect",
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n" FIVE "\r\nhello"),
    RESPONSE("a demand for a password",
             "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n" FIVE "\r\nhello"),
    RESPONSE("what claims to be compressed", OK_LINE "Content-Encoding: gzip\r\n" FIVE "\r\nhello"),
};

static const struct response odd_and_last[] = {
    RESPONSE("no length", OK_LINE "\r\nhello"),
    RESPONSE("HTTP/1.0", "HTTP/1.0 200 OK\r\n" FIVE "\r\nhello"),
    RESPONSE("Connection: close", OK_LINE "Connection: close\r\n" FIVE "\r\nhello"),
};

static void what_is_odd_and_right_is_taken(void **state)
{
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        check_success(*state, &odd[i], "raw", true);
        check_success(*state, &odd[i], "raw cut", false);
    }
}

static void what_ends_with_the_connection_is_taken(void **state)
{
    for (size_t i = 0; i < COUNT_OF(odd_and_last); i++) {
        check_success(*state, &odd_and_last[i], "raw cut", false);
    }
}

/* HTTP/2's line in HTTP/1.1 would make connections shared ones, and libcurl takes
 * one without a blank at its end for 200, whatever it says. */
static void a_server_cannot_talk_itself_into_http2(void **state)
{
    static const char *const lines[] = { "HTTP/2 200 \r\n" FIVE "\r\nhello",
                                         "HTTP/2 204\r\n\r\nhello" };
    struct stage *stage = *state;

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        say(stage->server, lines[i], strlen(lines[i]), "raw cut");
        assert_int_equal(get_once(stage->mesh, "GET").error, TULLE_E_PEER);
    }
    server_command(stage->server, "reset-counts");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get_once(stage->mesh, "GET").error, TULLE_OK);
    }
    assert_true(wire_metric(stage->mesh, "istio_requests_total", "HTTP/2") == 0);
}

static void a_head_has_no_body_whatever_it_says(void **state)
{
    static const char head[] = OK_LINE FIVE "\r\n";
    static const char more[] = OK_LINE FIVE "\r\nhello";
    struct stage *stage = *state;
    struct outcome outcome;

    say(stage->server, head, sizeof(head) - 1, "raw");
    outcome = get_once(stage->mesh, "HEAD");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_string_equal(outcome.body, "");
    check_next(stage, "HEAD", server_count(stage->server, "opened"), true);
    say(stage->server, more, sizeof(more) - 1, "raw");
    outcome = get_once(stage->mesh, "HEAD");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_string_equal(outcome.body, "");
    check_next(stage, "HEAD with a body", server_count(stage->server, "opened"), false);
}

/* --- floods --- */

/* `count` times `line` between a start and an end. */
static struct response flood(const char *start, const char *line, size_t count, const char *end)
{
    size_t step = strlen(line), size = strlen(start);
    char *text = malloc(size + count * step + strlen(end) + 1);

    assert_non_null(text);
    memcpy(text, start, size);
    for (size_t i = 0; i < count; i++, size += step) {
        memcpy(text + size, line, step);
    }
    memcpy(text + size, end, strlen(end) + 1);
    return (struct response){ "a flood", text, size + strlen(end), NULL };
}

static void check_flood(struct stage *stage, const char *start, const char *line, size_t count)
{
    struct response response = flood(start, line, count, FIVE "\r\nhello");

    check_failure(stage, &response, TULLE_E_TOO_LARGE, "raw");
    check_failure(stage, &response, TULLE_E_TOO_LARGE, "raw cut");
    free((char *)(uintptr_t)response.bytes);
}

static void a_flood_of_headers_is_cut_at_a_hundred(void **state)
{
    struct response response = flood(OK_LINE, "X: y\r\n", 99, FIVE "\r\nhello");

    check_success(*state, &response, "raw", true);
    free((char *)(uintptr_t)response.bytes);
    check_flood(*state, OK_LINE, "X: y\r\n", 100);
    check_flood(*state, OK_LINE, "X: y\r\n", 10000);
}

static void a_head_over_64_kib_is_cut(void **state)
{
    check_flood(*state, OK_LINE "X: ", "yyyyyyyy", 8192);
    check_flood(*state, OK_LINE "X: b\r\n", " yyyyyyy\r\n", 9000);
}

static void a_flood_of_interim_heads_ends(void **state)
{
    struct response response =
        flood("", "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n", 20000, OK_LINE FIVE "\r\nhello");

    check_failure(*state, &response, TULLE_E_TOO_LARGE, "raw");
    free((char *)(uintptr_t)response.bytes);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

TEST_MAIN(STAGED(what_is_no_response_is_refused), STAGED(a_length_that_is_none_is_refused),
          STAGED(a_chunk_that_is_none_is_refused), STAGED(what_breaks_off_is_no_success),
          STAGED(what_comes_behind_a_response_is_no_answer), STAGED(what_is_odd_and_right_is_taken),
          STAGED(what_ends_with_the_connection_is_taken),
          STAGED(a_server_cannot_talk_itself_into_http2),
          STAGED(a_head_has_no_body_whatever_it_says),
          STAGED(a_flood_of_headers_is_cut_at_a_hundred), STAGED(a_head_over_64_kib_is_cut),
          STAGED(a_flood_of_interim_heads_ends))
