/* SPDX-License-Identifier: Apache-2.0 */

/* When a retry is to come: when its server says so, else after a full-jitter
 * backoff. What a server says is lengthened by up to a half, so that those whom
 * it sent away do not come back together (Envoy's rate-limited backoff). */

#include "base/backoff.h"
#include "model/defaults.h"
#include "policy/pushback.h"
#include "policy/retry.h"

static struct str header(const struct tulle_call *call, const char *name)
{
    return str_of(tulle_reply_header(&call->reply, name));
}

static enum pushback pushback_of(const struct tulle_call *call, const struct retry_more *more,
                                 int64_t *interval)
{
    const struct world *world = call->on->loop->world;
    struct pushback_said said = { .grpc = STR_NONE };

    if (call->outcome.origin != ORIGIN_NONE) {
        return PUSHBACK_NONE;
    }
    if (call->is_grpc) {
        said.grpc = header(call, "grpc-retry-pushback-ms");
    }
    if (more->retry_after_max_ns > 0) {
        said.retry_after = header(call, "retry-after");
        said.ratelimit_reset = header(call, "x-ratelimit-reset");
    }
    return tulle__pushback(&said, world->wall(world->user), interval);
}

static int64_t backoff_of(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    const struct retry_slot *slot = call_slot(call, at);

    return tulle__backoff(config->retry.backoff_base_ns, config->retry.backoff_max_ns,
                          slot->made + 1, &call->on->rand);
}

/* Longer than is allowed is not waited for: a server's word alone must not keep a
 * call for days. A gRPC server's is heeded even where Retry-After is not. */
static bool rest_is_allowed(struct tulle_call *call, size_t at, int64_t interval)
{
    const struct retry_layer_config *config = call_config(call, at);
    int64_t most = config->more->retry_after_max_ns > 0 ? config->more->retry_after_max_ns
                                                        : tulle__retry_default.retry_after_max_ns;

    if (interval <= most) {
        tulle__call_tell(call, at, "its server wants %.3f s of rest",
                         (double)interval / (double)NS_PER_S);
        return true;
    }
    tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_PUSHBACK, 0,
                      "its server wants a longer wait than is allowed");
    return false;
}

bool tulle__retry_wait(struct tulle_call *call, size_t at, int64_t *wait_ns)
{
    const struct retry_layer_config *config = call_config(call, at);
    int64_t interval = 0;

    switch (pushback_of(call, config->more, &interval)) {
    case PUSHBACK_STOP:
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_PUSHBACK, 0, "its server wants none");
        return false;
    case PUSHBACK_LEAST:
        *wait_ns = tulle__backoff_above(interval, &call->on->rand);
        return rest_is_allowed(call, at, interval);
    case PUSHBACK_EXACT: *wait_ns = interval; return rest_is_allowed(call, at, interval);
    case PUSHBACK_NONE:
    default: *wait_ns = backoff_of(call, at); return true;
    }
}
