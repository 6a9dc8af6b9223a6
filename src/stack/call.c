/* SPDX-License-Identifier: Apache-2.0 */

/* The driver: one loop that goes down by asking layers and up by telling them.
 * Verbs used meanwhile are kept and taken up between two steps. */

#include "stack/call.h"

#include <tulle/trace.h>

#include "base/alloc.h"
#include <string.h>

/* Scratch, URL and a few headers in one block. */
enum { CALL_ARENA_SIZE = 1216 };

/* Where the driver stands. VERB_RESUME goes down into `at`, VERB_ANSWER goes up from it. */
struct drive {
    size_t at;
    enum verb going;
    bool hold;
};

struct tulle_call *tulle__call_alloc(void)
{
    struct tulle_call *call = ALLOC_ZERO(struct tulle_call);

    if (!call) {
        return NULL;
    }
    atomic_init(&call->refs, 1);
    call->born = fork_generation();
    call->timeout_at = NEVER;
    list_init(&call->held);
    list_init(&call->node);
    tulle__arena_init(&call->arena, CALL_ARENA_SIZE);
    call->scratch = tulle__arena_alloc(&call->arena, sizeof(*call->scratch));
    if (!call->scratch) {
        tulle__call_unref(call);
        return NULL;
    }
    call->scratch->endpoint[0] = call->scratch->text[0] = '\0';
    return call;
}

void tulle__call_unref(struct tulle_call *call)
{
    const struct watcher *watcher = call->watcher;

    if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (call->gone) {
        call->gone(call);
    }
    tulle__buf_fini(&call->reply.headers);
    tulle__buf_fini(&call->reply.body);
    tulle__buf_fini(&call->reply.trailers);
    tulle__buf_fini(&call->story);
    tulle__stream_fini(call->stream);
    tulle_context_free(call->context);
    tulle__arena_fini(&call->arena);
    tulle__free(call);
    if (watcher) {
        watcher->call_gone(watcher);
    }
}

static enum down layer_enter(struct tulle_call *call, size_t at)
{
    const struct layer_type *type = call->stack->layers[at].type;

    if (type->slot_size > 0) {
        memset(call_slot(call, at), 0, type->slot_size);
    }
    call->scratch->wake[at] = NEVER;
    call->depth = at + 1;
    return type->on_call ? type->on_call(call, at) : DOWN_PASS;
}

/* Ends every layer from the deepest to `first`. */
static void call_cut(struct tulle_call *call, size_t first, const struct outcome *outcome)
{
    while (call->depth > first) {
        size_t at = --call->depth;
        const struct layer_type *type = call->stack->layers[at].type;

        call->scratch->wake[at] = NEVER;
        if (type->on_end) {
            type->on_end(call, at, outcome);
        }
    }
}

static void call_end(struct tulle_call *call)
{
    struct outcome outcome = call->outcome;

    call_cut(call, call->base, &outcome);
    call->done = true;
    tulle__timer_disarm(call->on->loop, &call->timer);
    call->ended(call);
}

/* Takes up the verb a layer used while the driver ran, if any. */
static bool request_take(struct tulle_call *call, struct drive *drive)
{
    struct verb_request request;

    if (call->request.verb == VERB_NONE) {
        return false;
    }
    request = call->request;
    call->request.verb = VERB_NONE;
    drive->at = request.at;
    drive->going = request.verb;
    if (request.verb == VERB_RESUME) {
        drive->at = request.at + 1;
        return true;
    }
    if (request.verb == VERB_ANSWER) {
        call_cut(call, request.at + 1, &request.below);
    }
    call->outcome = request.outcome;
    return true;
}

static void drive_down(struct tulle_call *call, struct drive *drive)
{
    switch (layer_enter(call, drive->at)) {
    case DOWN_PASS: drive->at++; break;
    case DOWN_HOLD: drive->hold = true; break;
    case DOWN_ANSWER: drive->going = VERB_ANSWER; break;
    }
}

static void drive_up(struct tulle_call *call, struct drive *drive)
{
    const struct layer_type *type = call->stack->layers[--drive->at].type;
    struct outcome outcome;

    switch (type->on_reply ? type->on_reply(call, drive->at) : UP_PASS) {
    case UP_PASS: break;
    case UP_HOLD:
        drive->hold = true;
        outcome = call->outcome;
        call_cut(call, drive->at + 1, &outcome);
        break;
    case UP_AGAIN:
        outcome = call->outcome;
        call_cut(call, drive->at + 1, &outcome);
        drive->at++;
        drive->going = VERB_RESUME;
        break;
    }
}

