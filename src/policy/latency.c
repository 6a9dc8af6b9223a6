/* SPDX-License-Identifier: Apache-2.0 */

/* Feeds the percentiles of its cluster (endpoint/live_latency.h), where a policy
 * asks for them. */

#include "endpoint/live_latency.h"
#include "policy/layers.h"
#include "stack/call.h"

struct latency_slot {
    int64_t started_at;
    bool counted; /* also of a hedge, and where the time is the app's, who still writes */
};

static enum tulle_error latency_prepare(const struct prepare *prepare, const void **config,
                                        bool *absent)
{
    (void)config;
    *absent = !prepare->cluster->hedge.enabled;
    return TULLE_OK;
}

static enum down latency_on_call(struct tulle_call *call, size_t at)
{
    struct latency_slot *slot = call_slot(call, at);

    slot->started_at = call_now(call);
    slot->counted = call->parent || call_is_uploading(call);
    return DOWN_PASS;
}

static void latency_count(struct tulle_call *call, size_t at)
{
    struct latency_slot *slot = call_slot(call, at);

    if (slot->counted) {
        return;
    }
    slot->counted = true;
    if (tulle__live_latency_add(call_target(call)->live, call->on->index,
                                call_now(call) - slot->started_at)) {
        call->on->poke(call->on);
    }
}

static enum up latency_on_reply(struct tulle_call *call, size_t at)
{
    if (call->outcome.error == TULLE_OK && call->outcome.status < 500) {
        latency_count(call, at);
    }
    return UP_PASS;
}

static void latency_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    if (outcome->lost || outcome->origin == ORIGIN_TIMEOUT) {
        latency_count(call, at);
    }
}

const struct layer_type tulle__latency_layer = {
    .name = "latency",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct latency_slot),
    .on_call = latency_on_call,
    .on_reply = latency_on_reply,
    .on_end = latency_on_end,
    .prepare = latency_prepare,
};
