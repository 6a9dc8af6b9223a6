/* SPDX-License-Identifier: Apache-2.0 */

#include "core/loops.h"

#include "core/app.h"
#include "core/escape.h"

/* Rounds count as passed when they begin: what an earlier one read is no longer in use.
 * The scope of whoever runs it is not that of the completions in it. */
static void mesh_loop_round(struct mesh_loop *here, int64_t due)
{
    struct tulle_context *scope = tulle_scope_enter(NULL);

    atomic_fetch_add_explicit(&here->passed, 1, memory_order_seq_cst);
    tulle__publisher_freshen(here);
    tulle__loop_round(&here->loop, due);
    tulle_scope_enter(scope);
}

void tulle__loops_round(struct mesh_loop *here)
{
    mesh_loop_round(here, 0);
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

static bool has_connections(struct mesh_loop *here)
{
    return atomic_load_explicit(&here->lend.transport->open, memory_order_relaxed) > 0;
}

/* After the loop is free: a task that came meanwhile, or a connection that
 * nobody watches now, is the control step's business. What the app's own loop
 * watches needs nobody. */
static void hand_over(struct mesh_loop *here)
{
    struct tulle *mesh = here->mesh;

    if (is_owned(here) || mesh->app.fd >= 0) {
        return;
    }
    if (has_tasks(here) ||
        (has_connections(here) && !atomic_load_explicit(&mesh->ticking, memory_order_relaxed))) {
        tulle__control_poke(mesh);
    }
}

static void release(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    pass_on(here);
    tulle__mutex_unlock(&loops->lock);
}

static enum tulle_error worker_loop(void *user)
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
    return TULLE_OK;
}

/* The child of a fork() in a callback has this thread alone, which ends with it. */
static void worker_run(void *user)
{
    (void)tulle__escape_guard(worker_loop, user);
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
    return here->worker.started || here->mesh->world->is_virtual || here->mesh->threadless ||
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

static bool waiter_is_done(void *user)
{
    return ((struct waiter *)user)->done;
}

void tulle__loops_run(struct mesh_loop *here, struct waiter *waiter)
{
    struct tulle *mesh = here->mesh;

    runner_set(here, tulle__thread_self());
    if (mesh->app.fd >= 0) {
        (void)tulle__app_run_until(mesh, waiter_is_done, waiter, NEVER);
    }
    while (!waiter->done) {
        mesh_loop_round(here, NEVER);
    }
    release(here);
    hand_over(here);
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

    if (is_owned(here) || here->mesh->app.fd >= 0) {
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
    if (has_tasks(here)) {
        tulle__control_poke(here->mesh);
    }
}

bool tulle__loops_take(struct mesh_loop *here)
{
    struct loops *loops = &here->mesh->loops;
    bool taken;

    tulle__mutex_lock(&loops->lock);
    taken = !is_owned(here);
    if (taken) {
        loops->callers++;
        owner_set(here, true);
        runner_set(here, tulle__thread_self());
    }
    tulle__mutex_unlock(&loops->lock);
    return taken;
}

void tulle__loops_give(struct mesh_loop *here)
{
    release(here);
    tulle__loops_leave(&here->mesh->loops);
}

static bool wait_until_gone(struct loops *loops, const unsigned *calls, int64_t due)
{
    const struct world *world = loops->each[0].loop.world;
    bool gone;

    tulle__mutex_lock(&loops->lock);
    while (loops->callers + *calls > 0 && world_now(world) < due) {
        tulle__cond_wait(&loops->idle, &loops->lock, due);
    }
    gone = loops->callers + *calls == 0;
    tulle__mutex_unlock(&loops->lock);
    return gone;
}

bool tulle__loops_wait_idle(struct loops *loops, int64_t due)
{
    return wait_until_gone(loops, &loops->calls, due);
}

bool tulle__loops_wait_alone(struct loops *loops, int64_t due)
{
    static const unsigned none;

    return wait_until_gone(loops, &none, due);
}
