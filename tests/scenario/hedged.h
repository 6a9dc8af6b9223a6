/* SPDX-License-Identifier: Apache-2.0 */

/* What the scenarios of hedges share: a client that knows how long calls take. */

#ifndef TESTS_SCENARIO_HEDGED_H
#define TESTS_SCENARIO_HEDGED_H

#include "harness/world.h"
#include "scenario/reviews.h"

#define TWO         SERVICE(HTTP_80, "{address: 10.0.0.1}, {address: 10.0.0.2}")
#define HEDGE(more) TRAFFIC_POLICY("  hedge: {percentile: 95" more "}\n")
#define IN_TURN     RULE("  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n")
#define HEDGED      HEDGE("") IN_TURN

#define HEDGES        "tulle_hedges_total{" CLUSTER "}"
#define WON           "tulle_hedges_won_total{" CLUSTER "}"
#define SKIPPED(what) "tulle_hedges_skipped_total{" CLUSTER ",reason=\"" what "\"}"

enum { WARM = 150 };

/* Calls of 10 ms, until their percentiles are known and some hedges are paid for. */
bool hedged_warm_up(struct test_world *world);
/* One call. False: it did not go to the first endpoint first. */
bool hedged_goes_first(struct test_world *world, const struct tulle_request *request);

/* Where endpoints take turns. */
#define GET_FIRST(world, ...)                                                                      \
    do {                                                                                           \
        const struct tulle_request get_first = { TULLE_REQUEST_INIT, .url = URL, .explain = 1,     \
                                                 __VA_ARGS__ };                                    \
        if (!hedged_goes_first(world, &get_first)) {                                               \
            CHECK(hedged_goes_first(world, &get_first));                                           \
        }                                                                                          \
    } while (0)

#endif
