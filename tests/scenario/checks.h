/* SPDX-License-Identifier: Apache-2.0 */

/* Scenarios of active health checks. */

#ifndef TESTS_SCENARIO_CHECKS_H
#define TESTS_SCENARIO_CHECKS_H

#include "harness/world.h"
#include "scenario/reviews.h"

#define CHECKS(fields) TRAFFIC_POLICY("  healthChecks: [{" fields "}]\n")
/* That a test can say before it what its endpoints do. */
#define SOON "initialJitter: 10ms, "
/* Then every five seconds, in use or not. */
#define HTTP(more)                                                                                 \
    CHECKS(SOON "interval: 5s, noTrafficInterval: 5s, timeout: 1s, unhealthyThreshold: 2, "        \
                "healthyThreshold: 3, httpHealthCheck: {path: /healthz}" more)

#define ATTEMPTS     "tulle_health_check_attempts_total{" CLUSTER "}"
#define RESULT(name) "tulle_health_checks_total{" CLUSTER ",result=\"" name "\"}"
#define HEALTHY      "tulle_health_check_healthy{" CLUSTER "}"
#define DEGRADED     "tulle_health_check_degraded{" CLUSTER "}"
#define CHECK_OF     .path = "/healthz"
#define TOLD                                                                                       \
    &(struct tulle_options)                                                                        \
    {                                                                                              \
        TULLE_OPTIONS_INIT, .log_level = TULLE_LEVEL_INFO                                          \
    }

extern const char *const check_addresses[3];

/* Calls that each endpoint got of so many. */
void share(struct test_world *world, unsigned calls, unsigned counts[3]);

#endif
