/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "model/regex.h"

static struct regex *regex_of(const char *pattern, char *why)
{
    return tulle__regex_new(pattern, strlen(pattern), why, 64);
}

static bool regex_takes(const char *pattern, const char *text, size_t size)
{
    char why[64];
    struct regex *regex = regex_of(pattern, why);
    bool matched;

    assert_non_null(regex);
    matched = tulle__regex_matches(regex, text, size);
    tulle__regex_free(regex);
    return matched;
}

#define TAKES(pattern, text) regex_takes(pattern, text, sizeof(text) - 1)

static void it_is_re2_and_takes_whole_texts(void **state)
{
    (void)state;
    assert_true(TAKES("a.c", "abc"));
    assert_false(TAKES("a.c", "abcd"));
    assert_true(TAKES("(?i)gold|silver", "SILVER"));
    assert_true(TAKES("", ""));
    assert_false(TAKES("", "x"));
    assert_true(TAKES("a|ab", "ab"));
    assert_true(TAKES("(a)(b)", "ab"));
}

static void a_character_is_one_of_utf8(void **state)
{
    (void)state;
    assert_true(TAKES(".", "\xc3\xa9"));
    assert_true(TAKES("[\xc3\xa9]", "\xc3\xa9"));
    assert_false(TAKES("[\xc3\xa9]", "\xc3"));
}

/* CVE-2026-73552: such bytes once made a matcher give up and let pass. */
static void bytes_that_are_no_utf8_match_nothing(void **state)
{
    (void)state;
    assert_false(TAKES(".*", "ab\xff"));
    assert_false(TAKES("[^a]", "\x80"));
    assert_false(TAKES("(?s).+", "\xc3\x28"));
}

static void a_nul_is_a_byte_like_others(void **state)
{
    (void)state;
    assert_true(TAKES("a.b", "a\0b"));
    assert_false(TAKES("a", "a\0"));
}

static void a_wrong_pattern_is_refused_with_its_reason(void **state)
{
    static const char *const wrong[] = { "(", "[a", "a**", "(?=x)", "\\1", "a{2000}", "\xff" };
    char why[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        why[0] = '\0';
        assert_null(regex_of(wrong[i], why));
        assert_true(strlen(why) > 0);
    }
    assert_null(regex_of("(", why));
    assert_string_equal(why, "missing ): (");
}

static void the_reason_is_cut_to_its_room(void **state)
{
    char why[64], pattern[201];

    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    memcpy(pattern, "(?P<", 4);
    pattern[200] = '\0';
    assert_null(regex_of(pattern, why));
    assert_int_equal(strlen(why), 63);
}

static void a_pattern_is_bounded_in_size_and_in_what_it_compiles_to(void **state)
{
    char why[64], pattern[REGEX_SIZE_MAX + 1];
    struct regex *regex;

    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    regex = tulle__regex_new(pattern, REGEX_SIZE_MAX, why, sizeof(why));
    assert_non_null(regex);
    tulle__regex_free(regex);
    assert_null(tulle__regex_new(pattern, REGEX_SIZE_MAX + 1, why, sizeof(why)));
    assert_string_equal(why, "the expression is longer than 1024 bytes");
    assert_null(regex_of("((a{100}){100}){100}", why));
    assert_null(regex_of("(abcdefghij){900}", why));
    assert_string_equal(why, "the expression is too complex");
}

static void the_worst_pattern_is_linear(void **state)
{
    char text[8192];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_false(regex_takes("(a*)*(a*)*(a*)*b", text, sizeof(text)));
}

static void it_remembers_its_pattern_and_lives_until_the_last_owner_goes(void **state)
{
    char why[64] = "";
    struct regex *regex = regex_of("a+", why);

    (void)state;
    CHECK_OR_DONE(regex != NULL);
    assert_ptr_equal(tulle__regex_ref(regex), regex);
    tulle__regex_free(regex);
    assert_true(str_equal(tulle__regex_pattern(regex), STR("a+")));
    assert_true(tulle__regex_matches(regex, "aa", 2));
done:
    if (regex == NULL) {
        assert_string_equal(why, "out of memory");
    }
    tulle__regex_free(regex);
}

TEST_MAIN(cmocka_unit_test(it_is_re2_and_takes_whole_texts),
          cmocka_unit_test(a_character_is_one_of_utf8),
          cmocka_unit_test(bytes_that_are_no_utf8_match_nothing),
          cmocka_unit_test(a_nul_is_a_byte_like_others),
          cmocka_unit_test(a_wrong_pattern_is_refused_with_its_reason),
          cmocka_unit_test(the_reason_is_cut_to_its_room),
          cmocka_unit_test(a_pattern_is_bounded_in_size_and_in_what_it_compiles_to),
          cmocka_unit_test(the_worst_pattern_is_linear),
          TEST_OOM(it_remembers_its_pattern_and_lives_until_the_last_owner_goes))
