/* SPDX-License-Identifier: Apache-2.0 */

#include "dns/time.h"

#include "harness/test.h"

static void a_ttl_is_respected_between_a_second_and_an_hour(void **state)
{
    (void)state;
    assert_int_equal(tulle__dns_time_good(0), NS_PER_S);
    assert_int_equal(tulle__dns_time_good(7 * NS_PER_S), 7 * NS_PER_S);
    assert_int_equal(tulle__dns_time_good(INT64_C(86400) * NS_PER_S), 3600 * NS_PER_S);
    assert_int_equal(tulle__dns_time_good(NEVER), 60 * NS_PER_S);
}

static void a_denial_is_believed_as_long_as_the_soa_says_but_a_minute_at_most(void **state)
{
    (void)state;
    assert_int_equal(tulle__dns_time_bad(DNS_NO_NAME, 20 * NS_PER_S, 9), 20 * NS_PER_S);
    assert_int_equal(tulle__dns_time_bad(DNS_NO_DATA, 0, 1), NS_PER_S);
    assert_int_equal(tulle__dns_time_bad(DNS_NO_NAME, 3600 * NS_PER_S, 1), 60 * NS_PER_S);
}

static void failures_are_tried_again_ever_later_up_to_half_a_minute(void **state)
{
    static const int64_t seconds[] = { 1, 2, 4, 8, 16, 30, 30, 30 };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(seconds); i++) {
        assert_int_equal(tulle__dns_time_bad(DNS_TIMEOUT, NEVER, i + 1), seconds[i] * NS_PER_S);
        assert_int_equal(tulle__dns_time_bad(DNS_NO_NAME, NEVER, i + 1), seconds[i] * NS_PER_S);
    }
    assert_int_equal(tulle__dns_time_bad(DNS_SERVFAIL, 5, 4000000000U), 30 * NS_PER_S);
}

static void jitter_adds_a_tenth_at_most_and_never_takes_away(void **state)
{
    struct rand rand;
    int64_t least = NEVER, most = 0;

    (void)state;
    tulle__rand_init(&rand, 1);
    for (int i = 0; i < 1000; i++) {
        int64_t time = tulle__dns_time_jitter(10 * NS_PER_S, &rand);

        least = time < least ? time : least;
        most = time > most ? time : most;
        assert_in_range(tulle__dns_time_jitter(3600 * NS_PER_S, &rand), 3600 * NS_PER_S,
                        3605 * NS_PER_S);
    }
    assert_in_range(least, 10 * NS_PER_S, 10 * NS_PER_S + 50 * NS_PER_MS);
    assert_in_range(most, 10 * NS_PER_S + 950 * NS_PER_MS, 11 * NS_PER_S);
    assert_int_equal(tulle__dns_time_jitter(0, &rand), 0);
}

TEST_MAIN(cmocka_unit_test(a_ttl_is_respected_between_a_second_and_an_hour),
          cmocka_unit_test(a_denial_is_believed_as_long_as_the_soa_says_but_a_minute_at_most),
          cmocka_unit_test(failures_are_tried_again_ever_later_up_to_half_a_minute),
          cmocka_unit_test(jitter_adds_a_tenth_at_most_and_never_takes_away))
