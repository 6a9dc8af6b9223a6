/* SPDX-License-Identifier: Apache-2.0 */

/* What the library refuses before anything happens, and how it says so. */

#include "harness/world.h"
#include "scenario/reviews.h"

static struct tulle_failure refused(struct test_world *world, const struct tulle_request *request)
{
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_request asked = *request;
    struct world_call call;

    asked.failure = &failure;
    if (world_start(world, &asked, &call)) {
        fail_msg("%s was taken", request->url ? request->url : "a call without a URL");
    }
    assert_null(call.call);
    assert_int_equal(call.result.error, TULLE_E_USAGE);
    assert_int_equal(failure.error, TULLE_E_USAGE);
    assert_int_equal(failure.progress, TULLE_NOTHING_SENT);
    assert_string_equal(failure.layer, "request");
    assert_int_equal(world_requests(world, NULL), 0);
    return failure;
}

#define REFUSED(text_of_it, ...)                                                                   \
    assert_string_equal(                                                                           \
        refused(world, &(struct tulle_request){ TULLE_REQUEST_INIT, __VA_ARGS__ }).text,           \
        text_of_it)

static void urls_that_are_wrong(void **state)
{
    static const char *const urls[] = {
        "",           "reviews",           "/ratings",      "ftp://reviews/",
        "http://",    "http:///x",         "http://a b/",   "http://reviews/a b",
        "http://r:0", "http://r:65536",    "http://r:x/",   "http://user@reviews/",
        "http://[1]", "http://reviews/\n", "http://a/\x80", "http://reviews/%00",
    };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    REFUSED("there is no URL", .method = "GET");
    REFUSED("the URL is wrong: the URL holds a user name or password", .url = "http://u:p@a/");
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        refused(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = urls[i] });
    }
    assert_non_null(strstr(world->log, "2 call: refused: there is no URL\n"));
    world_close(world);
}

static void methods_that_are_no_token(void **state)
{
    static const char *const methods[] = { "", "GE T", "GET\r\n", "G\x01", "G\xc3\xa9T", "GET:" };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        REFUSED("the method is no token (RFC 9110 5.6.2)", .url = URL, .method = methods[i]);
    }
    REFUSED("the method is over 63 bytes", .url = URL,
            .method = "A123456789012345678901234567890123456789012345678901234567890123");
    REFUSED("HEAD has no body", .url = URL, .method = "HEAD", .body = "x", .body_size = 1);
    world_close(world);
}

static void headers_that_would_break_the_request(void **state)
{
    static const struct tulle_header headers[] = {
        { "", "a" },         { "a b", "c" },  { "a:", "b" },   { "a\r\n", "b" },
        { "a", "b\r\nc" },   { "a", "b\nc" }, { "a", "\x7f" }, { "a", "\x01" },
        { "\xc3\xa9", "b" }, { NULL, "b" },   { "a", NULL },
    };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        refused(world, &(struct tulle_request){
                           TULLE_REQUEST_INIT,
                           .url = URL,
                           .headers = &headers[i],
                           .header_count = 1,
                       });
    }
    REFUSED("the header Idempotency-Key has a control byte in its value", .url = URL,
            .idempotency_key = "a\r\nb: c");
    world_close(world);
}

static void headers_that_are_the_librarys(void **state)
{
    static const char *const names[] = { "Host",
                                         "content-length",
                                         "Transfer-Encoding",
                                         "CONNECTION",
                                         "Keep-Alive",
                                         "Upgrade",
                                         "Expect",
                                         "TE" };
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct tulle_header header = { names[i], "1" };
        struct tulle_failure failure = refused(world, &(struct tulle_request){
                                                          TULLE_REQUEST_INIT,
                                                          .url = URL,
                                                          .headers = &header,
                                                          .header_count = 1,
                                                      });

        assert_non_null(strstr(failure.text, "is the library's to set"));
        assert_non_null(strstr(failure.text, names[i]));
    }
    world_close(world);
}

static void headers_keep_their_order_and_case(void **state)
{
    static const struct tulle_header headers[] = {
        { "X-Zulu", "1" },
        { "x-alpha", "a\tb" },
        { "X-Zulu", "" },
        { "!#$%&'*+-.^_`|~", "\xc3\xa9" },
    };
    struct test_world *world =
        world_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .trace = TULLE_TRACE_OFF });

    (void)state;
    SEND(world, .headers = headers, .header_count = COUNT_OF(headers), .idempotency_key = "k");
    assert_int_equal(world->last.error, TULLE_OK);
    assert_string_equal(world_request(world, 0)->headers,
                        "X-Zulu: 1\nx-alpha: a\tb\nX-Zulu: \n!#$%&'*+-.^_`|~: \xc3\xa9\n"
                        "Idempotency-Key: k\nx-envoy-attempt-count: 1\n");
    world_close(world);
}

static void numbers_that_make_no_sense(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    REFUSED("there is a body's size without a body", .url = URL, .body_size = 1);
    REFUSED("the deadline is negative", .url = URL, .deadline_ns = -1);
    REFUSED("`retry` is no enum tulle_retry", .url = URL, .retry = 2);
    world_close(world);
}

static void a_request_of_another_age(void **state)
{
    struct {
        struct tulle_request request;
        uint64_t more;
    } newer = { .request = { TULLE_REQUEST_INIT, .url = URL } };
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    newer.request.size = sizeof(newer);
    assert_int_equal(world_send(world, &newer.request)->error, TULLE_OK);
    newer.more = 1;
    assert_int_equal(world_send(world, &newer.request)->error, TULLE_E_USAGE);
    newer.request.size = offsetof(struct tulle_request, headers);
    newer.request.header_count = 7;
    assert_int_equal(world_send(world, &newer.request)->error, TULLE_OK);
    newer.request.size = 0;
    assert_int_equal(world_send(world, &newer.request)->error, TULLE_E_USAGE);
    assert_false(world_start(world, NULL, &call));
    assert_int_equal(call.result.error, TULLE_E_USAGE);
    world_close(world);
}

