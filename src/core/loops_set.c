/* SPDX-License-Identifier: Apache-2.0 */

/* The loops of a mesh come and go with it; what each lends its calls. */

#include "core/loops.h"

#include "core/mesh.h"
#include "core/pools.h"
#include "policy/probe.h"

static bool call_loop_post(struct call_loop *on, struct task *task)
{
    return tulle__mesh_loop_post(CONTAINER_OF(on, struct mesh_loop, lend), task);
}

static bool desk_post(void *on, struct task *task)
{
    return call_loop_post(on, task);
}

static void call_loop_poke(struct call_loop *on)
{
    tulle__control_poke(CONTAINER_OF(on, struct mesh_loop, lend)->mesh);
}

static void wake_run(struct task *task)
{
    tulle__publisher_freshen(CONTAINER_OF(task, struct mesh_loop, wake));
}

static bool mesh_loop_init(struct mesh_loop *here, struct tulle *mesh, size_t index)
{
    struct transport_options options = {
        .type = mesh->transport, .loop = &here->loop, .log = &mesh->log, .ca_file = mesh->ca_file
    };
    uint64_t seed = mesh->world->seed(mesh->world->user);

    here->mesh = mesh;
    list_init(&here->waiters);
    list_init(&here->here);
    list_init(&here->pools);
    here->wake.run = wake_run;
    here->drain.run = tulle__pools_drain_leaving;
    here->cancel.run = tulle__calls_cancel_all;
    if (!tulle__cond_init(&here->worker_cond) || !tulle__loop_init(&here->loop, mesh->world)) {
        return false;
    }
    here->lend = (struct call_loop){
        .loop = &here->loop,
        .index = index,
        .transport = mesh->transport->open_transport(&options),
        .dns = &here->desk,
        .log = &mesh->log,
        .observer = &tulle__metrics_observer,
        .shard = tulle__metrics_shard(mesh->metrics, index),
        .pool_of = tulle__pool_of,
        .poke = call_loop_poke,
        .post = call_loop_post,
        .watcher = mesh->watcher,
        .trace = mesh->trace,
    };
    tulle__mesh_lend(mesh, &here->lend);
    tulle__dns_desk_init(&here->desk, mesh->names.dns);
    here->desk.post = desk_post;
    here->desk.on = &here->lend;
    tulle__rand_init(&here->lend.rand, seed);
    tulle__rand_init(&here->lend.ids, ~seed);
    return here->lend.transport != NULL;
}

bool tulle__loops_init(struct loops *loops, struct tulle *mesh, size_t count)
{
    if (!tulle__mutex_init(&loops->lock) || !tulle__cond_init(&loops->idle)) {
        return false;
    }
    loops->each = tulle__alloc_zero(count, sizeof(struct mesh_loop));
    if (!loops->each) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        loops->count = i + 1;
        if (!mesh_loop_init(&loops->each[i], mesh, i)) {
            return false;
        }
    }
    return true;
}

void tulle__loops_join(struct loops *loops)
{
    tulle__mutex_lock(&loops->lock);
    for (size_t i = 0; i < loops->count; i++) {
        loops->each[i].quitting = true;
        tulle__cond_signal(&loops->each[i].worker_cond);
    }
    tulle__mutex_unlock(&loops->lock);
    for (size_t i = 0; i < loops->count; i++) {
        tulle__thread_join(&loops->each[i].worker);
    }
}

/* What is still in the inboxes is done (it holds references), then all closes. */
void tulle__loops_fini(struct loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        struct mesh_loop *here = &loops->each[i];

        while (tulle__loop_due(&here->loop) == 0) {
            tulle__loop_round(&here->loop, 0);
        }
        if (here->lend.transport) {
            tulle__probes_cancel(&here->lend);
            here->mesh->transport->close_transport(here->lend.transport);
        }
        tulle__pools_forget(here);
        tulle__publisher_leave(here);
        tulle__loop_fini(&here->loop);
        tulle__cond_fini(&here->worker_cond);
    }
    tulle__free(loops->each);
    tulle__cond_fini(&loops->idle);
    tulle__mutex_fini(&loops->lock);
}
