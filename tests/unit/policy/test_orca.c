/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/orca.h"

#include <float.h>
#include <math.h>

#include "harness/test.h"

static enum orca read_line(const char *name, const char *value, struct load *out)
{
    return tulle__orca_read(str_of(name), str_of(value), out);
}

static struct load good(const char *name, const char *value)
{
    struct load load;

    assert_int_equal(read_line(name, value, &load), ORCA_GOOD);
    return load;
}

static void bad(const char *name, const char *value)
{
    struct load load;

    assert_int_equal(read_line(name, value, &load), ORCA_BAD);
}

static void a_number_near(double is, double wanted)
{
    assert_true(fabs(is - wanted) <= wanted * 4 * DBL_EPSILON);
}

static void text_is_read_with_either_sign_and_with_its_format_named(void **state)
{
    static const char *const values[] = {
        "cpu_utilization=0.3,rps_fractional=100,eps=2,named_metrics.rif=4",
        "cpu_utilization:0.3,rps_fractional:100,eps:2,named_metrics.rif:4",
        "TEXT cpu_utilization=0.3, rps_fractional=1e2 , eps=2.0,named_metrics.rif=4,"
        "mem_utilization=0.9,named_metrics.other=7,named_metrics.queue.depth=1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct load load = good("endpoint-load-metrics", values[i]);

        a_number_near(load.cpu, 0.3);
        assert_true(load.qps == 100 && load.eps == 2 && load.rif == 4);
        assert_true(load.application < 0 && load.latency_ms < 0);
    }
}

static void header_names_have_no_case(void **state)
{
    (void)state;
    assert_true(good("Endpoint-Load-Metrics", "eps=3").eps == 3);
    assert_true(good("Endpoint-Load-Metrics-JSON", "{\"eps\":3}").eps == 3);
}

static void other_headers_are_none(void **state)
{
    static const char *const names[] = { "endpoint-load-metrics-",
                                         "endpoint-load-metric",
                                         "endpoint-load-metrics-json2",
                                         "x-endpoint-load-metrics",
                                         "",
                                         "endpoint-load-metricsbin" };
    struct load load;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(read_line(names[i], "eps=3", &load), ORCA_NONE);
    }
}

static void what_is_no_number_refuses_the_text(void **state)
{
    static const char *const values[] = {
        "",
        "cpu_utilization",
        "cpu_utilization=",
        "=0.3",
        "eps=nan",
        "eps=inf",
        "eps=-1",
        "eps=-0.1",
        "eps=1e13",
        "eps=1e999",
        "eps=0x10",
        "eps=1,5",
        "eps=1,",
        ",eps=1",
        "eps=1,eps=2",
        "eps=.",
        "eps=1e",
        "eps=1e+",
        "eps=1 2",
        "eps=1=2",
        "named_metrics.=1",
        "named_metrics.x=no",
        "unknown=no",
        "eps==1",
        "eps=1e99999999999999",
        "eps=++1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        bad("endpoint-load-metrics", values[i]);
    }
}

static void numbers_are_read_whatever_the_locale(void **state)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        { "0", 0 },
        { "+1.5", 1.5 },
        { ".25", 0.25 },
        { "0000000000000000000000000000012.5", 12.5 },
        { "123456789.123456789", 123456789.123456789 },
        { "0.000001", 1e-6 },
        { "1E-3", 1e-3 },
        { "999999999999.0000000000000000000000000000000001", 999999999999.0 },
        { "1e-400", 0 },
        { "1234567890123456789012345678901234567890e-30", 1234567890.123456789 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double number = -1;

        assert_true(tulle__orca_number(str_of(cases[i].text), &number));
        a_number_near(number, cases[i].number);
    }
}

static void json_is_read_with_both_spellings(void **state)
{
    struct load load = good(
        "endpoint-load-metrics-json",
        " { \"cpu_utilization\" : 0.5 , \"rpsFractional\":10, \"utilization\":{\"a\":[1,{\"b\":"
        "\"}]\\\"\"}]}, \"named_metrics\":{\"rif\":3,\"latency_ms\":1.5e1,\"x\":0}, "
        "\"requestCost\":null } ");

    (void)state;
    assert_true(load.cpu == 0.5 && load.qps == 10 && load.rif == 3 && load.latency_ms == 15);
    assert_true(load.eps < 0);
    load =
        good("endpoint-load-metrics", "JSON {\"applicationUtilization\":1.25,\"namedMetrics\":{}}");
    assert_true(load.application == 1.25);
    assert_true(good("endpoint-load-metrics-json", "{}").cpu < 0);
}

static void unsound_json_is_refused(void **state)
{
    static const char *const values[] = {
        "",
        "{",
        "}",
        "[]",
        "{} x",
        "{\"eps\":}",
        "{\"eps\"}",
        "{\"eps\":1",
        "{eps:1}",
        "{\"eps\":-1}",
        "{\"eps\":\"1\"}",
        "{\"eps\":1,}",
        "{,}",
        "{\"eps\":1 \"cpu_utilization\":1}",
        "{\"eps\":1,\"eps\":1}",
        "{\"eps\":{}}",
        "{\"a\":[}",
        "{\"a\":}}",
        "{\"eps\":NaN}",
        "{\"eps\":1e400}",
        "{\"named_metrics\":{\"rif\":1}",
        "{\"named_metrics\":{\"rif\":true}}",
        "{\"a\":\"",
        "{\"a\\",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        bad("endpoint-load-metrics-json", values[i]);
    }
}

