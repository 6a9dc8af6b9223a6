/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a call in core: placed on a loop, planned there, run, ended. */

#include "base/macros.h"
#include "core/failure.h"
#include "core/mesh.h"
#include "core/pools.h"
#include "core/request.h"
#include "policy/bound.h"

static void outcome_here(struct tulle_call *call, enum tulle_error error, const char *text)
{
    call->outcome = (struct outcome){
        .error = error,
        .origin = error == TULLE_E_CANCELLED ? ORIGIN_CANCELLED : ORIGIN_HERE,
        .progress = tulle__bound_progress(call),
        .status = error == TULLE_E_CANCELLED ? 499 : 503,
        .flags = error == TULLE_E_CANCELLED ? FLAG_DC : 0,
        .layer = "call",
        .text = text,
    };
}

/* Tells the app. Who cancels at this moment may still be about to post the task:
 * then the loop has the call until that has run. */
static void call_over(struct tulle_call *call)
{
    struct mesh_loop *here = call->mesh_loop;
    struct waiter *waiter = call->waiter;
    unsigned before = atomic_fetch_or(&call->fate, FATE_OVER);
    bool task_comes = (before & FATE_CANCELLED) && !call->cancel_ran;

    if (call->done_fn) {
        call->done_fn(call, call->outcome.error, call->done_user);
    }
    tulle__call_unref(call);
    if (!task_comes) {
        tulle__loops_call_ended(here, waiter);
    }
}

/* The last thing that happens to a call on its loop. */
static void call_ended(struct tulle_call *call)
{
    struct mesh_loop *here = call->mesh_loop;

    call->ended_at = here->loop.now;
    call->failed = call->outcome.error != TULLE_OK;
    if (call->failed) {
        tulle__failure_fill(call);
    }
    list_remove(&call->node);
    tulle__loop_release_timers(&here->loop, 1);
    tulle__use_end(here, call->use);
    call_over(call);
}

/* No memory even to begin: there is no stack to end. */
static void call_abort(struct tulle_call *call)
{
    outcome_here(call, TULLE_E_NOMEM, "out of memory before the call began");
    call->failed = true;
    call->done = true;
    tulle__failure_fill(call);
    call_over(call);
}

static void plan_refuse(struct plan *plan, const char *text)
{
    plan->kind = PLAN_REFUSED;
    plan->status = 502;
    plan->flags = FLAG_NR;
    plan->text = text;
}

/* False: no memory. */
static bool call_plan(struct mesh_loop *here, struct tulle_call *call)
{
    struct tulle *mesh = here->mesh;
    const struct plan_request request = {
        .url = &call->url,
        .method = call->method,
        .headers = call->headers,
        .header_count = call->header_count,
    };

    tulle__plan(&here->use->runnable->table, &request, &here->lend.rand, &call->plan);
    if (call->plan.kind == PLAN_OUTSIDE && mesh->outside == TULLE_OUTSIDE_REFUSE) {
        plan_refuse(&call->plan, "no service of the mesh has this host, and the mesh is closed");
    }
    if (call->plan.kind == PLAN_OUTSIDE && !tulle__pool_outside(here)) {
        return false;
    }
    call->stack = call->plan.kind == PLAN_TARGET    ? call->plan.destination->target->stack
                  : call->plan.kind == PLAN_OUTSIDE ? &mesh->publisher.outside
                                                    : &mesh->publisher.refused;
    return true;
}

static void call_cancel(struct tulle_call *call, const char *text)
{
    struct outcome before = call->outcome, outcome;

    if (call->done || !call->on) {
        return;
    }
    outcome_here(call, TULLE_E_CANCELLED, text);
    outcome = call->outcome;
    call->outcome = before;
    tulle__call_cancel_here(call, &outcome);
}

static void call_begin(struct task *task)
{
    struct tulle_call *call = CONTAINER_OF(task, struct tulle_call, task);
    struct mesh_loop *here = call->mesh_loop;

    tulle__publisher_freshen(here);
    if (!here->use || !tulle__loop_reserve_timers(&here->loop, 1)) {
        call_abort(call);
        return;
    }
    if (!call_plan(here, call)) {
        tulle__loop_release_timers(&here->loop, 1);
        call_abort(call);
        return;
    }
    call->use = here->use;
    call->use->calls++;
    call->on = &here->lend;
    list_add_last(&here->here, &call->node);
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    tulle__call_run(call);
    if (here->closing) {
        call_cancel(call, "the mesh was closed");
    }
    tulle__call_unref(call);
}

