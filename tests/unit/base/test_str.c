/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/str.h"

static void equality_needs_the_same_bytes(void **state)
{
    (void)state;
    assert_true(str_equal(STR("a"), str_of("a")));
    assert_true(str_equal(STR(""), STR_NONE));
    assert_false(str_equal(STR("a"), STR("A")));
    assert_false(str_equal(STR("a"), STR("ab")));
    assert_int_equal(str_of(NULL).size, 0);
}

static void case_is_ignored_in_ascii_alone(void **state)
{
    (void)state;
    assert_true(tulle__str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(tulle__str_equal_nocase(STR("[x]"), STR("{x}")));
    assert_false(tulle__str_equal_nocase(STR("\xc4"), STR("\xe4")));
    assert_false(tulle__str_equal_nocase(STR("ab"), STR("a")));
}

static void comparison_is_bytewise_and_puts_the_shorter_first(void **state)
{
    (void)state;
    assert_int_equal(tulle__str_compare(STR("ab"), STR("ab")), 0);
    assert_true(tulle__str_compare(STR("a"), STR("ab")) < 0);
    assert_true(tulle__str_compare(STR("b"), STR("ab")) > 0);
    assert_true(tulle__str_compare(STR("\xff"), STR("a")) > 0);
    assert_true(tulle__str_compare(STR_NONE, STR("a")) < 0);
}

static void starts_and_ends_are_found(void **state)
{
    (void)state;
    assert_true(tulle__str_starts(STR("/reviews/1"), STR("/reviews")));
    assert_true(tulle__str_starts(STR_NONE, STR("")));
    assert_false(tulle__str_starts(STR("/re"), STR("/reviews")));
    assert_true(tulle__str_ends(STR("reviews.yaml"), STR(".yaml")));
    assert_true(tulle__str_ends(STR_NONE, STR("")));
    assert_false(tulle__str_ends(STR("yaml"), STR(".yaml")));
}

static void cutting_gives_what_is_before_and_after(void **state)
{
    struct str rest;

    (void)state;
    assert_true(str_equal(tulle__str_cut(STR("a,b,c"), ',', &rest), STR("a")));
    assert_true(str_equal(rest, STR("b,c")));
    assert_true(str_equal(tulle__str_cut(STR("a,"), ',', &rest), STR("a")));
    assert_non_null(rest.data);
    assert_int_equal(rest.size, 0);
    assert_true(str_equal(tulle__str_cut(STR("abc"), ',', &rest), STR("abc")));
    assert_null(rest.data);
    assert_int_equal(tulle__str_cut(STR_NONE, ',', &rest).size, 0);
}

static void trimming_takes_blanks_and_tabs_from_both_ends(void **state)
{
    (void)state;
    assert_true(str_equal(tulle__str_trim(STR(" \t a b \t")), STR("a b")));
    assert_int_equal(tulle__str_trim(STR(" \t ")).size, 0);
    assert_true(str_equal(tulle__str_trim(STR("\n")), STR("\n")));
}

static void numbers_are_digits_within_their_bound(void **state)
{
    uint64_t value;

    (void)state;
    assert_true(tulle__str_to_u64(STR("65535"), 65535, &value));
    assert_int_equal(value, 65535);
    assert_false(tulle__str_to_u64(STR("65536"), 65535, &value));
    assert_int_equal(value, 0);
    assert_true(tulle__str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_false(tulle__str_to_u64(STR("18446744073709551616"), UINT64_MAX, &value));
    assert_true(tulle__str_to_u64(STR("007"), 7, &value));
    assert_false(tulle__str_to_u64(STR("8"), 7, &value));
    assert_false(tulle__str_to_u64(STR(""), 9, &value));
    assert_false(tulle__str_to_u64(STR("-1"), 9, &value));
    assert_false(tulle__str_to_u64(STR(" 1"), 9, &value));
    assert_false(tulle__str_to_u64(STR("1x"), 99, &value));
}

static void distance_counts_inserts_drops_changes_and_swaps(void **state)
{
    (void)state;
    assert_int_equal(tulle__str_distance(STR("timeout"), STR("timeout"), 3), 0);
    assert_int_equal(tulle__str_distance(STR("timeout"), STR("timout"), 3), 1);
    assert_int_equal(tulle__str_distance(STR("timout"), STR("timeout"), 3), 1);
    assert_int_equal(tulle__str_distance(STR("timeout"), STR("timeouz"), 3), 1);
    assert_int_equal(tulle__str_distance(STR("timeout"), STR("tiemout"), 3), 1);
    assert_int_equal(tulle__str_distance(STR("subset"), STR("subsets"), 3), 1);
    assert_int_equal(tulle__str_distance(STR("kitten"), STR("sitting"), 9), 3);
    assert_int_equal(tulle__str_distance(STR(""), STR("abc"), 9), 3);
    assert_int_equal(tulle__str_distance(STR("abc"), STR_NONE, 9), 3);
}

static void distance_is_not_counted_beyond_its_limit(void **state)
{
    char text[100];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(tulle__str_distance(STR("weight"), STR("timeout"), 2), 3);
    assert_int_equal(tulle__str_distance(STR("kitten"), STR("sitting"), 2), 3);
    assert_int_equal(tulle__str_distance((struct str){ text, 100 }, STR("a"), 2), 3);
    assert_int_equal(tulle__str_distance((struct str){ text, 100 }, (struct str){ text, 100 }, 2),
                     0);
}

static void the_hash_is_xxh3(void **state)
{
    (void)state;
    assert_true(tulle__str_hash(STR(""), 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(tulle__str_hash(STR_NONE, 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(tulle__str_hash(STR("a"), 1) != tulle__str_hash(STR("a"), 2));
}

TEST_MAIN(cmocka_unit_test(equality_needs_the_same_bytes),
          cmocka_unit_test(case_is_ignored_in_ascii_alone),
          cmocka_unit_test(comparison_is_bytewise_and_puts_the_shorter_first),
          cmocka_unit_test(starts_and_ends_are_found),
          cmocka_unit_test(cutting_gives_what_is_before_and_after),
          cmocka_unit_test(trimming_takes_blanks_and_tabs_from_both_ends),
          cmocka_unit_test(numbers_are_digits_within_their_bound),
          cmocka_unit_test(distance_counts_inserts_drops_changes_and_swaps),
          cmocka_unit_test(distance_is_not_counted_beyond_its_limit),
          cmocka_unit_test(the_hash_is_xxh3))
