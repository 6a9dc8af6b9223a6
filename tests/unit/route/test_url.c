/* SPDX-License-Identifier: Apache-2.0 */

#include "route/url.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/test.h"

struct good {
    const char *in, *text, *authority, *host;
    uint16_t port;
    const char *path, *query;
};

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    tulle__arena_init(&arena, 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__arena_fini(&arena);
    return 0;
}

static bool str_is(struct str text, const char *wanted)
{
    return str_equal(text, str_of(wanted));
}

static bool lies_inside(struct str part, struct str whole)
{
    return part.size == 0 ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void check_good(const struct good *good)
{
    struct url url;
    const char *why;

    assert_int_equal(tulle__url_parse(&arena, str_of(good->in), &url, &why), TULLE_OK);
    assert_null(why);
    assert_string_equal(url.text.data, good->text);
    assert_int_equal(url.text.size, strlen(good->text));
    assert_true(str_is(url.authority, good->authority));
    assert_true(str_is(url.host, good->host));
    assert_int_equal(url.port, good->port);
    assert_true(str_is(url.path, good->path));
    assert_true(str_is(url.query, good->query));
    assert_int_equal(url.is_https, strncmp(good->text, "https", 5) == 0);
    assert_true(lies_inside(url.authority, url.text) && lies_inside(url.target, url.text));
    assert_true(lies_inside(url.query, url.target) && url.path.data == url.target.data);
    assert_string_equal(url.target.data, good->text + (url.target.data - url.text.data));
}

static void good_urls_are_read(void **state)
{
    static const struct good goods[] = {
        { "http://reviews/ratings/7", "http://reviews/ratings/7", "reviews", "reviews", 80,
          "/ratings/7", "" },
        { "http://Reviews:9080/a?b", "http://Reviews:9080/a?b", "Reviews:9080", "reviews", 9080,
          "/a", "b" },
        { "HTTPS://API.Example.com", "https://API.Example.com/", "API.Example.com",
          "api.example.com", 443, "/", "" },
        { "http://a", "http://a/", "a", "a", 80, "/", "" },
        { "http://a?q", "http://a/?q", "a", "a", 80, "/", "q" },
        { "http://a?", "http://a/?", "a", "a", 80, "/", "" },
        { "http://a#f", "http://a/", "a", "a", 80, "/", "" },
        { "http://a/x#f?g/../h", "http://a/x", "a", "a", 80, "/x", "" },
        { "http://a/x?y=/../z#f", "http://a/x?y=/../z", "a", "a", 80, "/x", "y=/../z" },
        { "http://a/x?a?b|%61", "http://a/x?a?b|%61", "a", "a", 80, "/x", "a?b|%61" },
        { "http://a.:80/", "http://a.:80/", "a.:80", "a", 80, "/", "" },
        { "http://a_b-c.d/", "http://a_b-c.d/", "a_b-c.d", "a_b-c.d", 80, "/", "" },
        { "http://10.0.0.1:65535/", "http://10.0.0.1:65535/", "10.0.0.1:65535", "10.0.0.1", 65535,
          "/", "" },
        { "http://[::1]:80/x", "http://[::1]:80/x", "[::1]:80", "::1", 80, "/x", "" },
        { "https://[FE80::A]", "https://[FE80::A]/", "[FE80::A]", "fe80::a", 443, "/", "" },
        { "http://a\\b\\..\\c", "http://a/c", "a", "a", 80, "/c", "" },
        { "http://a:0080/", "http://a:0080/", "a:0080", "a", 80, "/", "" },
        { "http://a/c%61rt/../%2e/|", "http://a/%7C", "a", "a", 80, "/%7C", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        check_good(&goods[i]);
    }
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *in, *why;
    } bads[] = {
        { "", "begin with http" },
        { "reviews/ratings", "begin with http" },
        { "/ratings", "begin with http" },
        { "ftp://a/", "begin with http" },
        { "http:/a", "begin with http" },
        { "http:", "begin with http" },
        { "http://", "no host" },
        { "http:///a", "no host" },
        { "http://:80/", "no host" },
        { "http://./", "no host" },
        { "http://?a", "no host" },
        { "http://user@a/", "user name" },
        { "http://user:secret@a/", "user name" },
        { "http://a:0/", "port" },
        { "http://a:65536/", "port" },
        { "http://a:/", "port" },
        { "http://a:8o/", "port" },
        { "http://a:-1/", "port" },
        { "http://a:80:80/", "port" },
        { "http://a:99999999999999999999/", "port" },
        { "http://a b/", "blank" },
        { "http://a/b c", "blank" },
        { "http://a/\t", "control" },
        { "http://a/\r\nX: y", "control" },
        { "http://a/\x7f", "control" },
        { "http://a/\xc3\xa9", "above 127" },
        { "http://\xc3\xa9/", "above 127" },
        { "http://a/%00", "%00" },
        { "http://a/x/%00/../y", "%00" },
        { "http://a%41/", "character" },
        { "http://a,b/", "character" },
        { "http://*/", "no host" },
        { "http://::1/", "no host" },
        { "http://[::1/", "brackets" },
        { "http://[]/", "brackets" },
        { "http://[::1%25eth0]/", "brackets" },
        { "http://[1.2.3.4]/", "brackets" },
        { "http://[1:2:3:4:5:6:7:8:9]/", "brackets" },
        { "http://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]/", "brackets" },
        { "http://[::1]x/", "character" },
        { "http://[::1]:0/", "port" },
    };
    struct url url;
    const char *why;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        assert_int_equal(tulle__url_parse(&arena, str_of(bads[i].in), &url, &why), TULLE_E_USAGE);
        assert_non_null(strstr(why, bads[i].why));
    }
}

