/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/breaker.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/thread.h"
#include "harness/test.h"
#include "model/defaults.h"

enum { THREADS = 2, ROUNDS = 50000 };

static struct breaker breaker;
static struct breaker_config config;

static int setup(void **state)
{
    (void)state;
    breaker = (struct breaker){ 0 };
    config = tulle__breaker_default;
    return 0;
}

static struct breaker_sum add(bool success, int64_t ms)
{
    return tulle__breaker_add(&breaker, &config, success, ms * NS_PER_MS);
}

static bool trips(bool success, int64_t ms)
{
    return breaker_trips(&config, add(success, ms));
}

static void it_holds_until_there_are_requests_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_false(trips(false, 0));
    }
    assert_true(trips(false, 0));
}

/* In linkerd, too: a success may be the one that makes them enough. */
static void a_success_may_be_the_request_that_makes_them_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_false(trips(false, 0));
    }
    assert_true(trips(true, 0));
}

static void exactly_the_rate_asked_for_is_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_false(trips(true, 0));
    }
    assert_false(trips(false, 0));
    assert_false(trips(false, 0)); /* 8 of 10 */
    assert_true(trips(false, 0));  /* 8 of 11 */
}

static void with_no_least_number_the_first_failure_trips(void **state)
{
    (void)state;
    config.min_requests = 0;
    assert_false(breaker_trips(&config, (struct breaker_sum){ 0 }));
    assert_true(trips(false, 0));
}

/* Ten slices of a second: what is ten slices old is gone, the rest is not. */
static void what_is_older_than_the_window_does_not_count(void **state)
{
    struct breaker_sum sum;

    (void)state;
    add(false, 500);
    add(false, 1500);
    sum = add(true, 9900);
    assert_int_equal(sum.requests, 3);
    sum = add(true, 10100);
    assert_int_equal(sum.requests, 3); /* 500 ms lies in a slice that was given away */
    assert_int_equal(sum.successes, 2);
    sum = add(true, 60000);
    assert_int_equal(sum.requests, 1);
}

/* A burst trips as the same failures spread over seconds do. */
static void the_rate_of_requests_does_not_matter(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_false(trips(false, 2000 * i));
    }
    assert_true(trips(false, 8000));
}

static void a_clock_that_is_behind_loses_nothing(void **state)
{
    (void)state;
    add(true, 20000);
    assert_int_equal(add(true, 19500).requests, 2);
    assert_int_equal(add(true, 12500).requests, 3);
    /* The place of 10 s is that of 20 s: it counts there. */
    assert_int_equal(add(true, 10500).requests, 4);
    assert_int_equal(add(true, 20000).requests, 5);
}

/* Slice numbers wrap; a machine may be up for a year, an endpoint idle for months. */
static void old_slices_never_look_young(void **state)
{
    const int64_t year = INT64_C(365) * 86400 * 1000;

    (void)state;
    assert_int_equal(add(false, year).requests, 1);
    assert_int_equal(add(false, year + 100).requests, 2);
    assert_int_equal(add(true, year + year / 3).requests, 1);
    tulle__breaker_clear(&breaker);
    assert_int_equal(add(true, 2 * year).requests, 1);
    assert_int_equal(add(true, 2 * year + 5000).requests, 2);
}

static void a_full_slice_keeps_its_rate(void **state)
{
    const uint64_t most = (1 << 20) - 1;
    uint64_t slice = UINT64_C(7) << 40 | most << 20 | (most - 1);

    (void)state;
    assert_true(tulle__breaker_slice_add(slice, 7, true) == slice);
    assert_true(tulle__breaker_slice_add(slice, 17, true) ==
                (UINT64_C(17) << 40 | UINT64_C(1) << 20 | 1));
}

static void a_window_may_be_shorter_than_ten_nanoseconds(void **state)
{
    (void)state;
    config.window_ns = 3;
    assert_int_equal(tulle__breaker_add(&breaker, &config, true, 100).requests, 1);
    assert_int_equal(tulle__breaker_add(&breaker, &config, true, 109).requests, 2);
    assert_int_equal(tulle__breaker_add(&breaker, &config, true, 111).requests, 2);
}

static void penalties_double_up_to_the_most(void **state)
{
    const int64_t expected[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(tulle__breaker_penalty(&config, (unsigned)i + 1, 0),
                         expected[i] * NS_PER_S);
    }
    assert_int_equal(tulle__breaker_penalty(&config, UINT32_MAX, UINT64_MAX), 60 * NS_PER_S);
}

/* Between the base and half of it more, and never beyond the most. */
static void jitter_is_added_to_a_penalty(void **state)
{
    struct rand rand;
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    tulle__rand_init(&rand, 5);
    for (int i = 0; i < 1000; i++) {
        int64_t penalty = tulle__breaker_penalty(&config, 2, rand_next(&rand));

        least = penalty < least ? penalty : least;
        most = penalty > most ? penalty : most;
    }
    assert_in_range(least, 2000 * NS_PER_MS, 2010 * NS_PER_MS);
    assert_in_range(most, 2990 * NS_PER_MS, 3000 * NS_PER_MS);
    config.max_penalty_ns = 2100 * NS_PER_MS;
    assert_int_equal(tulle__breaker_penalty(&config, 2, UINT64_MAX), 2100 * NS_PER_MS);
}

struct hammer {
    struct thread thread;
    bool success;
};

static void hammer_run(void *user)
{
    const struct hammer *hammer = user;

    for (int i = 0; i < ROUNDS; i++) {
        tulle__breaker_add(&breaker, &config, hammer->success, NS_PER_S + i);
    }
}

/* Run under TSan, too. */
static void loops_count_into_one_window_and_nothing_is_lost(void **state)
{
    struct hammer hammers[THREADS] = { { .success = true }, { .success = false } };
    struct breaker_sum sum;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_true(tulle__thread_start(&hammers[i].thread, "hammer", hammer_run, &hammers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        tulle__thread_join(&hammers[i].thread);
    }
    sum = add(true, 1000);
    assert_int_equal(sum.requests, 2 * ROUNDS + 1);
    assert_int_equal(sum.successes, ROUNDS + 1);
}

#define BREAKER_TEST(test) cmocka_unit_test_setup(test, setup)

TEST_MAIN(BREAKER_TEST(it_holds_until_there_are_requests_enough),
          BREAKER_TEST(a_success_may_be_the_request_that_makes_them_enough),
          BREAKER_TEST(exactly_the_rate_asked_for_is_enough),
          BREAKER_TEST(with_no_least_number_the_first_failure_trips),
          BREAKER_TEST(what_is_older_than_the_window_does_not_count),
          BREAKER_TEST(the_rate_of_requests_does_not_matter),
          BREAKER_TEST(a_clock_that_is_behind_loses_nothing),
          BREAKER_TEST(old_slices_never_look_young), BREAKER_TEST(a_full_slice_keeps_its_rate),
          BREAKER_TEST(a_window_may_be_shorter_than_ten_nanoseconds),
          BREAKER_TEST(penalties_double_up_to_the_most), BREAKER_TEST(jitter_is_added_to_a_penalty),
          BREAKER_TEST(loops_count_into_one_window_and_nothing_is_lost))
