/* SPDX-License-Identifier: Apache-2.0 */

/* A host becomes a service: names, ports, and the routes of the VirtualService
 * that won, or one route that takes everything. Compiled expressions are shared
 * with the resource they came from; all else is copied. */

#include "source/file/translate.h"

#include "base/clock.h"
#include "base/macros.h"
#include "model/regex.h"
#include "model/seal.h"

/* Istio's default (pilot, route/retry/retry.go); nothing else is retried where
 * nobody asks for it, but what cannot have been executed or may be twice. */
enum {
    ISTIO_RETRY_ON = RETRY_ON_CONNECT_FAILURE | RETRY_ON_REFUSED_STREAM | RETRY_ON_UNAVAILABLE |
                     RETRY_ON_CANCELLED,
    TULLE_RETRY_ON = RETRY_ON_IDEMPOTENT_RESET | RETRY_ON_NOTHING_SENT,
};

static const struct retry_config retry_default = {
    .retries = 2,
    .per_try_timeout_ns = NEVER,
    .backoff_base_ns = 25 * NS_PER_MS,
    .backoff_max_ns = 250 * NS_PER_MS,
};

static bool text_copy(struct arena *arena, struct str from, struct str *out)
{
    *out = tulle__arena_str(arena, from);
    return out->data != NULL;
}

static void regex_release(void *regex)
{
    tulle__regex_free(regex);
}

static bool match_copy(struct service *service, const struct text_match *from,
                       struct text_match *out)
{
    struct regex *regex;

    out->kind = from->kind;
    if (from->kind != MATCH_REGEX) {
        return text_copy(&service->part.arena, from->text, &out->text);
    }
    regex = tulle__regex_ref(from->regex);
    if (!tulle__part_add_cleanup(&service->part, regex_release, regex)) {
        tulle__regex_free(regex);
        return false;
    }
    out->regex = regex;
    out->text = tulle__regex_pattern(regex);
    return true;
}

static bool named_matches_copy(struct service *service, const struct named_match *from,
                               size_t count, const struct named_match **out)
{
    struct named_match *matches = ARENA_ARRAY(&service->part.arena, struct named_match, count + 1);

    for (size_t i = 0; matches != NULL && i < count; i++) {
        if (!text_copy(&service->part.arena, from[i].name, &matches[i].name) ||
            !match_copy(service, &from[i].match, &matches[i].match)) {
            return false;
        }
    }
    *out = matches;
    return matches != NULL;
}

static bool route_match_copy(struct service *service, const struct route_match *from,
                             struct route_match *out)
{
    out->has_uri = from->has_uri;
    out->has_method = from->has_method;
    out->header_count = from->header_count;
    out->query_count = from->query_count;
    return (!from->has_uri || match_copy(service, &from->uri, &out->uri)) &&
           (!from->has_method || match_copy(service, &from->method, &out->method)) &&
           named_matches_copy(service, from->headers, from->header_count, &out->headers) &&
           named_matches_copy(service, from->query, from->query_count, &out->query);
}

static bool matches_copy(struct service *service, const struct rule_route *from, struct route *out)
{
    struct route_match *matches =
        ARENA_ARRAY(&service->part.arena, struct route_match, from->match_count + 1);

    if (matches == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->match_count; i++) {
        if (!route_match_copy(service, &from->matches[i], &matches[i])) {
            return false;
        }
    }
    out->matches = matches;
    out->match_count = from->match_count;
    return true;
}

static bool destination_make(struct arena *arena, struct str host, struct str subset,
                             struct destination *out)
{
    return text_copy(arena, host, &out->host) && text_copy(arena, subset, &out->subset);
}

/* Every host was found before; here only its full name is asked for. */
static enum tulle_error destinations_copy(struct translation *translation, struct service *service,
                                          const struct rule_route *from, struct route *out)
{
    struct arena *arena = &service->part.arena;
    size_t count = from->destination_count;
    struct destination *destinations = ARENA_ARRAY(arena, struct destination, count);

    ENSURE(destinations != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        const struct rule_destination *rule = &from->destinations[i];
        struct str full;

        TRY(tulle__translate_resolve(translation, &rule->host, &full));
        ENSURE(destination_make(arena, full, rule->subset.text, &destinations[i]), TULLE_E_NOMEM);
        destinations[i].port = rule->port;
        destinations[i].weight = count == 1 && rule->weight == 0 ? 1 : rule->weight;
        out->weight_total += destinations[i].weight;
    }
    out->destinations = destinations;
    out->destination_count = count;
    return TULLE_OK;
}

