/* SPDX-License-Identifier: Apache-2.0 */

/* Admission control: the lower the share of calls that come to a good end, the more
 * are refused before they are sent (shedding.h). What was refused, here or below, is
 * not counted, so that the share stays that of the servers; Envoy counts what its
 * own limits refuse as failures, and each of its workers counts for itself. */

#include "policy/grpc.h"
#include "policy/layers.h"
#include "policy/shed.h"

#include <stdio.h>

struct admission_layer_config {
    const struct admission_config *config;
    struct shed_window window;
};

static enum tulle_error admission_prepare(const struct prepare *prepare, const void **config,
                                          bool *absent)
{
    struct admission_layer_config *made;

    *absent = !prepare->cluster->admission.enabled;
    if (*absent) {
        return TULLE_OK;
    }
    made = ARENA_NEW(prepare->arena, struct admission_layer_config);
    if (!made) {
        return TULLE_E_NOMEM;
    }
    made->config = &prepare->cluster->admission;
    made->window = shed_window(&prepare->live->admission, made->config->window_ns);
    *config = made;
    return TULLE_OK;
}

static enum down admission_on_call(struct tulle_call *call, size_t at)
{
    const struct admission_layer_config *config = call_config(call, at);
    struct recent_sum sum = shed_read(call, &config->window);
    double odds = tulle__admission_odds(config->config, sum);

    if (odds <= 0 || tulle__admission_is_idle(config->config, sum, config->window.tick_ns) ||
        !shed_draw(call, odds)) {
        return DOWN_PASS;
    }
    live_count(call_target(call)->live, call->on->index, COUNT_SHED_ADMISSION);
    snprintf(call->scratch->text, sizeof(call->scratch->text),
             "admission control: %" PRIu64 " of the last %" PRIu64
             " calls went well, %.1f %% are refused",
             sum.good, sum.all, odds * 100);
    return tulle__call_refuse(call, at, TULLE_E_LIMIT, 503, FLAG_UO, call->scratch->text);
}

static void admission_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct admission_layer_config *config = call_config(call, at);
    bool good =
        outcome->origin == ORIGIN_NONE &&
        tulle__admission_is_success(outcome->status, call->is_grpc, tulle__grpc_status(call));

    if (outcome->origin != ORIGIN_HERE && outcome->origin != ORIGIN_CANCELLED) {
        shed_count(call, &config->window, 1, good);
    }
}

const struct layer_type tulle__admission_layer = {
    .name = "admission",
    .tier = TIER_CALL,
    .on_call = admission_on_call,
    .on_end = admission_on_end,
    .prepare = admission_prepare,
};
