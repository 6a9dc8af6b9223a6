/* SPDX-License-Identifier: Apache-2.0 */

/* Hedging: when an attempt takes longer than nearly all do, a second one is sent
 * beside it to another endpoint; the first good answer is the call's, and the
 * other attempt is cancelled (Dean and Barroso, The Tail at Scale; Finagle's
 * BackupRequestFilter; gRFC A6).
 *
 * The delay is a percentile of the cluster's live latency. Its own budget pays:
 * `budget` of 1000 calls, with no reserve. A delay that more attempts exceed than
 * the budget pays for would hedge whoever comes first and not whoever is slowest,
 * so it is at least what three quarters of the budget's share exceed (Finagle
 * takes 1 - maxExtraLoad itself; a quarter is left to chance and to the width of
 * a bucket, because what is refused is the tail that hedging is there for).
 *
 * Only what may be executed twice is sent twice: idempotent methods, or a call
 * with an idempotency key; not where the app has turned retries off; never a
 * call with a body that streams. */

#include "policy/hedge.h"
#include "endpoint/live_latency.h"
#include "policy/layers.h"
#include "policy/retry_budget.h"
#include "policy/retry_condition.h"
#include "stack/held.h"

enum { PERMILLE = 1000 };

static enum tulle_error hedge_prepare(const struct prepare *prepare, const void **config,
                                      bool *absent)
{
    const struct hedge_config *hedge = &prepare->cluster->hedge;
    struct hedge_layer_config *made;
    unsigned paid;

    *absent = !hedge->enabled || hedge->max_hedges == 0 || hedge->budget == 0;
    if (*absent) {
        return TULLE_OK;
    }
    made = ARENA_NEW(prepare->arena, struct hedge_layer_config);
    if (!made) {
        return TULLE_E_NOMEM;
    }
    paid = hedge->budget < PERMILLE ? PERMILLE - hedge->budget * 3 / 4 : 0;
    made->hedge = hedge;
    made->budget.permille = hedge->budget;
    made->permille = hedge->percentile > paid ? hedge->percentile : paid;
    made->live = prepare->live;
    *config = made;
    return TULLE_OK;
}

/* --- the budget --- */

static uint32_t budget_now(const struct tulle_call *call)
{
    return (uint32_t)(call_now(call) / NS_PER_MS);
}

static void budget_deposit(struct tulle_call *call, const struct hedge_layer_config *config,
                           uint32_t permille)
{
    const struct budget_config pays = { .permille = permille };

    retry_budget_pay(&config->live->hedge_budget, &pays, budget_now(call));
}

static bool budget_withdraw(struct tulle_call *call, const struct hedge_layer_config *config)
{
    return retry_budget_take(&config->live->hedge_budget, &config->budget, budget_now(call));
}

/* --- a fork is made --- */

static void hedge_skip(struct tulle_call *call, size_t at, enum live_counter counter,
                       const char *why)
{
    const struct hedge_layer_config *config = call_config(call, at);

    live_count(config->live, call->on->index, counter);
    tulle__call_tell(call, at, "no hedge: %s", why);
}

/* It was started; what has not come to an endpoint by now comes too late to help. */
static void hedge_settle(struct tulle_call *call, size_t at, struct tulle_call *fork,
                         uint32_t attempts)
{
    const struct hedge_layer_config *config;

    if (call->done) {
        return;
    }
    config = call_config(call, at);
    if (!fork->done && tulle__held_is_waiting(fork)) {
        tulle__fork_drop(fork, &tulle__hedge_lost);
    }
    if (fork->done && call->attempts == attempts) {
        budget_deposit(call, config, PERMILLE);
        hedge_skip(call, at, COUNT_HEDGES_SKIPPED_ROOM, "no other endpoint is free");
        return;
    }
    live_count(config->live, call->on->index, COUNT_HEDGES);
    tulle__fork_give_tried(fork);
}

static void hedge_start(struct tulle_call *call, size_t at)
{
    const struct hedge_layer_config *config = call_config(call, at);
    struct hedge_slot *slot = call_slot(call, at);
    struct tulle_call *fork = tulle__fork_new(call, at);
    uint32_t attempts = call->attempts;

    if (!fork) {
        budget_deposit(call, config, PERMILLE);
        hedge_skip(call, at, COUNT_HEDGES_SKIPPED_ROOM, "out of memory");
        return;
    }
    tulle__call_tell(call, at, "a hedge, since %.3f ms have passed",
                     (double)(call_now(call) - call->attempt_at) / (double)NS_PER_MS);
    slot->made++;
    list_add_last(&slot->forks, &fork->node);
    fork->replied = tulle__hedge_replied;
    fork->ended = tulle__hedge_ended;
    atomic_fetch_add_explicit(&fork->refs, 1, memory_order_relaxed);
    tulle__fork_run(fork);
    hedge_settle(call, at, fork, attempts);
    tulle__call_unref(fork);
}

static bool hedge_is_allowed(const struct tulle_call *call)
{
    bool streams = call->stream && (call->stream->sends || call->stream->receives);

    return !call->retry_off && !streams &&
           (call->has_idempotency_key || tulle__method_is_idempotent(call->method));
}

