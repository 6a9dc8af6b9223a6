/* SPDX-License-Identifier: Apache-2.0 */

/* The app's bound over all that is done for a call, and that of the request it
 * serves (core/context.c). What comes too late is not begun. */

#include "policy/bound.h"
#include "policy/layers.h"

static enum down deadline_on_call(struct tulle_call *call, size_t at)
{
    if (call->deadline <= call_now(call)) {
        tulle__call_refuse(call, at, TULLE_E_TIMEOUT, 504, FLAG_DT,
                           "the deadline was over before anything was sent");
        return DOWN_ANSWER;
    }
    if (call->deadline != NEVER) {
        tulle__call_wake_at(call, at, call->deadline);
    }
    return DOWN_PASS;
}

static void deadline_on_wake(struct tulle_call *call, size_t at)
{
    tulle__bound_over(call, at, FLAG_DT, call->deadline - call->started_at);
}

const struct layer_type tulle__deadline_layer = {
    .name = "deadline",
    .tier = TIER_CALL,
    .on_call = deadline_on_call,
    .on_wake = deadline_on_wake,
};
