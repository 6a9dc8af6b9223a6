/* SPDX-License-Identifier: Apache-2.0 */

/* A pick is a call without a wire: the same plan, limits, balancer and endpoint
 * statistics, and at the bottom (policy/handover.c) the program itself. It is
 * decided when an endpoint was handed over, or when it ended before that; it is
 * over when the result was reported, or its deadline has passed. */

#include <tulle/pick.h>

#include "base/macros.h"
#include "core/app.h"
#include "core/escape.h"
#include "core/failure.h"
#include "core/queue.h"
#include "core/request.h"
#include "policy/hash_policy.h"

#include <stdio.h>

/* The blocking caller; guarded by loops.lock. */
struct pick_waiter {
    struct cond cond;
    bool decided;
};

/* Lives in the arena of its call. */
struct tulle_pick {
    struct tulle_call *call; /* the app's reference */
    struct tulle *mesh;
    struct str place;
    struct queue_source *events; /* NULL: no queue */
    tulle_pick_fn *done;
    void *user;
    struct task report;
    struct outcome outcome; /* reported */

    /* The loop's. */
    size_t at; /* the layer that handed the endpoint over */
    bool handed, reported;

    struct pick_waiter *waiter; /* until it was decided; guarded by loops.lock */
    atomic_bool decided;
    enum tulle_error error;
    char address[64], cluster[256];
};

/* --- the decision, on the loop --- */

static void waiter_tell(struct tulle_pick *pick)
{
    struct loops *loops = &pick->mesh->loops;

    tulle__mutex_lock(&loops->lock);
    if (pick->waiter) {
        pick->waiter->decided = true;
        tulle__cond_signal(&pick->waiter->cond);
        pick->waiter = NULL;
    }
    tulle__mutex_unlock(&loops->lock);
}

static void pick_decide(struct tulle_pick *pick, enum tulle_error error)
{
    const struct plan *plan = &pick->call->plan;
    unsigned born = pick->call->born; /* `done` may give the pick back */

    pick->error = error;
    if (plan->destination) {
        snprintf(pick->cluster, sizeof(pick->cluster), "%.*s",
                 STR_ARG(plan->destination->cluster_name));
    }
    atomic_store_explicit(&pick->decided, true, memory_order_release);
    waiter_tell(pick);
    if (pick->done) {
        pick->done(pick, error, pick->user);
        came_back(born);
    }
    if (pick->events) {
        tulle__queue_tell(pick->events, TULLE_EVENT_END, error);
    }
}

static void pick_handed_over(struct tulle_call *call, size_t at)
{
    struct tulle_pick *pick = call->done_user;

    pick->at = at;
    pick->handed = true;
    snprintf(pick->address, sizeof(pick->address), "%s", call->scratch->endpoint);
    pick_decide(pick, TULLE_OK);
}

/* --- the end, on the loop --- */

static void pick_missed(struct tulle_pick *pick)
{
    struct tulle_call *call = pick->call;

    live_count(call_target(call)->live, call->on->index, COUNT_PICK_UNREPORTED);
    if (!tulle__places_add(&pick->mesh->places, pick->place)) {
        return;
    }
    tulle__log(&pick->mesh->log, LOG_WARNING, "pick",
               "the pick of %.*s was not reported within its deadline of %lld ms: "
               "it counts as failed, as will others of this place",
               STR_ARG(pick->place), (long long)((call->deadline - call->started_at) / NS_PER_MS));
}

static void pick_over(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct tulle_pick *pick = user;

    (void)call;
    if (!pick->handed) {
        pick_decide(pick, error);
    } else if (error == TULLE_E_TIMEOUT && !pick->reported) {
        pick_missed(pick);
    }
}

static void pick_gone(struct tulle_call *call)
{
    tulle__queue_source_fini(((struct tulle_pick *)call->done_user)->events);
}

/* --- the report --- */

static enum origin origin_of(int32_t error)
{
    switch (error) {
    case TULLE_OK: return ORIGIN_NONE;
    case TULLE_E_TIMEOUT: return ORIGIN_TIMEOUT;
    case TULLE_E_PEER: return ORIGIN_PEER;
    case TULLE_E_CANCELLED: return ORIGIN_CANCELLED;
    default: return ORIGIN_TRANSPORT;
    }
}

static struct outcome outcome_of(const struct tulle_pick_result *result)
{
    struct outcome outcome = {
        .progress = TULLE_ANSWERED, .status = 200, .layer = "handover", .text = "as reported"
    };

