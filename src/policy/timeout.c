/* SPDX-License-Identifier: Apache-2.0 */

/* The route's timeout. It may be shorter than the app's deadline, never longer.
 * Of a request whose body streams it begins when that is whole (Envoy: "the
 * entire downstream request has been processed"); until then the deadline is
 * the only bound. */

#include "policy/bound.h"
#include "policy/layers.h"

static enum tulle_error timeout_prepare(const struct prepare *prepare, const void **config,
                                        bool *absent)
{
    *config = &prepare->route->timeout_ns;
    *absent = prepare->route->timeout_ns == NEVER;
    return TULLE_OK;
}

static int64_t timeout_limit(const struct tulle_call *call, size_t at)
{
    return *(const int64_t *)call_config(call, at);
}

static void timeout_begin(struct tulle_call *call, size_t at)
{
    call->timeout_at = time_add(call_now(call), timeout_limit(call, at));
    tulle__call_wake_at(call, at, call->timeout_at);
}

static enum down timeout_on_call(struct tulle_call *call, size_t at)
{
    if (!call_is_uploading(call)) {
        timeout_begin(call, at);
    }
    return DOWN_PASS;
}

static void timeout_on_wake(struct tulle_call *call, size_t at)
{
    live_count(call_target(call)->live, call->on->index, COUNT_TIMEOUT_ROUTE);
    tulle__bound_over(call, at, FLAG_UT, timeout_limit(call, at));
}

const struct layer_type tulle__timeout_layer = {
    .name = "timeout",
    .tier = TIER_CALL,
    .on_call = timeout_on_call,
    .on_wake = timeout_on_wake,
    .on_request_end = timeout_begin,
    .prepare = timeout_prepare,
};