static int64_t hedge_delay(const struct hedge_layer_config *config)
{
    int64_t delay = live_latency(config->live, config->permille);

    if (delay == 0) {
        return NEVER;
    }
    return delay > config->hedge->min_delay_ns ? delay : config->hedge->min_delay_ns;
}

static enum down hedge_on_call(struct tulle_call *call, size_t at)
{
    const struct hedge_layer_config *config = call_config(call, at);
    struct hedge_slot *slot = call_slot(call, at);

    list_init(&slot->forks);
    slot->attempts = call->attempts;
    call->fork_sent = false;
    if (call->attempts == 0) {
        budget_deposit(call, config, config->budget.permille);
    }
    if (hedge_is_allowed(call)) {
        tulle__call_wake_at(call, at, time_add(call_now(call), hedge_delay(config)));
    }
    return DOWN_PASS;
}

/* The delay counts from where the attempt has an endpoint: waiting for room is not
 * made shorter by a second one who waits. */
static int64_t hedge_due(const struct tulle_call *call, const struct hedge_slot *slot,
                         int64_t delay)
{
    if (call->attempts == slot->attempts) {
        return time_add(call_now(call), delay);
    }
    return slot->made == 0 ? time_add(call->attempt_at, delay) : call_now(call);
}

static bool time_is_enough(const struct tulle_call *call, const struct hedge_layer_config *config)
{
    int64_t end = call->deadline < call->timeout_at ? call->deadline : call->timeout_at;

    return time_add(call_now(call), live_latency(config->live, 500)) < end;
}

/* It is due. Of more endpoints than TRIED_MAX nobody knows that they were tried. */
static bool hedge_is_granted(struct tulle_call *call, size_t at)
{
    const struct hedge_layer_config *config = call_config(call, at);

    if (!time_is_enough(call, config)) {
        tulle__call_tell(call, at, "no hedge: no time is left");
        return false;
    }
    if (call->tried_count == TRIED_MAX) {
        hedge_skip(call, at, COUNT_HEDGES_SKIPPED_ROOM, "too many endpoints were tried");
        return false;
    }
    if (!budget_withdraw(call, config)) {
        hedge_skip(call, at, COUNT_HEDGES_SKIPPED_BUDGET, "the budget is used up");
        return false;
    }
    return true;
}

static void hedge_on_wake(struct tulle_call *call, size_t at)
{
    const struct hedge_layer_config *config = call_config(call, at);
    struct hedge_slot *slot = call_slot(call, at);
    int64_t now = call_now(call), delay = hedge_delay(config);
    int64_t due = hedge_due(call, slot, delay);

    if (slot->made >= config->hedge->max_hedges) {
        return;
    }
    if (due > now) {
        tulle__call_wake_at(call, at, due);
        return;
    }
    if (!hedge_is_granted(call, at)) {
        return;
    }
    if (slot->made + 1 < config->hedge->max_hedges) {
        tulle__call_wake_at(call, at, time_add(now, delay));
    }
    hedge_start(call, at);
}

/* --- the first attempt --- */

/* Who a peer is, is no matter of luck. */
static bool is_fatal(const struct outcome *outcome)
{
    return outcome->error == TULLE_E_TLS || outcome->error == TULLE_E_TOO_LARGE;
}

/* One that has not come to its endpoint is nothing to wait for. */
static bool others_are_sent(const struct hedge_slot *slot)
{
    const struct list *node = slot->forks.next;

    for (; node != &slot->forks; node = node->next) {
        if (CONTAINER_OF(node, const struct tulle_call, node)->attempt_at > 0) {
            return true;
        }
    }
    return false;
}

static enum up hedge_on_reply(struct tulle_call *call, size_t at)
{
    const struct hedge_layer_config *config = call_config(call, at);
    struct hedge_slot *slot = call_slot(call, at);

    tulle__call_wake_at(call, at, NEVER);
    if (list_is_empty(&slot->forks)) {
        tulle__hedge_progress(slot, &call->outcome);
        return UP_PASS;
    }
    if (tulle__hedge_failed(call) && !is_fatal(&call->outcome) && others_are_sent(slot)) {
        slot->first_failed = true;
        tulle__hedge_heed(call, slot, config->hedge);
        tulle__call_tell(call, at, "the first failed; its hedge goes on");
        return UP_HOLD;
    }
    slot->perhaps_executed = slot->perhaps_executed || call->fork_sent;
    tulle__hedge_progress(slot, &call->outcome);
    tulle__hedge_drop(slot, &tulle__hedge_lost);
    return UP_PASS;
}

/* Who is cut by a clock or by the app hears that; the winner hears how its answer ended. */
static void hedge_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    struct hedge_slot *slot = call_slot(call, at);
    struct tulle_call *winner = slot->winner;
    bool cut = outcome->origin == ORIGIN_TIMEOUT || outcome->origin == ORIGIN_CANCELLED;

    slot->winner = NULL;
    if (winner) {
        tulle__fork_drop(winner, outcome);
    }
    tulle__hedge_drop(slot, cut ? outcome : &tulle__hedge_lost);
}

const struct layer_type tulle__hedge_layer = {
    .name = "hedge",
    .tier = TIER_CALL,
    .slot_size = sizeof(struct hedge_slot),
    .on_call = hedge_on_call,
    .on_reply = hedge_on_reply,
    .on_end = hedge_on_end,
    .on_wake = hedge_on_wake,
    .prepare = hedge_prepare,
};
