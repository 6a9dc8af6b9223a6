/* SPDX-License-Identifier: Apache-2.0 */

#include "core/loops.h"

#include "core/mesh.h"
#include "core/pools.h"

/* Rounds count as passed when they begin: what an earlier one read is no longer in use. */
static void mesh_loop_round(struct mesh_loop *here, int64_t due)
{
    atomic_fetch_add_explicit(&here->passed, 1, memory_order_seq_cst);
    tulle__publisher_freshen(here);
    tulle__loop_round(&here->loop, due);
}

static bool has_tasks(struct mesh_loop *here)
{
    return atomic_load_explicit(&here->loop.inbox, memory_order_seq_cst) != NULL;
}

static bool mesh_loop_has_work(struct mesh_loop *here)
{
    return here->calls > 0 || has_tasks(here);
}

static void owner_set(struct mesh_loop *here, bool owned)
{
    atomic_store_explicit(&here->owned, owned, memory_order_seq_cst);
}

static bool is_owned(struct mesh_loop *here)
{
    return atomic_load_explicit(&here->owned, memory_order_seq_cst);
}

static void runner_set(struct mesh_loop *here, uint64_t runner)
{
    atomic_store_explicit(&here->runner, runner, memory_order_relaxed);
}

/* Under the lock; the loop is owned by who calls, and goes to who needs it. */
static void pass_on(struct mesh_loop *here)
{
    struct list *next = list_first(&here->waiters);

    runner_set(here, 0);
    if (next) {
        struct waiter *waiter = CONTAINER_OF(next, struct waiter, node);

        list_remove(&waiter->node);
        waiter->handed = true;
        tulle__cond_signal(&waiter->cond);
        return;
    }
    if (mesh_loop_has_work(here) && here->worker.started) {
        here->worker_turn = true;
        tulle__cond_signal(&here->worker_cond);
        return;
    }
    owner_set(here, false);
}

/* After the loop is free: a task that came meanwhile, or a connection that
 * nobody watches now, is the control step's business. */
static void hand_over(struct mesh_loop *here)
{
    struct tulle *mesh = here->mesh;
    bool watched = atomic_load_explicit(&here->lend.transport->open, memory_order_relaxed) > 0;

    if (is_owned(here)) {
        return;
    }
    if (has_tasks(here) ||
        (watched && !atomic_load_explicit(&mesh->ticking, memory_order_relaxed))) {
        tulle__control_poke(mesh);
    }
}

static void release(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    pass_on(here);
    tulle__mutex_unlock(&loops->lock);
    hand_over(here);
}

static void worker_run(void *user)
{
    struct mesh_loop *here = user;
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    for (;;) {
        while (!here->worker_turn && !here->quitting) {
            tulle__cond_wait(&here->worker_cond, &loops->lock, NEVER);
        }
        if (!here->worker_turn) {
            break;
        }
        here->worker_turn = false;
        runner_set(here, tulle__thread_self());
        while (mesh_loop_has_work(here) && list_is_empty(&here->waiters)) {
            tulle__mutex_unlock(&loops->lock);
            mesh_loop_round(here, NEVER);
            tulle__mutex_lock(&loops->lock);
        }
        pass_on(here);
        tulle__mutex_unlock(&loops->lock);
        hand_over(here);
        tulle__mutex_lock(&loops->lock);
    }
    tulle__mutex_unlock(&loops->lock);
}

