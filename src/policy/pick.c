/* SPDX-License-Identifier: Apache-2.0 */

/* Asks the cluster's picker for an endpoint. A cluster that is known and has no
 * endpoint yet makes the call wait, bounded by maxPending and the deadline; so does
 * one whose endpoints all have as many attempts under way as each may. */

#include "balance/priority.h"
#include "base/word.h"
#include "endpoint/outlier.h"
#include "policy/layers.h"
#include "stack/held.h"

#include <stdio.h>

/* Picks that meet a trial of another attempt, or an endpoint that is full by then. */
enum { PICKS_MAX = 8 };

struct pick_slot {
    struct view *entered; /* counts this attempt; NULL: endpoints have no limit */
    bool waits_for_place; /* in live->full */
};

/* An HTTP/1.1 attempt needs a connection of its own. 0: there is no limit. */
static unsigned endpoint_max(const struct target *target)
{
    const struct limits *limits = &target->cluster->limits;
    bool shares = target->cluster->protocol == PROTOCOL_HTTP2 ||
                  atomic_load_explicit(&target->live->is_http2, memory_order_relaxed);
    unsigned max = limits->endpoint_max_requests;

    if (!shares && limits->endpoint_max_connections < max) {
        max = limits->endpoint_max_connections;
    }
    if (max == LIMIT_NONE) {
        return 0;
    }
    return max < VIEW_BUSY_MOST ? max : VIEW_BUSY_MOST;
}

/* The line is admit's as well: those behind it held back. */
static void pick_leave_line(struct tulle_call *call, size_t at)
{
    struct cluster_live *live = call_target(call)->live;
    struct pick_slot *slot = call_slot(call, at);

    if (!tulle__held_is_waiting(call)) {
        return;
    }
    tulle__held_remove(call, live);
    if (slot->waits_for_place) {
        slot->waits_for_place = false;
        word_give(&live->full);
    }
    tulle__held_nudge(live);
}

