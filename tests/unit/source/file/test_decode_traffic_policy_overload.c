/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include "model/defaults.h"

static void what_is_there_has_its_defaults(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "adaptiveConcurrency: {}\nadmissionControl: {}\n"
                             "adaptiveThrottling: {}\nlimits: {}\npreconnect: {}");

    (void)state;
    assert_memory_equal(&policy->adaptive, &tulle__adaptive_default, sizeof(policy->adaptive));
    assert_memory_equal(&policy->admission, &tulle__admission_default, sizeof(policy->admission));
    assert_memory_equal(&policy->throttling, &tulle__throttling_default,
                        sizeof(policy->throttling));
    assert_memory_equal(&policy->limits, &tulle__limits_default, sizeof(policy->limits));
    assert_memory_equal(&policy->preconnect, &tulle__preconnect_default,
                        sizeof(policy->preconnect));
    readout_fini(&out);
}

static void every_field_of_the_gradient_is_read(void **state)
{
    struct readout out;
    const struct adaptive_concurrency_config *adaptive =
        &readout_policy(&out, "adaptiveConcurrency: {sampleAggregatePercentile: 90,\n"
                              "  concurrencyLimitParams: {maxConcurrencyLimit: 10,\n"
                              "    concurrencyUpdateInterval: 200ms},\n"
                              "  minRttCalcParams: {interval: 30s, requestCount: 20, jitter: 10,\n"
                              "    minConcurrency: 4, buffer: 12.5}}")
             ->adaptive;

    (void)state;
    assert_int_equal(adaptive->percentile, 900);
    assert_int_equal(adaptive->max_concurrency, 10);
    assert_int_equal(adaptive->update_ns, 200 * NS_PER_MS);
    assert_int_equal(adaptive->min_rtt_interval_ns, 30 * NS_PER_S);
    assert_int_equal(adaptive->min_rtt_requests, 20);
    assert_int_equal(adaptive->jitter, 100);
    assert_int_equal(adaptive->min_concurrency, 4);
    assert_int_equal(adaptive->buffer, 125);
    readout_fini(&out);
}

static void every_field_of_shedding_is_read(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "admissionControl: {samplingWindow: 10s, srThreshold: 90,\n"
                             "  aggression: 1.5, maxRejectionProbability: 95,\n"
                             "  rpsThreshold: 5}\n"
                             "adaptiveThrottling: {factor: 1.1, window: 60s}");

    (void)state;
    assert_int_equal(policy->admission.window_ns, 10 * NS_PER_S);
    assert_int_equal(policy->admission.threshold, 900);
    assert_int_equal(policy->admission.aggression, 1500);
    assert_int_equal(policy->admission.max_rejection, 950);
    assert_int_equal(policy->admission.rps_threshold, 5);
    assert_int_equal(policy->throttling.factor, 1100);
    assert_int_equal(policy->throttling.window_ns, 60 * NS_PER_S);
    readout_fini(&out);
}

static void limits_and_connections_are_read(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "limits: {perEndpointRequests: 8, perEndpointConnections: 2}\n"
                             "preconnect: {perEndpoint: 1.5, warm: 1}");

    (void)state;
    assert_int_equal(policy->limits.max_connections, LIMIT_NONE);
    assert_int_equal(policy->limits.endpoint_max_requests, 8);
    assert_int_equal(policy->limits.endpoint_max_connections, 2);
    assert_int_equal(policy->limits.max_requests, LIMIT_NONE);
    assert_int_equal(policy->preconnect.per_endpoint, 1500);
    assert_int_equal(policy->preconnect.warm, 1);
    readout_fini(&out);
    policy = readout_policy(&out, "limits: {maxConnections: 3, maxPendingRequests: 0,\n"
                                  "  maxRequests: 4, maxRetries: 0}");
    assert_int_equal(policy->limits.max_connections, 3);
    assert_int_equal(policy->limits.max_pending, 0);
    assert_int_equal(policy->limits.max_requests, 4);
    assert_int_equal(policy->limits.max_retries, 0);
    assert_int_equal(policy->limits.endpoint_max_requests, LIMIT_NONE);
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "adaptiveConcurrency: {concurrencyLimitParams: {maxConcurrencyLimit: 2}}",
          "6:24: minConcurrency must not be over maxConcurrencyLimit" },
        { "adaptiveConcurrency: {jitter: 2}", "6:25: unknown field \"jitter\"" },
        { "admissionControl: {aggression: 0.9}",
          "6:34: aggression must be a number between 1 and 1000, in steps of 0.001" },
        { "admissionControl: {srThreshold: 0}",
          "6:35: srThreshold must be a number between 0.1 and 100, in steps of 0.1" },
        { "adaptiveThrottling: {window: 10ms}",
          "6:32: window must be at least 1000ms, not \"10ms\"" },
        { "limits: {perEndpointRequests: 0}",
          "6:33: perEndpointRequests must be between 1 and 1000000, not 0" },
        { "preconnect: {perEndpoint: 3.5}",
          "6:29: perEndpoint must be a number between 1 and 3, in steps of 0.001" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_policy_mistake(cases[i].spec, cases[i].line);
    }
}

TEST_MAIN(cmocka_unit_test(what_is_there_has_its_defaults),
          cmocka_unit_test(every_field_of_the_gradient_is_read),
          cmocka_unit_test(every_field_of_shedding_is_read),
          cmocka_unit_test(limits_and_connections_are_read),
          cmocka_unit_test(what_is_wrong_is_told))
