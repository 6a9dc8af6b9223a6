/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include "model/defaults.h"

static void what_is_not_said_is_default(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "retry: {}\nretryBudget: {}\nhedge: {}");

    (void)state;
    assert_memory_equal(&policy->retry, &tulle__retry_default, sizeof(policy->retry));
    assert_memory_equal(&policy->budget, &tulle__budget_default, sizeof(policy->budget));
    assert_memory_equal(&policy->hedge, &tulle__hedge_default, sizeof(policy->hedge));
    readout_fini(&out);
}

static void every_field_of_a_retry_is_read(void **state)
{
    struct readout out;
    const struct retry_more *retry =
        &readout_policy(&out, "retry: {retryOn: \"5xx, 429, reset\", perTryIdleTimeout: 2s,\n"
                              "  retriableHeaders: \"X-Again , x-later\",\n"
                              "  backOff: {baseInterval: 10ms, maxInterval: 20ms},\n"
                              "  rateLimitedRetryBackOff: {maxInterval: 0s},\n"
                              "  hostSelectionRetryMaxAttempts: 3, previousHosts: false,\n"
                              "  previousPriorities: {updateFrequency: 2},\n"
                              "  includeAttemptCount: false}")
             ->retry;

    (void)state;
    assert_int_equal(retry->also, RETRY_ON_5XX | RETRY_ON_RESET | RETRY_ON_STATUS_CODES);
    assert_int_equal(retry->status_count, 1);
    assert_int_equal(retry->statuses[0], 429);
    assert_int_equal(retry->header_count, 2);
    assert_true(str_equal(retry->headers[0], STR("x-again")));
    assert_true(str_equal(retry->headers[1], STR("x-later")));
    assert_int_equal(retry->per_try_idle_ns, 2 * NS_PER_S);
    assert_true(retry->has_backoff);
    assert_int_equal(retry->backoff_base_ns, 10 * NS_PER_MS);
    assert_int_equal(retry->backoff_max_ns, 20 * NS_PER_MS);
    assert_int_equal(retry->retry_after_max_ns, 0);
    assert_int_equal(retry->host_attempts, 3);
    assert_true(retry->any_host);
    assert_int_equal(retry->priority_update, 2);
    assert_false(retry->attempt_count);
    readout_fini(&out);
    retry =
        &readout_policy(&out, "retry: {previousHosts: true, backOff: {baseInterval: 1s}}")->retry;
    assert_false(retry->any_host);
    assert_int_equal(retry->backoff_max_ns, 10 * NS_PER_S);
    readout_fini(&out);
}

static void every_field_of_a_budget_is_read(void **state)
{
    struct readout out;
    const struct traffic_policy *policy = readout_policy(
        &out, "retryBudget: {percent: 12.5, minRetriesPerSecond: 3, unlimited: true,\n"
              "  budgetPercent: 30, minRetryConcurrency: 4}\n"
              "hedge: {percentile: 99.5, minDelay: 5ms, budgetPercent: 5,\n"
              "  maxHedges: 2}");

    (void)state;
    assert_int_equal(policy->budget.permille, 125);
    assert_int_equal(policy->budget.reserve_per_s, 3);
    assert_true(policy->budget.unlimited);
    assert_int_equal(policy->budget.concurrency, 300);
    assert_int_equal(policy->budget.min_concurrency, 4);
    assert_int_equal(policy->hedge.percentile, 995);
    assert_int_equal(policy->hedge.min_delay_ns, 5 * NS_PER_MS);
    assert_int_equal(policy->hedge.budget, 50);
    assert_int_equal(policy->hedge.max_hedges, 2);
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "retry: {retryOn: 5xy}",
          "6:20: unknown retryOn condition \"5xy\"; did you mean \"5xx\"?" },
        { "retry: {retryOn: \"600\"}", "6:20: retryOn: 600 is no status code, or one too many" },
        { "retry: {retriableHeaders: \"a,,b\"}", "6:29: \"\" is no name of a header" },
        { "retry: {retriableHeaders: \"a b\"}", "6:29: \"a b\" is no name of a header" },
        { "retry: {retriableHeaders: [a]}", "6:29: retriableHeaders must be a text" },
        { "retry: {retryOn: [reset]}",
          "6:20: retryOn must be a text, its conditions split by commas" },
        { "retry: {backOff: {baseInterval: 2s, maxInterval: 1s}}",
          "6:20: baseInterval must not be over maxInterval" },
        { "retry: {previousPriorities: {}}",
          "6:31: previousPriorities must have an updateFrequency" },
        { "retry: {hostSelectionRetryMaxAttempts: 0}",
          "6:42: hostSelectionRetryMaxAttempts must be between 1 and 100, not 0" },
        { "retry: {previousHosts: 1}", "6:26: previousHosts must be true or false" },
        { "retryBudget: {percent: 100.1}",
          "6:26: percent must be a number between 0 and 100, in steps of 0.1" },
        { "retryBudget: {percent: 1.25}",
          "6:26: percent must be a number between 0 and 100, in steps of 0.1" },
        { "retryBudget: {percent: many}",
          "6:26: percent must be a number between 0 and 100, in steps of 0.1" },
        { "retryBudget: {percent: 1.}",
          "6:26: percent must be a number between 0 and 100, in steps of 0.1" },
        { "retryBudget: {percent: \"20\"}",
          "6:26: percent must be a number between 0 and 100, in steps of 0.1" },
        { "hedge: {percentile: 100}",
          "6:23: percentile must be a number between 10 and 99.9, in steps of 0.1" },
        { "hedge: {maxHedges: 0}", "6:22: maxHedges must be between 1 and 10, not 0" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_policy_mistake(cases[i].spec, cases[i].line);
    }
}

TEST_MAIN(cmocka_unit_test(what_is_not_said_is_default),
          cmocka_unit_test(every_field_of_a_retry_is_read),
          cmocka_unit_test(every_field_of_a_budget_is_read),
          cmocka_unit_test(what_is_wrong_is_told))
