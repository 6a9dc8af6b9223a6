/* SPDX-License-Identifier: Apache-2.0 */

#include "seam/trace.h"

#include "harness/test.h"

#define HIGH UINT64_C(0x4bf92f3577b34da6)
#define LOW  UINT64_C(0xa3ce929d0e0e4736)
#define SPAN UINT64_C(0x00f067aa0ba902b7)

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static struct trace read_one(enum trace_header kind, const char *value)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    tulle__trace_find(&found, kind, str_of(value));
    tulle__trace_parse(&found, &trace);
    return trace;
}

static struct trace read_multi(const char *id, const char *span, const char *sampled,
                               const char *flags)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    tulle__trace_find(&found, TRACE_B3_TRACE_ID, str_of(id));
    tulle__trace_find(&found, TRACE_B3_SPAN_ID, str_of(span));
    tulle__trace_find(&found, TRACE_B3_SAMPLED, str_of(sampled));
    tulle__trace_find(&found, TRACE_B3_FLAGS, str_of(flags));
    tulle__trace_parse(&found, &trace);
    return trace;
}

static void headers_are_known_in_any_case(void **state)
{
    static const struct {
        const char *name;
        enum trace_header kind;
    } rows[] = {
        { "traceparent", TRACE_TRACEPARENT },
        { "TraceParent", TRACE_TRACEPARENT },
        { "tracestate", TRACE_TRACESTATE },
        { "B3", TRACE_B3 },
        { "X-B3-TraceId", TRACE_B3_TRACE_ID },
        { "x-b3-spanid", TRACE_B3_SPAN_ID },
        { "x-b3-parentspanid", TRACE_B3_PARENT_ID },
        { "X-B3-Sampled", TRACE_B3_SAMPLED },
        { "X-B3-Flags", TRACE_B3_FLAGS },
        { "X-Request-Id", TRACE_REQUEST_ID },
        { "Baggage", TRACE_BAGGAGE },
        { "x-b3-trace", TRACE_HEADERS },
        { "", TRACE_HEADERS },
        { "b", TRACE_HEADERS },
        { "x-request-idx", TRACE_HEADERS },
        { "content-type", TRACE_HEADERS },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(tulle__trace_header(str_of(rows[i].name)), rows[i].kind);
    }
    assert_int_equal(tulle__trace_header(STR_NONE), TRACE_HEADERS);
}

static void a_good_traceparent_is_read(void **state)
{
    static const struct {
        const char *value;
        uint8_t flags;
    } rows[] = {
        { "00-" ID "-" PARENT "-01", 1 },
        { "00-" ID "-" PARENT "-00", 0 },
        { " \t00-" ID "-" PARENT "-01 ", 1 },
        { "00-" ID "-" PARENT "-02", 2 }, /* level 2: random */
        { "00-" ID "-" PARENT "-03", 3 },
        { "00-" ID "-" PARENT "-ff", 3 }, /* the rest is not ours to pass on */
        { "01-" ID "-" PARENT "-03", 1 }, /* of a later version only this is known */
        { "cc-" ID "-" PARENT "-01-what-may-come", 1 },
        { "fe-" ID "-" PARENT "-00-", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace trace = read_one(TRACE_TRACEPARENT, rows[i].value);

        assert_int_equal(trace.formats, TRACE_FORMAT_W3C);
        assert_true(trace.id.high == HIGH && trace.id.low == LOW && trace.parent == SPAN);
        assert_int_equal(trace.w3c_flags, rows[i].flags);
        assert_int_equal(tulle__trace_sampled(&trace), rows[i].flags & 1);
    }
}

static void a_malformed_traceparent_is_as_if_it_had_not_come(void **state)
{
    static const char *const rows[] = {
        "",
        "00",
        "00-" ID "-" PARENT,
        "00-" ID "-" PARENT "-",
        "00-" ID "-" PARENT "-1",
        "00-" ID "-" PARENT "-0x",
        "00-" ID "-" PARENT "-01-", /* version 00 has nothing behind */
        "00-" ID "-" PARENT "-01.",
        "01-" ID "-" PARENT "-01.what", /* a later one has a dash first */
        "ff-" ID "-" PARENT "-01",
        "0-" ID "-" PARENT "-01",
        "000-" ID "-" PARENT "-01",
        "0F-" ID "-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" ID "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" ID "-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" PARENT "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47-" PARENT "-01",
        "00_" ID "_" PARENT "_01",
        "00-" ID "-" PARENT "-01,00-" ID "-" PARENT "-01",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace trace = read_one(TRACE_TRACEPARENT, rows[i]);

        assert_int_equal(trace.formats, 0);
        assert_true(trace.id.high == 0 && trace.id.low == 0 && trace.parent == 0);
        assert_int_equal(tulle__trace_sampled(&trace), -1);
    }
}

static void two_traceparents_are_none(void **state)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    (void)state;
    tulle__trace_find(&found, TRACE_TRACEPARENT, STR("00-" ID "-" PARENT "-01"));
    tulle__trace_find(&found, TRACE_TRACEPARENT, STR("00-" ID "-" PARENT "-01"));
    tulle__trace_find(&found, TRACE_TRACESTATE, STR("a=1"));
    tulle__trace_parse(&found, &trace);
    assert_int_equal(trace.formats, 0);
    assert_int_equal(trace.state.size, 0);
}