    if (!result) {
        return outcome;
    }
    outcome.error = (enum tulle_error)result->error;
    outcome.origin = origin_of(result->error);
    outcome.status = result->status != 0 ? result->status : result->error == TULLE_OK ? 200 : 503;
    return outcome;
}

/* One that was not decided yet is not wanted any more. */
static void report_run(struct task *task)
{
    struct tulle_pick *pick = CONTAINER_OF(task, struct tulle_pick, report);
    struct tulle_call *call = pick->call;

    pick->reported = true;
    if (!call->done && pick->handed) {
        tulle__call_answer(call, pick->at, &pick->outcome, &pick->outcome);
    } else if (!call->done) {
        tulle__call_cancel_why(call, "the app gave the pick back");
    }
    tulle__call_let_go(call);
}

void tulle_pick_done(struct tulle_pick *pick, const struct tulle_pick_result *result)
{
    struct tulle_pick_result known;

    if (!pick || !call_is_here(pick->call)) {
        return;
    }
    if (result && !tulle__options_copy(&known, sizeof(known), result, result->size)) {
        known = (struct tulle_pick_result){ .error = TULLE_E_USAGE };
    }
    if (pick->events) {
        tulle__queue_forget(pick->events);
    }
    pick->outcome = outcome_of(result ? &known : NULL);
    (void)tulle__call_post(pick->call, &pick->report);
    tulle__call_unref(pick->call);
}

/* --- the start --- */

static enum tulle_error pick_new(struct tulle *mesh, const struct tulle_pick_request *known,
                                 struct tulle_pick **out)
{
    const struct tulle_request request = {
        TULLE_REQUEST_INIT,
        .method = known->method,
        .url = known->url,
        .headers = known->headers,
        .header_count = known->header_count,
        .deadline_ns = known->deadline_ns,
        .retry = TULLE_RETRY_OFF,
        .failure = known->failure,
    };
    struct tulle_call *call;
    struct tulle_pick *pick;

    TRY(tulle__call_new(mesh, &request, true, &call));
    pick = ARENA_NEW(&call->arena, struct tulle_pick);
    if (!pick) {
        tulle__call_unref(call);
        return TULLE_E_NOMEM;
    }
    pick->place = tulle__arena_str(&call->arena, str_of(known->place ? known->place : "unknown"));
    pick->call = call;
    pick->mesh = mesh;
    pick->report.run = report_run;
    if (known->hash_key) {
        call->hash = tulle__hash_text(str_of(known->hash_key));
        call->has_hash = true;
    }
    call->handed_over = pick_handed_over;
    call->done_fn = pick_over;
    call->done_user = pick;
    if (!pick->place.data) {
        tulle__call_unref(call);
        return TULLE_E_NOMEM;
    }
    *out = pick;
    return TULLE_OK;
}

static enum tulle_error request_take(struct tulle *mesh, const struct tulle_pick_request *request,
                                     struct tulle_pick_request *known)
{
    if (!request || !tulle__options_copy(known, sizeof(*known), request, request->size)) {
        tulle__log(&mesh->log, LOG_WARNING, "pick", "refused: the request's size is not set");
        return TULLE_E_USAGE;
    }
    return TULLE_OK;
}

static enum tulle_error pick_tells(struct tulle_pick *pick, struct tulle_queue *queue)
{
    pick->events = ARENA_NEW(&pick->call->arena, struct queue_source);
    ENSURE(pick->events, TULLE_E_NOMEM);
    tulle__queue_source_init(pick->events, queue, NULL, pick, pick->user);
    pick->call->gone = pick_gone;
    return TULLE_OK;
}

enum tulle_error tulle_pick_start(struct tulle *mesh, const struct tulle_pick_request *request,
                                  tulle_pick_fn *done, void *user, struct tulle_pick **out)
{
    struct tulle_pick_request known;
    struct tulle_pick *pick;
    enum tulle_error error;

    *out = NULL;
    TRY(mesh_enter(&mesh));
    TRY(request_take(mesh, request, &known));
    ENSURE(!known.queue || tulle__queue_is_here(known.queue), TULLE_E_FORKED);
    if (!done == !known.queue) {
        tulle__log(&mesh->log, LOG_WARNING, "pick", "refused: `done` or a queue, one of them");
        return TULLE_E_USAGE;
    }
    TRY(pick_new(mesh, &known, &pick));
    pick->done = done;
    pick->user = user;
    error = known.queue ? pick_tells(pick, known.queue) : TULLE_OK;
    *out = pick;
    error = error == TULLE_OK ? tulle__call_launch(mesh, pick->call) : error;
    if (error != TULLE_OK) {
        *out = NULL;
        tulle__call_unref(pick->call);
    }
    return error;
}

