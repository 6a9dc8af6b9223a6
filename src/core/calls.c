/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a call in core: placed on a loop, planned there, run, ended. */

#include "base/macros.h"
#include "core/escape.h"
#include "core/failure.h"
#include "core/mesh.h"
#include "core/pools.h"
#include "core/queue.h"
#include "core/request.h"
#include "core/stream.h"
#include "policy/bound.h"

/* On a virtual clock. */
#define PATIENCE_NS (86400 * NS_PER_S)

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

static bool call_pin(struct tulle_call *call)
{
    unsigned pins = atomic_load(&call->pins);

    do {
        if (pins == 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&call->pins, &pins, pins + 1));
    return true;
}

/* Gives a pin back, and a reference with it. On the loop. */
void tulle__call_let_go(struct tulle_call *call)
{
    struct mesh_loop *here = call->mesh_loop;
    struct waiter *waiter = call->waiter;
    bool was_last = atomic_fetch_sub(&call->pins, 1) == 1;

    tulle__call_unref(call);
    if (was_last) {
        tulle__loops_call_ended(here, waiter);
    }
}

bool tulle__call_post(struct tulle_call *call, struct task *task)
{
    struct mesh_loop *here = call->mesh_loop;

    if (!call_pin(call)) {
        return false;
    }
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    tulle__loops_enter(&here->mesh->loops);
    tulle__mesh_loop_post(here, task);
    tulle__loops_leave(&here->mesh->loops);
    return true;
}

/* A call that got over just now is given up here, and not on its loop, who would
 * sleep on: it hears of it. */
bool tulle__call_enter(struct tulle_call *call)
{
    struct mesh_loop *here = call->mesh_loop;

    if (!call_pin(call)) {
        return false;
    }
    tulle__loops_enter(&here->mesh->loops);
    if (atomic_fetch_sub(&call->pins, 1) == 1) {
        tulle__loops_call_ended(here, NULL);
        tulle__mesh_loop_post(here, &here->wake);
    }
    return true;
}

/* Tells the app; until it was told the mesh that the call began with stays, since a
 * pick still looks into its plan. Who cancels at this moment may still be about to
 * post the task: then the loop has the call until that has run. */
static void call_over(struct tulle_call *call)
{
    atomic_fetch_or(&call->fate, FATE_OVER);
    if (call->stream) {
        tulle__stream_over(call);
    }
    if (call->done_fn) {
        call->done_fn(call, call->outcome.error, call->done_user);
        came_back(call->born);
    }
    if (call->events) {
        tulle__queue_tell(call->events, TULLE_EVENT_END, call->outcome.error);
    }
    if (call->use) {
        tulle__use_end(call->mesh_loop, call->use);
    }
    tulle__call_let_go(call);
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

/* What lies outside the mesh has no endpoints to pick from. */
static bool pick_plan(struct tulle *mesh, struct tulle_call *call)
{
    if (call->plan.kind == PLAN_OUTSIDE) {
        plan_refuse(&call->plan, "no service of the mesh has this host: there is nothing to pick");
    }
    call->stack =
        call->plan.kind == PLAN_TARGET ? &mesh->publisher.pick : &mesh->publisher.pick_refused;
    return true;
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
        plan_refuse(&call->plan,
                    "no service of the mesh has this host, and names outside are refused");
    }
    if (call->handed_over) {
        return pick_plan(mesh, call);
    }
    if (call->plan.kind == PLAN_OUTSIDE && !tulle__pool_outside(here)) {
        return false;
    }
    call->stack = call->plan.kind == PLAN_TARGET    ? call->plan.destination->target->stack
                  : call->plan.kind == PLAN_OUTSIDE ? &mesh->publisher.outside
                                                    : &mesh->publisher.refused;
    return true;
}

void tulle__call_cancel_why(struct tulle_call *call, const char *text)
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
        tulle__call_cancel_why(call, "the mesh was closed");
    }
    tulle__call_unref(call);
}

/* Posted after the task that begins the call, so it runs after it. */
static void cancel_run(struct task *task)
{
    struct tulle_call *call = CONTAINER_OF(task, struct tulle_call, cancel_task);

    tulle__call_cancel_why(call, "the app cancelled it");
    tulle__call_let_go(call);
}

void tulle__calls_cancel_all(struct task *task)
{
    struct mesh_loop *here = CONTAINER_OF(task, struct mesh_loop, cancel);
    struct list *node;

    here->closing = true;
    while ((node = list_first(&here->here))) {
        tulle__call_cancel_why(CONTAINER_OF(node, struct tulle_call, node), "the mesh was closed");
    }
}