static void a_tracestate_needs_its_traceparent(void **state)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    (void)state;
    tulle__trace_find(&found, TRACE_TRACESTATE, STR("a=1"));
    tulle__trace_parse(&found, &trace);
    assert_int_equal(trace.state.size, 0);
    tulle__trace_find(&found, TRACE_TRACEPARENT, STR("00-" ID "-" PARENT "-01"));
    tulle__trace_parse(&found, &trace);
    assert_true(str_equal(trace.state, STR("a=1")));
}

static void b3_in_one_header_is_read(void **state)
{
    static const struct {
        const char *value;
        bool is_short;
        enum trace_decision decision;
        int32_t sampled;
    } rows[] = {
        { ID "-" PARENT, false, TRACE_UNDECIDED, -1 },
        { ID "-" PARENT "-0", false, TRACE_NOT_SAMPLED, 0 },
        { ID "-" PARENT "-1", false, TRACE_SAMPLED, 1 },
        { ID "-" PARENT "-d", false, TRACE_DEBUG, 1 },
        { ID "-" PARENT "-1-05e3ac9a4f6e3b90", false, TRACE_SAMPLED, 1 },
        { "a3ce929d0e0e4736-" PARENT "-1", true, TRACE_SAMPLED, 1 },
        { "4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-1", false, TRACE_SAMPLED, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace trace = read_one(TRACE_B3, rows[i].value);

        assert_int_equal(trace.formats, TRACE_FORMAT_B3);
        assert_true(trace.id.high == (rows[i].is_short ? 0 : HIGH) && trace.id.low == LOW);
        assert_true(trace.parent == SPAN && trace.b3_is_short == rows[i].is_short);
        assert_int_equal(trace.b3, rows[i].decision);
        assert_int_equal(tulle__trace_sampled(&trace), rows[i].sampled);
    }
}

static void a_decision_may_come_without_a_trace(void **state)
{
    static const struct {
        const char *value;
        int32_t sampled;
    } rows[] = { { "0", 0 }, { "1", 1 }, { "d", 1 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace trace = read_one(TRACE_B3, rows[i].value);

        assert_int_equal(trace.formats, TRACE_FORMAT_B3);
        assert_true(trace.id.low == 0 && trace.parent == 0);
        assert_int_equal(tulle__trace_sampled(&trace), rows[i].sampled);
    }
}

static void a_malformed_b3_is_as_if_it_had_not_come(void **state)
{
    static const char *const rows[] = {
        "",
        "2",
        "true",
        "dd",
        "-",
        "--",
        "0-1",
        ID,
        ID "-",
        ID "-" PARENT "-",
        ID "-" PARENT "-2",
        ID "-" PARENT "-true",
        ID "-" PARENT "-11",
        ID "-" PARENT "-1-",
        ID "-" PARENT "-1-05e3ac9a4f6e3b9",
        ID "-" PARENT "-1-0000000000000000",
        ID "-" PARENT "-1-05e3ac9a4f6e3b90-1",
        ID "-0000000000000000-1",
        "0000000000000000-" PARENT "-1",
        "00000000000000000000000000000000-" PARENT "-1",
        "4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-1",
        "3ce929d0e0e4736-" PARENT "-1",
        "4bf92f3577b34da6a3ce929d0e0e473g-" PARENT "-1",
        ID "-00f067aa0ba902b-1",
        ID " " PARENT " 1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(read_one(TRACE_B3, rows[i]).formats, 0);
    }
}

static void b3_in_several_headers_is_read(void **state)
{
    static const struct {
        const char *id, *span, *sampled, *flags;
        bool has_ids;
        enum trace_decision decision;
    } rows[] = {
        { ID, PARENT, "1", "", true, TRACE_SAMPLED },
        { ID, PARENT, "0", "", true, TRACE_NOT_SAMPLED },
        { ID, PARENT, "true", "", true, TRACE_SAMPLED },
        { ID, PARENT, "false", "0", true, TRACE_NOT_SAMPLED },
        { ID, PARENT, "", "", true, TRACE_UNDECIDED },
        { ID, PARENT, "", "1", true, TRACE_DEBUG },
        { ID, PARENT, "0", "1", true, TRACE_DEBUG },
        { ID, PARENT, "d", "", true, TRACE_UNDECIDED }, /* "d" is of the other form */
        { "", "", "0", "", false, TRACE_NOT_SAMPLED },
        { "", "", "", "1", false, TRACE_DEBUG },
        { ID, "", "1", "", false, TRACE_SAMPLED },
        { "zz", PARENT, "1", "", false, TRACE_SAMPLED },
        { ID, "0000000000000000", "1", "", false, TRACE_SAMPLED },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace trace = read_multi(rows[i].id, rows[i].span, rows[i].sampled, rows[i].flags);

        assert_int_equal(trace.formats, TRACE_FORMAT_B3_MULTI);
        assert_true(trace.id.low == (rows[i].has_ids ? LOW : 0));
        assert_true(trace.parent == (rows[i].has_ids ? SPAN : 0));
        assert_int_equal(trace.multi, rows[i].decision);
    }
    assert_int_equal(read_multi("", "", "", "").formats, 0);
    assert_int_equal(read_multi(ID, "", "", "").formats, 0);
    assert_int_equal(read_multi("", PARENT, "maybe", "2").formats, 0);
    assert_true(read_multi("a3ce929d0e0e4736", PARENT, "", "").multi_is_short);
}

static void all_formats_go_on_with_the_id_of_traceparent(void **state)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    (void)state;
    tulle__trace_find(&found, TRACE_B3_TRACE_ID, STR("00000000000000000000000000000003"));
    tulle__trace_find(&found, TRACE_B3_SPAN_ID, STR("0000000000000003"));
    tulle__trace_find(&found, TRACE_B3_SAMPLED, STR("1"));
    tulle__trace_find(&found, TRACE_B3, STR("0000000000000002-0000000000000002-d"));
    tulle__trace_find(&found, TRACE_B3, STR("0000000000000009-0000000000000009-0"));
    tulle__trace_parse(&found, &trace);
    assert_int_equal(trace.formats, TRACE_FORMAT_B3 | TRACE_FORMAT_B3_MULTI);
    assert_true(trace.id.low == 2 && trace.parent == 2);
    tulle__trace_find(&found, TRACE_TRACEPARENT, STR("00-" ID "-" PARENT "-00"));
    tulle__trace_parse(&found, &trace);
    assert_int_equal(trace.formats, TRACE_FORMAT_W3C | TRACE_FORMAT_B3 | TRACE_FORMAT_B3_MULTI);
    assert_true(trace.id.low == LOW && trace.parent == SPAN);
    assert_true(trace.b3_is_short && !trace.multi_is_short);
    assert_int_equal(trace.b3, TRACE_DEBUG);
    assert_int_equal(trace.multi, TRACE_SAMPLED);
    assert_int_equal(tulle__trace_sampled(&trace), 0);
}

static void a_request_id_is_passed_over_if_it_is_no_text_or_too_long(void **state)
{
    char text[TRACE_REQUEST_ID_MAX + 2];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[TRACE_REQUEST_ID_MAX] = '\0';
    assert_int_equal(read_one(TRACE_REQUEST_ID, text).request_id.size, TRACE_REQUEST_ID_MAX);
    text[TRACE_REQUEST_ID_MAX] = 'x';
    text[TRACE_REQUEST_ID_MAX + 1] = '\0';
    assert_int_equal(read_one(TRACE_REQUEST_ID, text).request_id.size, 0);
    assert_int_equal(read_one(TRACE_REQUEST_ID, "a\r\nevil: 1").request_id.size, 0);
    assert_int_equal(read_one(TRACE_REQUEST_ID, "a\tb").request_id.size, 0);
    assert_int_equal(read_one(TRACE_REQUEST_ID, " ").request_id.size, 0);
    assert_true(str_equal(read_one(TRACE_REQUEST_ID, " a b ").request_id, STR("a b")));
}

TEST_MAIN(cmocka_unit_test(headers_are_known_in_any_case),
          cmocka_unit_test(a_good_traceparent_is_read),
          cmocka_unit_test(a_malformed_traceparent_is_as_if_it_had_not_come),
          cmocka_unit_test(two_traceparents_are_none),
          cmocka_unit_test(a_tracestate_needs_its_traceparent),
          cmocka_unit_test(b3_in_one_header_is_read),
          cmocka_unit_test(a_decision_may_come_without_a_trace),
          cmocka_unit_test(a_malformed_b3_is_as_if_it_had_not_come),
          cmocka_unit_test(b3_in_several_headers_is_read),
          cmocka_unit_test(all_formats_go_on_with_the_id_of_traceparent),
          cmocka_unit_test(a_request_id_is_passed_over_if_it_is_no_text_or_too_long))
