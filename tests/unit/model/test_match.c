/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "model/match.h"
#include "model/regex.h"

static bool matches(enum match_kind kind, const char *pattern, const char *text)
{
    return tulle__text_match(&(struct text_match){ .kind = kind, .text = str_of(pattern) },
                             str_of(text));
}

static void exact_takes_the_whole_text_with_its_case(void **state)
{
    (void)state;
    assert_true(matches(MATCH_EXACT, "/cart", "/cart"));
    assert_false(matches(MATCH_EXACT, "/cart", "/Cart"));
    assert_false(matches(MATCH_EXACT, "/cart", "/carts"));
    assert_true(matches(MATCH_EXACT, "", ""));
    assert_false(matches(MATCH_EXACT, "", "x"));
}

static void a_prefix_is_a_string_and_no_path_segment(void **state)
{
    (void)state;
    assert_true(matches(MATCH_PREFIX, "/cart", "/carts"));
    assert_true(matches(MATCH_PREFIX, "/cart", "/cart"));
    assert_false(matches(MATCH_PREFIX, "/cart", "/car"));
    assert_true(matches(MATCH_PREFIX, "", "anything"));
}

static void present_takes_everything(void **state)
{
    (void)state;
    assert_true(matches(MATCH_PRESENT, "", ""));
    assert_true(matches(MATCH_PRESENT, "", "x"));
}

static void a_regex_must_take_the_whole_text(void **state)
{
    char why[64];
    struct text_match match = { .kind = MATCH_REGEX };
    struct regex *regex = tulle__regex_new("/v[0-9]+", 8, why, sizeof(why));

    (void)state;
    CHECK_OR_DONE(regex != NULL);
    match.regex = regex;
    assert_true(tulle__text_match(&match, STR("/v12")));
    assert_false(tulle__text_match(&match, STR("/v12/x")));
    assert_false(tulle__text_match(&match, STR("x/v12")));
done:
    tulle__regex_free(regex);
}

TEST_MAIN(cmocka_unit_test(exact_takes_the_whole_text_with_its_case),
          cmocka_unit_test(a_prefix_is_a_string_and_no_path_segment),
          cmocka_unit_test(present_takes_everything), TEST_OOM(a_regex_must_take_the_whole_text))
