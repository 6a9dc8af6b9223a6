/* SPDX-License-Identifier: Apache-2.0 */

/* The order of the policies is the architecture: each line says why it stands
 * where it stands, and where the order comes from. From the app downwards. */

#include "policy/layers.h"

#include <stddef.h>

const struct layer_type *const tulle__order[] = {
    /* Top: it hears the end of every call, also of those that a layer below
     * refused, and counts what the app sees (istio_requests_total at the source). */
    &tulle__telemetry_layer,

    /* Above all that may send: trace and request id are the call's, whatever its
     * attempts are. Envoy makes x-request-id before its first filter, too. */
    &tulle__trace_layer,

    /* The app's own bound lies above all that the mesh may do in its name. */
    &tulle__deadline_layer,

    /* Both above the timeout and all that sends: one decision a call, whatever its
     * attempts are, as Envoy's filters of these names stand before its router, which
     * has the timeout, the retries and the hedges. Adaptive concurrency first: what
     * it refuses is no failure that admission control counts. */
    &tulle__adaptive_layer,
    &tulle__admission_layer,

    /* The route's timeout spans every attempt and every backoff (Envoy,
     * RouteAction.timeout: "spans between the point at which the entire
     * downstream request has been processed and when the upstream response has
     * been completely processed ... includes all retries"). */
    &tulle__timeout_layer,

    /* Above retry: a request has one hash, whatever its attempts are (Envoy keeps its
     * route's hash policy apart from its retry state). */
    &tulle__hash_layer,

    /* Above the attempt tier, so that each try is admitted and picked anew. */
    &tulle__retry_layer,

    /* Below retry: what it sends beside an attempt is the same try, judged and
     * retried as one (Envoy's hedge_on_per_try_timeout lies in its router beneath
     * the retry state; Finagle's BackupRequestFilter likewise sends two for one).
     * Above the attempt tier, so that a hedge has its own span, room, endpoint and
     * per-try timeout. */
    &tulle__hedge_layer,

    /* Top of the attempt tier: a span for each attempt, waiting for room included. */
    &tulle__span_layer,

    /* Each try and each hedge: what servers refuse is requests, whatever they are to
     * the client. It sums up the cluster, so it lies above the pick (Finagle says so of
     * its NackAdmissionFilter: below Retries, above the load balancer). Above admit:
     * what is refused needs no room. */
    &tulle__throttling_layer,

    /* Below retry: a retry needs room like any attempt (Envoy's thresholds).
     * Above pick: nobody touches an endpoint before there is room. */
    &tulle__admit_layer,

    /* Below admit: a call that waited picks from what is there now, not from
     * what was there when it came. */
    &tulle__pick_layer,

    /* Below pick, which tells it whose attempt this is; above the per-try
     * timeout, so that an attempt that hung counts against its endpoint. */
    &tulle__endpoint_layer,

    /* Below pick, as the latencies are those of endpoints; above the per-try timeout,
     * whose victims count with the time they were given. */
    &tulle__latency_layer,

    /* Below endpoint, which uses the view it writes to; above the per-try timeout,
     * so that an endpoint that hangs is failing (gRPC reads a load report where
     * its picker's tracker ends, below retries: A58). */
    &tulle__report_layer,

    /* Bounds one attempt on one endpoint: waiting for room is not its fault. */
    &tulle__try_timeout_layer,

    /* Beside it: the same attempt, bounded by its silence. */
    &tulle__try_idle_layer,

    /* Right above the wire, so that each attempt goes to what its endpoint's name
     * stands for now; only where an endpoint is a name (DNS_ROUND_ROBIN). */
    &tulle__resolve_layer,

    /* Bottom: the wire. */
    &tulle__transport_layer,
    NULL,
};

/* Past the mesh there is no policy but the deadline: nobody configured one. The
 * trace goes on, as it does past a sidecar (PassthroughCluster). */
const struct layer_type *const tulle__order_outside[] = {
    &tulle__telemetry_layer,
    &tulle__trace_layer,
    &tulle__deadline_layer,
    &tulle__span_layer,
    &tulle__resolve_layer,
    &tulle__transport_layer,
    NULL,
};

const struct layer_type *const tulle__order_refused[] = {
    &tulle__telemetry_layer,
    &tulle__refuse_layer,
    NULL,
};

/* A pick goes by the same endpoints, limits and deadline, and is no request: the
 * program's own protocol has its own routes' timeouts, retries and metrics. None
 * of these layers is made from a route, so one stack serves every pair. */
const struct layer_type *const tulle__order_pick[] = {
    &tulle__deadline_layer,
    &tulle__hash_layer,
    &tulle__admit_layer,
    &tulle__pick_layer,
    &tulle__endpoint_layer,
    &tulle__handover_layer,
    NULL,
};

const struct layer_type *const tulle__order_pick_refused[] = {
    &tulle__refuse_layer,
    NULL,
};
