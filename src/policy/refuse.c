/* SPDX-License-Identifier: Apache-2.0 */

/* No route is a plan as well: the answer that Envoy would have given. */

#include "policy/layers.h"
#include "stack/call.h"

static enum down refuse_on_call(struct tulle_call *call, size_t at)
{
    return tulle__call_refuse(call, at, TULLE_E_REFUSED, call->plan.status, call->plan.flags,
                              call->plan.text);
}

const struct layer_type tulle__refuse_layer = {
    .name = "route",
    .tier = TIER_CALL,
    .on_call = refuse_on_call,
};
