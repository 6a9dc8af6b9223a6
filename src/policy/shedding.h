/* SPDX-License-Identifier: Apache-2.0 */

/* With what probability a call is refused here, from what came of those before it.
 * Pure; 0: it is let in. */

#ifndef TULLE_POLICY_SHEDDING_H
#define TULLE_POLICY_SHEDDING_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint/recent.h"
#include "model/overload.h"

/* Envoy's admission control (admission_control_filter.rst): of `sum.all` calls that
 * were sent, `sum.good` came to a good end.
 *     min(max_rejection, ((all - good / threshold) / (all + 1)) ^ (1 / aggression)) */
double tulle__admission_odds(const struct admission_config *config, struct recent_sum sum);

/* Below so many calls a second nothing is refused; a tick takes `tick_ns`. */
bool tulle__admission_is_idle(const struct admission_config *config, struct recent_sum sum,
                              int64_t tick_ns);

/* What is no failure of the server: Envoy's default success criteria. `grpc_status`
 * below 0: it is no gRPC, or has none. */
bool tulle__admission_is_success(int status, bool is_grpc, int grpc_status);

/* Site Reliability Engineering, chapter 21: of `sum.all` requests, those refused here
 * among them, the servers took `sum.good` on.
 *     max(0, (all - K * good) / (all + 1)) */
double tulle__throttling_odds(const struct throttling_config *config, struct recent_sum sum);

/* The server has taken the request on, whatever it answered. */
bool tulle__throttling_is_accepted(int status, int grpc_status);

#endif
