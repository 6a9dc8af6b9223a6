/* SPDX-License-Identifier: Apache-2.0 */

/* Asks the cluster's picker for an endpoint. A cluster that is known and has no
 * endpoint yet makes the call wait, bounded by maxPending and the deadline. */

#include "policy/layers.h"
#include "stack/held.h"

#include <stdio.h>

/* The line is admit's as well: those behind it held back. */
static void pick_leave_line(struct tulle_call *call, struct cluster_live *live)
{
    if (tulle__held_is_waiting(call)) {
        tulle__held_remove(call, live);
        tulle__held_nudge(live);
    }
}

/* A name may be longer than there is room. */
static void endpoint_note(struct tulle_call *call, struct str address)
{
    char *endpoint = call->scratch->endpoint;
    size_t most = sizeof(call->scratch->endpoint) - 1;
    size_t size = address.size < most ? address.size : most;

    memcpy(endpoint, address.data, size);
    endpoint[size] = '\0';
}

static enum pick_result pick_try(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    struct pick pick = {
        .loop = call->on->index,
        .rand = &call->on->rand,
        .now = call_now(call),
        .tried = call->tried,
        .tried_count = call->tried_count,
    };
    enum pick_result result = tulle__pick(target->live, &pick, &call->view);

    if (call->on->watcher) {
        call->on->watcher->picked(call->on->watcher, call, (int)result);
    }
    if (result == PICK_FAIL) {
        snprintf(call->scratch->text, sizeof(call->scratch->text), "%.*s", STR_ARG(pick.trouble));
    }
    if (result == PICK_ENDPOINT) {
        struct str address = call->view->peer->address;

        endpoint_note(call, address);
        if (call->tried_count < TRIED_MAX) {
            call->tried[call->tried_count++] = call->view;
        }
        tulle__call_tell(call, at, "%s, %u in flight there", call->scratch->endpoint,
                         atomic_load_explicit(&call->view->peer->in_flight, memory_order_relaxed));
    }
    return result;
}

static enum down pick_refuse(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    live_count(target->live, call->on->index, COUNT_NO_ENDPOINT);
    return tulle__call_refuse(call, at, TULLE_E_NO_ENDPOINT, 503, FLAG_UH,
                              call->scratch->text[0] ? call->scratch->text
                                                     : "every endpoint is ejected");
}

static enum down pick_wait(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    uint32_t max = target->cluster->limits.max_pending;

    if (!tulle__held_add(call, at, target->live, max)) {
        live_count(target->live, call->on->index, COUNT_OVERFLOW_PENDING);
        snprintf(call->scratch->text, sizeof(call->scratch->text),
                 "http1MaxPendingRequests of %u wait for an endpoint already", max);
        return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
    }
    /* One may have come between the look and the list. */
    switch (pick_try(call, at)) {
    case PICK_HOLD:
        tulle__call_tell(call, at, "waits: the cluster has no endpoint yet");
        return DOWN_HOLD;
    case PICK_ENDPOINT: pick_leave_line(call, target->live); return DOWN_PASS;
    case PICK_FAIL:
    default: pick_leave_line(call, target->live); return pick_refuse(call, at);
    }
}

static enum down pick_on_call(struct tulle_call *call, size_t at)
{
    switch (pick_try(call, at)) {
    case PICK_ENDPOINT: return DOWN_PASS;
    case PICK_HOLD: return pick_wait(call, at);
    case PICK_FAIL:
    default: return pick_refuse(call, at);
    }
}

static void pick_on_wake(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    switch (pick_try(call, at)) {
    case PICK_HOLD: return;
    case PICK_ENDPOINT:
        pick_leave_line(call, target->live);
        tulle__call_resume(call, at);
        return;
    case PICK_FAIL:
    default:
        pick_leave_line(call, target->live);
        pick_refuse(call, at);
        tulle__call_answer_refusal(call, at);
    }
}

static void pick_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct target *target = call_target(call);

    (void)at, (void)outcome;
    pick_leave_line(call, target->live);
}

const struct layer_type tulle__pick_layer = {
    .name = "pick",
    .tier = TIER_ATTEMPT,
    .on_call = pick_on_call,
    .on_end = pick_on_end,
    .on_wake = pick_on_wake,
};
