/* SPDX-License-Identifier: Apache-2.0 */

/* Every order of three threads with four operations each, on what they share in
 * one word. Each answer must be one that some order of whole operations gives. */

#include "harness/interleave.h"

#include "base/macros.h"
#include "base/word.h"
#include "endpoint/breaker.h"
#include "harness/test.h"
#include "policy/retry_budget.h"

/* --- a count with a limit --- */

enum { MAX = 2 };

struct counted {
    atomic_uint count;
    unsigned orders, most, refused;
};

static uint64_t count_get(void *user)
{
    return *&((struct counted *)user)->count;
}

static void count_set(void *user, uint64_t word)
{
    ((struct counted *)user)->count = (unsigned)word;
}

/* Take, give, take, give; only what was taken is given. */
static bool take_or_give(void *user, int thread, int i, unsigned answers)
{
    struct counted *counted = user;

    (void)thread;
    if (i % 2 == 0) {
        return word_take(&counted->count, MAX);
    }
    if (answers & 1U << (i - 1)) {
        word_give(&counted->count);
    }
    return false;
}

static void count_is_in_bounds(void *user, uint64_t word, const unsigned *answers)
{
    struct counted *counted = user;

    (void)answers;
    assert_in_range(word, 0, MAX);
    counted->most = word > counted->most ? (unsigned)word : counted->most;
}

static void count_is_given_back(void *user, uint64_t word, const unsigned *answers)
{
    struct counted *counted = user;

    assert_int_equal(word, 0);
    counted->orders++;
    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        counted->refused += (answers[i] & 5) != 5;
    }
}

static void a_count_is_never_over_its_limit_in_any_order(void **state)
{
    struct counted counted = { 0 };
    const struct interleave run = { count_get,          count_set,           take_or_give,
                                    count_is_in_bounds, count_is_given_back, &counted };

    (void)state;
    assert_true(interleave_run(&run) > 1000);
    assert_true(counted.orders > 1);
    assert_int_equal(counted.most, MAX);
    assert_true(counted.refused > 0);
}

/* --- a retry budget --- */

static const struct budget_config half = { .permille = 500, .reserve_per_s = 0 };

struct budgeted {
    atomic_uint_least64_t word;
    unsigned granted_least, granted_most;
};

static uint64_t budget_get(void *user)
{
    return *&((struct budgeted *)user)->word;
}

static void budget_set(void *user, uint64_t word)
{
    ((struct budgeted *)user)->word = word;
}

/* Two calls, then two retries; the clocks of the threads differ by a millisecond. */
static bool call_or_retry(void *user, int thread, int i, unsigned answers)
{
    struct budgeted *budgeted = user;

    (void)answers;
    if (i >= 2) {
        return retry_budget_take(&budgeted->word, &half, 1000 + (uint32_t)thread % 2);
    }
    retry_budget_pay(&budgeted->word, &half, 1000 + (uint32_t)thread % 2);
    return false;
}

static unsigned granted_of(const unsigned *answers)
{
    unsigned granted = 0;

    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        granted += (unsigned)__builtin_popcount(answers[i]);
    }
    return granted;
}

static void budget_covers(void *user, uint64_t word, const unsigned *answers)
{
    (void)user, (void)word;
    assert_in_range(granted_of(answers), 0, 3);
}

static void budget_adds_up(void *user, uint64_t word, const unsigned *answers)
{
    struct budgeted *budgeted = user;
    unsigned granted = granted_of(answers);
    uint32_t left = tulle__retry_budget_balance(word, &half, 1001);

    /* Six halves were paid in; a millisecond may fade a thousandth a balance. */
    assert_in_range(left + granted * 1000, 3000 - 12, 3000);
    budgeted->granted_least = granted < budgeted->granted_least ? granted : budgeted->granted_least;
    budgeted->granted_most = granted > budgeted->granted_most ? granted : budgeted->granted_most;
}

static void a_budget_gives_what_was_paid_in_and_no_more_in_any_order(void **state)
{
    struct budgeted budgeted = { .granted_least = 100 };
    const struct interleave run = { budget_get,    budget_set,     call_or_retry,
                                    budget_covers, budget_adds_up, &budgeted };

    (void)state;
    budgeted.word = tulle__retry_budget_deposit(0, &half, 1000);
    budgeted.word = 1000; /* nothing in it, at 1 s */
    assert_true(interleave_run(&run) > 1000);
    assert_in_range(budgeted.granted_least, 1, 3);
    assert_int_equal(budgeted.granted_most, 3);
}

/* --- a hedge budget --- */

/* A call, a hedge, what it cost given back if it came to nothing, another hedge
 * (policy/hedge.c). */
static bool call_or_hedge(void *user, int thread, int i, unsigned answers)
{
    static const struct budget_config whole = { .permille = 1000 };
    struct budgeted *budgeted = user;

    (void)thread;
    if (i % 2 == 1) {
        return retry_budget_take(&budgeted->word, &half, 1000);
    }
    if (i == 0 || answers & 1U << 1) {
        retry_budget_pay(&budgeted->word, i == 0 ? &half : &whole, 1000);
        return true;
    }
    return false;
}

static unsigned count_of(const unsigned *answers, int i)
{
    unsigned count = 0;

    for (int thread = 0; thread < INTERLEAVE_THREADS; thread++) {
        count += answers[thread] >> i & 1;
    }
    return count;
}

