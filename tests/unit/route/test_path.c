/* SPDX-License-Identifier: Apache-2.0 */

#include "route/path.h"

#include "base/rand.h"
#include "harness/test.h"

enum { PATH_MAX_SIZE = 64 };

struct case_ {
    const char *in, *out;
};

static void check(const struct case_ *cases, size_t count)
{
    char out[PATH_GROWTH * PATH_MAX_SIZE + 2];

    for (size_t i = 0; i < count; i++) {
        size_t size = tulle__path_normalise(str_of(cases[i].in), out);

        assert_string_equal(out, cases[i].out);
        assert_int_equal(size, strlen(cases[i].out));
    }
}

static void dots_are_resolved(void **state)
{
    static const struct case_ cases[] = {
        { "", "/" },
        { "/", "/" },
        { "/a", "/a" },
        { "/a/", "/a/" },
        { "/.", "/" },
        { "/./", "/" },
        { "/..", "/" },
        { "/../..", "/" },
        { "/a/.", "/a/" },
        { "/a/./b", "/a/b" },
        { "/a/..", "/" },
        { "/a/../", "/" },
        { "/a/../b", "/b" },
        { "/a/b/../c", "/a/c" },
        { "/a/b/..", "/a/" },
        { "/a/b/../../../../c", "/c" },
        { "/...", "/..." },
        { "/..a", "/..a" },
        { "/.a/a.", "/.a/a." },
        { "/a/.b/..c", "/a/.b/..c" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void encoded_dots_are_dots(void **state)
{
    static const struct case_ cases[] = {
        { "/a/%2e%2e/b", "/b" },
        { "/a/.%2E/b", "/b" },
        { "/a/%2e/b", "/a/b" },
        { "/%2e%2e%2e", "/..." },
        { "/a/%252e%252e/b", "/a/%252e%252e/b" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void dot_dot_with_a_parameter_is_dot_dot(void **state)
{
    static const struct case_ cases[] = {
        { "/a/..;/b", "/b" },       { "/a/..;x=1/b", "/b" },        { "/a/..;", "/" },
        { "/a/%2e.;/b", "/b" },     { "/a/..%3b/b", "/a/..%3b/b" }, { "/a/;../b", "/a/;../b" },
        { "/a;v=1/b", "/a;v=1/b" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void backslashes_are_slashes(void **state)
{
    static const struct case_ cases[] = {
        { "\\a\\b", "/a/b" },
        { "/a\\..\\b", "/b" },
        { "/a/%5c../b", "/a/%5c../b" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void double_slashes_stay(void **state)
{
    static const struct case_ cases[] = {
        { "//", "//" },
        { "//a//b", "//a//b" },
        { "/a//../b", "/a/b" },
        { "//..", "/" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void unreserved_characters_are_decoded_and_others_are_not(void **state)
{
    static const struct case_ cases[] = {
        { "/c%61rt", "/cart" },
        { "/%41%5a%30%2d%5F%7e", "/AZ0-_~" },
        { "/a%2fb", "/a%2fb" },
        { "/a%2Fb", "/a%2Fb" },
        { "/%c3%a9", "/%c3%a9" },
        { "/%C3%A9", "/%C3%A9" },
        { "/%20%25%3f%23", "/%20%25%3f%23" },
        { "/%0a%7f", "/%0a%7f" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void bytes_that_a_path_may_not_hold_are_encoded(void **state)
{
    static const struct case_ cases[] = {
        { "/a|b", "/a%7Cb" },
        { "/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D" },
        { "/!$&'()*+,;=:@[]", "/!$&'()*+,;=:@[]" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void a_bare_percent_stays_unless_decoding_would_make_it_an_escape(void **state)
{
    static const struct case_ cases[] = {
        { "/100%", "/100%" },   { "/100%/x", "/100%/x" }, { "/%zz", "/%zz" },
        { "/%4", "/%4" },       { "/%%341", "/%2541" },   { "/%%34%31", "/%2541" },
        { "/%4%31", "/%2541" }, { "/%%300", "/%2500" },   { "/%%7C", "/%%7C" },
        { "/%%34z", "/%4z" },
    };

    (void)state;
    check(cases, COUNT_OF(cases));
}

static void a_nul_is_refused(void **state)
{
    char out[64];

    (void)state;
    assert_int_equal(tulle__path_normalise(STR("/a%00"), out), 0);
    assert_int_equal(tulle__path_normalise(STR("/%00/../a"), out), 0);
}

/* Text from the characters that matter, so that they meet. */
static struct str random_path(struct rand *rand, char *text)
{
    static const char alphabet[] = "//..%%%\\;a2eE05cC3F|z4";
    size_t size = rand_below(rand, PATH_MAX_SIZE - 1) + 1;

    text[0] = '/';
    for (size_t i = 1; i < size; i++) {
        text[i] = alphabet[rand_below(rand, sizeof(alphabet) - 1)];
    }
    return (struct str){ text, size };
}

static bool has_dot_segment(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
        size_t size = strcspn(at + 1, "/");

        if ((size == 1 && at[1] == '.') || (size == 2 && at[1] == '.' && at[2] == '.') ||
            strncmp(at + 1, "..;", 3) == 0) {
            return true;
        }
    }
    return false;
}

static void normalising_twice_is_normalising_once(void **state)
{
    struct rand rand;
    char in[PATH_MAX_SIZE];
    char once[PATH_GROWTH * PATH_MAX_SIZE + 2];
    char twice[PATH_GROWTH * sizeof(once) + 2];

    (void)state;
    tulle__rand_init(&rand, 3);
    for (int i = 0; i < 200000; i++) {
        size_t size = tulle__path_normalise(random_path(&rand, in), once);

        if (size == 0) {
            continue;
        }
        assert_int_equal(tulle__path_normalise((struct str){ once, size }, twice), size);
        assert_string_equal(twice, once);
        assert_false(has_dot_segment(once));
        assert_null(strchr(once, '\\'));
    }
}

TEST_MAIN(cmocka_unit_test(dots_are_resolved), cmocka_unit_test(encoded_dots_are_dots),
          cmocka_unit_test(dot_dot_with_a_parameter_is_dot_dot),
          cmocka_unit_test(backslashes_are_slashes), cmocka_unit_test(double_slashes_stay),
          cmocka_unit_test(unreserved_characters_are_decoded_and_others_are_not),
          cmocka_unit_test(bytes_that_a_path_may_not_hold_are_encoded),
          cmocka_unit_test(a_bare_percent_stays_unless_decoding_would_make_it_an_escape),
          cmocka_unit_test(a_nul_is_refused),
          cmocka_unit_test(normalising_twice_is_normalising_once))