/* The loop takes a reference of its own. */
static void call_prepare(struct mesh_loop *here, struct tulle_call *call)
{
    call->mesh_loop = here;
    call->ended = call_ended;
    call->task.run = call_begin;
    call->cancel_task.run = cancel_run;
    atomic_init(&call->pins, 1);
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

enum tulle_error tulle__call_launch(struct tulle *mesh, struct tulle_call *call)
{
    bool own, closed;
    struct mesh_loop *here = tulle__loops_place(&mesh->loops, NULL, &own, &closed);

    ENSURE(here, closed ? TULLE_E_CLOSED : TULLE_E_INTERNAL);
    call_prepare(here, call);
    tulle__mesh_loop_post(here, &call->task);
    tulle__loops_leave(&mesh->loops);
    return TULLE_OK;
}

enum tulle_error tulle_call_start(struct tulle *mesh, const struct tulle_request *request,
                                  tulle_call_done_fn *done, void *user, struct tulle_call **out)
{
    struct tulle_call *call;
    enum tulle_error error;

    *out = NULL;
    TRY(mesh_enter(&mesh));
    TRY(tulle__call_new(mesh, request, true, &call));
    if (done && call->events) {
        tulle__log(&mesh->log, LOG_WARNING, "call", "refused: `done` and a queue at once");
        tulle__call_unref(call);
        return TULLE_E_USAGE;
    }
    if (!done && !call->events && !call->stream && tulle__stream_open(call, NULL) != TULLE_OK) {
        tulle__call_unref(call);
        return TULLE_E_NOMEM;
    }
    call->done_fn = done;
    call->done_user = user;
    if (call->events) {
        call->events->user = user;
    }
    *out = call;
    error = tulle__call_launch(mesh, call);
    if (error != TULLE_OK) {
        *out = NULL;
        tulle__call_unref(call);
    }
    return error;
}

static bool call_is_over(void *user)
{
    return atomic_load_explicit(&((struct tulle_call *)user)->fate, memory_order_acquire) &
           FATE_OVER;
}

enum tulle_error tulle__call_turn(struct tulle *mesh, struct tulle_call *call,
                                  bool (*is_over)(void *user), void *user)
{
    TRY(tulle__call_launch(mesh, call));
    if (!tulle__mesh_turn(mesh, is_over, user, PATIENCE_NS)) {
        tulle_call_cancel(call);
        (void)tulle__mesh_turn(mesh, is_over, user, 0);
    }
    return TULLE_OK;
}

static enum tulle_error call_turn(struct tulle *mesh, struct tulle_call *call)
{
    TRY(tulle__call_turn(mesh, call, call_is_over, call));
    return call->outcome.error;
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

struct blocking {
    struct tulle *mesh;
    const struct tulle_request *request;
    struct tulle_reply **out;
};

static enum tulle_error call_blocking(void *user)
{
    struct blocking *blocking = user;
    const struct tulle_request *request = blocking->request;
    struct tulle *mesh = blocking->mesh;
    struct tulle_call *call;
    enum tulle_error error;

    ENSURE(tulle__mesh_can_wait(mesh) && !tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    TRY(tulle__call_new(mesh, request, false, &call));
    error = mesh->world->is_virtual ? call_turn(mesh, call) : call_wait(mesh, call);
    if (error == TULLE_OK) {
        *blocking->out = &call->reply;
        return TULLE_OK;
    }
    if (!call->failed) {
        outcome_here(call, error, tulle_error_text(error));
        tulle__failure_fill(call);
    }
    if (request->size > offsetof(struct tulle_request, failure) && request->failure) {
        tulle__failure_copy(request->failure, call->failure);
    }
    tulle__call_unref(call);
    return error;
}

enum tulle_error tulle_call(struct tulle *mesh, const struct tulle_request *request,
                            struct tulle_reply **out)
{
    enum tulle_error error = mesh_enter(&mesh);

    *out = NULL;
    if (error != TULLE_OK) {
        return tulle__failure_of_child(request, error);
    }
    error = tulle__escape_guard(call_blocking, &(struct blocking){ mesh, request, out });
    return error == TULLE_E_FORKED ? tulle__failure_of_child(request, error) : error;
}

enum tulle_error tulle_get(struct tulle *mesh, const char *url, struct tulle_reply **out)
{
    return tulle_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url }, out);
}

void tulle_call_cancel(struct tulle_call *call)
{
    if (call && call_is_here(call) &&
        !(atomic_fetch_or(&call->fate, FATE_CANCELLED) & (FATE_CANCELLED | FATE_OVER))) {
        (void)tulle__call_post(call, &call->cancel_task);
    }
}

void tulle_call_free(struct tulle_call *call)
{
    if (call && call_is_here(call)) {
        if (call->events) {
            tulle__queue_forget(call->events);
        }
        tulle_call_cancel(call);
        tulle__call_unref(call);
    }
}
