/* SPDX-License-Identifier: Apache-2.0 */

/* perTryIdleTimeout: an attempt of which nothing moves, in either direction. It
 * begins when its first byte may leave (until then the connect timeout bounds it)
 * and of a body that streams with the body's end, as in Envoy. What an app does
 * not take is not the peer's idleness. The timer is looked at when it is due and
 * set anew from what moved since, so bytes cost it nothing. */

#include "policy/bound.h"
#include "policy/layers.h"

static enum tulle_error try_idle_prepare(const struct prepare *prepare, const void **config,
                                         bool *absent)
{
    *config = &prepare->cluster->retry.per_try_idle_ns;
    *absent = prepare->cluster->retry.per_try_idle_ns == NEVER;
    return TULLE_OK;
}

static int64_t try_idle_limit(const struct tulle_call *call, size_t at)
{
    return *(const int64_t *)call_config(call, at);
}

static bool is_the_peers_turn(const struct tulle_call *call)
{
    bool app_is_slow = call->stream && call->stream->reply_is_full;

    return call->on_wire && !call_is_uploading(call) && !app_is_slow;
}

static enum down try_idle_on_call(struct tulle_call *call, size_t at)
{
    call->moved_at = call_now(call);
    tulle__call_wake_at(call, at, time_add(call_now(call), try_idle_limit(call, at)));
    return DOWN_PASS;
}

static void try_idle_on_request_end(struct tulle_call *call, size_t at)
{
    (void)at;
    call->moved_at = call_now(call);
}

static void try_idle_on_wake(struct tulle_call *call, size_t at)
{
    int64_t limit = try_idle_limit(call, at);

    if (!is_the_peers_turn(call)) {
        call->moved_at = call_now(call);
    }
    if (time_add(call->moved_at, limit) > call_now(call)) {
        tulle__call_wake_at(call, at, time_add(call->moved_at, limit));
        return;
    }
    live_count(call_target(call)->live, call->on->index, COUNT_TIMEOUT_IDLE);
    tulle__bound_over(call, at, FLAG_UT, limit);
}

const struct layer_type tulle__try_idle_layer = {
    .name = "per-try idle",
    .tier = TIER_ATTEMPT,
    .on_call = try_idle_on_call,
    .on_wake = try_idle_on_wake,
    .on_request_end = try_idle_on_request_end,
    .prepare = try_idle_prepare,
};
