/* SPDX-License-Identifier: Apache-2.0 */

/* The bottom layer of a pick: no wire, but a program that speaks to the endpoint
 * itself. It hands the endpoint over and waits for what is reported. */

#include "policy/layers.h"
#include "stack/call.h"

static enum down handover_on_call(struct tulle_call *call, size_t at)
{
    call->attempts++;
    call->attempt_at = call_now(call);
    call->on_wire = true;
    call->handed_over(call, at);
    return DOWN_HOLD;
}

const struct layer_type tulle__handover_layer = {
    .name = "handover",
    .tier = TIER_ATTEMPT,
    .on_call = handover_on_call,
};
