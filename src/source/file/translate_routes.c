/* SPDX-License-Identifier: Apache-2.0 */

/* VirtualServices: does all they name exist, and whose routes are they? Of two
 * for one host the first (in Istio's order) wins whole, and nothing is merged;
 * the loser is no mistake, but its own mistakes are told. */

#include "source/file/translate.h"

#include "base/macros.h"

static enum tulle_error destination_check(struct translation *translation,
                                          const struct rule_destination *destination)
{
    struct mesh_host *host;
    bool hidden;

    TRY(tulle__translate_find_host(translation, &destination->host, &host, &hidden));
    if (hidden) {
        REFUSE(translation, destination->host.place,
               "host \"%.*s\" is not exported to namespace %s", STR_ARG(destination->host.text),
               translation->options->name_space);
    }
    if (host == NULL) {
        return TULLE_OK;
    }
    if (destination->subset.text.size > 0) {
        tulle__translate_check_subset(translation, &destination->subset, host);
    }
    if (destination->port == 0) {
        return TULLE_OK;
    }
    return tulle__translate_check_port(translation, destination->host.place, host,
                                       destination->port);
}

static enum tulle_error route_check(struct translation *translation, const struct rule_route *route)
{
    uint64_t total = 0;

    for (size_t i = 0; i < route->destination_count; i++) {
        TRY(destination_check(translation, &route->destinations[i]));
        total += route->destinations[i].weight;
    }
    if (route->destination_count == 0) {
        REFUSE(translation, route->place, "the route has no destination");
    }
    if (route->destination_count > 1 && total == 0) {
        REFUSE(translation, route->place, "the weights of the route are all 0");
    }
    return TULLE_OK;
}

static enum tulle_error hosts_find(struct translation *translation,
                                   const struct virtual_service *rule, struct mesh_host **hosts)
{
    for (size_t i = 0; i < rule->host_count; i++) {
        bool hidden;

        TRY(tulle__translate_find_host(translation, &rule->hosts[i], &hosts[i], &hidden));
    }
    return TULLE_OK;
}

enum tulle_error tulle__translate_routes(struct translation *translation)
{
    const struct virtual_service *rule = &translation->resource->spec.virtual_service;
    struct mesh_host **hosts;

    if (!translation->resource->is_exported) {
        return TULLE_OK;
    }
    hosts = ARENA_ARRAY(&translation->arena, struct mesh_host *, rule->host_count + 1);
    ENSURE(hosts != NULL, TULLE_E_NOMEM);
    TRY(hosts_find(translation, rule, hosts));
    for (size_t i = 0; i < rule->route_count; i++) {
        TRY(route_check(translation, &rule->routes[i]));
    }
    for (size_t i = 0; i < rule->host_count && !translation->refused[translation->index]; i++) {
        if (hosts[i] != NULL && hosts[i]->routes == NULL) {
            hosts[i]->routes = translation->resource;
        }
    }
    return TULLE_OK;
}
