/* SPDX-License-Identifier: Apache-2.0 */

/* A service gets a request and calls the next one: what that one sees. */

#include "scenario/traces.h"

#include <stdio.h>

/* --- what came goes on --- */

struct format {
    struct tulle_header headers[8];
    const char *expected;
};

static const struct format formats[] = {
    { { { "Traceparent", "00-" ID "-" PARENT "-01" },
        { "Tracestate", "rojo=1" },
        { "tracestate", "congo=2" },
        { "Accept", "text/html" } },
      "traceparent: 00-" ID "-" S16 "-01\n"
      "tracestate: rojo=1,congo=2\n" },
    { { { "traceparent", "00-" ID "-" PARENT "-00" } }, "traceparent: 00-" ID "-" S16 "-00\n" },
    { { { "b3", ID "-" PARENT "-1-05e3ac9a4f6e3b90" } }, "b3: " ID "-" S16 "-1-" PARENT "\n" },
    { { { "b3", SHORT "-" PARENT } }, "b3: " SHORT "-" S16 "\n" },
    { { { "b3", "0" } }, "b3: 0\n" },
    { { { "b3", "d" } }, "b3: d\n" },
    { { { "X-B3-TraceId", ID },
        { "X-B3-SpanId", PARENT },
        { "X-B3-ParentSpanId", "05e3ac9a4f6e3b90" },
        { "X-B3-Sampled", "1" } },
      "x-b3-traceid: " ID "\n"
      "x-b3-spanid: " S16 "\n"
      "x-b3-parentspanid: " PARENT "\n"
      "x-b3-sampled: 1\n" },
    { { { "x-b3-traceid", SHORT }, { "x-b3-spanid", PARENT }, { "x-b3-flags", "1" } },
      "x-b3-traceid: " SHORT "\n"
      "x-b3-spanid: " S16 "\n"
      "x-b3-parentspanid: " PARENT "\n"
      "x-b3-flags: 1\n" },
    { { { "traceparent", "00-" ID "-" PARENT "-01" },
        { "b3", SHORT "-" PARENT "-1" },
        { "x-b3-traceid", ID },
        { "x-b3-spanid", PARENT } },
      "traceparent: 00-" ID "-" S16 "-01\n"
      "b3: " SHORT "-" S16 "-1-" PARENT "\n"
      "x-b3-traceid: " ID "\n"
      "x-b3-spanid: " S16 "\n"
      "x-b3-parentspanid: " PARENT "\n" },
};

static void the_formats_that_came_go_on_and_no_other(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(formats); i++) {
        struct test_world *world = world_open(ONE, NULL);
        struct tulle_context *context = NULL;
        char expected[512];
        struct seen seen;

        CHECK_OR_DONE(world);
        CHECK_OK(tulle_context_new(formats[i].headers, 8, &context));
        SEND(world, .context = context);
        CHECK_OK(world->last.error);
        /* What is made here stands before what was handed over. */
        snprintf(expected, sizeof(expected), NEW_REQUEST_ID "%s", formats[i].expected);
        seen = traces_expect(world, 0, expected);
        assert_true(strlen(seen.span) % 16 == 0);
        assert_true(strncmp(seen.span, PARENT, 16) != 0);
        assert_true(strlen(seen.span) < 32 || strncmp(seen.span, seen.span + 16, 16) == 0);
    done:
        tulle_context_free(context);
        world_close(world);
    }
}

static void request_id_and_baggage_are_passed_on(void **state)
{
    static const struct tulle_header headers[] = { { "X-Request-Id", "7f1c" },
                                                   { "Baggage", "a=1;x" },
                                                   { "baggage", "b=2" } };
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_context *context = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(headers, COUNT_OF(headers), &context));
    assert_string_equal(tulle_context_trace_id(context), "");
    SEND(world, .context = context);
    CHECK_OK(world->last.error);
    traces_expect(world, 0,
                  "traceparent: 00-" T32 "-" S16 "-00\n"
                  "x-request-id: 7f1c\n"
                  "baggage: a=1;x,b=2\n");
done:
    tulle_context_free(context);
    world_close(world);
}

/* --- a new trace --- */

