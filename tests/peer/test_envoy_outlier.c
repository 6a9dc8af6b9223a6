/* SPDX-License-Identifier: Apache-2.0 */

/* Outlier detection of the library and of a live Envoy, told the same: who is
 * ejected, why, when, and for how long. */

#include <stdlib.h>

#include "base/clock.h"
#include "peer/sides.h"

/* What a loaded machine may be late. */
#define LATE (NS_PER_S / 2)

enum { MEANWHILE = 10 };

static void check_first(const struct side *side, int64_t broken_at)
{
    const struct event *out = &side->events[0], *back = &side->events[1];
    const struct outlier_case *test = side->test;
    const char *why = side->envoy ? test->type : test->why;

    assert_true(out->ejects);
    assert_int_equal(out->port, server_port(side->servers[0]));
    if (strncmp(out->why, why, strlen(why)) != 0) {
        fail_msg("ejected for \"%s\", expected \"%s\"", out->why, why);
    }
    assert_in_range(out->at, broken_at - NS_PER_MS, broken_at + test->interval_ns + LATE);
    assert_false(back->ejects);
    assert_int_equal(back->port, out->port);
    assert_in_range(back->at - out->at, NS_PER_S - 2 * NS_PER_MS,
                    NS_PER_S + test->interval_ns + LATE);
}

/* Good for more than an interval, then the first host breaks on both sides at the
 * same time, is ejected, heals, and comes back. */
static void compare(const struct outlier_case *test)
{
    struct side sides[2];
    int64_t broken_at, apart;

    for (int i = 0; i < 2; i++) {
        side_open(&sides[i], test, i == 1);
    }
    call_for(sides, test->interval_ns + NS_PER_S / 4);
    broken_at = wall_now();
    for (int i = 0; i < 2; i++) {
        sides[i].failures = 0;
        side_break(&sides[i]);
    }
    call_until(sides, 1);
    for (int i = 0; i < 2; i++) {
        side_heal(&sides[i]);
    }
    call_until(sides, 2);
    for (int i = 0; i < 2; i++) {
        check_first(&sides[i], broken_at);
        assert_int_equal(sides[i].count, 2);
    }
    apart = llabs(sides[0].events[0].at - sides[1].events[0].at);
    assert_in_range(apart, 0, test->interval_ns + LATE);
    for (int i = 0; i < 2; i++) {
        /* Envoy's main thread decides, and calls go on meanwhile; here it is the loop. */
        if (test->failures > 0) {
            assert_in_range(sides[i].failures, test->failures,
                            test->failures + (sides[i].envoy ? MEANWHILE : 0));
        }
        side_close(&sides[i]);
    }
}

#define TIMES_ENVOY "interval: 0.5s, base_ejection_time: 1s, max_ejection_percent: 100, "
#define TIMES_OURS  "interval: 0.5s, baseEjectionTime: 1s, maxEjectionPercent: 100, "
/* Envoy's defaults enforce the success rate; Istio's do not, nor do ours. */
#define NO_RATES                                                                                   \
    "enforcing_success_rate: 0, enforcing_local_origin_success_rate: 0, "                          \
    "enforcing_failure_percentage: 0"
#define SWEPT_ENVOY                                                                                \
    "interval: 1s, base_ejection_time: 1s, max_ejection_percent: 100, "                            \
    "enforcing_consecutive_5xx: 0, enforcing_consecutive_local_origin_failure: 0, "
#define SWEPT_OURS                                                                                 \
    "interval: 1s, baseEjectionTime: 1s, maxEjectionPercent: 100, "                                \
    "enforcingConsecutive5xx: 0, enforcingConsecutiveLocalOriginFailure: 0, "

static void failures_in_a_row_eject_as_in_envoy(void **state)
{
    static const struct outlier_case five = { 3,
                                              TIMES_OURS "consecutive5xx: 5",
                                              TIMES_ENVOY "consecutive_5xx: 5, " NO_RATES,
                                              "status=500",
                                              "CONSECUTIVE_5XX",
                                              "5xx 5 times in a row",
                                              NS_PER_S / 2,
                                              5 };

    (void)state;
    compare(&five);
}

static void gateway_errors_eject_as_in_envoy(void **state)
{
    static const struct outlier_case three = {
        3,
        TIMES_OURS "consecutive5xx: 0, consecutiveGatewayFailure: 3",
        TIMES_ENVOY "enforcing_consecutive_5xx: 0, consecutive_gateway_failure: 3, "
                    "enforcing_consecutive_gateway_failure: 100, " NO_RATES,
        "status=502",
        "CONSECUTIVE_GATEWAY_FAILURE",
        "gateway error 3 times in a row",
        NS_PER_S / 2,
        3
    };

    (void)state;
    compare(&three);
}

static void local_failures_eject_as_in_envoy(void **state)
{
    static const struct outlier_case four = {
        3,
        TIMES_OURS "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailure: 4",
        TIMES_ENVOY "split_external_local_origin_errors: true, "
                    "consecutive_local_origin_failure: 4, " NO_RATES,
        "",
        "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
        "local failure 4 times in a row",
        NS_PER_S / 2,
        4
    };

    (void)state;
    compare(&four);
}