/* Made by protobuf's own encoder: cpu 0.25, rps_fractional 100, eps 1,
 * named_metrics {"rif": 7, "latency_ms": 12.5}, application 0.5, utilization {"q": 1},
 * mem_utilization 0.75, rps 9. */
#define MESSAGE                                                                                    \
    "CQAAAAAAANA/EQAAAAAAAOg/GAkqDAoBcREAAAAAAADwPzEAAAAAAABZQDkAAAAAAADwP0IVCgpsYXRlbmN5X21zEQAA" \
    "AAAAAClAQg4KA3JpZhEAAAAAAAAcQEkAAAAAAADgPw=="

static void the_message_is_read(void **state)
{
    struct load load = good("endpoint-load-metrics-bin", MESSAGE);
    char unpadded[sizeof(MESSAGE)];

    (void)state;
    assert_true(load.cpu == 0.25 && load.qps == 100 && load.eps == 1 && load.application == 0.5);
    assert_true(load.rif == 7 && load.latency_ms == 12.5);
    memcpy(unpadded, MESSAGE, sizeof(MESSAGE));
    unpadded[sizeof(MESSAGE) - 3] = '\0';
    assert_true(good("endpoint-load-metrics-bin", unpadded).rif == 7);
    assert_true(good("endpoint-load-metrics", "BIN " MESSAGE).rif == 7);
    assert_true(good("endpoint-load-metrics-bin", "").rif < 0);
}

static void a_field_that_comes_twice_counts_as_it_came_last(void **state)
{
    static const char bytes[] =
        "\x39\0\0\0\0\0\0\xf0\x3f\x39\0\0\0\0\0\0\x00\x40"; /* eps 1, eps 2 */
    struct load load = LOAD_UNSAID;

    (void)state;
    assert_true(tulle__orca_bytes((struct str){ bytes, sizeof(bytes) - 1 }, &load));
    assert_true(load.eps == 2);
}

static void an_unsound_message_is_refused(void **state)
{
    static const struct str messages[] = {
        STR("\x39\0\0\0\0\0\0\xf0"),     /* cut off */
        STR("\x39\0\0\0\0\0\0\xf0\xbf"), /* eps -1 */
        STR("\x39\0\0\0\0\0\0\xf8\x7f"), /* eps NaN */
        STR("\x39\0\0\0\0\0\0\xf0\x7f"), /* eps infinity */
        STR("\x01\0\0\0\0\0\0\0\0"),     /* field 0 */
        STR("\x0b\x0c"),                 /* a group */
        STR("\x0e"),                     /* no such wire type */
        STR("\x42\x7f\x0a"),             /* longer than what there is */
        STR("\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        STR("\x42\x02\x0a\x05"),                                 /* the entry's key is cut off */
        STR("\x42\x09\x11\0\0\0\0\0\0\xf0\xbf"),                 /* its value is -1 */
        STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), /* a tag without end */
    };
    struct load load = LOAD_UNSAID;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        assert_false(tulle__orca_bytes(messages[i], &load));
    }
    bad("endpoint-load-metrics-bin", "A");
    bad("endpoint-load-metrics-bin", "AA=A");
    bad("endpoint-load-metrics-bin", "====");
    bad("endpoint-load-metrics-bin", "a b=");
}

static void counts_and_sizes_are_bounded(void **state)
{
    char text[ORCA_SIZE_MAX + 2];
    struct load load = LOAD_UNSAID;

    (void)state;
    memset(text, '[', sizeof(text));
    memcpy(text, "{\"a\":", 5);
    assert_false(tulle__orca_json((struct str){ text, ORCA_SIZE_MAX }, &load));
    memset(text, ' ', sizeof(text));
    memcpy(text, "eps=1", 5);
    assert_int_equal(tulle__orca_read(STR("endpoint-load-metrics"),
                                      (struct str){ text, ORCA_SIZE_MAX + 1 }, &load),
                     ORCA_BAD);
    assert_int_equal(
        tulle__orca_read(STR("endpoint-load-metrics"), (struct str){ text, ORCA_SIZE_MAX }, &load),
        ORCA_GOOD);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = "x=1,"[i % 4];
    }
    assert_false(tulle__orca_text((struct str){ text, 4 * ORCA_METRICS_MAX + 3 }, &load));
    assert_true(tulle__orca_text((struct str){ text, 4 * ORCA_METRICS_MAX - 1 }, &load));
}

TEST_MAIN(cmocka_unit_test(text_is_read_with_either_sign_and_with_its_format_named),
          cmocka_unit_test(header_names_have_no_case), cmocka_unit_test(other_headers_are_none),
          cmocka_unit_test(what_is_no_number_refuses_the_text),
          cmocka_unit_test(numbers_are_read_whatever_the_locale),
          cmocka_unit_test(json_is_read_with_both_spellings),
          cmocka_unit_test(unsound_json_is_refused), cmocka_unit_test(the_message_is_read),
          cmocka_unit_test(a_field_that_comes_twice_counts_as_it_came_last),
          cmocka_unit_test(an_unsound_message_is_refused),
          cmocka_unit_test(counts_and_sizes_are_bounded))