static void hedges_are_covered(void *user, uint64_t word, const unsigned *answers)
{
    unsigned paid = 500 * count_of(answers, 0) + 1000 * count_of(answers, 2);

    (void)user;
    assert_int_equal(tulle__retry_budget_balance(word, &half, 1000) +
                         1000 * (count_of(answers, 1) + count_of(answers, 3)),
                     paid);
}

static void hedges_add_up(void *user, uint64_t word, const unsigned *answers)
{
    struct budgeted *budgeted = user;
    unsigned granted = count_of(answers, 1) + count_of(answers, 3);

    hedges_are_covered(user, word, answers);
    budgeted->granted_least = granted < budgeted->granted_least ? granted : budgeted->granted_least;
    budgeted->granted_most = granted > budgeted->granted_most ? granted : budgeted->granted_most;
}

static void what_is_given_back_can_be_taken_again_in_any_order(void **state)
{
    struct budgeted budgeted = { .word = 1000, .granted_least = 100 };
    const struct interleave run = { budget_get,         budget_set,    call_or_hedge,
                                    hedges_are_covered, hedges_add_up, &budgeted };

    (void)state;
    assert_true(interleave_run(&run) > 1000);
    /* Of one and a half: once, or three times with each given back and taken again. */
    assert_int_equal(budgeted.granted_least, 1);
    assert_int_equal(budgeted.granted_most, 4);
}

/* --- the next instant of something --- */

static uint64_t instant_get(void *user)
{
    return (uint64_t) * (atomic_int_least64_t *)user;
}

static void instant_set(void *user, uint64_t word)
{
    *(atomic_int_least64_t *)user = (int64_t)word;
}

static bool bring_forward(void *user, int thread, int i, unsigned answers)
{
    static const int64_t wanted[INTERLEAVE_THREADS][INTERLEAVE_OPERATIONS] = {
        { 90, 50, 70, 40 }, { 95, 30, 20, 60 }, { 80, 25, 200, 45 }
    };

    (void)answers;
    word_lower(user, wanted[thread][i]);
    return false;
}

static void the_earliest_stands(void *user, uint64_t word, const unsigned *answers)
{
    (void)user, (void)answers;
    assert_int_equal(word, 20);
}

static void the_earliest_instant_stands_in_any_order(void **state)
{
    atomic_int_least64_t instant = 100;
    const struct interleave run = { instant_get, instant_set,         bring_forward,
                                    NULL,        the_earliest_stands, &instant };

    (void)state;
    assert_true(interleave_run(&run) > 1000);
}

/* --- a slice of the breaker's window --- */

enum { NUMBER = 40 };

struct sliced {
    atomic_uint_least64_t word;
    bool one_is_ahead;
    unsigned ends;
};

static uint64_t slice_get(void *user)
{
    return *&((struct sliced *)user)->word;
}

static void slice_set(void *user, uint64_t word)
{
    ((struct sliced *)user)->word = word;
}

static bool slice_step(uint64_t *slice, const void *success, uint32_t number)
{
    *slice = tulle__breaker_slice_add(*slice, number, *(const bool *)success);
    return true;
}

/* A success, a failure, a success, a failure; one thread's clock may be a window ahead. */
static bool sample(void *user, int thread, int i, unsigned answers)
{
    struct sliced *sliced = user;
    const bool success = i % 2 == 0;
    uint32_t ahead = sliced->one_is_ahead && thread == 0 ? BREAKER_SLICES : 0;

    (void)answers;
    return word_change(&sliced->word, slice_step, &success, NUMBER + ahead);
}

static uint64_t slice_of(uint32_t number, int requests, int successes)
{
    uint64_t slice = 0;

    for (int i = 0; i < requests; i++) {
        slice = tulle__breaker_slice_add(slice, number, i < successes);
    }
    return slice;
}

/* The newest slice has at least what the newest clock counted. */
static void no_sample_is_lost(void *user, uint64_t word, const unsigned *answers)
{
    struct sliced *sliced = user;
    bool found = false;

    (void)answers;
    sliced->ends++;
    if (!sliced->one_is_ahead) {
        assert_true(word == slice_of(NUMBER, 12, 6));
        return;
    }
    for (int successes = 2; successes <= 6; successes++) {
        for (int failures = 2; failures <= 6; failures++) {
            found =
                found || word == slice_of(NUMBER + BREAKER_SLICES, successes + failures, successes);
        }
    }
    assert_true(found);
}

static void a_slice_counts_every_sample_in_any_order(void **state)
{
    (void)state;
    for (int ahead = 0; ahead <= 1; ahead++) {
        struct sliced sliced = { .one_is_ahead = ahead };
        const struct interleave run = { slice_get, slice_set,         sample,
                                        NULL,      no_sample_is_lost, &sliced };

        assert_true(interleave_run(&run) > 1000);
        assert_true(sliced.ends > 0);
    }
}

TEST_MAIN(cmocka_unit_test(a_count_is_never_over_its_limit_in_any_order),
          cmocka_unit_test(a_budget_gives_what_was_paid_in_and_no_more_in_any_order),
          cmocka_unit_test(what_is_given_back_can_be_taken_again_in_any_order),
          cmocka_unit_test(the_earliest_instant_stands_in_any_order),
          cmocka_unit_test(a_slice_counts_every_sample_in_any_order))