static void one_host_may_always_go_as_in_envoy(void **state)
{
    static const struct outlier_case one = {
        3,
        "interval: 0.5s, baseEjectionTime: 1s, maxEjectionPercent: 10, "
        "alwaysEjectOneHost: true, consecutive5xx: 3",
        "interval: 0.5s, base_ejection_time: 1s, max_ejection_percent: 10, "
        "always_eject_one_host: true, consecutive_5xx: 3, " NO_RATES,
        "status=503",
        "CONSECUTIVE_5XX",
        "5xx 3 times in a row",
        NS_PER_S / 2,
        3
    };

    (void)state;
    compare(&one);
}

/* One of six that is worse than five equal ones lies sqrt(5) deviations below the
 * mean, however little worse it is: the first sweep after the break finds it. */
static void a_low_success_rate_ejects_as_in_envoy(void **state)
{
    static const struct outlier_case rate = {
        6,
        SWEPT_OURS "enforcingSuccessRate: 100, successRateRequestVolume: 5",
        SWEPT_ENVOY "enforcing_success_rate: 100, success_rate_request_volume: 5",
        "status=500",
        "SUCCESS_RATE",
        "success rate ",
        NS_PER_S,
        0
    };

    (void)state;
    compare(&rate);
}

static void a_high_failure_percentage_ejects_as_in_envoy(void **state)
{
    static const struct outlier_case percentage = {
        5,
        SWEPT_OURS "enforcingFailurePercentage: 100, failurePercentageRequestVolume: 5, "
                   "failurePercentageThreshold: 1",
        SWEPT_ENVOY "enforcing_success_rate: 0, enforcing_failure_percentage: 100, "
                    "failure_percentage_request_volume: 5, failure_percentage_threshold: 1",
        "status=500",
        "FAILURE_PERCENTAGE",
        "",
        NS_PER_S,
        0
    };

    (void)state;
    compare(&percentage);
}

static void a_low_local_success_rate_ejects_as_in_envoy(void **state)
{
    static const struct outlier_case rate = {
        6,
        SWEPT_OURS "splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 100, "
                   "successRateRequestVolume: 5",
        SWEPT_ENVOY "split_external_local_origin_errors: true, enforcing_success_rate: 0, "
                    "enforcing_local_origin_success_rate: 100, success_rate_request_volume: 5",
        "",
        "SUCCESS_RATE_LOCAL_ORIGIN",
        "success rate ",
        NS_PER_S,
        0
    };

    (void)state;
    compare(&rate);
}

static void a_high_local_failure_percentage_ejects_as_in_envoy(void **state)
{
    static const struct outlier_case percentage = {
        5,
        SWEPT_OURS "splitExternalLocalOriginErrors: true, "
                   "enforcingFailurePercentageLocalOrigin: 100, "
                   "failurePercentageRequestVolume: 5, failurePercentageThreshold: 1",
        SWEPT_ENVOY "split_external_local_origin_errors: true, enforcing_success_rate: 0, "
                    "enforcing_local_origin_success_rate: 0, "
                    "enforcing_failure_percentage_local_origin: 100, "
                    "failure_percentage_request_volume: 5, failure_percentage_threshold: 1",
        "",
        "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
        "",
        NS_PER_S,
        0
    };

    (void)state;
    compare(&percentage);
}

/* It never heals: each ejection lasts a base time longer than the one before. */
static void ejections_in_a_row_last_longer_as_in_envoy(void **state)
{
    static const struct outlier_case growing = { 3,
                                                 TIMES_OURS "consecutive5xx: 2",
                                                 TIMES_ENVOY "consecutive_5xx: 2, " NO_RATES,
                                                 "status=500",
                                                 "CONSECUTIVE_5XX",
                                                 "5xx 2 times in a row",
                                                 NS_PER_S / 2,
                                                 2 };
    struct side sides[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        side_open(&sides[i], &growing, i == 1);
        side_break(&sides[i]);
    }
    call_until(sides, 6);
    for (int i = 0; i < 2; i++) {
        for (int64_t n = 1; n <= 3; n++) {
            const struct event *out = &sides[i].events[2 * n - 2];

            assert_true(out[0].ejects && !out[1].ejects);
            assert_in_range(out[1].at - out[0].at, n * NS_PER_S - 2 * NS_PER_MS,
                            n * NS_PER_S + growing.interval_ns + LATE);
        }
        side_close(&sides[i]);
    }
}

TEST_MAIN(cmocka_unit_test(failures_in_a_row_eject_as_in_envoy),
          cmocka_unit_test(gateway_errors_eject_as_in_envoy),
          cmocka_unit_test(local_failures_eject_as_in_envoy),
          cmocka_unit_test(one_host_may_always_go_as_in_envoy),
          cmocka_unit_test(a_low_success_rate_ejects_as_in_envoy),
          cmocka_unit_test(a_high_failure_percentage_ejects_as_in_envoy),
          cmocka_unit_test(a_low_local_success_rate_ejects_as_in_envoy),
          cmocka_unit_test(a_high_local_failure_percentage_ejects_as_in_envoy),
          cmocka_unit_test(ejections_in_a_row_last_longer_as_in_envoy))