static void a_nul_inside_is_a_control_byte(void **state)
{
    struct url url;
    const char *why;

    (void)state;
    assert_int_equal(tulle__url_parse(&arena, STR("http://a/\0b"), &url, &why), TULLE_E_USAGE);
    assert_non_null(strstr(why, "control"));
}

static void sizes_have_bounds(void **state)
{
    size_t size = URL_SIZE_MAX + 1;
    char *text = malloc(size);
    struct url url;
    const char *why;

    (void)state;
    memset(text, '|', size);
    memcpy(text, "http://a/", 9);
    assert_int_equal(tulle__url_parse(&arena, (struct str){ text, size }, &url, &why),
                     TULLE_E_USAGE);
    assert_non_null(strstr(why, "64 KiB"));
    size--;
    assert_int_equal(tulle__url_parse(&arena, (struct str){ text, size }, &url, &why), TULLE_OK);
    assert_int_equal(url.path.size, 1 + 3 * (size - 9));
    memset(text, 'a', size);
    memcpy(text, "http://", 7);
    assert_int_equal(tulle__url_parse(&arena, (struct str){ text, 7 + 255 }, &url, &why), TULLE_OK);
    assert_int_equal(tulle__url_parse(&arena, (struct str){ text, 7 + 256 }, &url, &why),
                     TULLE_E_USAGE);
    assert_non_null(strstr(why, "too long"));
    free(text);
}

static void fragment_and_query_never_change_the_path(void **state)
{
    static const char *const paths[] = { "", "/", "/a/../b", "/a/..", "/x|y", "/%2e%2e/c", "\\z" };
    static const char *const tails[] = { "?",  "#",        "?/../..", "#/../..", "?a#b",
                                         "#?", "?%2e%2e/", "?\\..",   "#\\.." };
    struct url bare, url;
    const char *why;
    char text[64];

    (void)state;
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        snprintf(text, sizeof(text), "http://a%s", paths[p]);
        assert_int_equal(tulle__url_parse(&arena, str_of(text), &bare, &why), TULLE_OK);
        for (size_t t = 0; t < COUNT_OF(tails); t++) {
            snprintf(text, sizeof(text), "http://a%s%s", paths[p], tails[t]);
            assert_int_equal(tulle__url_parse(&arena, str_of(text), &url, &why), TULLE_OK);
            assert_true(str_equal(url.path, bare.path));
            assert_null(strchr(url.text.data, '#'));
        }
    }
}

static void a_canonical_url_reads_as_itself(void **state)
{
    static const char *const texts[] = { "http://A:80/%%341/..;/b|?q=%zz", "https://[::1]\\x/.",
                                         "http://a/%4%31/../%2e%2e/%" };
    struct url once, twice;
    const char *why;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(tulle__url_parse(&arena, str_of(texts[i]), &once, &why), TULLE_OK);
        assert_int_equal(tulle__url_parse(&arena, once.text, &twice, &why), TULLE_OK);
        assert_string_equal(once.text.data, twice.text.data);
        assert_true(str_equal(once.host, twice.host));
    }
}

static void out_of_memory_is_its_own_error(void **state)
{
    struct url url;
    const char *why;

    (void)state;
    CHECK_OK(tulle__url_parse(&arena, STR("http://reviews:9080/a?b"), &url, &why));
    assert_true(str_is(url.host, "reviews"));
done:
    return;
}

static void the_first_of_a_query_parameter_counts(void **state)
{
    static const struct {
        const char *query, *name, *value; /* NULL: not there */
    } cases[] = {
        { "a=1&b=2", "b", "2" },     { "a=1&a=2", "a", "1" },  { "a", "a", "" },
        { "a=", "a", "" },           { "a&b", "b", "" },       { "a==b", "a", "=b" },
        { "a=%61", "a", "%61" },     { "%61=1", "a", NULL },   { "", "a", NULL },
        { "ab=1", "a", NULL },       { "b=a", "a", NULL },     { "&&a=1&", "a", "1" },
        { "=1", "", "1" },           { "a=1;b=2", "b", NULL }, { "A=1", "a", NULL },
        { "a=1?b=2", "a", "1?b=2" },
    };
    struct str value;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool found = tulle__query_find(str_of(cases[i].query), str_of(cases[i].name), &value);

        assert_int_equal(found, cases[i].value != NULL);
        assert_true(!found || str_is(value, cases[i].value));
    }
}

#define URL_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(URL_TEST(good_urls_are_read), URL_TEST(bad_urls_are_refused_with_a_reason),
          URL_TEST(a_nul_inside_is_a_control_byte), URL_TEST(sizes_have_bounds),
          URL_TEST(fragment_and_query_never_change_the_path),
          URL_TEST(a_canonical_url_reads_as_itself),
          TEST_OOM_WITH(out_of_memory_is_its_own_error, setup, teardown),
          cmocka_unit_test(the_first_of_a_query_parameter_counts))
