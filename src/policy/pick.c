/* SPDX-License-Identifier: Apache-2.0 */

/* Asks the cluster's picker for an endpoint. A cluster that is known and has no
 * endpoint yet makes the call wait, bounded by maxPending and the deadline. */

#include "endpoint/outlier.h"
#include "policy/layers.h"
#include "stack/held.h"

#include <stdio.h>

/* Picks that meet a trial of another attempt. */
enum { TRIAL_PICKS = 8 };

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

/* A hedge goes elsewhere or nowhere. */
static bool was_tried(const struct tulle_call *fork)
{
    for (size_t i = 0; i < fork->tried_count; i++) {
        if (fork->tried[i] == fork->view) {
            return true;
        }
    }
    return false;
}

static void trial_leave(struct tulle_call *call)
{
    if (call->trial) {
        call->trial = false;
        trial_return(call->view);
    }
}

/* An endpoint on trial takes one request. Who comes second asks for another one;
 * in panic, where gates are not asked, he may get no other. */
static enum pick_result pick_one(struct tulle_call *call, struct pick *pick)
{
    const struct target *target = call_target(call);
    enum pick_result result;

    call->trial = false;
    for (int i = 0; i < TRIAL_PICKS; i++) {
        result = tulle__pick(target->live, pick, &call->view);
        if (result != PICK_ENDPOINT || trial_claim(call->view, &call->trial)) {
            break;
        }
    }
    if (result == PICK_ENDPOINT && call->parent && was_tried(call)) {
        pick->trouble = STR("there is no endpoint that this call has not tried");
        trial_leave(call);
        return PICK_FAIL;
    }
    return result;
}

/* Where it was found, if there are several places. */
static void place_tell(struct tulle_call *call, size_t at, const struct leaf *leaf)
{
    if (leaf->panic) {
        live_count(call_target(call)->live, call->on->index, COUNT_PANIC);
    }
    if (leaf->is_part || leaf->panic) {
        tulle__call_tell(call, at, "of priority %u%s%s%.*s", leaf->priority,
                         leaf->panic      ? ", in panic: healthy or not"
                         : leaf->degraded ? ", degraded"
                                          : "",
                         leaf->locality.size > 0 ? ", " : "", STR_ARG(leaf->locality));
    }
}

static enum pick_result pick_try(struct tulle_call *call, size_t at)
{
    struct pick pick = {
        .loop = call->on->index,
        .rand = &call->on->rand,
        .now = call_now(call),
        .tried = call->tried,
        .tried_count = call->any_host && !call->parent ? 0 : call->tried_count,
        .tried_priorities = call->tried_priorities,
        .hash = call->hash,
        .has_hash = call->has_hash,
        .is_again = call->tried_count > 0,
    };
    enum pick_result result = pick_one(call, &pick);

    if (call->on->watcher) {
        call->on->watcher->picked(call->on->watcher, call, (int)result);
    }
    if (result == PICK_FAIL) {
        snprintf(call->scratch->text, sizeof(call->scratch->text), "%.*s", STR_ARG(pick.trouble));
    }
    if (result == PICK_ENDPOINT) {
        struct str address = call->view->peer->address;

        endpoint_note(call, address);
        call->seen_priorities |= pick.priority < 32 ? 1U << pick.priority : 0;
        if (call->tried_count < TRIED_MAX) {
            call->tried[call->tried_count++] = call->view;
        }
        tulle__call_tell(call, at, "%s, %u in flight there%s", call->scratch->endpoint,
                         atomic_load_explicit(&call->view->peer->in_flight, memory_order_relaxed),
                         call->trial ? ": its trial request" : "");
        place_tell(call, at, pick.leaf);
    }
    return result;
}

/* As Envoy's DROP_OVERLOAD; which list it was is told here. */
static enum down pick_drop(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    const struct balancer_config *config = &target->cluster->balancer;

    live_count(target->live, call->on->index, COUNT_DROPPED);
    snprintf(call->scratch->text, sizeof(call->scratch->text),
             "drop overload: %.*s%s%u of a million calls are dropped",
             STR_ARG(config->drop_category), config->drop_category.size > 0 ? ", " : "",
             config->drop_per_million);
    return tulle__call_refuse(call, at, TULLE_E_REFUSED, 503, FLAG_DO, call->scratch->text);
}

static enum down pick_refuse(struct tulle_call *call, size_t at, enum pick_result result)
{
    const struct target *target = call_target(call);

    if (result == PICK_DROP) {
        return pick_drop(call, at);
    }
    if (!call->parent) {
        live_count(target->live, call->on->index, COUNT_NO_ENDPOINT);
    }
    return tulle__call_refuse(call, at, TULLE_E_NO_ENDPOINT, 503, FLAG_UH,
                              call->scratch->text[0] ? call->scratch->text
                                                     : "every endpoint is ejected");
}

static enum down pick_wait(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    uint32_t max = target->cluster->limits.max_pending;
    enum pick_result result;

    if (!tulle__held_add(call, at, target->live, max)) {
        live_count(target->live, call->on->index, COUNT_OVERFLOW_PENDING);
        snprintf(call->scratch->text, sizeof(call->scratch->text),
                 "http1MaxPendingRequests of %u wait for an endpoint already", max);
        return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
    }
    /* One may have come between the look and the list. */
    result = pick_try(call, at);
    switch (result) {
    case PICK_HOLD:
        tulle__call_tell(call, at, "waits: the cluster has no endpoint yet");
        return DOWN_HOLD;
    case PICK_ENDPOINT: pick_leave_line(call, target->live); return DOWN_PASS;
    case PICK_FAIL:
    case PICK_DROP:
    default: pick_leave_line(call, target->live); return pick_refuse(call, at, result);
    }
}

static enum down pick_on_call(struct tulle_call *call, size_t at)
{
    enum pick_result result = pick_try(call, at);

    switch (result) {
    case PICK_ENDPOINT: return DOWN_PASS;
    case PICK_HOLD: return pick_wait(call, at);
    case PICK_FAIL:
    case PICK_DROP:
    default: return pick_refuse(call, at, result);
    }
}

static void pick_on_wake(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    enum pick_result result = pick_try(call, at);

    switch (result) {
    case PICK_HOLD: return;
    case PICK_ENDPOINT:
        pick_leave_line(call, target->live);
        tulle__call_resume(call, at);
        return;
    case PICK_FAIL:
    case PICK_DROP:
    default:
        pick_leave_line(call, target->live);
        pick_refuse(call, at, result);
        tulle__call_answer_refusal(call, at);
    }
}

static void pick_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct target *target = call_target(call);

    (void)at, (void)outcome;
    trial_leave(call);
    pick_leave_line(call, target->live);
}

const struct layer_type tulle__pick_layer = {
    .name = "pick",
    .tier = TIER_ATTEMPT,
    .on_call = pick_on_call,
    .on_end = pick_on_end,
    .on_wake = pick_on_wake,
};
