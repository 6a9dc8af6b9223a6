/* SPDX-License-Identifier: Apache-2.0 */

/* perTryTimeout: bounds one attempt; retry decides what comes of it. Of a body
 * that streams it begins with the body's end, as Envoy's does. */

#include "policy/bound.h"
#include "policy/layers.h"

static enum tulle_error try_timeout_prepare(const struct prepare *prepare, const void **config,
                                            bool *absent)
{
    *config = &prepare->route->retry.per_try_timeout_ns;
    *absent = prepare->route->retry.per_try_timeout_ns == NEVER;
    return TULLE_OK;
}

static int64_t try_timeout_limit(const struct tulle_call *call, size_t at)
{
    return *(const int64_t *)call_config(call, at);
}

static void try_timeout_begin(struct tulle_call *call, size_t at)
{
    tulle__call_wake_at(call, at, time_add(call_now(call), try_timeout_limit(call, at)));
}

static enum down try_timeout_on_call(struct tulle_call *call, size_t at)
{
    if (!call_is_uploading(call)) {
        try_timeout_begin(call, at);
    }
    return DOWN_PASS;
}

static void try_timeout_on_wake(struct tulle_call *call, size_t at)
{
    live_count(call_target(call)->live, call->on->index, COUNT_TIMEOUT_TRY);
    tulle__bound_over(call, at, FLAG_UT, try_timeout_limit(call, at));
}

const struct layer_type tulle__try_timeout_layer = {
    .name = "per-try timeout",
    .tier = TIER_ATTEMPT,
    .on_call = try_timeout_on_call,
    .on_wake = try_timeout_on_wake,
    .on_request_end = try_timeout_begin,
    .prepare = try_timeout_prepare,
};
