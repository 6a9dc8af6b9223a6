/* SPDX-License-Identifier: Apache-2.0 */

/* A race of attempts: the first good answer is the call's, a failure waits for
 * the others, the last failure is reported. Who loses is cut. */

#include "base/macros.h"
#include "policy/grpc.h"
#include "policy/hedge.h"

static bool grpc_failed(const struct tulle_call *call)
{
    int status = tulle__grpc_head_status(call);

    return status == 4 || status == 8 || status == 13 || status == 14;
}

/* An end that another attempt may better. */
bool tulle__hedge_failed(const struct tulle_call *call)
{
    const struct outcome *outcome = &call->outcome;

    return outcome->error != TULLE_OK || outcome->status >= 500 || outcome->status == 429 ||
           grpc_failed(call);
}

const struct outcome tulle__hedge_lost = {
    .error = TULLE_E_CANCELLED,
    .origin = ORIGIN_CANCELLED,
    .lost = true,
    .layer = "hedge",
    .text = "another attempt of the call was first",
};

void tulle__hedge_drop(struct hedge_slot *slot, const struct outcome *why)
{
    while (!list_is_empty(&slot->forks)) {
        tulle__fork_drop(CONTAINER_OF(list_first(&slot->forks), struct tulle_call, node), why);
    }
}

void tulle__hedge_progress(const struct hedge_slot *slot, struct outcome *outcome)
{
    if (outcome->error != TULLE_OK && outcome->progress != TULLE_ANSWERED &&
        slot->perhaps_executed) {
        outcome->progress = TULLE_PERHAPS_EXECUTED;
    }
}

/* A server that asks for rest is not sent more (gRFC A6: pushback stops hedging). */
void tulle__hedge_heed(struct tulle_call *attempt, struct hedge_slot *slot,
                       const struct hedge_config *hedge)
{
    static const char *const names[] = { "grpc-retry-pushback-ms", "retry-after",
                                         "x-envoy-ratelimited", "x-envoy-overloaded" };
    enum tulle_progress progress = attempt->outcome.progress;

    if (progress == TULLE_PERHAPS_EXECUTED || progress == TULLE_ANSWERED) {
        slot->perhaps_executed = true;
    }
    for (size_t i = 0; attempt->outcome.error == TULLE_OK && i < COUNT_OF(names); i++) {
        if (tulle_reply_header(&attempt->reply, names[i])) {
            slot->made = hedge->max_hedges;
        }
    }
}

static struct hedge_slot *slot_of(struct tulle_call *fork)
{
    return call_slot(fork->parent, fork_place(fork));
}

/* What it came to is what the call came to. The first attempt is cut before, while
 * its endpoint is still the call's. */
static void fork_answer(struct tulle_call *fork)
{
    const struct hedge_layer_config *config = call_config(fork->parent, fork_place(fork));
    struct outcome outcome;

    if (!tulle__hedge_failed(fork)) {
        live_count(config->live, fork->on->index, COUNT_HEDGES_WON);
        tulle__call_tell(fork, fork_place(fork), "was first");
    }
    tulle__call_cut(fork->parent, fork_place(fork), &tulle__hedge_lost);
    tulle__fork_give_head(fork);
    outcome = tulle__fork_outcome(fork);
    tulle__hedge_progress(slot_of(fork), &outcome);
    tulle__call_answer(fork->parent, fork_place(fork), &tulle__hedge_lost, &outcome);
}

static bool is_last(const struct hedge_slot *slot)
{
    return slot->first_failed && list_is_empty(&slot->forks);
}

/* A bad head waits for the others; nothing of its body will be wanted. */
void tulle__hedge_replied(struct tulle_call *fork)
{
    const struct hedge_layer_config *config = call_config(fork->parent, fork_place(fork));
    struct hedge_slot *slot = slot_of(fork);

    list_remove(&fork->node);
    if (tulle__hedge_failed(fork) && !is_last(slot)) {
        struct outcome outcome = fork->outcome;

        tulle__hedge_heed(fork, slot, config->hedge);
        tulle__call_tell(fork, fork_place(fork), "failed with %d; the others go on",
                         outcome.status);
        tulle__fork_drop(fork, &outcome);
        return;
    }
    tulle__hedge_drop(slot, &tulle__hedge_lost);
    list_add_last(&slot->forks, &fork->node);
    slot->winner = fork;
    fork_answer(fork);
}

void tulle__hedge_ended(struct tulle_call *fork)
{
    const struct hedge_layer_config *config = call_config(fork->parent, fork_place(fork));
    struct hedge_slot *slot = slot_of(fork);
    bool failed = tulle__hedge_failed(fork);

    list_remove(&fork->node);
    tulle__fork_give_tried(fork);
    tulle__loop_release_timers(fork->on->loop, 1);
    if (slot->winner == fork) {
        struct outcome outcome = tulle__fork_outcome(fork);

        slot->winner = NULL;
        tulle__fork_give_body(fork);
        tulle__call_finish(fork->parent, fork_place(fork), &outcome);
    } else if (!failed || is_last(slot)) {
        tulle__hedge_drop(slot, &tulle__hedge_lost);
        fork_answer(fork);
    } else {
        tulle__hedge_heed(fork, slot, config->hedge);
        tulle__call_tell(fork, fork_place(fork), "failed; the others go on");
    }
    tulle__call_unref(fork);
}
