/* SPDX-License-Identifier: Apache-2.0 */

#include "model/seal.h"
#include "model/seal_feed.h"

static void feed_hash_policies(XXH3_state_t *state, const struct balancer_config *balancer)
{
    feed_number(state, balancer->hash_count);
    for (size_t i = 0; i < balancer->hash_count; i++) {
        feed_number(state, balancer->hash[i].kind);
        feed_str(state, balancer->hash[i].name);
        feed_str(state, balancer->hash[i].path);
        feed_time(state, balancer->hash[i].ttl_ns);
        feed_number(state, balancer->hash[i].terminal);
    }
}

static void feed_prequal(XXH3_state_t *state, const struct prequal_config *prequal)
{
    feed_number(state, prequal->reports);
    feed_str(state, prequal->probe_path);
    feed_number(state, prequal->probes);
    feed_number(state, prequal->removals);
    feed_number(state, prequal->pool_size);
    feed_time(state, prequal->probe_age_ns);
    feed_time(state, prequal->probe_limit_ns);
    feed_number(state, prequal->hot_quantile);
    feed_number(state, prequal->reuse_delta);
}

static void feed_locality(XXH3_state_t *state, const struct locality_config *locality)
{
    feed_number(state, locality->mode);
    feed_str(state, locality->local);
    feed_number(state, locality->panic_percent);
    feed_number(state, locality->overprovisioning);
    feed_number(state, locality->routing_enabled);
    feed_number(state, locality->min_cluster_size);
    feed_number(state, locality->fail_on_panic);
    feed_number(state, locality->caller_count);
    for (size_t i = 0; i < locality->caller_count; i++) {
        feed_str(state, locality->callers[i].locality);
        feed_number(state, locality->callers[i].count);
    }
}

static void feed_restrictions(XXH3_state_t *state, const struct balancer_config *balancer)
{
    feed_time(state, balancer->slow_start.window_ns);
    feed_number(state, balancer->slow_start.aggression);
    feed_number(state, balancer->slow_start.least);
    feed_number(state, balancer->subsetting.kind);
    feed_number(state, balancer->subsetting.size);
    feed_number(state, balancer->subsetting.peer_index);
    feed_number(state, balancer->subsetting.peer_count);
    feed_number(state, balancer->subsetting.seed);
    feed_number(state, balancer->drop_per_million);
    feed_str(state, balancer->drop_category);
}

void tulle__balancer_seal(struct balancer_config *balancer)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_number(&state, balancer->kind);
    feed_number(&state, balancer->choice_count);
    feed_number(&state, balancer->request_bias);
    feed_number(&state, balancer->full_scan);
    feed_time(&state, balancer->ewma_tau_ns);
    feed_time(&state, balancer->ewma_default_ns);
    feed_number(&state, balancer->ring_min);
    feed_number(&state, balancer->ring_max);
    feed_number(&state, balancer->hash_function);
    feed_number(&state, balancer->table_size);
    feed_number(&state, balancer->hash_balance);
    feed_hash_policies(&state, balancer);
    feed_time(&state, balancer->weighted.blackout_ns);
    feed_time(&state, balancer->weighted.expiration_ns);
    feed_time(&state, balancer->weighted.update_ns);
    feed_number(&state, balancer->weighted.error_penalty);
    feed_prequal(&state, &balancer->prequal);
    feed_number(&state, balancer->shuffle);
    feed_locality(&state, &balancer->locality);
    feed_restrictions(&state, balancer);
    balancer->print = print_of(&state);
}