static void place_leave(struct tulle_call *call, size_t at)
{
    struct pick_slot *slot = call_slot(call, at);

    if (slot->entered) {
        view_leave(slot->entered);
        slot->entered = NULL;
        tulle__held_nudge(call_target(call)->live);
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

/* Where none is left that was not tried, all are to be had again, as in Envoy. */
static void priority_note(struct tulle_call *call, uint32_t bit)
{
    if (call->tried_priorities & bit) {
        call->tried_priorities = call->seen_priorities = 0;
    }
    call->seen_priorities |= bit;
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

/* Nobody has a place, and somebody would be picked if he had. */
static bool all_are_full(struct tulle_call *call, struct pick *pick)
{
    struct pick any = *pick;

    any.endpoint_max = 0;
    any.is_again = true; /* it is not dropped twice */
    return pick->endpoint_max > 0 &&
           tulle__pick(call_target(call)->live, &any, &call->view) == PICK_ENDPOINT;
}

/* True: the endpoint has a place for this attempt, or needs none. */
static bool place_take(struct tulle_call *call, size_t at, unsigned max)
{
    struct pick_slot *slot = call_slot(call, at);

    place_leave(call, at);
    if (max > 0 && view_enter(call->view, max)) {
        slot->entered = call->view;
    }
    return max == 0 || slot->entered;
}

/* An endpoint on trial takes one request. Who comes second asks for another one;
 * in panic, where gates are not asked, he may get no other. */
static enum pick_result pick_one(struct tulle_call *call, size_t at, struct pick *pick)
{
    const struct target *target = call_target(call);
    enum pick_result result;
    bool placed = true;

    call->trial = false;
    for (int i = 0; i < PICKS_MAX; i++) {
        result = tulle__pick(target->live, pick, &call->view);
        if (result != PICK_ENDPOINT) {
            break;
        }
        placed = place_take(call, at, pick->endpoint_max);
        if (placed && trial_claim(call->view, &call->trial)) {
            break;
        }
    }
    if (!placed || (result == PICK_FAIL && all_are_full(call, pick))) {
        return PICK_FULL;
    }
    if (result == PICK_ENDPOINT && call->parent && was_tried(call)) {
        pick->trouble = STR("there is no endpoint that this call has not tried");
        trial_leave(call);
        place_leave(call, at);
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
    if (leaf->priority > 0) {
        live_count(call_target(call)->live, call->on->index, COUNT_SPILLED);
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
        .endpoint_max = endpoint_max(call_target(call)),
    };
    enum pick_result result = pick_one(call, at, &pick);

    if (call->on->watcher) {
        call->on->watcher->picked(call->on->watcher, call,
                                  (int)(result == PICK_FULL ? PICK_HOLD : result));
    }
    if (result == PICK_FAIL) {
        snprintf(call->scratch->text, sizeof(call->scratch->text), "%.*s", STR_ARG(pick.trouble));
    }
    if (result == PICK_ENDPOINT) {
        struct str address = peer_address(call->view->peer);

        endpoint_note(call, address);
        priority_note(call, priority_bit(pick.priority));
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

static enum down pick_refuse_line(struct tulle_call *call, size_t at, enum pick_result result)
{
    const struct target *target = call_target(call);

    live_count(target->live, call->on->index, COUNT_OVERFLOW_PENDING);
    snprintf(call->scratch->text, sizeof(call->scratch->text),
             result == PICK_FULL
                 ? "every endpoint is full, and http1MaxPendingRequests of %u wait already"
                 : "http1MaxPendingRequests of %u wait for an endpoint already",
             target->cluster->limits.max_pending);
    return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
}

static enum down pick_hold(struct tulle_call *call, size_t at, enum pick_result result)
{
    if (result == PICK_HOLD) {
        tulle__call_tell(call, at, "waits: the cluster has no endpoint yet");
    } else {
        tulle__call_tell(call, at, "waits: every endpoint has the %u attempts that it may",
                         endpoint_max(call_target(call)));
    }
    return DOWN_HOLD;
}

static void wait_for_place(struct tulle_call *call, size_t at)
{
    struct pick_slot *slot = call_slot(call, at);

    slot->waits_for_place = true;
    atomic_fetch_add_explicit(&call_target(call)->live->full, 1, memory_order_seq_cst);
}

/* `behind`: others wait already, and tell when they leave. */
static enum down pick_wait(struct tulle_call *call, size_t at, enum pick_result result, bool behind)
{
    struct cluster_live *live = call_target(call)->live;

    if (!tulle__held_add(call, at, live, call_target(call)->cluster->limits.max_pending)) {
        return pick_refuse_line(call, at, result);
    }
    if (result == PICK_FULL) {
        wait_for_place(call, at);
    }
    if (behind && atomic_load_explicit(&live->full, memory_order_seq_cst) > 1) {
        return pick_hold(call, at, result);
    }
    /* One may have come between the look and the list. */
    result = pick_try(call, at);
    switch (result) {
    case PICK_FULL:
    case PICK_HOLD: return pick_hold(call, at, result);
    case PICK_ENDPOINT: pick_leave_line(call, at); return DOWN_PASS;
    case PICK_FAIL:
    case PICK_DROP:
    default: pick_leave_line(call, at); return pick_refuse(call, at, result);
    }
}

/* Nobody passes those who wait for a place, on whichever loop. */
static bool others_wait(const struct target *target)
{
    return atomic_load_explicit(&target->live->full, memory_order_seq_cst) > 0 &&
           endpoint_max(target) > 0;
}

static enum down pick_on_call(struct tulle_call *call, size_t at)
{
    enum pick_result result;

    if (others_wait(call_target(call)) && !call->parent) {
        return pick_wait(call, at, PICK_FULL, true);
    }
    result = pick_try(call, at);
    switch (result) {
    case PICK_ENDPOINT: return DOWN_PASS;
    case PICK_FULL:
    case PICK_HOLD: return pick_wait(call, at, result, false);
    case PICK_FAIL:
    case PICK_DROP:
    default: return pick_refuse(call, at, result);
    }
}

static void pick_on_wake(struct tulle_call *call, size_t at)
{
    enum pick_result result = pick_try(call, at);

    switch (result) {
    case PICK_FULL:
    case PICK_HOLD: return;
    case PICK_ENDPOINT:
        pick_leave_line(call, at);
        tulle__call_resume(call, at);
        return;
    case PICK_FAIL:
    case PICK_DROP:
    default:
        pick_leave_line(call, at);
        pick_refuse(call, at, result);
        tulle__call_answer_refusal(call, at);
    }
}

static void pick_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    (void)outcome;
    trial_leave(call);
    pick_leave_line(call, at);
    place_leave(call, at);
}

const struct layer_type tulle__pick_layer = {
    .name = "pick",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct pick_slot),
    .on_call = pick_on_call,
    .on_end = pick_on_end,
    .on_wake = pick_on_wake,
};
