/* SPDX-License-Identifier: Apache-2.0 */

/* Retries: when the route wants them (retry_condition.c), while limit and
 * budget have room, after a full-jitter backoff, on endpoints not yet tried. */

#include "base/backoff.h"
#include "policy/layers.h"
#include "policy/retry_budget.h"
#include "policy/retry_condition.h"

struct retry_layer_config {
    const struct retry_config *retry;
    const struct budget_config *budget;
    const struct limits *limits;
    struct cluster_live *live;
};

struct retry_slot {
    uint32_t made;
    bool under_way; /* counted in live->retries */
};

static enum tulle_error retry_prepare(const struct prepare *prepare, const void **config,
                                      bool *absent)
{
    struct retry_layer_config *made = ARENA_NEW(prepare->arena, struct retry_layer_config);

    (void)absent;
    if (!made) {
        return TULLE_E_NOMEM;
    }
    made->retry = &prepare->route->retry;
    made->budget = &prepare->cluster->budget;
    made->limits = &prepare->cluster->limits;
    made->live = prepare->live;
    *config = made;
    return TULLE_OK;
}

static uint32_t budget_now(const struct tulle_call *call)
{
    return (uint32_t)(call_now(call) / NS_PER_MS);
}

static void budget_deposit(struct tulle_call *call, const struct retry_layer_config *config)
{
    atomic_uint_least64_t *budget = &config->live->budget;
    uint64_t word = atomic_load_explicit(budget, memory_order_relaxed), next;

    do {
        next = tulle__retry_budget_deposit(word, config->budget, budget_now(call));
    } while (!atomic_compare_exchange_weak_explicit(budget, &word, next, memory_order_relaxed,
                                                    memory_order_relaxed));
}

static bool budget_withdraw(struct tulle_call *call, const struct retry_layer_config *config)
{
    atomic_uint_least64_t *budget = &config->live->budget;
    uint64_t word = atomic_load_explicit(budget, memory_order_relaxed), next;
    bool granted;

    if (config->budget->unlimited) {
        return true;
    }
    do {
        next = word;
        granted = tulle__retry_budget_withdraw(&next, config->budget, budget_now(call));
    } while (!atomic_compare_exchange_weak_explicit(budget, &word, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return granted;
}

/* Retries under way, over the whole process (maxRetries). */
static bool retries_take(const struct retry_layer_config *config)
{
    atomic_uint *retries = &config->live->retries;
    unsigned count = atomic_load_explicit(retries, memory_order_relaxed);

    do {
        if (count >= config->limits->max_retries) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(retries, &count, count + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void retries_give(const struct retry_layer_config *config, struct retry_slot *slot)
{
    if (slot->under_way) {
        slot->under_way = false;
        atomic_fetch_sub_explicit(&config->live->retries, 1, memory_order_relaxed);
    }
}

static void skip(struct tulle_call *call, size_t at, enum live_counter counter, unsigned flags,
                 const char *why)
{
    const struct retry_layer_config *config = call_config(call, at);

    live_count(config->live, call->on->index, counter);
    call->outcome.flags |= flags;
    tulle__call_tell(call, at, "no retry: %s", why);
}

static int grpc_status(const struct tulle_call *call)
{
    const char *value = tulle_reply_header(&call->reply, "grpc-status");
    uint64_t number;

    return value && tulle__str_to_u64(str_of(value), 1000, &number) ? (int)number : -1;
}

static bool retry_is_wanted(struct tulle_call *call, const struct retry_config *config)
{
    bool answered = call->outcome.origin == ORIGIN_NONE;
    bool suspect = answered && (call->outcome.status >= 400 || call->is_grpc);
    struct attempt_end end = {
        .outcome = &call->outcome,
        .grpc_status = suspect && call->is_grpc ? grpc_status(call) : -1,
        .is_ratelimited = suspect && tulle_reply_header(&call->reply, "x-envoy-ratelimited"),
        .is_idempotent = call->has_idempotency_key || tulle__method_is_idempotent(call->method),
    };

    return tulle__retry_wanted(config, &end);
}

/* Lost with the request perhaps executed: another method would have been sent again. */
static void skip_for_method(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    const struct outcome *outcome = &call->outcome;
    bool is_lost = outcome->origin == ORIGIN_TRANSPORT || outcome->origin == ORIGIN_TIMEOUT;

    if (is_lost && outcome->progress == TULLE_PERHAPS_EXECUTED &&
        (config->retry->on & RETRY_ON_IDEMPOTENT_RESET)) {
        skip(call, at, COUNT_RETRY_SKIPPED_METHOD, 0, "it is perhaps executed");
    }
}

/* A streamed body can be sent again while all of it is in its window; what the
 * app writes meanwhile must not push its start out. */
static bool body_is_kept(const struct tulle_call *call)
{
    return !call->stream || !call->stream->sends || tulle__body_hold(&call->stream->request);
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

static bool retry_is_granted(struct tulle_call *call, size_t at, int64_t backoff)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);

    if (slot->made >= config->retry->retries) {
        call->outcome.flags |= config->retry->retries > 0 ? FLAG_URX : 0;
        tulle__call_tell(call, at, "no retry: all %u are used", config->retry->retries);
        return false;
    }
    if (call->deadline != NEVER && call_now(call) + backoff >= call->deadline) {
        skip(call, at, COUNT_RETRY_SKIPPED_DEADLINE, 0, "no time is left");
        return false;
    }
    if (!body_is_kept(call)) {
        skip(call, at, COUNT_RETRY_SKIPPED_BODY, 0, "the body's start has left its window");
        return false;
    }
    if (!retries_take(config)) {
        skip(call, at, COUNT_RETRY_SKIPPED_LIMIT, FLAG_UO, "maxRetries are under way");
        return false;
    }
    slot->under_way = true;
    if (!budget_withdraw(call, config)) {
        retries_give(config, slot);
        skip(call, at, COUNT_RETRY_SKIPPED_BUDGET, FLAG_UO, "the budget is used up");
        return false;
    }
    return true;
}

static enum down retry_on_call(struct tulle_call *call, size_t at)
{
    budget_deposit(call, call_config(call, at));
    return DOWN_PASS;
}

static void retry_schedule(struct tulle_call *call, size_t at, int64_t backoff)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);

    slot->made++;
    live_count(config->live, call->on->index, COUNT_RETRIES);
    tulle__call_tell(call, at, "retry %u of %u in %.3f ms", slot->made, config->retry->retries,
                     (double)backoff / (double)NS_PER_MS);
    tulle__call_wake_at(call, at, call_now(call) + backoff);
}

static enum up retry_on_reply(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);
    int64_t backoff;

    if (call->retry_off) {
        return UP_PASS;
    }
    if (!retry_is_wanted(call, config->retry)) {
        if (slot->under_way && call->outcome.error == TULLE_OK) {
            live_count(config->live, call->on->index, COUNT_RETRY_SUCCESS);
        }
        skip_for_method(call, at);
        return UP_PASS;
    }
    retries_give(config, slot);
    backoff = tulle__backoff(config->retry->backoff_base_ns, config->retry->backoff_max_ns,
                             slot->made + 1, &call->on->rand);
    if (!retry_is_granted(call, at, backoff)) {
        body_let_go(call);
        return UP_PASS;
    }
    retry_schedule(call, at, backoff);
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
    retries_give(call_config(call, at), call_slot(call, at));
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
