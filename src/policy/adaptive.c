/* SPDX-License-Identifier: Apache-2.0 */

/* Adaptive concurrency: as many calls at once as the service bears, found out from
 * how long they take (endpoint/live_adaptive.h). What is more is refused at once. */

#include "endpoint/live_adaptive.h"
#include "policy/layers.h"
#include "stack/call.h"

#include <stdio.h>

struct adaptive_layer_config {
    const struct adaptive_concurrency_config *config;
    struct live_adaptive *state;
};

struct adaptive_slot {
    int64_t started_at;
    bool inside, sampled;
};

static enum tulle_error adaptive_prepare(const struct prepare *prepare, const void **config,
                                         bool *absent)
{
    struct adaptive_layer_config *made;

    *absent = !prepare->cluster->adaptive.enabled;
    if (*absent) {
        return TULLE_OK;
    }
    made = ARENA_NEW(prepare->arena, struct adaptive_layer_config);
    if (!made) {
        return TULLE_E_NOMEM;
    }
    made->config = &prepare->cluster->adaptive;
    made->state = atomic_load_explicit(&prepare->live->adaptive, memory_order_acquire);
    *config = made;
    return TULLE_OK;
}

static enum down adaptive_on_call(struct tulle_call *call, size_t at)
{
    const struct adaptive_layer_config *config = call_config(call, at);
    struct adaptive_slot *slot = call_slot(call, at);
    uint32_t limit = atomic_load_explicit(&config->state->limit, memory_order_relaxed);
    bool measuring;

    slot->started_at = call_now(call);
    slot->inside = live_adaptive_enter(config->state);
    if (slot->inside) {
        return DOWN_PASS;
    }
    measuring = atomic_load_explicit(&config->state->measuring, memory_order_relaxed);
    live_count(call_target(call)->live, call->on->index, COUNT_SHED_ADAPTIVE);
    snprintf(call->scratch->text, sizeof(call->scratch->text),
             "adaptive concurrency: the limit of %u is reached%s", limit,
             measuring ? ", while the least latency is measured" : "");
    return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
}

static void adaptive_sample(struct tulle_call *call, size_t at)
{
    const struct adaptive_layer_config *config = call_config(call, at);
    struct adaptive_slot *slot = call_slot(call, at);

    if (slot->sampled) {
        return;
    }
    slot->sampled = true;
    tulle__live_adaptive_sample(config->state, config->config, call->on->index, slot->started_at,
                                call_now(call));
}

/* A failure that came fast would open the limit; one that was cut took at least so
 * long. A reply that streams took what its head did: the rest is the app's as well. */
static enum up adaptive_on_reply(struct tulle_call *call, size_t at)
{
    if (call->outcome.error == TULLE_OK && call->outcome.status < 500) {
        adaptive_sample(call, at);
    }
    return UP_PASS;
}

static void adaptive_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct adaptive_layer_config *config = call_config(call, at);
    struct adaptive_slot *slot = call_slot(call, at);

    if (!slot->inside) {
        return;
    }
    if (outcome->origin == ORIGIN_TIMEOUT) {
        adaptive_sample(call, at);
    }
    live_adaptive_leave(config->state);
}

const struct layer_type tulle__adaptive_layer = {
    .name = "adaptive",
    .tier = TIER_CALL,
    .slot_size = sizeof(struct adaptive_slot),
    .on_call = adaptive_on_call,
    .on_reply = adaptive_on_reply,
    .on_end = adaptive_on_end,
    .prepare = adaptive_prepare,
};
