/* SPDX-License-Identifier: Apache-2.0 */

/* Every order of three threads with four operations each, on what they share in
 * one word. Each answer must be one that some order of whole operations gives. */

#include "harness/interleave.h"

#include "base/macros.h"
#include "base/word.h"
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

static bool deposit(uint64_t *word, const void *config, uint32_t now_ms)
{
    *word = tulle__retry_budget_deposit(*word, config, now_ms);
    return false;
}

static bool withdraw(uint64_t *word, const void *config, uint32_t now_ms)
{
    return tulle__retry_budget_withdraw(word, config, now_ms);
}

/* Two calls, then two retries; the clocks of the threads differ by a millisecond. */
static bool call_or_retry(void *user, int thread, int i, unsigned answers)
{
    struct budgeted *budgeted = user;

    (void)answers;
    return word_change(&budgeted->word, i < 2 ? deposit : withdraw, &half,
                       1000 + (uint32_t)thread % 2);
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

TEST_MAIN(cmocka_unit_test(a_count_is_never_over_its_limit_in_any_order),
          cmocka_unit_test(a_budget_gives_what_was_paid_in_and_no_more_in_any_order))
