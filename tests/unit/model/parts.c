/* SPDX-License-Identifier: Apache-2.0 */

#include "parts.h"

#include "base/clock.h"
#include "model/seal.h"

static struct endpoint_set *set_of(const char *address)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    const struct endpoint endpoint = { .address = str_of(address), .weight = 1 };

    if (set == NULL || !tulle__endpoint_set_fill(set, &endpoint, address != NULL)) {
        tulle__part_unref(set);
        return NULL;
    }
    tulle__endpoint_set_seal(set);
    return set;
}

struct cluster *part_cluster(const char *name, const char *host, const char *subset,
                             const char *address)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));
    struct endpoint_set *set = set_of(address);

    if (cluster == NULL || set == NULL ||
        !tulle__part_add_cleanup(&cluster->part, tulle__part_unref, set)) {
        tulle__part_unref(cluster);
        tulle__part_unref(set);
        return NULL;
    }
    cluster->name = str_of(name);
    cluster->host = str_of(host);
    cluster->subset = str_of(subset);
    cluster->port = 80;
    cluster->endpoints = set;
    tulle__cluster_seal(cluster);
    return cluster;
}

static bool service_fill(struct service *service, const char *host, const char *name,
                         const char *to, const char *subset)
{
    struct arena *arena = &service->part.arena;
    struct str *names = ARENA_ARRAY(arena, struct str, 2);
    struct route *route = ARENA_NEW(arena, struct route);
    struct destination *destination = ARENA_NEW(arena, struct destination);

    if (names == NULL || route == NULL || destination == NULL) {
        return false;
    }
    names[0] = service->host = str_of(host);
    names[1] = str_of(name);
    service->names = names;
    service->name_count = 2;
    *destination = (struct destination){ str_of(to), str_of(subset), 0, 1 };
    *route = (struct route){
        .destinations = destination, .destination_count = 1, .weight_total = 1, .timeout_ns = NEVER
    };
    service->routes = route;
    service->route_count = 1;
    return true;
}

struct service *part_service_open(const char *host, const char *name, const char *to,
                                  const char *subset)
{
    struct service *service = tulle__part_new(sizeof(*service));

    if (service == NULL || !service_fill(service, host, name, to, subset)) {
        tulle__part_unref(service);
        return NULL;
    }
    return service;
}

struct service *part_service(const char *host, const char *name, const char *to, const char *subset)
{
    struct service *service = part_service_open(host, name, to, subset);

    if (service != NULL) {
        tulle__service_seal(service);
    }
    return service;
}