static void a_new_trace_starts_in_the_format_of_the_option(void **state)
{
    static const struct {
        int32_t trace;
        const char *expected;
    } rows[] = {
        { TULLE_TRACE_DEFAULT, "traceparent: 00-" T32 "-" S16 "-00\n" NEW_REQUEST_ID },
        { TULLE_TRACE_W3C, "traceparent: 00-" T32 "-" S16 "-00\n" NEW_REQUEST_ID },
        { TULLE_TRACE_B3, "b3: " T32 "-" S16 "\n" NEW_REQUEST_ID },
        { TULLE_TRACE_B3_MULTI, "x-b3-traceid: " T32 "\nx-b3-spanid: " S16 "\n" NEW_REQUEST_ID },
        { TULLE_TRACE_OFF, "" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(rows); i++) {
        struct test_world *world = traces_open(ONE, rows[i].trace, NULL);
        struct seen first, second;

        CHECK_OR_DONE(world);
        SEND(world);
        CHECK_OK(world->last.error);
        SEND(world);
        CHECK_OK(world->last.error);
        first = traces_expect(world, 0, rows[i].expected);
        second = traces_expect(world, 1, rows[i].expected);
        if (rows[i].trace != TULLE_TRACE_OFF) {
            assert_string_not_equal(first.trace, second.trace);
            assert_string_not_equal(first.span, second.span);
            assert_string_not_equal(first.request, second.request);
        }
    done:
        world_close(world);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    char first[256] = "";
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct test_world *world = world_open(ONE, NULL);

        SEND(world);
        if (i == 0) {
            snprintf(first, sizeof(first), "%s", world_request(world, 0)->headers);
        }
        assert_string_equal(world_request(world, 0)->headers, first);
        world_close(world);
    }
}

static void with_the_option_off_what_was_handed_over_goes_on(void **state)
{
    static const struct tulle_header headers[] = { { "traceparent", "00-" ID "-" PARENT "-01" } };
    struct test_world *world = traces_open(ONE, TULLE_TRACE_OFF, NULL);
    struct tulle_context *context = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(headers, 1, &context));
    SEND(world, .context = context);
    CHECK_OK(world->last.error);
    traces_expect(world, 0, "traceparent: 00-" ID "-" S16 "-01\n");
done:
    tulle_context_free(context);
    world_close(world);
}

static void an_unknown_format_is_a_usage_error(void **state)
{
    static const int32_t wrong[] = { -1, TULLE_TRACE_OFF + 1 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct test_world *world = NULL;

        assert_int_equal(
            world_try_open(ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .trace = wrong[i] },
                           &world),
            TULLE_E_USAGE);
        world_close(world);
    }
}

static void calls_past_the_mesh_carry_the_trace_as_well(void **state)
{
    struct test_world *world = world_open(ONE, NULL);

    (void)state;
    world_get(world, "http://10.9.9.9:8080/");
    assert_int_equal(world->last.status, 200);
    traces_expect(world, 0, "traceparent: 00-" T32 "-" S16 "-00\n" NEW_REQUEST_ID);
    world_close(world);
}

/* --- what the app says itself stands --- */

static void a_trace_that_the_app_set_stands_alone(void **state)
{
    static const struct tulle_header handed[] = { { "b3", ID "-" PARENT "-1" },
                                                  { "traceparent", "00-" ID "-" PARENT "-01" },
                                                  { "tracestate", "a=1" },
                                                  { "x-request-id", "theirs" },
                                                  { "baggage", "b=2" } };
    static const struct tulle_header own[] = {
        { "Accept", "*/*" },
        { "Traceparent", "00-0000000000000000000000000000000a-000000000000000b-01" },
        { "X-Request-ID", "ours" }
    };
    struct spans spans = { .count = 0 };
    struct test_world *world = traces_open(ONE, TULLE_TRACE_W3C, &spans);
    struct tulle_context *context = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(handed, COUNT_OF(handed), &context));
    SEND(world, .context = context, .headers = own, .header_count = COUNT_OF(own));
    CHECK_OK(world->last.error);
    traces_expect(world, 0,
                  "Accept: */*\n"
                  "Traceparent: 00-0000000000000000000000000000000a-000000000000000b-01\n"
                  "X-Request-ID: ours\n"
                  "baggage: b=2\n");
    assert_string_equal(spans.each[0].trace, "0000000000000000000000000000000a");
    assert_string_equal(spans.each[0].span, "000000000000000b");
    assert_string_equal(spans.each[0].parent, "");
    assert_int_equal(spans.each[0].sampled, 1);
done:
    tulle_context_free(context);
    world_close(world);
}

static void a_malformed_one_of_the_app_stands_as_well(void **state)
{
    static const struct tulle_header own[] = { { "b3", "what" }, { "baggage", "mine=1" } };
    struct spans spans = { .count = 0 };
    struct test_world *world = traces_open(ONE, TULLE_TRACE_W3C, &spans);

    (void)state;
    SEND(world, .headers = own, .header_count = COUNT_OF(own));
    assert_int_equal(world->last.error, TULLE_OK);
    traces_expect(world, 0, "b3: what\nbaggage: mine=1\n" NEW_REQUEST_ID);
    assert_string_equal(spans.each[0].trace, "");
    assert_string_equal(spans.each[0].span, "");
    world_close(world);
}

TEST_MAIN(TEST_OOM(the_formats_that_came_go_on_and_no_other),
          TEST_OOM(request_id_and_baggage_are_passed_on),
          TEST_OOM(a_new_trace_starts_in_the_format_of_the_option),
          cmocka_unit_test(the_same_seed_gives_the_same_bytes),
          TEST_OOM(with_the_option_off_what_was_handed_over_goes_on),
          cmocka_unit_test(an_unknown_format_is_a_usage_error),
          cmocka_unit_test(calls_past_the_mesh_carry_the_trace_as_well),
          TEST_OOM(a_trace_that_the_app_set_stands_alone),
          cmocka_unit_test(a_malformed_one_of_the_app_stands_as_well))
