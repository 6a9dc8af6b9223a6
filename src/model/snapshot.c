/* SPDX-License-Identifier: Apache-2.0 */

/* Building is three steps: take every part (the previous snapshot's, where it
 * is the same), index them, check that they fit together. Only a snapshot that
 * passed all three leaves this file. */

#include "model/snapshot.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/macros.h"

enum { WHY_SIZE = 256, WHY_TEXT_MAX = 60 };

/* A text of a source goes into `why` cut to what leaves room for the sentence. */
static int shown(struct str text)
{
    return (int)(text.size < WHY_TEXT_MAX ? text.size : WHY_TEXT_MAX);
}

static struct service *service_shared(const struct snapshot *previous, struct service *service)
{
    struct service *old = previous ? tulle__snapshot_service(previous, service->host) : NULL;

    return old && str_equal(old->host, service->host) &&
                   fingerprint_equal(old->part.print, service->part.print)
               ? old
               : service;
}

static struct cluster *cluster_shared(const struct snapshot *previous, struct cluster *cluster)
{
    struct cluster *old = previous ? tulle__snapshot_cluster(previous, cluster->name) : NULL;

    if (old && fingerprint_equal(old->part.print, cluster->part.print)) {
        return old;
    }
    /* Nobody has seen it yet, and what it says stays the same. */
    if (old && old->endpoints != cluster->endpoints) {
        tulle__endpoint_set_share(cluster->endpoints, old->endpoints);
    }
    return cluster;
}

