/* SPDX-License-Identifier: Apache-2.0 */

/* Every field is fed to the hash by value, texts and lists with their sizes in
 * front, so that no two contents have one serialisation. Structs are never fed
 * whole: their padding is not content. */

#define XXH_STATIC_LINKING_ONLY /* the state on the stack: sealing cannot fail */
#include <xxhash.h>

#include "model/seal.h"

#include "model/regex.h"

static void feed_number(XXH3_state_t *state, uint64_t number)
{
    XXH3_128bits_update(state, &number, sizeof(number));
}

static void feed_time(XXH3_state_t *state, int64_t time)
{
    feed_number(state, (uint64_t)time);
}

static void feed_str(XXH3_state_t *state, struct str text)
{
    feed_number(state, text.size);
    if (text.size > 0) {
        XXH3_128bits_update(state, text.data, text.size);
    }
}

static struct fingerprint print_of(const XXH3_state_t *state)
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);

    return (struct fingerprint){ .low = hash.low64, .high = hash.high64 };
}

static void feed_endpoint(XXH3_state_t *state, const struct endpoint *endpoint)
{
    feed_str(state, endpoint->address);
    feed_str(state, endpoint->locality);
    feed_number(state, endpoint->weight);
    feed_number(state, endpoint->label_count);
    for (size_t i = 0; i < endpoint->label_count; i++) {
        feed_str(state, endpoint->labels[i].name);
        feed_str(state, endpoint->labels[i].value);
    }
}

void tulle__endpoint_set_seal(struct endpoint_set *set)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_number(&state, set->count);
    for (size_t i = 0; i < set->count; i++) {
        feed_endpoint(&state, &set->endpoints[i]);
    }
    set->part.print = print_of(&state);
}

static void feed_limits(XXH3_state_t *state, const struct limits *limits)
{
    feed_number(state, limits->max_connections);
    feed_number(state, limits->max_pending);
    feed_number(state, limits->max_requests);
    feed_number(state, limits->max_retries);
}

static void feed_outlier(XXH3_state_t *state, const struct outlier_config *outlier)
{
    feed_number(state, outlier->enabled);
    feed_number(state, outlier->split_local_origin);
    feed_number(state, outlier->consecutive_5xx);
    feed_number(state, outlier->consecutive_gateway);
    feed_number(state, outlier->consecutive_local_origin);
    feed_time(state, outlier->interval_ns);
    feed_time(state, outlier->base_ejection_ns);
    feed_time(state, outlier->max_ejection_ns);
    feed_number(state, outlier->max_ejection_percent);
}

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

void tulle__cluster_seal(struct cluster *cluster)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_str(&state, cluster->name);
    feed_str(&state, cluster->host);
    feed_str(&state, cluster->subset);
    feed_str(&state, cluster->service);
    feed_str(&state, cluster->name_space);
    feed_number(&state, cluster->port);
    feed_number(&state, cluster->protocol);
    tulle__balancer_seal(&cluster->balancer);
    feed_number(&state, cluster->balancer.print.low);
    feed_number(&state, cluster->balancer.print.high);
    feed_limits(&state, &cluster->limits);
    feed_outlier(&state, &cluster->outlier);
    feed_number(&state, cluster->budget.permille);
    feed_number(&state, cluster->budget.reserve_per_s);
    feed_number(&state, cluster->budget.unlimited);
    feed_time(&state, cluster->connect_timeout_ns);
    feed_time(&state, cluster->idle_timeout_ns);
    feed_number(&state, cluster->discovery);
    feed_str(&state, cluster->trouble);
    feed_number(&state, cluster->endpoints->part.print.low);
    feed_number(&state, cluster->endpoints->part.print.high);
    cluster->part.print = print_of(&state);
}

static void feed_text_match(XXH3_state_t *state, const struct text_match *match)
{
    feed_number(state, match->kind);
    feed_str(state, match->kind == MATCH_REGEX ? tulle__regex_pattern(match->regex) : match->text);
}

static void feed_named_matches(XXH3_state_t *state, const struct named_match *matches, size_t count)
{
    feed_number(state, count);
    for (size_t i = 0; i < count; i++) {
        feed_str(state, matches[i].name);
        feed_text_match(state, &matches[i].match);
    }
}

static void feed_route_match(XXH3_state_t *state, const struct route_match *match)
{
    feed_number(state, match->has_uri);
    if (match->has_uri) {
        feed_text_match(state, &match->uri);
    }
    feed_number(state, match->has_method);
    if (match->has_method) {
        feed_text_match(state, &match->method);
    }
    feed_named_matches(state, match->headers, match->header_count);
    feed_named_matches(state, match->query, match->query_count);
}

static void feed_retry(XXH3_state_t *state, const struct retry_config *retry)
{
    feed_number(state, retry->retries);
    feed_number(state, retry->on);
    feed_number(state, retry->status_count);
    for (size_t i = 0; i < retry->status_count; i++) {
        feed_number(state, retry->statuses[i]);
    }
    feed_time(state, retry->per_try_timeout_ns);
    feed_time(state, retry->backoff_base_ns);
    feed_time(state, retry->backoff_max_ns);
}

static void feed_route(XXH3_state_t *state, const struct route *route)
{
    feed_str(state, route->name);
    feed_number(state, route->match_count);
    for (size_t i = 0; i < route->match_count; i++) {
        feed_route_match(state, &route->matches[i]);
    }
    feed_number(state, route->destination_count);
    for (size_t i = 0; i < route->destination_count; i++) {
        feed_str(state, route->destinations[i].host);
        feed_str(state, route->destinations[i].subset);
        feed_number(state, route->destinations[i].port);
        feed_number(state, route->destinations[i].weight);
    }
    feed_number(state, route->weight_total);
    feed_time(state, route->timeout_ns);
    feed_retry(state, &route->retry);
}

void tulle__service_seal(struct service *service)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_str(&state, service->host);
    feed_str(&state, service->service);
    feed_str(&state, service->name_space);
    feed_number(&state, service->name_count);
    for (size_t i = 0; i < service->name_count; i++) {
        feed_str(&state, service->names[i]);
    }
    feed_number(&state, service->port_count);
    for (size_t i = 0; i < service->port_count; i++) {
        feed_number(&state, service->ports[i].number);
        feed_str(&state, service->ports[i].name);
        feed_number(&state, service->ports[i].protocol);
    }
    feed_number(&state, service->has_routes);
    feed_number(&state, service->route_count);
    for (size_t i = 0; i < service->route_count; i++) {
        feed_route(&state, &service->routes[i]);
    }
    service->part.print = print_of(&state);
}
