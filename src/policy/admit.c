/* SPDX-License-Identifier: Apache-2.0 */

/* connectionPool: counts the attempts of a cluster over the whole process
 * before an endpoint is touched. An HTTP/1.1 attempt needs a connection of its
 * own, so as many are let in as there may be connections; the others wait in
 * line, as many as may be pending; what comes then is refused at once, by name.
 * Over HTTP/2 connections are shared and only maxRequests counts. */

#include "base/word.h"
#include "policy/layers.h"
#include "stack/held.h"

#include <stdio.h>

struct admit_slot {
    bool request, connection; /* what it has taken */
};

enum admitted { ADMITTED, ADMIT_WAIT, ADMIT_TOO_MANY };

static bool connection_is_needed(const struct target *target)
{
    return target->cluster->protocol != PROTOCOL_HTTP2 &&
           target->cluster->limits.max_connections != LIMIT_NONE &&
           !atomic_load_explicit(&target->live->is_http2, memory_order_relaxed);
}

/* Room for one more, or none. */
static enum admitted admit_try(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);
    const struct limits *limits = &target->cluster->limits;
    struct admit_slot *slot = call_slot(call, at);

    if (connection_is_needed(target)) {
        slot->connection = word_take(&target->live->slots, limits->max_connections);
        if (!slot->connection) {
            return ADMIT_WAIT;
        }
    }
    slot->request = word_take(&target->live->requests, limits->max_requests);
    return slot->request ? ADMITTED : ADMIT_TOO_MANY;
}

static enum down admit_refuse(struct tulle_call *call, size_t at, enum live_counter counter,
                              const char *limit, uint32_t max)
{
    const struct target *target = call_target(call);

    live_count(target->live, call->on->index, counter);
    snprintf(call->scratch->text, sizeof(call->scratch->text), "%s of %u is reached", limit, max);
    return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
}

static enum down admit_refuse_requests(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    return admit_refuse(call, at, COUNT_OVERFLOW_REQUESTS, "http2MaxRequests",
                        target->cluster->limits.max_requests);
}

/* Those who came behind it held back, whether there was a slot or not. */
static void admit_leave_line(struct tulle_call *call, const struct target *target)
{
    if (!tulle__held_is_waiting(call)) {
        return;
    }
    tulle__held_remove(call, target->live);
    if (atomic_load_explicit(&target->live->slots, memory_order_seq_cst) <
        target->cluster->limits.max_connections) {
        tulle__held_nudge(target->live);
    }
}

/* `behind`: others wait already, and tell when they leave. */
static enum down admit_wait(struct tulle_call *call, size_t at, bool behind)
{
    const struct target *target = call_target(call);
    const struct limits *limits = &target->cluster->limits;

    if (!tulle__held_add(call, at, target->live, limits->max_pending)) {
        return admit_refuse(call, at, COUNT_OVERFLOW_PENDING, "http1MaxPendingRequests",
                            limits->max_pending);
    }
    tulle__call_tell(call, at, "waits: maxConnections of %u are in use", limits->max_connections);
    if (behind && atomic_load_explicit(&target->live->pending, memory_order_seq_cst) > 1) {
        return DOWN_HOLD;
    }
    /* One may have left between the look and the list. */
    switch (admit_try(call, at)) {
    case ADMIT_WAIT: return DOWN_HOLD;
    case ADMITTED: admit_leave_line(call, target); return DOWN_PASS;
    case ADMIT_TOO_MANY:
    default: admit_leave_line(call, target); return admit_refuse_requests(call, at);
    }
}

static enum down admit_on_call(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    /* Nobody passes those who wait, on whichever loop: who has just left a slot would
     * have it again before they are awake. */
    if (connection_is_needed(target) &&
        atomic_load_explicit(&target->live->pending, memory_order_seq_cst) > 0) {
        return admit_wait(call, at, true);
    }
    switch (admit_try(call, at)) {
    case ADMITTED: return DOWN_PASS;
    case ADMIT_WAIT: return admit_wait(call, at, false);
    case ADMIT_TOO_MANY:
    default: return admit_refuse_requests(call, at);
    }
}

static void admit_on_wake(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    switch (admit_try(call, at)) {
    case ADMIT_WAIT: return;
    case ADMITTED:
        admit_leave_line(call, target);
        tulle__call_resume(call, at);
        return;
    case ADMIT_TOO_MANY:
    default:
        admit_leave_line(call, target);
        admit_refuse_requests(call, at);
        tulle__call_answer_refusal(call, at);
    }
}

static void admit_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct target *target = call_target(call);
    const struct admit_slot *slot = call_slot(call, at);

    (void)outcome;
    admit_leave_line(call, target);
    if (slot->request) {
        word_give(&target->live->requests);
    }
    if (slot->connection) {
        word_give(&target->live->slots);
        tulle__held_nudge(target->live);
    }
}

const struct layer_type tulle__admit_layer = {
    .name = "admit",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct admit_slot),
    .on_call = admit_on_call,
    .on_end = admit_on_end,
    .on_wake = admit_on_wake,
};
