/* SPDX-License-Identifier: Apache-2.0 */

/* Snapshot to runnable: each cluster finds its live half, each pair of route
 * and cluster gets its stack. */

#include "base/alloc.h"
#include "base/macros.h"
#include "core/mesh.h"
#include "core/pickers.h"
#include "core/pools.h"
#include "policy/layers.h"

#include <string.h>

struct compiler {
    struct tulle *mesh;
    struct runnable *out;
};

static struct cluster_live *live_of(const struct compiler *compiler, struct str name)
{
    return tulle__table_find(&compiler->mesh->live.by_name, name);
}

static uint16_t destination_port(const struct compiler *compiler,
                                 const struct destination *destination, uint16_t dialled)
{
    const struct service *service;

    if (destination->port != 0) {
        return destination->port;
    }
    service = tulle__snapshot_service(compiler->out->snapshot, destination->host);
    return service && service->port_count == 1 ? service->ports[0].number : dialled;
}

static enum tulle_error compile_target(const struct compiler *compiler, const struct route *route,
                                       const struct cluster *cluster, const struct target **out)
{
    struct arena *arena = &compiler->out->arena;
    struct target *target = ARENA_NEW(arena, struct target);
    struct stack *stack = ARENA_NEW(arena, struct stack);
    struct prepare prepare = {
        .arena = arena,
        .route = route,
        .cluster = cluster,
        .live = live_of(compiler, cluster->name),
    };

    ENSURE(target && stack, TULLE_E_NOMEM);
    TRY(tulle__stack_build(tulle__order, &prepare, stack));
    *target = (struct target){ .cluster = cluster, .live = prepare.live, .stack = stack };
    *out = target;
    return TULLE_OK;
}

static enum tulle_error compile_destination(const struct compiler *compiler,
                                            const struct route *route,
                                            const struct destination *destination, uint16_t dialled,
                                            struct planned_destination *out)
{
    const struct cluster *cluster;

    out->cluster_name =
        tulle__arena_format(&compiler->out->arena, "outbound|%u|%.*s|%.*s",
                            destination_port(compiler, destination, dialled),
                            STR_ARG(destination->subset), STR_ARG(destination->host));
    ENSURE(out->cluster_name.data, TULLE_E_NOMEM);
    cluster = tulle__snapshot_cluster(compiler->out->snapshot, out->cluster_name);
    return cluster ? compile_target(compiler, route, cluster, &out->target) : TULLE_OK;
}

static enum tulle_error compile_route(const struct compiler *compiler, const struct route *route,
                                      uint16_t dialled, struct planned_route *out)
{
    struct planned_destination *destinations =
        ARENA_ARRAY(&compiler->out->arena, struct planned_destination, route->destination_count);
    uint64_t sum = 0;

    ENSURE(destinations, TULLE_E_NOMEM);
    for (size_t i = 0; i < route->destination_count; i++) {
        const struct destination *destination = &route->destinations[i];

        sum += destination->weight;
        destinations[i].weight_end = sum;
        TRY(compile_destination(compiler, route, destination, dialled, &destinations[i]));
    }
    *out = (struct planned_route){ route, destinations, route->destination_count };
    return TULLE_OK;
}

static enum tulle_error compile_port(const struct compiler *compiler, const struct service *service,
                                     uint16_t number, struct planned_port *out)
{
    struct planned_route *routes =
        ARENA_ARRAY(&compiler->out->arena, struct planned_route, service->route_count + 1);

    ENSURE(routes, TULLE_E_NOMEM);
    for (size_t i = 0; i < service->route_count; i++) {
        TRY(compile_route(compiler, &service->routes[i], number, &routes[i]));
    }
    *out = (struct planned_port){ number, routes };
    return TULLE_OK;
}

static enum tulle_error compile_service(const struct compiler *compiler,
                                        const struct service *service)
{
    struct arena *arena = &compiler->out->arena;
    struct planned_service *planned = ARENA_NEW(arena, struct planned_service);
    struct planned_port *ports = ARENA_ARRAY(arena, struct planned_port, service->port_count + 1);

    ENSURE(planned && ports, TULLE_E_NOMEM);
    for (size_t i = 0; i < service->port_count; i++) {
        TRY(compile_port(compiler, service, service->ports[i].number, &ports[i]));
    }
    *planned = (struct planned_service){ service, ports, service->port_count };
    for (size_t i = 0; i < service->name_count; i++) {
        ENSURE(tulle__table_put(&compiler->out->table.services, service->names[i], planned),
               TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static enum tulle_error adopt_cluster(const struct compiler *compiler, struct cluster *cluster)
{
    struct tulle *mesh = compiler->mesh;
    bool views_changed = false;
    struct cluster_live *live;

    tulle__mutex_lock(&mesh->set_lock);
    live = tulle__live_adopt(&mesh->live, cluster, &views_changed);
    tulle__mutex_unlock(&mesh->set_lock);
    ENSURE(live, TULLE_E_NOMEM);
    compiler->out->lives[compiler->out->live_count++] = live;
    tulle__live_wire(mesh, live);
    return tulle__picker_refresh(mesh, live, views_changed);
}

static enum tulle_error compile(const struct compiler *compiler)
{
    const struct draft *parts = &compiler->out->snapshot->parts;

    compiler->out->lives =
        ARENA_ARRAY(&compiler->out->arena, struct cluster_live *, parts->cluster_count + 1);
    ENSURE(compiler->out->lives, TULLE_E_NOMEM);
    for (size_t i = 0; i < parts->cluster_count; i++) {
        TRY(adopt_cluster(compiler, parts->clusters[i]));
    }
    for (size_t i = 0; i < parts->service_count; i++) {
        TRY(compile_service(compiler, parts->services[i]));
    }
    return TULLE_OK;
}

enum tulle_error tulle__runnable_new(struct tulle *mesh, struct snapshot *snapshot,
                                     struct runnable **out)
{
    struct runnable *made = ALLOC_ZERO(struct runnable);
    struct compiler compiler = { .mesh = mesh, .out = made };
    enum tulle_error error;

    *out = NULL;
    if (!made) {
        tulle__snapshot_free(snapshot);
        return TULLE_E_NOMEM;
    }
    atomic_init(&made->refs, 1);
    made->snapshot = snapshot;
    tulle__arena_init(&made->arena, 16 * 1024);
    error = compile(&compiler);
    if (error != TULLE_OK) {
        tulle__runnable_free(made);
        return error;
    }
    *out = made;
    return TULLE_OK;
}

void tulle__runnable_free(struct runnable *runnable)
{
    for (size_t i = 0; i < runnable->live_count; i++) {
        tulle__live_unref(runnable->lives[i]);
    }
    tulle__table_fini(&runnable->table.services);
    tulle__snapshot_free(runnable->snapshot);
    tulle__arena_fini(&runnable->arena);
    tulle__free(runnable);
}