/* Posted after the task that begins the call, so it runs after it. */
static void cancel_run(struct task *task)
{
    struct tulle_call *call = CONTAINER_OF(task, struct tulle_call, cancel_task);
    struct mesh_loop *here = call->mesh_loop;
    bool was_over = call->done;

    call->cancel_ran = true;
    call_cancel(call, "the app cancelled it");
    tulle__call_unref(call);
    if (was_over) {
        tulle__loops_call_ended(here, NULL);
    }
}

void tulle__calls_cancel_all(struct task *task)
{
    struct mesh_loop *here = CONTAINER_OF(task, struct mesh_loop, cancel);
    struct list *node;

    here->closing = true;
    while ((node = list_first(&here->here))) {
        call_cancel(CONTAINER_OF(node, struct tulle_call, node), "the mesh was closed");
    }
}

/* The loop takes a reference of its own. */
static void call_prepare(struct mesh_loop *here, struct tulle_call *call)
{
    call->mesh_loop = here;
    call->ended = call_ended;
    call->task.run = call_begin;
    call->cancel_task.run = cancel_run;
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

enum tulle_error tulle_call_start(struct tulle *mesh, const struct tulle_request *request,
                                  tulle_call_done_fn *done, void *user, struct tulle_call **out)
{
    struct mesh_loop *here;
    struct tulle_call *call;
    bool own, closed;

    *out = NULL;
    TRY(tulle__call_new(mesh, request, true, &call));
    call->done_fn = done;
    call->done_user = user;
    here = tulle__loops_place(&mesh->loops, NULL, &own, &closed);
    if (!here) {
        tulle__call_unref(call);
        return closed ? TULLE_E_CLOSED : TULLE_E_INTERNAL;
    }
    call_prepare(here, call);
    *out = call;
    tulle__mesh_loop_post(here, &call->task);
    tulle__loops_leave(&mesh->loops);
    return TULLE_OK;
}

static enum tulle_error call_wait(struct tulle *mesh, struct tulle_call *call)
{
    struct waiter waiter = { .done = false };
    struct mesh_loop *here;
    bool own, closed;

    ENSURE(tulle__cond_init(&waiter.cond), TULLE_E_INTERNAL);
    list_init(&waiter.node);
    call->waiter = &waiter;
    here = tulle__loops_place(&mesh->loops, &waiter, &own, &closed);
    if (!here) {
        tulle__cond_fini(&waiter.cond);
        return closed ? TULLE_E_CLOSED : TULLE_E_INTERNAL;
    }
    call_prepare(here, call);
    tulle__loop_post(&here->loop, &call->task);
    if (own) {
        tulle__loops_run(here, &waiter);
    } else {
        tulle__loops_wait(here, &waiter);
    }
    tulle__loops_leave(&mesh->loops);
    tulle__cond_fini(&waiter.cond);
    return call->outcome.error;
}

enum tulle_error tulle_call(struct tulle *mesh, const struct tulle_request *request,
                            struct tulle_reply **out)
{
    struct tulle_call *call;
    enum tulle_error error;

    *out = NULL;
    ENSURE(!mesh->world->is_virtual && !tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    TRY(tulle__call_new(mesh, request, false, &call));
    error = call_wait(mesh, call);
    if (error == TULLE_OK) {
        *out = &call->reply;
        return TULLE_OK;
    }
    if (!call->failed) {
        outcome_here(call, error, tulle_error_text(error));
        tulle__failure_fill(call);
    }
    if (request->size >= sizeof(*request) && request->failure) {
        tulle__failure_copy(request->failure, call->failure);
    }
    tulle__call_unref(call);
    return error;
}

enum tulle_error tulle_get(struct tulle *mesh, const char *url, struct tulle_reply **out)
{
    return tulle_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url }, out);
}

void tulle_call_cancel(struct tulle_call *call)
{
    struct mesh_loop *here;

    if (!call || atomic_fetch_or(&call->fate, FATE_CANCELLED) != 0) {
        return;
    }
    here = call->mesh_loop;
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    tulle__loops_enter(&here->mesh->loops);
    tulle__mesh_loop_post(here, &call->cancel_task);
    tulle__loops_leave(&here->mesh->loops);
}

void tulle_call_free(struct tulle_call *call)
{
    if (call) {
        tulle_call_cancel(call);
        tulle__call_unref(call);
    }
}
