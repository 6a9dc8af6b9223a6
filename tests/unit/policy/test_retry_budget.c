/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "policy/retry_budget.h"

static const struct budget_config config = { .permille = 200, .reserve_per_s = 10 };

static int withdraw_all(uint64_t *word, uint32_t now_ms)
{
    int granted = 0;

    while (tulle__retry_budget_withdraw(word, &config, now_ms)) {
        granted++;
    }
    return granted;
}

static void a_new_budget_holds_ten_seconds_of_reserve(void **state)
{
    uint64_t word = 0;

    (void)state;
    assert_int_equal(withdraw_all(&word, 5000), 100);
}

static void time_pays_the_reserve_and_no_more_than_ten_seconds_of_it(void **state)
{
    uint64_t word = 0;

    (void)state;
    withdraw_all(&word, 5000);
    assert_int_equal(withdraw_all(&word, 5000 + 1000), 10);
    assert_int_equal(withdraw_all(&word, 6000 + 3600000), 100);
}

static void five_calls_pay_one_retry(void **state)
{
    uint64_t word = 0;

    (void)state;
    withdraw_all(&word, 5000);
    for (int i = 0; i < 50; i++) {
        word = tulle__retry_budget_deposit(word, &config, 5000);
    }
    assert_int_equal(withdraw_all(&word, 5000), 10);
}

static void under_steady_traffic_a_fifth_of_ten_seconds_is_there(void **state)
{
    uint64_t word = 0;
    uint32_t now = 5000;

    (void)state;
    for (int i = 0; i < 60000; i++, now++) {
        word = tulle__retry_budget_deposit(word, &config, now);
        word = tulle__retry_budget_deposit(word, &config, now);
    }
    /* 2,000 calls a second: a reserve of 100, and 0.2 * 2,000 * 10 = 4,000 that fade. */
    assert_in_range(tulle__retry_budget_balance(word, &config, now) / 1000, 3900, 4110);
}

static void what_calls_paid_fades_when_they_stop(void **state)
{
    uint64_t word = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        word = tulle__retry_budget_deposit(word, &config, 5000);
    }
    assert_int_equal(tulle__retry_budget_balance(word, &config, 5000) / 1000, 2100);
    assert_int_equal(tulle__retry_budget_balance(word, &config, 15000) / 1000, 100);
}

static void the_clock_may_wrap(void **state)
{
    uint64_t word = 0;

    (void)state;
    withdraw_all(&word, UINT32_MAX - 499);
    assert_int_equal(withdraw_all(&word, 500), 10);
}

/* Loops read the clock once a round: what one does now may be dated before what
 * another did a moment ago. */
static void a_loop_whose_round_began_earlier_neither_fills_nor_empties_it(void **state)
{
    uint64_t word = 0;

    (void)state;
    withdraw_all(&word, 5000);
    for (uint32_t i = 0; i < 1000; i++) {
        word = tulle__retry_budget_deposit(word, &(struct budget_config){ .reserve_per_s = 10 },
                                           5000 - i % 2);
    }
    assert_int_equal(tulle__retry_budget_balance(word, &config, 5000), 0);
    word = tulle__retry_budget_deposit(word, &config, 6000);
    assert_in_range(tulle__retry_budget_balance(word, &config, 5000), 10000, 10200);
}

static void retries_never_exceed_a_fifth_of_calls_and_the_reserve(void **state)
{
    uint64_t word = 0;
    uint32_t now = 5000;
    int granted = 0;

    (void)state;
    for (int i = 0; i < 30000; i++, now++) {
        word = tulle__retry_budget_deposit(word, &config, now);
        granted += tulle__retry_budget_withdraw(&word, &config, now) ? 1 : 0;
    }
    assert_in_range(granted, 6000, 6000 + 300 + 100);
}

TEST_MAIN(cmocka_unit_test(a_new_budget_holds_ten_seconds_of_reserve),
          cmocka_unit_test(time_pays_the_reserve_and_no_more_than_ten_seconds_of_it),
          cmocka_unit_test(five_calls_pay_one_retry),
          cmocka_unit_test(under_steady_traffic_a_fifth_of_ten_seconds_is_there),
          cmocka_unit_test(what_calls_paid_fades_when_they_stop),
          cmocka_unit_test(the_clock_may_wrap),
          cmocka_unit_test(a_loop_whose_round_began_earlier_neither_fills_nor_empties_it),
          cmocka_unit_test(retries_never_exceed_a_fifth_of_calls_and_the_reserve))
