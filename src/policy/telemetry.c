/* SPDX-License-Identifier: Apache-2.0 */

/* Counts and tells what the app got: metrics, and the access log. */

#include "policy/layers.h"
#include "stack/call.h"

#include <stdio.h>

static const struct cluster *telemetry_cluster(const struct tulle_call *call)
{
    return call->plan.kind == PLAN_TARGET ? call_target(call)->cluster : NULL;
}

static void access_tell(const struct tulle_call *call, const struct outcome *outcome)
{
    char flags[48], authority[256];
    struct str target = call->url.target;

    tulle__flags_text(outcome->flags, flags, sizeof(flags));
    snprintf(authority, sizeof(authority), "%.*s", STR_ARG(call->url.authority));
    call->on->access(
        call->on->access_user,
        &(struct tulle_access){
            .size = sizeof(struct tulle_access),
            .method = call->method.data,
            .authority = authority,
            .path = target.data,
            .cluster = call->plan.destination ? call->plan.destination->cluster_name.data : "",
            .endpoint = call->scratch->endpoint,
            .flags = flags,
            .protocol = call->reply.status == 0 ? "-"
                        : call->reply.is_http2  ? "HTTP/2"
                                                : "HTTP/1.1",
            .route = call->plan.route && call->plan.route->route->name.size > 0
                         ? call->plan.route->route->name.data
                         : "",
            .status = outcome->status,
            .error = outcome->error,
            .attempts = call->attempts,
            .duration_ns = call_now(call) - call->started_at,
            .bytes_sent = call_bytes_sent(call),
            .bytes_received = call_bytes_received(call),
        });
}

static void telemetry_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct call_record record = {
        .cluster = telemetry_cluster(call),
        .outside = call->plan.kind == PLAN_OUTSIDE,
        .host = call->url.host,
        .status = outcome->status,
        .flags = outcome->flags,
        .is_grpc = call->is_grpc,
        .duration_ns = call_now(call) - call->started_at,
        .bytes_sent = call_bytes_sent(call),
        .bytes_received = call_bytes_received(call),
    };

    call->on->observer->call_ended(call->on->shard, &record);
    if (record.cluster && outcome->error != TULLE_OK &&
        outcome->progress == TULLE_PERHAPS_EXECUTED) {
        live_count(call_target(call)->live, call->on->index, COUNT_PERHAPS_EXECUTED);
    }
    tulle__call_tell(call, at, "ended: %s, status %d, %u attempts",
                     tulle_error_text(outcome->error), outcome->status, call->attempts);
    if (call->on->access) {
        access_tell(call, outcome);
    }
}

const struct layer_type tulle__telemetry_layer = {
    .name = "telemetry",
    .tier = TIER_CALL,
    .on_end = telemetry_on_end,
};
