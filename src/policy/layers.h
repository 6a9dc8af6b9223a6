/* SPDX-License-Identifier: Apache-2.0 */

/* Every layer there is. order.c says which lies above which, and why. */

#ifndef TULLE_POLICY_LAYERS_H
#define TULLE_POLICY_LAYERS_H

#include "stack/layer.h"

extern const struct layer_type tulle__telemetry_layer;
extern const struct layer_type tulle__trace_layer;
extern const struct layer_type tulle__deadline_layer;
extern const struct layer_type tulle__refuse_layer;
extern const struct layer_type tulle__adaptive_layer;
extern const struct layer_type tulle__admission_layer;
extern const struct layer_type tulle__timeout_layer;
extern const struct layer_type tulle__hash_layer;
extern const struct layer_type tulle__retry_layer;
extern const struct layer_type tulle__hedge_layer;
extern const struct layer_type tulle__span_layer;
extern const struct layer_type tulle__throttling_layer;
extern const struct layer_type tulle__admit_layer;
extern const struct layer_type tulle__pick_layer;
extern const struct layer_type tulle__endpoint_layer;
extern const struct layer_type tulle__latency_layer;
extern const struct layer_type tulle__report_layer;
extern const struct layer_type tulle__try_timeout_layer;
extern const struct layer_type tulle__try_idle_layer;
extern const struct layer_type tulle__resolve_layer;
extern const struct layer_type tulle__transport_layer;
extern const struct layer_type tulle__handover_layer;

/* NULL-ended. */
extern const struct layer_type *const tulle__order[];         /* of a call into the mesh */
extern const struct layer_type *const tulle__order_outside[]; /* of a call past it */
extern const struct layer_type *const tulle__order_refused[]; /* of a call without a route */
extern const struct layer_type *const tulle__order_pick[];    /* of a pick */
extern const struct layer_type *const tulle__order_pick_refused[];

#endif
