/* SPDX-License-Identifier: Apache-2.0 */

/* What a retry needs: one of the tries its route gives, time enough, the start of
 * a body that streams, and room in the limit and in both budgets. */

#include "policy/retry.h"
#include "policy/retry_budget.h"

enum { PERMILLE = 1000 };

static uint32_t budget_now(const struct tulle_call *call)
{
    return (uint32_t)(call_now(call) / NS_PER_MS);
}

void tulle__retry_deposit(struct tulle_call *call, const struct retry_layer_config *config)
{
    retry_budget_pay(&config->live->budget, config->budget, budget_now(call));
}

static bool budget_withdraw(struct tulle_call *call, const struct retry_layer_config *config)
{
    return config->budget->unlimited ||
           retry_budget_take(&config->live->budget, config->budget, budget_now(call));
}

/* Envoy's budget: a share of what is in flight and pending, the attempt that has
 * just failed among it. */
static uint32_t concurrency_of(const struct retry_layer_config *config)
{
    uint64_t active = atomic_load_explicit(&config->live->requests, memory_order_relaxed);
    uint64_t pending = atomic_load_explicit(&config->live->pending, memory_order_relaxed);
    uint64_t share = (active + pending) * config->budget->concurrency / PERMILLE;

    if (config->budget->concurrency == 0) {
        return UINT32_MAX;
    }
    return share > config->budget->min_concurrency ? (uint32_t)share
                                                   : config->budget->min_concurrency;
}

enum room { ROOM, NO_ROOM_IN_LIMIT, NO_ROOM_IN_SHARE };

/* Retries under way, over the whole process: maxRetries and the budget's share. */
static enum room retries_take(const struct retry_layer_config *config)
{
    unsigned share = concurrency_of(config), limit = config->limits->max_retries;

    if (word_take(&config->live->retries, share < limit ? share : limit)) {
        return ROOM;
    }
    return share < limit ? NO_ROOM_IN_SHARE : NO_ROOM_IN_LIMIT;
}

void tulle__retry_give_back(const struct retry_layer_config *config, struct retry_slot *slot)
{
    if (slot->under_way) {
        slot->under_way = false;
        word_give(&config->live->retries);
    }
}

void tulle__retry_skip(struct tulle_call *call, size_t at, enum live_counter counter,
                       unsigned flags, const char *why)
{
    const struct retry_layer_config *config = call_config(call, at);

    live_count(config->live, call->on->index, counter);
    call->outcome.flags |= flags;
    tulle__call_tell(call, at, "no retry: %s", why);
}

/* A try that has less than an even chance to be in time only loads its server. */
static bool time_is_enough(struct tulle_call *call, size_t at, int64_t wait_ns)
{
    const struct retry_layer_config *config = call_config(call, at);
    int64_t end = call->deadline < call->timeout_at ? call->deadline : call->timeout_at;
    int64_t usual = config->live->loops[call->on->index].usual_try_ns;
    int64_t start = time_add(call_now(call), wait_ns);

    if (end == NEVER || time_add(start, usual) < end) {
        return true;
    }
    if (start < end) {
        tulle__call_tell(call, at, "after %.3f ms %.3f ms are left, and a try takes %.3f ms",
                         (double)wait_ns / (double)NS_PER_MS,
                         (double)(end - start) / (double)NS_PER_MS,
                         (double)usual / (double)NS_PER_MS);
    }
    tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_DEADLINE, 0, "no time is left");
    return false;
}

/* A streamed body can be sent again while all of it is in its window; what the
 * app writes meanwhile must not push its start out. */
static bool body_is_kept(const struct tulle_call *call)
{
    return !call->stream || !call->stream->sends || tulle__body_hold(&call->stream->request);
}

static bool room_is_granted(struct tulle_call *call, size_t at)
{
    const struct retry_layer_config *config = call_config(call, at);
    struct retry_slot *slot = call_slot(call, at);

    switch (retries_take(config)) {
    case NO_ROOM_IN_LIMIT:
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_LIMIT, FLAG_UO, "maxRetries are under way");
        return false;
    case NO_ROOM_IN_SHARE:
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_CONCURRENCY, FLAG_UO,
                          "the budget's share of what is in flight is under way");
        return false;
    case ROOM:
    default: break;
    }
    slot->under_way = true;
    if (!budget_withdraw(call, config)) {
        tulle__retry_give_back(config, slot);
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_BUDGET, FLAG_UO, "the budget is used up");
        return false;
    }
    return true;
}

bool tulle__retry_grant(struct tulle_call *call, size_t at, int64_t wait_ns)
{
    if (!time_is_enough(call, at, wait_ns)) {
        return false;
    }
    if (!body_is_kept(call)) {
        tulle__retry_skip(call, at, COUNT_RETRY_SKIPPED_BODY, 0,
                          "the body's start has left its window");
        return false;
    }
    return room_is_granted(call, at);
}
