/* SPDX-License-Identifier: Apache-2.0 */

/* tulle_call_wait(). Who finds nothing says so to the window, as a read or write
 * does that takes nothing; from then on the loop tells of a change, and whoever
 * saw an older count of changes looks again. */

#include "base/macros.h"
#include "core/app.h"
#include "core/escape.h"
#include "core/stream.h"

enum { KINDS = TULLE_EVENT_HEAD | TULLE_EVENT_READABLE | TULLE_EVENT_WRITABLE | TULLE_EVENT_END };

/* On a virtual clock. */
#define PATIENCE_NS (86400 * NS_PER_S)

static unsigned fate_of(const struct tulle_call *call)
{
    return atomic_load_explicit(&call->fate, memory_order_acquire);
}

struct wait {
    struct tulle_call *call;
    int32_t kinds;
    int32_t ready;
    int64_t timeout_ns;
};

/* What is not there is told from now on. */
static bool wait_look(void *user)
{
    struct wait *wait = user;
    struct stream *stream = wait->call->stream;
    unsigned fate = fate_of(wait->call);
    int32_t ready = 0;

    if (fate & FATE_OVER) {
        wait->ready = TULLE_EVENT_END;
        wait->ready |= wait->kinds & (stream->receives ? TULLE_EVENT_READABLE : 0);
        wait->ready |= wait->kinds & (stream->sends ? TULLE_EVENT_WRITABLE : 0);
        wait->ready |= wait->kinds & (fate & FATE_HEAD ? TULLE_EVENT_HEAD : 0);
        return true;
    }
    if (fate & FATE_HEAD) {
        ready |= TULLE_EVENT_HEAD;
    }
    if ((wait->kinds & TULLE_EVENT_READABLE) && stream->receives &&
        tulle__body_await_bytes(&stream->reply, &stream->app)) {
        ready |= TULLE_EVENT_READABLE;
    }
    if ((wait->kinds & TULLE_EVENT_WRITABLE) && stream->sends &&
        tulle__body_await_room(&stream->request)) {
        ready |= TULLE_EVENT_WRITABLE;
    }
    wait->ready = ready & wait->kinds;
    return wait->ready != 0;
}

static uint64_t stream_changes(struct stream *stream)
{
    uint64_t changes;

    tulle__mutex_lock(&stream->lock);
    changes = stream->changes;
    tulle__mutex_unlock(&stream->lock);
    return changes;
}

/* Until something changed after `seen`, or `due`. False: that has come. */
static bool wait_sleep(struct stream *stream, uint64_t seen, const struct world *world, int64_t due)
{
    bool in_time = true;

    tulle__mutex_lock(&stream->lock);
    while (stream->changes == seen && in_time) {
        tulle__cond_wait(&stream->changed, &stream->lock, due);
        in_time = due == NEVER || world_now(world) < due;
    }
    tulle__mutex_unlock(&stream->lock);
    return in_time;
}

static bool wait_until(struct wait *wait, const struct world *world, int64_t due)
{
    struct stream *stream = wait->call->stream;
    bool in_time = true;

    for (;;) {
        uint64_t seen = stream_changes(stream);

        if (wait_look(wait) || !in_time) {
            return wait->ready != 0;
        }
        in_time = wait_sleep(stream, seen, world, due);
    }
}

/* Slices of a sleep while another thread runs a mesh that has none of its own: it may leave. */
#define SLICE_NS (10 * NS_PER_MS)

/* The caller runs the mesh where nobody else does. */
static bool wait_running(struct wait *wait, struct mesh_loop *here, int64_t due)
{
    const struct world *world = here->loop.world;
    int64_t slice;
    bool is_there;

    while (!tulle__loops_take(here)) {
        slice = time_add(world_now(world), SLICE_NS);
        is_there = wait_until(wait, world, slice < due ? slice : due);
        if (is_there || slice >= due) {
            return is_there;
        }
    }
    is_there = tulle__app_run_until(here->mesh, wait_look, wait, due);
    tulle__loops_give(here);
    return is_there;
}

static enum tulle_error wait_inside(struct wait *wait)
{
    int64_t timeout_ns = wait->timeout_ns;
    struct mesh_loop *here = wait->call->mesh_loop;
    struct tulle *mesh = here->mesh;
    const struct world *world = here->loop.world;
    bool is_bounded = timeout_ns != 0 && timeout_ns != TULLE_NONE;
    int64_t due = is_bounded ? time_add(world_now(world), timeout_ns) : NEVER;
    bool is_there;

    ENSURE(!tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    if (wait_look(wait)) {
        return TULLE_OK;
    }
    ENSURE(tulle__mesh_can_wait(mesh), TULLE_E_USAGE);
    is_there = world->is_virtual
                   ? tulle__mesh_turn(mesh, wait_look, wait, is_bounded ? timeout_ns : PATIENCE_NS)
               : mesh->app.fd >= 0 ? wait_running(wait, here, due)
                                   : wait_until(wait, world, due);
    return is_there ? TULLE_OK : TULLE_E_TIMEOUT;
}

static enum tulle_error wait_enter(void *user)
{
    struct wait *wait = user;
    struct tulle_call *call = wait->call;
    enum tulle_error error;

    if (!tulle__call_enter(call)) {
        wait_look(wait);
        return TULLE_OK;
    }
    error = wait_inside(wait);
    tulle__loops_leave(&call->mesh_loop->mesh->loops);
    return error;
}

enum tulle_error tulle_call_wait(struct tulle_call *call, int32_t kinds, int64_t timeout_ns,
                                 int32_t *ready)
{
    struct wait wait = { .call = call, .kinds = kinds, .timeout_ns = timeout_ns };
    enum tulle_error error;

    *ready = 0;
    ENSURE(call_is_here(call), TULLE_E_FORKED);
    ENSURE(call->stream && !call->events && (kinds & ~KINDS) == 0 && timeout_ns >= 0,
           TULLE_E_USAGE);
    error = tulle__escape_guard(wait_enter, &wait);
    *ready = wait.ready;
    return error;
}