static void options_out_of_their_range(void **state)
{
    const struct tulle_options bad[] = {
        { TULLE_OPTIONS_INIT, .loops = 65 },
        { TULLE_OPTIONS_INIT, .outside = 3 },
        { TULLE_OPTIONS_INIT, .outside = -1 },
        { TULLE_OPTIONS_INIT, .deadline_ns = -1 },
        { TULLE_OPTIONS_INIT, .log_level = 5 },
        { TULLE_OPTIONS_INIT, .log_level = -1 },
        { TULLE_OPTIONS_INIT, .close_timeout_ns = -1 },
        { .size = 3 },
    };
    struct test_world *world;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(world_try_open(ONE, &bad[i], &world), TULLE_E_USAGE);
        world_close(world);
    }
}

static void options_of_another_age(void **state)
{
    struct {
        struct tulle_options options;
        uint64_t more;
    } newer = { .more = 0 };
    struct tulle *mesh = (struct tulle *)&newer;

    (void)state;
    tulle_options_init(&newer.options, sizeof(newer));
    newer.more = 1;
    assert_int_equal(tulle_open(&newer.options, &mesh), TULLE_E_USAGE);
    assert_null(mesh);
    assert_int_equal(tulle_open(NULL, &mesh), TULLE_E_USAGE);
    newer.more = 0;
    assert_int_equal(tulle_open(&newer.options, &mesh), TULLE_OK);
    assert_int_equal(tulle_close(mesh), TULLE_OK);
    assert_int_equal(tulle_close(NULL), TULLE_OK);
}

static void every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int32_t i = TULLE_OK; i <= TULLE_E_FORKED; i++) {
        assert_string_not_equal(tulle_error_text(i), "unknown error");
        for (int32_t j = TULLE_OK; j < i; j++) {
            assert_string_not_equal(tulle_error_text(i), tulle_error_text(j));
        }
    }
    assert_string_equal(tulle_error_text(-1), "unknown error");
    assert_string_equal(tulle_error_text(TULLE_E_FORKED + 1), "unknown error");
    assert_string_equal(tulle_version(), "0.1.0");
    assert_int_equal(tulle_abi_version(), TULLE_VERSION_MAJOR);
}

/* Nobody else would turn the clock. */
static void blocking_where_time_stands_still(void **state)
{
    struct tulle_request request;
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_reply *reply = (struct tulle_reply *)&request;

    (void)state;
    tulle_request_init(&request, sizeof(request));
    request.url = URL;
    assert_int_equal(tulle_get(world->mesh, URL, &reply), TULLE_E_USAGE);
    assert_null(reply);
    assert_int_equal(tulle_call(world->mesh, &request, &reply), TULLE_E_USAGE);
    assert_int_equal(tulle_wait_ready(world->mesh, 0), TULLE_OK);
    assert_int_equal(tulle_wait_ready(world->mesh, -1), TULLE_E_USAGE);
    assert_int_equal(world_requests(world, NULL), 0);
    world_close(world);
}

struct inside {
    struct tulle *mesh;
    enum tulle_error waited, closed, got;
    size_t text_size;
};

static void do_all_inside(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct inside *inside = user;
    struct tulle_reply *reply;
    char *text;

    (void)error;
    inside->waited = tulle_wait_ready(inside->mesh, 0);
    inside->closed = tulle_close(inside->mesh);
    inside->got = tulle_get(inside->mesh, URL, &reply);
    assert_int_equal(tulle_metrics(inside->mesh, &inside->text_size, &text), TULLE_OK);
    assert_int_equal(strlen(text), inside->text_size);
    tulle_text_free(text);
    tulle_call_cancel(call);
}

static void blocking_in_a_callback(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct inside inside = { .mesh = world->mesh };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(world->mesh, &request, do_all_inside, &inside, &call),
                     TULLE_OK);
    world_advance(world, NS_PER_S);
    assert_int_equal(inside.waited, TULLE_E_USAGE);
    assert_int_equal(inside.closed, TULLE_E_USAGE);
    assert_int_equal(inside.got, TULLE_E_USAGE);
    assert_true(inside.text_size > 0);
    tulle_call_free(call);
    world_close(world);
}

static void a_mesh_without_any_configuration_lets_calls_pass(void **state)
{
    struct test_world *world = world_open(NULL, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_get(world, "http://reviews/");
    CHECK_OK(world->last.error);
    CHECK(world_metric(world, "istio_requests_total") == 1);
    CHECK(world_gate(world, FIRST)[0] == '\0');
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(urls_that_are_wrong), cmocka_unit_test(methods_that_are_no_token),
          cmocka_unit_test(headers_that_would_break_the_request),
          cmocka_unit_test(headers_that_are_the_librarys),
          cmocka_unit_test(headers_keep_their_order_and_case),
          cmocka_unit_test(numbers_that_make_no_sense), cmocka_unit_test(a_request_of_another_age),
          cmocka_unit_test(options_out_of_their_range), cmocka_unit_test(options_of_another_age),
          cmocka_unit_test(every_error_has_a_text_of_its_own),
          cmocka_unit_test(blocking_where_time_stands_still),
          cmocka_unit_test(blocking_in_a_callback),
          TEST_OOM(a_mesh_without_any_configuration_lets_calls_pass))
