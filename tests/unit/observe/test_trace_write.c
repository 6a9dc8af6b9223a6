/* SPDX-License-Identifier: Apache-2.0 */

#include "seam/trace.h"

#include "harness/test.h"

#include <ctype.h>
#include <stdio.h>

#define ID                                                                                         \
    {                                                                                              \
        UINT64_C(0x4bf92f3577b34da6), UINT64_C(0xa3ce929d0e0e4736)                                 \
    }
#define PARENT UINT64_C(0x00f067aa0ba902b7)

/* All lines, each with '\n', and with the span id where it belongs. */
static void lines_text(struct trace_lines *lines, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < lines->count; i++) {
        struct trace_line *line = &lines->each[i];

        assert_int_equal(line->header.line.data[line->header.name_size], ':');
        assert_int_equal(
            tulle__trace_header((struct str){ line->header.line.data, line->header.name_size }),
            line->kind);
        if (line->span_at > 0) {
            tulle__trace_put_hex(UINT64_C(0xabc), (char *)line->header.line.data + line->span_at);
        }
        memcpy(out, line->header.line.data, line->header.line.size);
        out += line->header.line.size;
        memcpy(out, "\n", 2);
        out++;
    }
}

static void hex_is_sixteen_lower_case_digits(void **state)
{
    static const struct {
        uint64_t value;
        const char *text;
    } rows[] = {
        { 0, "0000000000000000" },
        { UINT64_MAX, "ffffffffffffffff" },
        { UINT64_C(0x0123456789abcdef), "0123456789abcdef" },
        { UINT64_C(0xfedcba9876543210), "fedcba9876543210" },
        { UINT64_C(0x9a), "000000000000009a" },
        { UINT64_C(0xa900000000000000), "a900000000000000" },
    };
    char text[17] = "";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tulle__trace_put_hex(rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
}

static const struct {
    struct trace trace;
    const char *lines;
} formats[] = {
    { { .formats = TRACE_FORMAT_W3C, .id = ID, .parent = PARENT, .w3c_flags = 3 },
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-03\n" },
    { { .formats = TRACE_FORMAT_W3C, .id = ID, .state = { "a=1", 3 } },
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-00\n"
      "tracestate: a=1\n" },
    { { .formats = TRACE_FORMAT_B3, .id = ID, .parent = PARENT },
      "b3: 4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc\n" },
    { { .formats = TRACE_FORMAT_B3, .id = ID, .b3 = TRACE_DEBUG },
      "b3: 4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-d\n" },
    { { .formats = TRACE_FORMAT_B3, .id = ID, .parent = PARENT, .b3 = TRACE_NOT_SAMPLED },
      "b3: 4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-0-00f067aa0ba902b7\n" },
    { { .formats = TRACE_FORMAT_B3, .id = { 0, 0x4736 }, .b3_is_short = true },
      "b3: 0000000000004736-0000000000000abc\n" },
    { { .formats = TRACE_FORMAT_B3, .id = { 0, 0x4736 } },
      "b3: 00000000000000000000000000004736-0000000000000abc\n" },
    { { .formats = TRACE_FORMAT_B3, .id = { 0x4736, 0 }, .b3_is_short = true },
      "b3: 00000000000047360000000000000000-0000000000000abc\n" },
    { { .formats = TRACE_FORMAT_B3, .b3 = TRACE_NOT_SAMPLED }, "b3: 0\n" },
    { { .formats = TRACE_FORMAT_B3, .b3 = TRACE_DEBUG }, "b3: d\n" },
    { { .formats = TRACE_FORMAT_B3_MULTI, .id = ID, .parent = PARENT, .multi = TRACE_SAMPLED },
      "x-b3-traceid: 4bf92f3577b34da6a3ce929d0e0e4736\n"
      "x-b3-spanid: 0000000000000abc\n"
      "x-b3-parentspanid: 00f067aa0ba902b7\n"
      "x-b3-sampled: 1\n" },
    { { .formats = TRACE_FORMAT_B3_MULTI, .id = ID, .multi = TRACE_DEBUG, .multi_is_short = true },
      "x-b3-traceid: a3ce929d0e0e4736\n"
      "x-b3-spanid: 0000000000000abc\n"
      "x-b3-flags: 1\n" },
    { { .formats = TRACE_FORMAT_B3_MULTI, .multi = TRACE_NOT_SAMPLED }, "x-b3-sampled: 0\n" },
    { { .formats = 7,
        .id = ID,
        .parent = PARENT,
        .b3 = TRACE_SAMPLED,
        .multi = TRACE_NOT_SAMPLED,
        .state = { "a=1", 3 },
        .request_id = { "r", 1 },
        .baggage = { "k=v", 3 } },
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-00\n"
      "tracestate: a=1\n"
      "b3: 4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-1-00f067aa0ba902b7\n"
      "x-b3-traceid: 4bf92f3577b34da6a3ce929d0e0e4736\n"
      "x-b3-spanid: 0000000000000abc\n"
      "x-b3-parentspanid: 00f067aa0ba902b7\n"
      "x-b3-sampled: 0\n"
      "x-request-id: r\n"
      "baggage: k=v\n" },
    { { .formats = 0 }, "" },
};

static void each_format_is_written_as_its_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct trace_lines lines = { .count = 0 };
        struct arena arena;
        char text[1024] = "";

        tulle__arena_init(&arena, 512);
        CHECK_OR_DONE(tulle__trace_lines(&arena, &formats[i].trace, &lines));
        lines_text(&lines, text);
        assert_string_equal(text, formats[i].lines);
    done:
        tulle__arena_fini(&arena);
    }
}

