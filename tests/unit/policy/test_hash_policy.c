/* SPDX-License-Identifier: Apache-2.0 */

/* That a request goes where Envoy sends it is shown by tests/peer/test_envoy_hash.c. */

#include "policy/hash_policy.h"

#include "base/clock.h"
#include "harness/test.h"

enum { HEADERS_MAX = 4 };

static struct url url = { .authority = { "shop:80", 7 },
                          .target = { "/a?q=1&r=&q=2", 13 },
                          .query = { "q=1&r=&q=2", 10 } };

struct asked {
    const char *headers[HEADERS_MAX]; /* "name: value" */
    const char *source;
};

static struct hash_made made_of(const struct hash_policy *policies, size_t count,
                                const struct asked *asked)
{
    struct header_line lines[HEADERS_MAX];
    struct hash_request request = { .headers = lines,
                                    .url = &url,
                                    .method = STR("GET"),
                                    .source = str_of(asked->source),
                                    .drawn = UINT64_C(0xfeed) };
    struct hash_made made;

    for (size_t i = 0; i < HEADERS_MAX && asked->headers[i] != NULL; i++) {
        struct str line = str_of(asked->headers[i]), rest;

        lines[i] = (struct header_line){ line, tulle__str_cut(line, ':', &rest).size };
        request.header_count++;
    }
    tulle__hash_request(policies, count, &request, &made);
    return made;
}

#define MADE(policies, ...) made_of(policies, COUNT_OF(policies), &(struct asked){ __VA_ARGS__ })

static uint64_t text_hash(const char *text)
{
    return tulle__hash_text(str_of(text));
}

static uint64_t turned(uint64_t hash)
{
    return hash << 1 | hash >> 63;
}

static void a_header_is_hashed_by_its_value(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_HEADER, .name = STR("x-key") } };
    struct hash_made made = MADE(policies, { "X-Key:  k " });

    (void)state;
    assert_true(made.has_hash);
    assert_int_equal(made.hash, text_hash("k"));
}

static void an_empty_header_is_hashed_and_a_missing_one_is_not(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_HEADER, .name = STR("x-key") } };

    (void)state;
    assert_true(MADE(policies, { "x-key: " }).has_hash);
    assert_int_equal(MADE(policies, { "x-key: " }).hash, UINT64_C(0xef46db3751d8e999));
    assert_false(MADE(policies, { "x-other: k" }).has_hash);
}

static void the_order_of_several_values_does_not_matter(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_HEADER, .name = STR("x-key") } };
    struct hash_made made = MADE(policies, { "x-key: b", "x-other: c", "x-key: a", "x-key: b" });

    (void)state;
    assert_int_equal(made.hash, MADE(policies, { "x-key: a", "x-key: b", "x-key: b" }).hash);
    assert_int_not_equal(made.hash, MADE(policies, { "x-key: a", "x-key: b" }).hash);
}

static void the_host_and_the_path_are_headers_too(void **state)
{
    const struct hash_policy host[] = { { .kind = HASH_HEADER, .name = STR("host") } };
    const struct hash_policy path[] = { { .kind = HASH_HEADER, .name = STR(":path") } };

    (void)state;
    assert_int_equal(MADE(host, { NULL }).hash, text_hash("shop:80"));
    assert_int_equal(MADE(path, { NULL }).hash, text_hash("/a?q=1&r=&q=2"));
}

static void a_query_parameter_is_hashed_by_its_first_value(void **state)
{
    const struct hash_policy first[] = { { .kind = HASH_QUERY, .name = STR("q") } };
    const struct hash_policy empty[] = { { .kind = HASH_QUERY, .name = STR("r") } };
    const struct hash_policy none[] = { { .kind = HASH_QUERY, .name = STR("s") } };

    (void)state;
    assert_int_equal(MADE(first, { NULL }).hash, text_hash("1"));
    assert_true(MADE(empty, { NULL }).has_hash);
    assert_false(MADE(none, { NULL }).has_hash);
}

static void a_source_is_hashed_where_there_is_one(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_SOURCE } };

    (void)state;
    assert_int_equal(MADE(policies, .source = "10.1.2.3").hash, text_hash("10.1.2.3"));
    assert_false(MADE(policies, { NULL }).has_hash);
}

