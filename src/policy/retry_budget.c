/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/retry_budget.h"

enum { ONE_RETRY = 1000, WINDOW_S = 10, WINDOW_MS = 10000 };

static uint64_t budget_word(uint64_t balance, uint32_t clock_ms)
{
    uint64_t fits = balance < UINT32_MAX ? balance : UINT32_MAX;

    return fits << 32 | clock_ms;
}

static uint64_t budget_balance(uint64_t word)
{
    return word >> 32;
}

static uint64_t excess_left(uint64_t excess, uint32_t elapsed_ms)
{
    uint64_t faded = (excess * elapsed_ms + WINDOW_MS - 1) / WINDOW_MS;

    return faded < excess ? excess - faded : 0;
}

static uint64_t budget_refill(uint64_t word, const struct budget_config *config, uint32_t now_ms)
{
    uint64_t reserve = (uint64_t)config->reserve_per_s * ONE_RETRY * WINDOW_S;
    uint32_t elapsed_ms = now_ms - (uint32_t)word;
    uint64_t balance = budget_balance(word);

    if (word == 0) {
        return budget_word(reserve, now_ms);
    }
    /* Another loop's round began later than this one's: its clock stands. */
    if (elapsed_ms > INT32_MAX) {
        return word;
    }
    if (balance > reserve) {
        return budget_word(reserve + excess_left(balance - reserve, elapsed_ms), now_ms);
    }
    balance += (uint64_t)config->reserve_per_s * elapsed_ms;
    return budget_word(balance < reserve ? balance : reserve, now_ms);
}

uint64_t tulle__retry_budget_deposit(uint64_t word, const struct budget_config *config,
                                     uint32_t now_ms)
{
    uint64_t filled = budget_refill(word, config, now_ms);

    return budget_word(budget_balance(filled) + config->permille, (uint32_t)filled);
}

bool tulle__retry_budget_withdraw(uint64_t *word, const struct budget_config *config,
                                  uint32_t now_ms)
{
    uint64_t filled = budget_refill(*word, config, now_ms);

    if (budget_balance(filled) < ONE_RETRY) {
        *word = filled;
        return false;
    }
    *word = budget_word(budget_balance(filled) - ONE_RETRY, (uint32_t)filled);
    return true;
}

uint32_t tulle__retry_budget_balance(uint64_t word, const struct budget_config *config,
                                     uint32_t now_ms)
{
    return (uint32_t)budget_balance(budget_refill(word, config, now_ms));
}
