/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/utf8.h"

#include "harness/test.h"

static void utf8_of_every_length_is_taken(void **state)
{
    struct utf8_fault fault;

    (void)state;
    assert_true(tulle__utf8_check(STR("a\t\r\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), &fault));
    assert_true(tulle__utf8_check(STR("\xef\xbb\xbf"), &fault)); /* a byte order mark */
    assert_true(tulle__utf8_check(STR_NONE, &fault));
}

static void what_is_not_utf8_is_found(void **state)
{
    static const char *const texts[] = {
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut off */
        "\xc3(",            /* no continuation */
        "\xc0\xaf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf8\x88\x80\x80\x80",
        "\xff",
    };
    struct utf8_fault fault;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(tulle__utf8_check(str_of(texts[i]), &fault));
        assert_string_equal(fault.text, "not UTF-8");
    }
}

static void control_characters_are_found(void **state)
{
    static const char *const texts[] = { "\x01", "\x7f", "\xc2\x80", "\xef\xbf\xbe" };
    struct utf8_fault fault;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(tulle__utf8_check(str_of(texts[i]), &fault));
        assert_string_equal(fault.text, "a control character");
    }
}

static void columns_count_characters(void **state)
{
    struct utf8_fault fault;

    (void)state;
    assert_false(tulle__utf8_check(STR("ab\n\xc3\xa4\xc3\xa4\xff"), &fault));
    assert_int_equal(fault.line, 2);
    assert_int_equal(fault.column, 3);
}

TEST_MAIN(cmocka_unit_test(utf8_of_every_length_is_taken),
          cmocka_unit_test(what_is_not_utf8_is_found),
          cmocka_unit_test(control_characters_are_found),
          cmocka_unit_test(columns_count_characters))
