/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#include "model/defaults.h"

static void a_detector_has_istios_defaults(void **state)
{
    struct readout out;

    (void)state;
    assert_memory_equal(&readout_policy(&out, "outlierDetection: {}")->outlier,
                        &tulle__outlier_default, sizeof(struct outlier_config));
    readout_fini(&out);
}

static void every_count_of_a_detector_is_read(void **state)
{
    struct readout out;
    const struct outlier_config *outlier =
        &readout_policy(&out,
                        "outlierDetection: {consecutive5xx: 1, consecutiveGatewayFailure: 2,\n"
                        "  consecutiveLocalOriginFailure: 3, enforcingConsecutive5xx: 4,\n"
                        "  enforcingConsecutiveGatewayFailure: 5,\n"
                        "  enforcingConsecutiveLocalOriginFailure: 6,\n"
                        "  enforcingSuccessRate: 7, enforcingLocalOriginSuccessRate: 8,\n"
                        "  successRateMinimumHosts: 9, successRateRequestVolume: 10,\n"
                        "  successRateStdevFactor: 11, enforcingFailurePercentage: 12,\n"
                        "  enforcingFailurePercentageLocalOrigin: 13,\n"
                        "  failurePercentageThreshold: 14,\n"
                        "  failurePercentageMinimumHosts: 15,\n"
                        "  failurePercentageRequestVolume: 16, maxEjectionPercent: 17}")
             ->outlier;

    (void)state;
    assert_int_equal(outlier->consecutive_5xx, 1);
    assert_int_equal(outlier->consecutive_gateway, 2);
    assert_int_equal(outlier->consecutive_local_origin, 3);
    assert_int_equal(outlier->enforcing_5xx, 4);
    assert_int_equal(outlier->enforcing_gateway, 5);
    assert_int_equal(outlier->enforcing_local_origin, 6);
    assert_int_equal(outlier->enforcing_success_rate, 7);
    assert_int_equal(outlier->enforcing_local_success_rate, 8);
    assert_int_equal(outlier->success_rate_min_hosts, 9);
    assert_int_equal(outlier->success_rate_volume, 10);
    assert_int_equal(outlier->success_rate_stdev, 11);
    assert_int_equal(outlier->enforcing_failure_percentage, 12);
    assert_int_equal(outlier->enforcing_local_failure_percentage, 13);
    assert_int_equal(outlier->failure_percentage_threshold, 14);
    assert_int_equal(outlier->failure_percentage_min_hosts, 15);
    assert_int_equal(outlier->failure_percentage_volume, 16);
    assert_int_equal(outlier->max_ejection_percent, 17);
    readout_fini(&out);
}

static void every_time_and_flag_of_a_detector_is_read(void **state)
{
    struct readout out;
    const struct outlier_config *outlier =
        &readout_policy(&out, "outlierDetection: {interval: 1s, baseEjectionTime: 2s,\n"
                              "  maxEjectionTime: 3s, maxEjectionTimeJitter: 4s,\n"
                              "  splitExternalLocalOriginErrors: true, alwaysEjectOneHost: true,\n"
                              "  successfulActiveHealthCheckUnejectHost: false}")
             ->outlier;

    (void)state;
    assert_int_equal(outlier->interval_ns, NS_PER_S);
    assert_int_equal(outlier->base_ejection_ns, 2 * NS_PER_S);
    assert_int_equal(outlier->max_ejection_ns, 3 * NS_PER_S);
    assert_int_equal(outlier->max_ejection_jitter_ns, 4 * NS_PER_S);
    assert_true(outlier->split_local_origin && outlier->always_eject_one);
    assert_false(outlier->check_unejects);
    readout_fini(&out);
    outlier = &readout_policy(&out, "outlierDetection: {baseEjectionTime: 400s}")->outlier;
    assert_int_equal(outlier->max_ejection_ns, 400 * NS_PER_S);
    readout_fini(&out);
}

static void a_breaker_is_off_until_it_is_there(void **state)
{
    struct readout out;
    const struct outlier_config *outlier =
        &readout_policy(&out, "outlierDetection: {breaker: {}, latency: {}}")->outlier;

    (void)state;
    assert_memory_equal(&outlier->breaker, &tulle__breaker_default, sizeof(outlier->breaker));
    assert_memory_equal(&outlier->latency, &tulle__latency_ejection_default,
                        sizeof(outlier->latency));
    readout_fini(&out);
    outlier = &readout_policy(&out, "outlierDetection: {breaker: {successRate: 0.5, window: 20s,\n"
                                    "  minRequests: 6, minPenalty: 2s, maxPenalty: 3s,\n"
                                    "  jitter: 0.1}, latency: {factor: 2.5, intervals: 4,\n"
                                    "  minHosts: 6, requestVolume: 7}}")
                   ->outlier;
    assert_int_equal(outlier->breaker.success_rate, 500);
    assert_int_equal(outlier->breaker.window_ns, 20 * NS_PER_S);
    assert_int_equal(outlier->breaker.min_requests, 6);
    assert_int_equal(outlier->breaker.min_penalty_ns, 2 * NS_PER_S);
    assert_int_equal(outlier->breaker.max_penalty_ns, 3 * NS_PER_S);
    assert_int_equal(outlier->breaker.jitter, 100);
    assert_int_equal(outlier->latency.factor, 2500);
    assert_int_equal(outlier->latency.intervals, 4);
    assert_int_equal(outlier->latency.min_hosts, 6);
    assert_int_equal(outlier->latency.volume, 7);
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "consecutive5xxErrors: 5", "6:22: unknown field \"consecutive5xxErrors\"" },
        { "enforcingSuccessRate: 101",
          "6:44: enforcingSuccessRate must be between 0 and 100, not 101" },
        { "baseEjectionTime: 4s, maxEjectionTime: 3s",
          "6:21: baseEjectionTime must not be over maxEjectionTime" },
        { "breaker: {minPenalty: 4s, maxPenalty: 3s}",
          "6:31: minPenalty must not be over maxPenalty" },
        { "breaker: {window: 9ms}", "6:40: window must be at least 10ms, not \"9ms\"" },
        { "latency: {factor: 0.5}",
          "6:40: factor must be a number between 1 and 1000, in steps of 0.001" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char spec[128];

        snprintf(spec, sizeof(spec), "outlierDetection: {%s}", cases[i].spec);
        assert_policy_mistake(spec, cases[i].line);
    }
}

TEST_MAIN(cmocka_unit_test(a_detector_has_istios_defaults),
          cmocka_unit_test(every_count_of_a_detector_is_read),
          cmocka_unit_test(every_time_and_flag_of_a_detector_is_read),
          cmocka_unit_test(a_breaker_is_off_until_it_is_there),
          cmocka_unit_test(what_is_wrong_is_told))
