/* SPDX-License-Identifier: Apache-2.0 */

/* Retries: when the route wants them (retry_condition.c), while limit, budgets
 * and time have room (retry_grant.c), after a wait (retry_wait.c), on endpoints
 * not yet tried, and by a route's wish in priorities not yet tried. */

#include "policy/retry.h"
#include "policy/grpc.h"
#include "policy/layers.h"
#include "policy/retry_condition.h"
#include "policy/usual.h"

static bool statuses_join(struct arena *arena, const struct retry_more *more,
                          struct retry_config *retry)
{
    size_t count = retry->status_count + more->status_count;
    uint16_t *statuses;

    if (more->status_count == 0) {
        return true;
    }
    statuses = ARENA_ARRAY(arena, uint16_t, count);
    if (!statuses) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        statuses[i] =
            i < retry->status_count ? retry->statuses[i] : more->statuses[i - retry->status_count];
    }
    retry->statuses = statuses;
    retry->status_count = count;
    return true;
}

/* What Istio's route says, and what its cluster's TrafficPolicy lays over it. */
static bool retry_overlay(struct arena *arena, const struct retry_more *more,
                          struct retry_config *retry)
{
    retry->on |= more->also;
    if (more->has_backoff) {
        retry->backoff_base_ns = more->backoff_base_ns;
        retry->backoff_max_ns = more->backoff_max_ns;
    }
    if (more->priority_update > 0) {
        retry->priority_update = more->priority_update;
    }
    return statuses_join(arena, more, retry);
}

static enum tulle_error retry_prepare(const struct prepare *prepare, const void **config,
                                      bool *absent)
{
    struct retry_layer_config *made = ARENA_NEW(prepare->arena, struct retry_layer_config);

    (void)absent;
    if (!made) {
        return TULLE_E_NOMEM;
    }
    made->retry = prepare->route->retry;
    made->more = &prepare->cluster->retry;
    made->any_host = made->retry.any_host || made->more->any_host || made->more->host_attempts == 0;
    made->budget = &prepare->cluster->budget;
    made->limits = &prepare->cluster->limits;
    made->live = prepare->live;
    *config = made;
    return retry_overlay(prepare->arena, made->more, &made->retry) ? TULLE_OK : TULLE_E_NOMEM;
}

static bool has_header(const struct tulle_call *call, const struct retry_more *more)
{
    for (size_t i = 0; i < more->header_count; i++) {
        if (tulle_reply_header(&call->reply, more->headers[i].data)) {
            return true;
        }
    }
    return false;
}

static bool retry_is_wanted(struct tulle_call *call, const struct retry_layer_config *config)
{
    bool answered = call->outcome.origin == ORIGIN_NONE;
    bool suspect = answered && (call->outcome.status >= 400 || call->is_grpc);
    struct attempt_end end = {
        .outcome = &call->outcome,
        .grpc_status = suspect ? tulle__grpc_head_status(call) : -1,
        .is_ratelimited = suspect && tulle_reply_header(&call->reply, "x-envoy-ratelimited"),
        .has_header = answered && has_header(call, config->more),
        .is_idempotent = call->has_idempotency_key || tulle__method_is_idempotent(call->method),
    };

    return tulle__retry_wanted(&config->retry, &end);
}

/* Lost with the request perhaps executed: another method would have been sent again. */
static void skip_for_method(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    const struct outcome *outcome = &call->outcome;
    bool is_lost = outcome->origin == ORIGIN_TRANSPORT || outcome->origin == ORIGIN_TIMEOUT;

    if (is_lost && outcome->progress == TULLE_PERHAPS_EXECUTED &&
        (config->retry.on & RETRY_ON_IDEMPOTENT_RESET)) {
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_METHOD, 0, "it is perhaps executed");
    }
}

/* No attempt comes: the body need not be kept for one. */
static void body_let_go(struct tulle_call *call)
{
    struct stream *stream = call->stream;

    if (stream && stream->sends && tulle__body_let_go(&stream->request) &&
        tulle__body_claim_writer(&stream->request)) {
        stream->tell(call, TULLE_EVENT_WRITABLE);
    }
}

static enum down retry_on_call(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);

    call->any_host = config->any_host;
    tulle__retry_deposit(call, config);
    return DOWN_PASS;
}

/* After every so many attempts the priorities they went to are left out
 * (Envoy's previous_priorities). */
static void priorities_update(struct tulle_call *call, const struct retry_config *retry)
{
    if (retry->priority_update > 0 && call->attempts % retry->priority_update == 0) {
        call->tried_priorities = call->seen_priorities;
    }
}

static void retry_schedule(struct tulle_call *call, size_t at, int64_t wait_ns)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);

    slot->made++;
    priorities_update(call, &config->retry);
    live_count(config->live, call->on->index, COUNT_RETRIES);
    tulle__call_tell(call, at, "retry %u of %u in %.3f ms", slot->made, config->retry.retries,
                     (double)wait_ns / (double)NS_PER_MS);
    tulle__call_wake_at(call, at, time_add(call_now(call), wait_ns));
}

static void success_note(struct tulle_call *call, const struct retry_layer_config *config,
                         const struct retry_slot *slot)
{
    struct live_loop *loop = &config->live->loops[call->on->index];

    if (call->outcome.status < 500) {
        loop->usual_try_ns = usual_learn(loop->usual_try_ns, call->head_at - call->attempt_at);
    }
    if (slot->under_way) {
        live_count(config->live, call->on->index, COUNT_RETRY_SUCCESS);
    }
}

/* False: the route has none left. */
static bool retry_is_left(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    const struct retry_slot *slot = call_slot(call, at);

    if (slot->made < config->retry.retries) {
        return true;
    }
    call->outcome.flags |= config->retry.retries > 0 ? FLAG_URX : 0;
    tulle__call_tell(call, at, "no retry: all %u are used", config->retry.retries);
    return false;
}

static enum up retry_on_reply(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);
    int64_t wait_ns;

    if (call->retry_off) {
        return UP_PASS;
    }
    if (!retry_is_wanted(call, config)) {
        if (call->outcome.error == TULLE_OK) {
            success_note(call, config, slot);
        }
        skip_for_method(call, at);
        return UP_PASS;
    }
    tulle__retry_give_back(config, slot);
    if (!retry_is_left(call, at) || !tulle__retry_wait(call, at, &wait_ns) ||
        !tulle__retry_grant(call, at, wait_ns)) {
        body_let_go(call);
        return UP_PASS;
    }
    retry_schedule(call, at, wait_ns);
    return UP_HOLD;
}

static void retry_on_wake(struct tulle_call *call, size_t at)
{
    call->outcome = (struct outcome){ 0 };
    tulle__call_resume(call, at);
}

static void retry_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    (void)outcome;
    tulle__retry_give_back(call_config(call, at), call_slot(call, at));
}

const struct layer_type tulle__retry_layer = {
    .name = "retry",
    .tier = TIER_CALL,
    .slot_size = sizeof(struct retry_slot),
    .on_call = retry_on_call,
    .on_reply = retry_on_reply,
    .on_end = retry_on_end,
    .on_wake = retry_on_wake,
    .prepare = retry_prepare,
};
