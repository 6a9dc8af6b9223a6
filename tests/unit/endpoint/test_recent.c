/* SPDX-License-Identifier: Apache-2.0 */

/* What a window holds, tick by tick. */

#include "harness/interleave.h"

#include "endpoint/recent.h"

#include <pthread.h>

#include "harness/test.h"

static void sum_is(struct recent *recent, uint16_t tick, uint64_t all, uint64_t good)
{
    struct recent_sum sum = tulle__recent_read(recent, tick);

    assert_int_equal(sum.all, all);
    assert_int_equal(sum.good, good);
}

static void a_tick_counts_for_thirty_ticks(void **state)
{
    struct recent recent = { 0 };

    (void)state;
    sum_is(&recent, 7, 0, 0);
    tulle__recent_add(&recent, 7, 1, 1);
    tulle__recent_add(&recent, 7, 1, 0);
    sum_is(&recent, 7, 2, 1);
    tulle__recent_add(&recent, 8, 1, 1);
    sum_is(&recent, 8, 3, 2);
    sum_is(&recent, 36, 3, 2);
    sum_is(&recent, 37, 1, 1);
    sum_is(&recent, 38, 0, 0);
}

static void the_age_of_the_first_is_known(void **state)
{
    struct recent recent = { 0 };

    (void)state;
    assert_int_equal(tulle__recent_read(&recent, 50).ticks, 0);
    tulle__recent_add(&recent, 50, 1, 1);
    assert_int_equal(tulle__recent_read(&recent, 50).ticks, 0);
    assert_int_equal(tulle__recent_read(&recent, 59).ticks, 9);
    tulle__recent_add(&recent, 60, 1, 1);
    assert_int_equal(tulle__recent_read(&recent, 79).ticks, 29);
    assert_int_equal(tulle__recent_read(&recent, 80).ticks, 20);
}

static void a_clock_that_is_behind_counts_into_the_newest_tick(void **state)
{
    struct recent recent = { 0 };

    (void)state;
    tulle__recent_add(&recent, 10, 1, 0);
    tulle__recent_add(&recent, 9, 1, 0);
    sum_is(&recent, 9, 2, 0);
    sum_is(&recent, 10, 2, 0);
    sum_is(&recent, 39, 2, 0);
    sum_is(&recent, 40, 0, 0);
}

static void ticks_may_wrap_around(void **state)
{
    struct recent recent = { 0 };

    (void)state;
    for (unsigned tick = 65500; tick < 65600; tick++) {
        tulle__recent_add(&recent, (uint16_t)tick, 1, 1);
        sum_is(&recent, (uint16_t)tick, tick < 65530 ? tick - 65499 : 30,
               tick < 65530 ? tick - 65499 : 30);
    }
}

static void who_was_idle_for_however_long_begins_anew(void **state)
{
    static const unsigned pauses[] = { 30, 1000, 32000, 33000, 60000, 65000 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        struct recent recent = { 0 };

        tulle__recent_add(&recent, 100, 5, 5);
        sum_is(&recent, (uint16_t)(100 + pauses[i]), 0, 0);
        tulle__recent_add(&recent, (uint16_t)(100 + pauses[i]), 1, 0);
        sum_is(&recent, (uint16_t)(100 + pauses[i]), 1, 0);
    }
}

static void a_tick_that_is_full_stays_full(void **state)
{
    struct recent recent = { 0 };

    (void)state;
    tulle__recent_add(&recent, 1, RECENT_MOST - 1, 3);
    tulle__recent_add(&recent, 1, 5, 0);
    sum_is(&recent, 1, RECENT_MOST, 3);
}

/* --- every order of three threads on a tick --- */

struct counted_ticks {
    atomic_uint_least64_t now;
    unsigned orders, early, late;
};

static uint64_t recent_get(void *user)
{
    return *&((struct counted_ticks *)user)->now;
}

static void recent_set(void *user, uint64_t word)
{
    ((struct counted_ticks *)user)->now = word;
}

/* Two in tick 10, two in tick 11, one of each pair good. What a count has ended is
 * lost to the harness, which knows one word; it answers whether it was all that
 * tick 10 ever has: two of its six may have come late, into tick 11. */
static bool count_in_ticks(void *user, int thread, int i, unsigned answers)
{
    struct counted_ticks *ticks = user;
    uint64_t over = 0;

    (void)thread, (void)answers;
    return recent_count(&ticks->now, i < 2 ? 10 : 11, 1, (unsigned)i % 2, &over) &&
           recent_tick(over) == 10 && recent_all(over) >= 2;
}

static void a_tick_holds_no_more_than_was_counted(void *user, uint64_t word,
                                                  const unsigned *answers)
{
    (void)user, (void)answers;
    assert_in_range(recent_tick(word), 10, 11);
    assert_in_range(recent_all(word), 0, 10);
    assert_true(recent_good(word) <= recent_all(word));
}

/* One count in all ended tick 10; what came for it later is in tick 11. */
static void ticks_add_up(void *user, uint64_t word, const unsigned *answers)
{
    struct counted_ticks *ticks = user;
    unsigned ended = 0;

    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        ended += (unsigned)__builtin_popcount(answers[i]);
    }
    assert_int_equal(ended, 1);
    assert_int_equal(recent_tick(word), 11);
    assert_in_range(recent_all(word), 6, 10);
    ticks->orders++;
    ticks->early += recent_all(word) == 6;
    ticks->late += recent_all(word) == 10;
}

static void a_tick_is_ended_once_and_loses_nothing_in_any_order(void **state)
{
    struct counted_ticks ticks = { .now = recent_word(10, 0, 0) };
    const struct interleave run = { recent_get,     recent_set,
                                    count_in_ticks, a_tick_holds_no_more_than_was_counted,
                                    ticks_add_up,   &ticks };

    (void)state;
    assert_true(interleave_run(&run) > 1000);
    assert_true(ticks.orders > 1 && ticks.early > 0 && ticks.late > 0);
}

/* --- threads --- */

enum { THREADS = 3, EACH = 100000 };

static void *add_many(void *user)
{
    for (unsigned i = 0; i < EACH; i++) {
        tulle__recent_add(user, 5, 1, i % 2);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    struct recent recent = { 0 };
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &recent), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    sum_is(&recent, 6, (uint64_t)THREADS * EACH, (uint64_t)THREADS * EACH / 2);
}

TEST_MAIN(cmocka_unit_test(a_tick_counts_for_thirty_ticks),
          cmocka_unit_test(the_age_of_the_first_is_known),
          cmocka_unit_test(a_clock_that_is_behind_counts_into_the_newest_tick),
          cmocka_unit_test(ticks_may_wrap_around),
          cmocka_unit_test(who_was_idle_for_however_long_begins_anew),
          cmocka_unit_test(a_tick_that_is_full_stays_full),
          cmocka_unit_test(a_tick_is_ended_once_and_loses_nothing_in_any_order),
          cmocka_unit_test(threads_lose_nothing))
