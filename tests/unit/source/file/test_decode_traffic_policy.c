/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

static void a_traffic_policy_is_read_whole(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "TrafficPolicy",
                      "host: reviews\nsubset: v1\nport: {number: 80}\n"
                      "balancer: {peakEwma: {decayTime: 5s, defaultRtt: 10ms}}\n"
                      "retryBudget: {percent: 12.5, minRetriesPerSecond: 3}\n");
    CHECK_OK(out.error);
    const struct traffic_policy *policy = &readout_resource(&out)->spec.traffic_policy;
    assert_true(str_equal(policy->host.text, STR("reviews")));
    assert_true(str_equal(policy->subset.text, STR("v1")));
    assert_int_equal(policy->port, 80);
    assert_true(policy->has_balancer && policy->has_budget);
    assert_int_equal(policy->balancer.kind, BALANCER_PEAK_EWMA);
    assert_int_equal(policy->balancer.ewma_tau_ns, 5 * NS_PER_S);
    assert_int_equal(policy->balancer.ewma_default_ns, 10 * NS_PER_MS);
    assert_int_equal(policy->budget.permille, 125);
    assert_int_equal(policy->budget.reserve_per_s, 3);
done:
    readout_fini(&out);
}

static void assert_balancer(const char *spec, enum balancer_kind kind, uint32_t choices)
{
    struct readout out;

    readout_read_spec(&out, "TrafficPolicy", spec);
    const struct traffic_policy *policy = &readout_resource(&out)->spec.traffic_policy;
    assert_int_equal(policy->balancer.kind, kind);
    assert_int_equal(policy->balancer.choice_count, choices);
    assert_int_equal(policy->balancer.ewma_tau_ns, 10 * NS_PER_S);
    assert_int_equal(policy->balancer.ewma_default_ns, 30 * NS_PER_MS);
    assert_false(policy->has_budget);
    readout_fini(&out);
}

static void each_balancer_has_its_defaults(void **state)
{
    (void)state;
    assert_balancer("host: a\nbalancer: {leastRequest: {}}", BALANCER_LEAST_REQUEST, 2);
    assert_balancer("host: a\nbalancer: {leastRequest: {choiceCount: 5}}", BALANCER_LEAST_REQUEST,
                    5);
    assert_balancer("host: a\nbalancer: {roundRobin: {}}", BALANCER_ROUND_ROBIN, 2);
    assert_balancer("host: a\nbalancer: {random: {}}", BALANCER_RANDOM, 2);
    assert_balancer("host: a\nbalancer: {peakEwma: {}}", BALANCER_PEAK_EWMA, 2);
}

static void what_is_wrong_is_told(void **state)
{
    static const char one[] =
        "6:13: balancer must be one of leastRequest, roundRobin, random and peakEwma";

    (void)state;
    assert_mistake("TrafficPolicy", "balancer: {random: {}}", "5:3: host must name a host");
    assert_mistake("TrafficPolicy", "host: a",
                   "5:3: it says nothing: balancer or retryBudget must be there");
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {}", one);
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {random: {}, roundRobin: {}}", one);
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {random: }",
                   "6:22: random must be a map; {} takes the defaults");
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {random: {choiceCount: 2}}",
                   "6:23: unknown field \"choiceCount\"");
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {peakEMWA: {}}",
                   "6:14: unknown field \"peakEMWA\"; did you mean \"peakEwma\"?");
    assert_mistake("TrafficPolicy", "host: a\nbalancer: {leastRequest: {choiceCount: 1}}",
                   "6:42: choiceCount must be between 2 and 100, not 1");
    assert_mistake("TrafficPolicy", "host: a\nretryBudget: {percent: 100.1}",
                   "6:26: percent must be a number between 0 and 100, such as 20 or 12.5");
    assert_mistake("TrafficPolicy", "host: a\nretryBudget: {percent: 1.25}",
                   "6:26: percent must be a number between 0 and 100, such as 20 or 12.5");
    assert_mistake("TrafficPolicy", "host: a\nretryBudget: {percent: many}",
                   "6:26: percent must be a number between 0 and 100, such as 20 or 12.5");
}

static void a_budget_has_finagles_defaults(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "TrafficPolicy", "host: a\nretryBudget: {}");
    const struct traffic_policy *policy = &readout_resource(&out)->spec.traffic_policy;
    assert_false(policy->has_balancer);
    assert_int_equal(policy->budget.permille, 200);
    assert_int_equal(policy->budget.reserve_per_s, 10);
    readout_fini(&out);
}

TEST_MAIN(TEST_OOM(a_traffic_policy_is_read_whole),
          cmocka_unit_test(each_balancer_has_its_defaults), cmocka_unit_test(what_is_wrong_is_told),
          cmocka_unit_test(a_budget_has_finagles_defaults))