static void a_cookie_is_found_among_others(void **state)
{
    const struct hash_policy policies[] = {
        { .kind = HASH_COOKIE, .name = STR("sid"), .ttl_ns = NEVER }
    };

    (void)state;
    assert_int_equal(MADE(policies, { "cookie: a=1; sid=s7;b=2" }).hash, text_hash("s7"));
    assert_int_equal(MADE(policies, { "cookie: a=1", "cookie: sid=\"s7\"" }).hash, text_hash("s7"));
    assert_false(MADE(policies, { "cookie: Sid=s7; xsid=1; sid" }).has_hash);
    assert_false(MADE(policies, { "cookie: sid=" }).has_hash);
}

static void a_cookie_is_made_where_it_has_a_ttl(void **state)
{
    const struct hash_policy policies[] = {
        { .kind = HASH_COOKIE, .name = STR("sid"), .ttl_ns = 60 * NS_PER_S, .path = STR("/p") }
    };
    struct hash_made made = MADE(policies, { NULL });
    char text[64];

    (void)state;
    assert_int_equal(made.cookies, 1);
    assert_string_equal(made.cookie_value, "000000000000feed");
    assert_int_equal(made.hash, text_hash("000000000000feed"));
    tulle__hash_cookie(policies, made.cookie_value, text, sizeof(text));
    assert_string_equal(text, "sid=\"000000000000feed\"; Max-Age=60; Path=/p; HttpOnly");
    assert_int_equal(MADE(policies, { "cookie: sid=x" }).cookies, 0);
}

static void a_cookie_of_a_session_has_no_age(void **state)
{
    const struct hash_policy policy = { .kind = HASH_COOKIE, .name = STR("sid") };
    char text[64];

    (void)state;
    tulle__hash_cookie(&policy, "00", text, sizeof(text));
    assert_string_equal(text, "sid=\"00\"; HttpOnly");
}

static void a_cookie_for_a_source_is_always_the_same(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_COOKIE, .name = STR("sid") } };

    (void)state;
    assert_string_equal(MADE(policies, .source = "ann").cookie_value,
                        MADE(policies, .source = "ann").cookie_value);
    assert_string_not_equal(MADE(policies, .source = "ann").cookie_value,
                            MADE(policies, .source = "bob").cookie_value);
}

static void policies_are_turned_and_xored(void **state)
{
    const struct hash_policy policies[] = { { .kind = HASH_HEADER, .name = STR("a") },
                                            { .kind = HASH_HEADER, .name = STR("b") },
                                            { .kind = HASH_HEADER, .name = STR("b") } };

    (void)state;
    assert_int_equal(MADE(policies, { "a: 1" }).hash, text_hash("1"));
    assert_int_equal(MADE(policies, { "a: 1", "b: 2" }).hash,
                     turned(turned(text_hash("1")) ^ text_hash("2")) ^ text_hash("2"));
}

static void behind_a_terminal_one_nothing_counts(void **state)
{
    const struct hash_policy policies[] = {
        { .kind = HASH_HEADER, .name = STR("a"), .terminal = true },
        { .kind = HASH_HEADER, .name = STR("b") },
    };

    (void)state;
    assert_int_equal(MADE(policies, { "a: 1", "b: 2" }).hash, text_hash("1"));
    assert_int_equal(MADE(policies, { "b: 2" }).hash, text_hash("2"));
}

TEST_MAIN(cmocka_unit_test(a_header_is_hashed_by_its_value),
          cmocka_unit_test(an_empty_header_is_hashed_and_a_missing_one_is_not),
          cmocka_unit_test(the_order_of_several_values_does_not_matter),
          cmocka_unit_test(the_host_and_the_path_are_headers_too),
          cmocka_unit_test(a_query_parameter_is_hashed_by_its_first_value),
          cmocka_unit_test(a_source_is_hashed_where_there_is_one),
          cmocka_unit_test(a_cookie_is_found_among_others),
          cmocka_unit_test(a_cookie_is_made_where_it_has_a_ttl),
          cmocka_unit_test(a_cookie_of_a_session_has_no_age),
          cmocka_unit_test(a_cookie_for_a_source_is_always_the_same),
          cmocka_unit_test(policies_are_turned_and_xored),
          cmocka_unit_test(behind_a_terminal_one_nothing_counts))