static enum tulle_error parts_take(struct snapshot *snapshot, const struct draft *draft,
                                   const struct snapshot *previous)
{
    for (size_t i = 0; i < draft->service_count; i++) {
        struct service *service = service_shared(previous, draft->services[i]);
        ENSURE(tulle__draft_add_service(&snapshot->parts, tulle__part_ref(service)), TULLE_E_NOMEM);
    }
    for (size_t i = 0; i < draft->cluster_count; i++) {
        struct cluster *cluster = cluster_shared(previous, draft->clusters[i]);
        ENSURE(tulle__draft_add_cluster(&snapshot->parts, tulle__part_ref(cluster)), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static enum tulle_error service_index(struct snapshot *snapshot, struct service *service, char *why)
{
    for (size_t i = 0; i < service->name_count; i++) {
        struct str name = service->names[i];
        struct service *other = tulle__table_find(&snapshot->services, name);

        if (other != NULL && other != service) {
            snprintf(why, WHY_SIZE, "services %.*s and %.*s both answer to %.*s",
                     shown(other->host), other->host.data, shown(service->host), service->host.data,
                     shown(name), name.data);
            return TULLE_E_CONFIG;
        }
        ENSURE(tulle__table_put(&snapshot->services, name, service), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static enum tulle_error parts_index(struct snapshot *snapshot, char *why)
{
    const struct draft *parts = &snapshot->parts;

    for (size_t i = 0; i < parts->service_count; i++) {
        struct service *before = tulle__table_find(&snapshot->services, parts->services[i]->host);

        if (before == parts->services[i]) {
            snprintf(why, WHY_SIZE, "service %.*s is there twice", shown(before->host),
                     before->host.data);
            return TULLE_E_CONFIG;
        }
        TRY(service_index(snapshot, parts->services[i], why));
    }
    for (size_t i = 0; i < parts->cluster_count; i++) {
        struct cluster *cluster = parts->clusters[i];

        if (tulle__table_find(&snapshot->clusters, cluster->name) != NULL) {
            snprintf(why, WHY_SIZE, "cluster %.*s is there twice", shown(cluster->name),
                     cluster->name.data);
            return TULLE_E_CONFIG;
        }
        ENSURE(tulle__table_put(&snapshot->clusters, cluster->name, cluster), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

/* --- do they fit? --- */

struct check {
    const struct snapshot *snapshot;
    struct table subsets; /* "SUBSET|HOST" of every cluster, whatever its port */
    struct buf key;       /* scratch */
    char *why;
};

/* The end of a cluster's name, behind "outbound|PORT|". */
static struct str subset_key(struct str cluster_name)
{
    struct str rest;

    tulle__str_cut(cluster_name, '|', &rest);
    tulle__str_cut(rest, '|', &rest);
    return rest;
}

static enum tulle_error subsets_index(struct check *check)
{
    const struct draft *parts = &check->snapshot->parts;

    for (size_t i = 0; i < parts->cluster_count; i++) {
        struct cluster *cluster = parts->clusters[i];
        struct str key = subset_key(cluster->name);

        if (key.size != cluster->subset.size + 1 + cluster->host.size) {
            snprintf(check->why, WHY_SIZE, "cluster %.*s is not named after its subset and host",
                     shown(cluster->name), cluster->name.data);
            return TULLE_E_CONFIG;
        }
        ENSURE(tulle__table_put(&check->subsets, key, cluster), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static enum tulle_error destination_check(struct check *check, const struct service *service,
                                          const struct destination *destination)
{
    struct buf *key = &check->key;

    tulle__buf_clear(key);
    tulle__buf_add_str(key, destination->subset);
    tulle__buf_add(key, "|", 1);
    tulle__buf_add_str(key, destination->host);
    ENSURE(tulle__buf_ok(key), TULLE_E_NOMEM);
    if (tulle__table_find(&check->subsets, (struct str){ key->data, key->size }) == NULL) {
        snprintf(check->why, WHY_SIZE,
                 "service %.*s: a route goes to subset \"%.*s\" of %.*s, which no cluster has",
                 shown(service->host), service->host.data, shown(destination->subset),
                 destination->subset.data, shown(destination->host), destination->host.data);
        return TULLE_E_CONFIG;
    }
    return TULLE_OK;
}

static enum tulle_error route_check(struct check *check, const struct service *service,
                                    const struct route *route)
{
    uint64_t total = 0;

    for (size_t i = 0; i < route->destination_count; i++) {
        TRY(destination_check(check, service, &route->destinations[i]));
        total += route->destinations[i].weight;
    }
    if (total == 0 || total != route->weight_total) {
        snprintf(check->why, WHY_SIZE, "service %.*s: the weights of a route make %llu",
                 shown(service->host), service->host.data, (unsigned long long)total);
        return TULLE_E_CONFIG;
    }
    return TULLE_OK;
}

static enum tulle_error service_check(struct check *check, const struct service *service)
{
    if (tulle__snapshot_service(check->snapshot, service->host) != service) {
        snprintf(check->why, WHY_SIZE, "service %.*s does not answer to its own name",
                 shown(service->host), service->host.data);
        return TULLE_E_CONFIG;
    }
    for (size_t i = 0; i < service->route_count; i++) {
        TRY(route_check(check, service, &service->routes[i]));
    }
    return TULLE_OK;
}

static enum tulle_error parts_check(const struct snapshot *snapshot, char *why)
{
    struct check check = { .snapshot = snapshot, .why = why };
    enum tulle_error error = subsets_index(&check);

    for (size_t i = 0; error == TULLE_OK && i < snapshot->parts.service_count; i++) {
        error = service_check(&check, snapshot->parts.services[i]);
    }
    tulle__table_fini(&check.subsets);
    tulle__buf_fini(&check.key);
    return error;
}

static enum tulle_error snapshot_fill(struct snapshot *snapshot, const struct draft *draft,
                                      const struct snapshot *previous, char *why)
{
    TRY(parts_take(snapshot, draft, previous));
    TRY(parts_index(snapshot, why));
    return parts_check(snapshot, why);
}

enum tulle_error tulle__snapshot_build(const struct draft *draft, const struct snapshot *previous,
                                       uint64_t generation, char *why, struct snapshot **out)
{
    struct snapshot *snapshot = ALLOC_ZERO(struct snapshot);
    enum tulle_error error;

    *out = NULL;
    why[0] = '\0';
    ENSURE(snapshot != NULL, TULLE_E_NOMEM);
    snapshot->generation = generation;
    error = snapshot_fill(snapshot, draft, previous, why);
    if (error != TULLE_OK) {
        tulle__snapshot_free(snapshot);
        return error;
    }
    *out = snapshot;
    return TULLE_OK;
}

void tulle__snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    tulle__table_fini(&snapshot->services);
    tulle__table_fini(&snapshot->clusters);
    tulle__draft_fini(&snapshot->parts);
    tulle__free(snapshot);
}

struct service *tulle__snapshot_service(const struct snapshot *snapshot, struct str host)
{
    return tulle__table_find(&snapshot->services, host);
}

struct cluster *tulle__snapshot_cluster(const struct snapshot *snapshot, struct str name)
{
    return tulle__table_find(&snapshot->clusters, name);
}