static bool call_loop_post(struct call_loop *on, struct task *task)
{
    return tulle__mesh_loop_post(CONTAINER_OF(on, struct mesh_loop, lend), task);
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
    struct transport_options options = { .loop = &here->loop,
                                         .log = &mesh->log,
                                         .ca_file = mesh->ca_file };

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
        .log = &mesh->log,
        .observer = &tulle__metrics_observer,
        .shard = tulle__metrics_shard(mesh->metrics, index),
        .pool_of = tulle__pool_of,
        .poke = call_loop_poke,
        .post = call_loop_post,
        .access = mesh->access,
        .access_user = mesh->access_user,
    };
    tulle__rand_init(&here->lend.rand, mesh->world->seed(mesh->world->user));
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

        while (has_tasks(here)) {
            tulle__loop_round(&here->loop, 0);
        }
        if (here->lend.transport) {
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

struct mesh_loop *tulle__loops_mine(const struct loops *loops)
{
    uint64_t self = tulle__thread_self();

    for (size_t i = 0; i < loops->count; i++) {
        if (atomic_load_explicit(&loops->each[i].runner, memory_order_relaxed) == self) {
            return &loops->each[i];
        }
    }
    return NULL;
}

/* The fewest calls; among equals a free one, then the first. So eight callers on
 * two loops are never more than four on either. */
static struct mesh_loop *least_loaded(struct loops *loops)
{
    struct mesh_loop *best = &loops->each[0];

    for (size_t i = 1; i < loops->count; i++) {
        struct mesh_loop *each = &loops->each[i];

        if (each->calls < best->calls ||
            (each->calls == best->calls && is_owned(best) && !is_owned(each))) {
            best = each;
        }
    }
    return best;
}

static bool worker_ensure(struct mesh_loop *here)
{
    return here->worker.started || here->mesh->world->is_virtual ||
           tulle__thread_start(&here->worker, "tulle-loop", worker_run, here);
}

struct mesh_loop *tulle__loops_place(struct loops *loops, struct waiter *waiter, bool *own,
                                     bool *closed)
{
    struct mesh_loop *here = tulle__loops_mine(loops);

    tulle__mutex_lock(&loops->lock);
    *closed = loops->closed;
    here = here ? here : least_loaded(loops);
    if (loops->closed || (!waiter && !worker_ensure(here))) {
        tulle__mutex_unlock(&loops->lock);
        return NULL;
    }
    here->calls++;
    loops->calls++;
    loops->callers++;
    *own = waiter && !is_owned(here);
    if (*own) {
        owner_set(here, true);
    } else if (waiter) {
        list_add_last(&here->waiters, &waiter->node);
    }
    tulle__mutex_unlock(&loops->lock);
    return here;
}

void tulle__loops_call_ended(struct mesh_loop *here, struct waiter *waiter)
{
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    here->calls--;
    if (--loops->calls == 0) {
        tulle__cond_broadcast(&loops->idle);
    }
    if (waiter) {
        waiter->done = true;
        list_remove(&waiter->node);
        tulle__cond_signal(&waiter->cond);
    }
    tulle__mutex_unlock(&loops->lock);
}

void tulle__loops_enter(struct loops *loops)
{
    tulle__mutex_lock(&loops->lock);
    loops->callers++;
    tulle__mutex_unlock(&loops->lock);
}

void tulle__loops_leave(struct loops *loops)
{
    tulle__mutex_lock(&loops->lock);
    if (--loops->callers == 0) {
        tulle__cond_broadcast(&loops->idle);
    }
    tulle__mutex_unlock(&loops->lock);
}

void tulle__loops_run(struct mesh_loop *here, struct waiter *waiter)
{
    runner_set(here, tulle__thread_self());
    while (!waiter->done) {
        mesh_loop_round(here, NEVER);
    }
    release(here);
}

void tulle__loops_wait(struct mesh_loop *here, struct waiter *waiter)
{
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    while (!waiter->done && !waiter->handed) {
        tulle__cond_wait(&waiter->cond, &loops->lock, NEVER);
    }
    tulle__mutex_unlock(&loops->lock);
    if (waiter->handed) {
        tulle__loops_run(here, waiter);
    }
}

void tulle__loops_kick(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;
    bool free_loop;

    if (is_owned(here)) {
        return;
    }
    tulle__mutex_lock(&loops->lock);
    free_loop = !is_owned(here);
    if (free_loop && here->worker.started) {
        owner_set(here, true);
        here->worker_turn = true;
        tulle__cond_signal(&here->worker_cond);
        free_loop = false;
    }
    tulle__mutex_unlock(&loops->lock);
    if (free_loop) {
        tulle__control_poke(here->mesh);
    }
}

bool tulle__mesh_loop_post(struct mesh_loop *here, struct task *task)
{
    bool posted = tulle__loop_post(&here->loop, task);

    tulle__loops_kick(here);
    return posted;
}

/* Whoever sleeps in its line takes it over. */
static bool visit_goes_on(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;
    bool wanted;

    tulle__mutex_lock(&loops->lock);
    wanted = !list_is_empty(&here->waiters);
    tulle__mutex_unlock(&loops->lock);
    return !wanted && tulle__loop_due(&here->loop) <= world_now(here->loop.world);
}

void tulle__loops_visit(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    if (is_owned(here)) {
        tulle__mutex_unlock(&loops->lock);
        return;
    }
    owner_set(here, true);
    runner_set(here, tulle__thread_self());
    tulle__mutex_unlock(&loops->lock);
    do {
        mesh_loop_round(here, 0);
    } while (visit_goes_on(here));
    release(here);
}

bool tulle__loops_wait_idle(struct loops *loops, int64_t due)
{
    const struct world *world = loops->each[0].loop.world;
    bool idle;

    tulle__mutex_lock(&loops->lock);
    while (loops->calls + loops->callers > 0 && world_now(world) < due) {
        tulle__cond_wait(&loops->idle, &loops->lock, due);
    }
    idle = loops->calls + loops->callers == 0;
    tulle__mutex_unlock(&loops->lock);
    return idle;
}
