/* SPDX-License-Identifier: Apache-2.0 */

/* Adaptive throttling: a client whose servers refuse most of what it sends refuses
 * itself what is more than K times what they take on (shedding.h). Every request is
 * counted as it comes, before anything is sent, those refused here among them; as
 * taken on where an answer says so. A request that is never answered was not. */

#include "policy/grpc.h"
#include "policy/layers.h"
#include "policy/shed.h"

#include <stdio.h>

struct throttling_layer_config {
    const struct throttling_config *config;
    struct shed_window window;
};

static enum tulle_error throttling_prepare(const struct prepare *prepare, const void **config,
                                           bool *absent)
{
    struct throttling_layer_config *made;

    *absent = !prepare->cluster->throttling.enabled;
    if (*absent) {
        return TULLE_OK;
    }
    made = ARENA_NEW(prepare->arena, struct throttling_layer_config);
    if (!made) {
        return TULLE_E_NOMEM;
    }
    made->config = &prepare->cluster->throttling;
    made->window = shed_window(&prepare->live->throttling, made->config->window_ns);
    *config = made;
    return TULLE_OK;
}

static enum down throttling_on_call(struct tulle_call *call, size_t at)
{
    const struct throttling_layer_config *config = call_config(call, at);
    struct recent_sum sum = shed_read(call, &config->window);
    double odds = tulle__throttling_odds(config->config, sum);

    shed_count(call, &config->window, 1, false);
    if (odds <= 0 || !shed_draw(call, odds)) {
        return DOWN_PASS;
    }
    live_count(call_target(call)->live, call->on->index, COUNT_SHED_THROTTLING);
    snprintf(call->scratch->text, sizeof(call->scratch->text),
             "adaptive throttling: the servers took on %" PRIu64 " of the last %" PRIu64
             " requests, %.1f %% are refused",
             sum.good, sum.all, odds * 100);
    return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
}

/* What the app, a rival or a limit of ours ended says nothing of the servers, and
 * must not look like a refusal of theirs. */
static bool is_accepted(const struct tulle_call *call, const struct outcome *outcome)
{
    switch (outcome->origin) {
    case ORIGIN_HERE:
    case ORIGIN_CANCELLED: return true;
    case ORIGIN_NONE:
        return tulle__throttling_is_accepted(outcome->status, tulle__grpc_status(call));
    case ORIGIN_TIMEOUT:
    case ORIGIN_TRANSPORT:
    case ORIGIN_PEER:
    default: return false;
    }
}

static void throttling_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct throttling_layer_config *config = call_config(call, at);
    bool refused = outcome->origin == ORIGIN_HERE && outcome->layer == tulle__throttling_layer.name;

    if (!refused && is_accepted(call, outcome)) {
        shed_count(call, &config->window, 0, true);
    }
}

const struct layer_type tulle__throttling_layer = {
    .name = "throttling",
    .tier = TIER_ATTEMPT,
    .on_call = throttling_on_call,
    .on_end = throttling_on_end,
    .prepare = throttling_prepare,
};
