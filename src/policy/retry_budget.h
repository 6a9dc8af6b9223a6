/* SPDX-License-Identifier: Apache-2.0 */

/* A retry budget lets retries follow traffic instead of multiplying it.
 *
 * Every call pays a share of a retry in; every retry takes one out; time pays
 * in a reserve, so that a quiet client can retry at all: ten seconds of it are
 * there at the start and are all that time ever pays up to. What calls paid in
 * above that fades with a time constant of ten seconds, as Finagle's deposits
 * expire after ten (service/RetryBudget: ttl 10 s, 20 %, 10 a second).
 *
 * Amounts are thousandths of a retry: no floating point, and balance and clock
 * fit one word, which many loops change by compare-and-swap around these steps.
 * A word of 0 is a full reserve. */

#ifndef TULLE_POLICY_RETRY_BUDGET_H
#define TULLE_POLICY_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/word.h"
#include "model/cluster.h"

uint64_t tulle__retry_budget_deposit(uint64_t word, const struct budget_config *config,
                                     uint32_t now_ms);
/* False: the balance is below one retry; `*word` has its new clock all the same. */
bool tulle__retry_budget_withdraw(uint64_t *word, const struct budget_config *config,
                                  uint32_t now_ms);
/* In thousandths of a retry. */
uint32_t tulle__retry_budget_balance(uint64_t word, const struct budget_config *config,
                                     uint32_t now_ms);

/* --- of a word that many loops share --- */

static inline bool retry_budget_deposit_step(uint64_t *word, const void *config, uint32_t now_ms)
{
    *word = tulle__retry_budget_deposit(*word, config, now_ms);
    return true;
}

static inline bool retry_budget_withdraw_step(uint64_t *word, const void *config, uint32_t now_ms)
{
    return tulle__retry_budget_withdraw(word, config, now_ms);
}

static inline void retry_budget_pay(atomic_uint_least64_t *word, const struct budget_config *config,
                                    uint32_t now_ms)
{
    (void)word_change(word, retry_budget_deposit_step, config, now_ms);
}

/* False: there is less than one retry in it. */
static inline bool retry_budget_take(atomic_uint_least64_t *word,
                                     const struct budget_config *config, uint32_t now_ms)
{
    return word_change(word, retry_budget_withdraw_step, config, now_ms);
}

#endif