/* --- waiting --- */

static bool is_decided(void *user)
{
    return atomic_load_explicit(&((struct tulle_pick *)user)->decided, memory_order_acquire);
}

static void waiter_sleep(struct tulle *mesh, struct pick_waiter *waiter)
{
    tulle__mutex_lock(&mesh->loops.lock);
    while (!waiter->decided) {
        tulle__cond_wait(&waiter->cond, &mesh->loops.lock, NEVER);
    }
    tulle__mutex_unlock(&mesh->loops.lock);
}

/* Without threads of the library the caller runs the mesh himself. */
static enum tulle_error pick_run(struct tulle *mesh, struct tulle_pick *pick)
{
    struct mesh_loop *here = &mesh->loops.each[0];
    enum tulle_error error;

    ENSURE(tulle__loops_take(here), TULLE_E_USAGE);
    error = tulle__call_launch(mesh, pick->call);
    if (error == TULLE_OK) {
        (void)tulle__app_run_until(mesh, is_decided, pick, NEVER);
    }
    tulle__loops_give(here);
    return error;
}

static enum tulle_error pick_wait(struct tulle *mesh, struct tulle_pick *pick)
{
    struct pick_waiter waiter = { .decided = false };
    enum tulle_error error;

    if (mesh->world->is_virtual) {
        return tulle__call_turn(mesh, pick->call, is_decided, pick);
    }
    if (mesh->threadless) {
        return pick_run(mesh, pick);
    }
    ENSURE(tulle__cond_init(&waiter.cond), TULLE_E_INTERNAL);
    pick->waiter = &waiter;
    tulle__loops_enter(&mesh->loops);
    error = tulle__call_launch(mesh, pick->call);
    if (error == TULLE_OK) {
        waiter_sleep(mesh, &waiter);
    }
    tulle__loops_leave(&mesh->loops);
    tulle__cond_fini(&waiter.cond);
    return error;
}

/* Before anything was decided. */
static void pick_tell_failure(const struct tulle_pick_request *known, enum tulle_error error)
{
    struct tulle_failure failure = {
        .size = sizeof(failure), .error = error, .status = 503, .flags = "-", .layer = "pick"
    };

    if (known->failure) {
        snprintf(failure.text, sizeof(failure.text), "%s", tulle_error_text(error));
        tulle__failure_copy(known->failure, &failure);
    }
}

struct blocking {
    struct tulle *mesh;
    const struct tulle_pick_request *request;
    struct tulle_pick **out;
};

static enum tulle_error pick_blocking(void *user)
{
    struct blocking *blocking = user;
    struct tulle *mesh = blocking->mesh;
    struct tulle_pick_request known;
    struct tulle_pick *pick;
    enum tulle_error error;

    ENSURE(tulle__mesh_can_wait(mesh) && !tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    TRY(request_take(mesh, blocking->request, &known));
    TRY(pick_new(mesh, &known, &pick));
    error = pick_wait(mesh, pick);
    if (error != TULLE_OK) {
        pick_tell_failure(&known, error);
        tulle__call_unref(pick->call);
        return error;
    }
    if (pick->error == TULLE_OK) {
        *blocking->out = pick;
        return TULLE_OK;
    }
    error = pick->error;
    if (known.failure && pick->call->failure) {
        tulle__failure_copy(known.failure, pick->call->failure);
    }
    tulle_pick_done(pick, NULL);
    return error;
}

enum tulle_error tulle_pick(struct tulle *mesh, const struct tulle_pick_request *request,
                            struct tulle_pick **out)
{
    *out = NULL;
    TRY(mesh_enter(&mesh));
    return tulle__escape_guard(pick_blocking, &(struct blocking){ mesh, request, out });
}

/* --- what one can see --- */

const char *tulle_pick_address(const struct tulle_pick *pick)
{
    return is_decided((void *)pick) ? pick->address : "";
}

const char *tulle_pick_cluster(const struct tulle_pick *pick)
{
    return is_decided((void *)pick) ? pick->cluster : "";
}

const struct tulle_failure *tulle_pick_failure(const struct tulle_pick *pick)
{
    return is_decided((void *)pick) && pick->error != TULLE_OK ? pick->call->failure : NULL;
}
