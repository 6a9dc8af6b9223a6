/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh without threads: one descriptor stands for the control step and the one
 * loop. Who owns the loop runs the control step as well, so there is never more
 * than one who runs the mesh. */

#include "core/app.h"

#include "base/macros.h"
#include "core/escape.h"

#define SLICE_NS (10 * NS_PER_MS)

enum { CONTROL = 1, CALLS = 2 }; /* the group's bits */

static struct mesh_loop *the_loop(const struct tulle *mesh)
{
    return &mesh->loops.each[0];
}

bool tulle__app_open(struct tulle *mesh)
{
    return tulle__group_init(&mesh->app, &mesh->control, &the_loop(mesh)->loop);
}

/* The control step first: what it publishes the loop takes up at once, and what
 * it replaced is free when the loop has passed a round. */
static void app_round(struct tulle *mesh, int64_t due)
{
    unsigned ready = tulle__group_wait(&mesh->app, due);

    if (ready & CONTROL) {
        tulle__loop_round(&mesh->control, 0);
    }
    if (ready & (CONTROL | CALLS)) {
        tulle__loops_round(the_loop(mesh));
    }
    tulle__group_doze(&mesh->app);
}

/* Whoever asked tulle_due() before has to ask anew, so the descriptor is readable after it. */
bool tulle__app_run_until(struct tulle *mesh, bool (*is_done)(void *user), void *user, int64_t due)
{
    bool done;

    app_round(mesh, 0);
    while (!(done = is_done(user)) && world_now(mesh->world) < due) {
        app_round(mesh, due);
    }
    tulle__loop_wake(&the_loop(mesh)->loop);
    return done;
}

static bool no_call_is_left(void *user)
{
    struct loops *loops = user;
    bool none;

    tulle__mutex_lock(&loops->lock);
    none = loops->calls == 0;
    tulle__mutex_unlock(&loops->lock);
    return none;
}

bool tulle__app_run_idle(struct tulle *mesh, int64_t due)
{
    struct loops *loops = &mesh->loops;
    bool idle;

    do {
        if (!tulle__loops_wait_alone(loops, due)) {
            return false;
        }
    } while (!tulle__loops_take(the_loop(mesh)));
    idle = tulle__app_run_until(mesh, no_call_is_left, loops, due);
    tulle__loops_give(the_loop(mesh));
    return idle && tulle__loops_wait_idle(loops, NEVER);
}

/* While another thread runs the mesh this one sleeps: until it leaves, or has
 * done what is waited for, which nobody tells. */
bool tulle__app_run_ready(struct tulle *mesh, bool (*is_ready)(void *user), int64_t due)
{
    const struct world *world = mesh->world;
    bool ready;

    while (!tulle__loops_take(the_loop(mesh))) {
        int64_t slice = time_add(world_now(world), SLICE_NS);

        if (is_ready(mesh) || world_now(world) >= due) {
            return is_ready(mesh);
        }
        (void)tulle__loops_wait_alone(&mesh->loops, slice < due ? slice : due);
    }
    ready = tulle__app_run_until(mesh, is_ready, mesh, due);
    tulle__loops_give(the_loop(mesh));
    return ready;
}

int tulle_fd(const struct tulle *mesh)
{
    struct tulle *here = (struct tulle *)mesh;

    return mesh_enter(&here) == TULLE_OK ? here->app.fd : -1;
}

/* Timers are the business of who runs the mesh; when he leaves, the descriptor tells. */
static int64_t due_if_mine(struct tulle *mesh)
{
    int64_t due;

    if (mesh->world->is_virtual || tulle__loops_mine(&mesh->loops)) {
        return tulle__mesh_due(mesh);
    }
    if (!tulle__loops_take(the_loop(mesh))) {
        return NEVER;
    }
    due = tulle__mesh_due(mesh);
    tulle__loops_give(the_loop(mesh));
    return due;
}

int64_t tulle_due(const struct tulle *mesh)
{
    struct tulle *here = (struct tulle *)mesh;
    int64_t due, now;

    if (mesh_enter(&here) != TULLE_OK) {
        return TULLE_NONE;
    }
    due = here->threadless ? due_if_mine(here) : NEVER;
    now = world_now(here->world);
    if (due == NEVER) {
        return TULLE_NONE;
    }
    return due > now ? due - now : 0;
}

static enum tulle_error run(void *user)
{
    struct tulle *mesh = user;

    if (mesh->world->is_virtual) {
        tulle__mesh_run(mesh);
        return TULLE_OK;
    }
    ENSURE(tulle__loops_take(the_loop(mesh)), TULLE_E_USAGE);
    app_round(mesh, 0);
    tulle__loops_give(the_loop(mesh));
    return TULLE_OK;
}

enum tulle_error tulle_run(struct tulle *mesh)
{
    TRY(mesh_enter(&mesh));
    ENSURE(mesh->threadless && !tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    return tulle__escape_guard(run, mesh);
}
