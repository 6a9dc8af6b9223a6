/* SPDX-License-Identifier: Apache-2.0 */

/* What holds where nobody says anything: Istio's default where Istio has the
 * field, else Envoy's, else its inventor's. The one place of these numbers. */

#ifndef TULLE_MODEL_DEFAULTS_H
#define TULLE_MODEL_DEFAULTS_H

#include "model/cluster.h"
#include "model/route.h"

extern const struct balancer_config tulle__balancer_default;
extern const struct hash_policy tulle__hash_policy_default;
extern const struct limits tulle__limits_default;
extern const struct outlier_config
    tulle__outlier_default; /* of an outlierDetection that is there */
extern const struct breaker_config
    tulle__breaker_default; /* the same for the rest: enabled is set */
extern const struct latency_ejection_config tulle__latency_ejection_default;
extern const struct health_check tulle__health_check_default;
extern const struct budget_config tulle__budget_default;
extern const struct retry_more tulle__retry_default;
extern const struct hedge_config tulle__hedge_default;
extern const struct adaptive_concurrency_config tulle__adaptive_default;
extern const struct admission_config tulle__admission_default;
extern const struct throttling_config tulle__throttling_default;
extern const struct preconnect_config tulle__preconnect_default;

/* Sets the policies of a cluster to what holds where nobody says anything. */
void tulle__cluster_set_defaults(struct cluster *cluster);

#endif