/* One step. False: the call is over. */
static bool drive_step(struct tulle_call *call, struct drive *drive)
{
    drive->hold = false;
    if (drive->going == VERB_FINISH || (drive->going == VERB_ANSWER && call->head_sent)) {
        call_end(call);
        return false;
    }
    if (drive->going == VERB_RESUME) {
        drive_down(call, drive);
    } else if (drive->at > call->base) {
        drive_up(call, drive);
    } else if (call->outcome.open) {
        call->head_sent = true;
        call->tells = call->replied != NULL;
        drive->hold = true;
        if (call->stream) {
            call->stream->tell(call, TULLE_EVENT_HEAD);
        }
    } else {
        drive->going = VERB_FINISH;
    }
    return true;
}

/* What comes of it may end its call, and with it this fork, the plan and the mesh
 * it stands on: not while the fork's driver runs. */
static void fork_tell(struct tulle_call *call)
{
    bool tells = call->tells && !call->done;

    call->tells = false;
    if (tells) {
        call->replied(call);
    }
}

static void call_drive(struct tulle_call *call, struct drive drive)
{
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    call->busy = true;
    while (drive_step(call, &drive)) {
        if (!request_take(call, &drive) && drive.hold) {
            break;
        }
    }
    call->busy = false;
    fork_tell(call);
    tulle__call_unref(call);
}

static void call_request(struct tulle_call *call, const struct verb_request *request)
{
    struct drive drive;

    if (call->done) {
        return;
    }
    if (call->request.verb == VERB_NONE || request->at < call->request.at) {
        call->request = *request;
    }
    if (call->busy) {
        return;
    }
    call->busy = true; /* what a cut layer says now is kept */
    request_take(call, &drive);
    call_drive(call, drive);
}

/* Several layers may be due; the one nearest the top speaks first. */
static void call_timer_fire(struct timer *timer, int64_t now)
{
    struct tulle_call *call = CONTAINER_OF(timer, struct tulle_call, timer);
    int64_t next = NEVER;

    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    for (size_t at = call->base; at < call->depth && !call->done; at++) {
        if (call->scratch->wake[at] <= now) {
            call->scratch->wake[at] = NEVER;
            call->stack->layers[at].type->on_wake(call, at);
        }
    }
    for (size_t at = call->base; at < call->depth; at++) {
        next = call->scratch->wake[at] < next ? call->scratch->wake[at] : next;
    }
    if (!call->done && next != NEVER) {
        tulle__timer_arm(call->on->loop, &call->timer, next);
    }
    tulle__call_unref(call);
}

void tulle__call_run(struct tulle_call *call)
{
    call->timer.fire = call_timer_fire;
    call_drive(call, (struct drive){ .at = call->base, .going = VERB_RESUME });
}

void tulle__call_request_end(struct tulle_call *call)
{
    call->stream->request_over = true;
    for (size_t at = 0; at < call->depth; at++) {
        const struct layer_type *type = call->stack->layers[at].type;

        if (type->on_request_end) {
            type->on_request_end(call, at);
        }
    }
}

/* The timer is moved only forward; one that fires early looks again. */
void tulle__call_wake_at(struct tulle_call *call, size_t at, int64_t due)
{
    call->scratch->wake[at] = due;
    if (due != NEVER && (call->timer.node.index == 0 || due < call->timer.node.key)) {
        tulle__timer_arm(call->on->loop, &call->timer, due);
    }
}

void tulle__call_resume(struct tulle_call *call, size_t at)
{
    call_request(call, &(struct verb_request){ .verb = VERB_RESUME, .at = at });
}

void tulle__call_answer(struct tulle_call *call, size_t at, const struct outcome *below,
                        const struct outcome *outcome)
{
    call_request(call, &(struct verb_request){ VERB_ANSWER, at, *below, *outcome });
}

/* What a layer that is cut says is kept, and taken up with the next verb. */
void tulle__call_cut(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    bool busy = call->busy;

    call->busy = true;
    call_cut(call, at + 1, outcome);
    call->busy = busy;
}

void tulle__call_finish(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    call_request(call, &(struct verb_request){ VERB_FINISH, at, *outcome, *outcome });
}

void tulle__call_cancel_here(struct tulle_call *call, const struct outcome *outcome)
{
    tulle__call_finish(call, 0, outcome);
}

enum down tulle__call_refuse(struct tulle_call *call, size_t at, enum tulle_error error, int status,
                             unsigned flags, const char *text)
{
    call->outcome = (struct outcome){
        .error = error,
        .progress = TULLE_NOTHING_SENT,
        .origin = ORIGIN_HERE,
        .status = status,
        .flags = call->outcome.flags | flags,
        .layer = call->stack->layers[at].type->name,
        .text = text,
    };
    tulle__call_tell(call, at, "refused: %s", text);
    return DOWN_ANSWER;
}

void tulle__call_answer_refusal(struct tulle_call *call, size_t at)
{
    struct outcome below = { .origin = ORIGIN_HERE };
    struct outcome outcome = call->outcome;

    tulle__call_answer(call, at, &below, &outcome);
}