static void a_new_trace_has_an_id_and_no_decision(void **state)
{
    static const struct {
        enum trace_format format;
        const char *lines;
    } rows[] = {
        { TRACE_FORMAT_W3C, "traceparent: 00-%s-0000000000000abc-00\n" },
        { TRACE_FORMAT_B3, "b3: %s-0000000000000abc\n" },
        { TRACE_FORMAT_B3_MULTI, "x-b3-traceid: %s\nx-b3-spanid: 0000000000000abc\n" },
    };
    struct trace_id id, before = { 0, 0 };
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 42);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace_lines lines = { .count = 0 };
        char digits[33] = "", text[1024], expected[1024];
        struct arena arena;

        tulle__arena_init(&arena, 256);
        CHECK_OR_DONE(tulle__trace_start(&arena, &rand, rows[i].format, &id, &lines));
        tulle__trace_put_hex(id.high, digits);
        tulle__trace_put_hex(id.low, digits + 16);
        snprintf(expected, sizeof(expected), rows[i].lines, digits);
        lines_text(&lines, text);
        assert_string_equal(text, expected);
        assert_true(id.low != before.low && id.high != before.high);
        before = id;
    done:
        tulle__arena_fini(&arena);
    }
    assert_true(tulle__trace_new_span(&rand) != tulle__trace_new_span(&rand));
}

static void a_request_id_is_a_uuid_of_version_4(void **state)
{
    static const char form[] = "x-request-id: hhhhhhhh-hhhh-4hhh-vhhh-hhhhhhhhhhhh";
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 42);
    for (int round = 0; round < 100; round++) {
        struct trace_lines lines = { .count = 0 };
        struct arena arena;

        tulle__arena_init(&arena, 256);
        CHECK_OR_DONE(tulle__trace_request_id(&arena, &rand, &lines));
        assert_int_equal(lines.count, 1);
        assert_int_equal(lines.each[0].header.line.size, sizeof(form) - 1);
        for (size_t i = 14; i < sizeof(form) - 1; i++) {
            char c = lines.each[0].header.line.data[i];

            assert_true(form[i] == 'h'   ? isxdigit(c) && !isupper(c)
                        : form[i] == 'v' ? strchr("89ab", c) != NULL
                                         : c == form[i]);
        }
    done:
        tulle__arena_fini(&arena);
    }
}

TEST_MAIN(cmocka_unit_test(hex_is_sixteen_lower_case_digits),
          TEST_OOM(each_format_is_written_as_its_standard_says),
          TEST_OOM(a_new_trace_has_an_id_and_no_decision),
          TEST_OOM(a_request_id_is_a_uuid_of_version_4))
