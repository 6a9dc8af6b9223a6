/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoint sets and services; clusters have a file of their own. */

#include "model/seal.h"

#include "model/regex.h"
#include "model/seal_feed.h"

static void feed_place(XXH3_state_t *state, const struct endpoint_place *place)
{
    feed_str(state, place->locality);
    feed_str(state, place->hash_key);
    feed_number(state, place->priority);
    feed_number(state, place->label_count);
    for (size_t i = 0; i < place->label_count; i++) {
        feed_str(state, place->labels[i].name);
        feed_str(state, place->labels[i].value);
    }
}

void tulle__endpoint_chunk_seal(struct endpoint_chunk *chunk)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_number(&state, chunk->count);
    for (size_t i = 0; i < chunk->count; i++) {
        const struct endpoint_record *record = &chunk->records[i];

        feed_str(&state, record_address(record));
        feed_number(&state, record->weight);
        feed_number(&state, record->health);
        feed_place(&state, record->place);
    }
    chunk->print = print_of(&state);
}

void tulle__endpoint_set_seal(struct endpoint_set *set)
{
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    feed_number(&state, set->count);
    for (size_t i = 0; i < set->chunk_count; i++) {
        feed_number(&state, set->chunks[i]->print.low);
        feed_number(&state, set->chunks[i]->print.high);
    }
    feed_number(&state, set->locality_count);
    for (size_t i = 0; i < set->locality_count; i++) {
        feed_str(&state, set->localities[i].locality);
        feed_number(&state, set->localities[i].priority);
        feed_number(&state, set->localities[i].weight);
    }
    set->part.print = print_of(&state);
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
    feed_number(state, retry->priority_update);
    feed_number(state, retry->any_host);
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