static bool retry_copy(const struct translation *translation, struct arena *arena,
                       const struct retry_config *from, struct retry_config *out)
{
    uint16_t *statuses;

    *out = *from;
    if (from->on == 0) {
        out->on = ISTIO_RETRY_ON | (translation->options->strict_retries ? 0 : TULLE_RETRY_ON);
    }
    if (from->status_count == 0) {
        out->statuses = NULL;
        return true;
    }
    statuses = ARENA_ARRAY(arena, uint16_t, from->status_count);
    if (statuses != NULL) {
        memcpy(statuses, from->statuses, from->status_count * sizeof(*statuses));
    }
    out->statuses = statuses;
    return statuses != NULL;
}

static enum tulle_error route_copy(struct translation *translation, struct service *service,
                                   const struct rule_route *from, struct route *out)
{
    struct arena *arena = &service->part.arena;
    const struct retry_config *retry = from->has_retries ? &from->retry : &retry_default;

    ENSURE(text_copy(arena, from->name, &out->name), TULLE_E_NOMEM);
    ENSURE(matches_copy(service, from, out), TULLE_E_NOMEM);
    TRY(destinations_copy(translation, service, from, out));
    ENSURE(retry_copy(translation, arena, retry, &out->retry), TULLE_E_NOMEM);
    out->timeout_ns = from->timeout_ns;
    return TULLE_OK;
}

/* What a service has to whom no VirtualService gives routes. */
static enum tulle_error catch_all_make(struct translation *translation, struct service *service)
{
    struct arena *arena = &service->part.arena;
    struct route *route = ARENA_NEW(arena, struct route);
    struct destination *destination = ARENA_NEW(arena, struct destination);

    ENSURE(route != NULL && destination != NULL, TULLE_E_NOMEM);
    destination->host = service->host;
    destination->subset = STR("");
    destination->weight = 1;
    route->name = STR("");
    route->destinations = destination;
    route->destination_count = 1;
    route->weight_total = 1;
    route->timeout_ns = NEVER;
    ENSURE(retry_copy(translation, arena, &retry_default, &route->retry), TULLE_E_NOMEM);
    service->routes = route;
    service->route_count = 1;
    return TULLE_OK;
}

static enum tulle_error routes_copy(struct translation *translation, struct service *service,
                                    const struct mesh_host *host)
{
    const struct virtual_service *rule;
    struct route *routes;

    if (host->routes == NULL) {
        return catch_all_make(translation, service);
    }
    translation->resource = host->routes;
    rule = &host->routes->spec.virtual_service;
    routes = ARENA_ARRAY(&service->part.arena, struct route, rule->route_count + 1);
    ENSURE(routes != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < rule->route_count; i++) {
        TRY(route_copy(translation, service, &rule->routes[i], &routes[i]));
    }
    service->has_routes = true;
    service->routes = routes;
    service->route_count = rule->route_count;
    return TULLE_OK;
}

static bool names_copy(struct service *service, const struct mesh_host *host)
{
    struct arena *arena = &service->part.arena;
    struct str *names = ARENA_ARRAY(arena, struct str, host->name_count);

    if (names == NULL || !text_copy(arena, host->service, &service->service) ||
        !text_copy(arena, host->name_space, &service->name_space)) {
        return false;
    }
    for (size_t i = 0; i < host->name_count; i++) {
        if (!text_copy(arena, host->names[i], &names[i])) {
            return false;
        }
    }
    service->host = names[0];
    service->names = names;
    service->name_count = host->name_count;
    return true;
}

static bool ports_copy(struct service *service, const struct service_entry *entry)
{
    struct arena *arena = &service->part.arena;
    struct service_port *ports = ARENA_ARRAY(arena, struct service_port, entry->port_count);

    if (ports == NULL) {
        return false;
    }
    for (size_t i = 0; i < entry->port_count; i++) {
        ports[i].number = entry->ports[i].number;
        ports[i].protocol = entry->ports[i].protocol;
        if (!text_copy(arena, entry->ports[i].name, &ports[i].name)) {
            return false;
        }
    }
    service->ports = ports;
    service->port_count = entry->port_count;
    return true;
}

static enum tulle_error service_fill(struct translation *translation, struct service *service,
                                     const struct mesh_host *host)
{
    ENSURE(names_copy(service, host), TULLE_E_NOMEM);
    ENSURE(ports_copy(service, &host->entry->spec.service_entry), TULLE_E_NOMEM);
    TRY(routes_copy(translation, service, host));
    tulle__service_seal(service);
    return TULLE_OK;
}

enum tulle_error tulle__translate_service(struct translation *translation,
                                          const struct mesh_host *host, struct draft *out)
{
    struct service *service = tulle__part_new(sizeof(*service));
    enum tulle_error error;

    ENSURE(service != NULL, TULLE_E_NOMEM);
    error = service_fill(translation, service, host);
    if (error != TULLE_OK) {
        tulle__part_unref(service);
        return error;
    }
    return tulle__draft_add_service(out, service) ? TULLE_OK : TULLE_E_NOMEM;
}
