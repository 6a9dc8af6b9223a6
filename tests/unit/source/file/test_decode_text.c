/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/decode.h"

#include "harness/test.h"

static void durations_are_read_as_go_reads_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        { "0", 0 },
        { "0s", 0 },
        { "0.25s", 250 * NS_PER_MS },
        { ".5s", 500 * NS_PER_MS },
        { "1.s", NS_PER_S },
        { "250ms", 250 * NS_PER_MS },
        { "1m30s", 90 * NS_PER_S },
        { "1h0m0.000000001s", 3600 * NS_PER_S + 1 },
        { "7us", 7000 },
        { "7\xc2\xb5s", 7000 },
        { "1.5h", 5400 * NS_PER_S },
        { "0.3333333333333s", 333333333 },
    };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(tulle__duration_parse(str_of(cases[i].text), &ns));
        assert_int_equal(ns, cases[i].ns);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const texts[] = { "",     "5",   "s",     ".s",  "-1s",  "1 s",
                                         "1s ",  "1d",  "1s2",   "1ss", "1e3s", "99999999999h",
                                         "0x1s", "NaN", "1.2.3s" };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(tulle__duration_parse(str_of(texts[i]), &ns));
    }
}

static void host_names_are_told_from_others(void **state)
{
    static const char *const good[] = { "reviews", "a.b.svc.cluster.local", "A-1_x", "10.0.0.1" };
    static const char *const bad[] = {
        "", ".", "a..b", "a.", ".a", "a b", "a/b", "http://a", "a:80"
    };
    char label[70];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(tulle__host_is_valid(str_of(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(tulle__host_is_valid(str_of(bad[i])));
    }
    memset(label, 'a', sizeof(label));
    assert_true(tulle__host_is_valid((struct str){ label, 63 }));
    assert_false(tulle__host_is_valid((struct str){ label, 64 }));
}

TEST_MAIN(cmocka_unit_test(durations_are_read_as_go_reads_them),
          cmocka_unit_test(what_is_no_duration_is_refused),
          cmocka_unit_test(host_names_are_told_from_others))
