/* SPDX-License-Identifier: Apache-2.0 */

/* The control step: everything that is not a call. It looks at the source,
 * publishes, sweeps ejections, visits loops that nobody runs (their idle
 * connections still hear a peer's FIN and their own timers), and frees what
 * the loops let go. It is a loop like the others; the library gives it a
 * thread, or the owner of a virtual clock runs it. */

#include "balance/picker.h"
#include "base/macros.h"
#include "core/app.h"
#include "core/checks.h"
#include "core/escape.h"
#include "core/pickers.h"
#include "core/pools.h"
#include "endpoint/live_latency.h"
#include "endpoint/outlier.h"

/* While connections are open or something waits to be freed. */
#define TICK_NS (250 * NS_PER_MS)

static enum tulle_error draft_publish(struct tulle *mesh, const struct draft *draft)
{
    struct runnable *current = mesh->publisher.current;
    const struct snapshot *previous = current ? current->snapshot : NULL;
    uint64_t generation = previous ? previous->generation + 1 : 1;
    struct snapshot *snapshot;
    struct runnable *runnable;
    char why[256];
    enum tulle_error error;

    error = tulle__snapshot_build(draft, previous, generation, why, &snapshot);
    if (error == TULLE_E_CONFIG) {
        tulle__log(&mesh->log, LOG_ERROR, "config", "refused as a whole: %s", why);
    }
    if (error != TULLE_OK) {
        return error;
    }
    mesh->live.now = world_now(mesh->world);
    tulle__live_set_begin(&mesh->live);
    error = tulle__runnable_new(mesh, snapshot, &runnable);
    if (error != TULLE_OK) {
        return error;
    }
    tulle__publisher_swap(&mesh->publisher, runnable);
    tulle__mutex_lock(&mesh->set_lock);
    tulle__live_set_end(&mesh->live);
    tulle__mutex_unlock(&mesh->set_lock);
    tulle__checks_fit(mesh);
    mesh->warmth.stale = true;
    for (size_t i = 0; i < mesh->loops.count; i++) {
        tulle__mesh_loop_post(&mesh->loops.each[i], &mesh->loops.each[i].wake);
    }
    if (mesh->watcher) {
        mesh->watcher->published(mesh->watcher, generation);
    }
    return TULLE_OK;
}

static void stats_note(struct tulle *mesh)
{
    if (!mesh->source) {
        return;
    }
    tulle__mutex_lock(&mesh->set_lock);
    mesh->source_type->stats(mesh->source, &mesh->source_stats);
    tulle__mutex_unlock(&mesh->set_lock);
}

/* With what its names stand for. */
static enum tulle_error draft_expand_publish(struct tulle *mesh, const struct draft *draft)
{
    struct draft expanded;
    enum tulle_error error;
    size_t pending;

    TRY(tulle__names_expand(&mesh->names, draft, &expanded, &pending));
    mesh->names.changed = false;
    error = draft_publish(mesh, &expanded);
    tulle__draft_fini(&expanded);
    if (error == TULLE_OK) {
        tulle__names_published(&mesh->names, pending);
    }
    return error;
}

enum tulle_error tulle__control_publish(struct tulle *mesh)
{
    static const struct draft nothing;
    enum tulle_error error = draft_expand_publish(
        mesh, mesh->source ? mesh->source_type->draft(mesh->source) : &nothing);

    mesh->stale = error == TULLE_E_NOMEM;
    stats_note(mesh);
    return error;
}

static void source_step(struct tulle *mesh)
{
    bool changed =
        mesh->source && mesh->source_type->step(mesh->source, mesh->control.now) == SOURCE_CHANGED;

    if (changed || mesh->stale || mesh->names.changed) {
        (void)tulle__control_publish(mesh);
        return;
    }
    stats_note(mesh);
}

/* Its endpoints have outgrown their slow start: what lets weights grow may go. */
static bool picker_is_grown(const struct cluster_live *live, int64_t now)
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_relaxed);

    return picker && picker->young_until <= now;
}

/* Returns when it is due next. */
static int64_t picker_step(struct cluster_live *live, int64_t now)
{
    struct picker *picker = atomic_load_explicit(&live->picker, memory_order_relaxed);
    int64_t due = picker ? tulle__picker_tend(picker, now) : NEVER;

    return picker && picker->young_until < due ? picker->young_until : due;
}

/* Sweeps, and trials of the breaker, which do not wait for a sweep. True: a gate changed. */
static bool outliers_step(struct tulle *mesh, struct cluster_live *live, int64_t now, int64_t *due)
{
    const struct outlier_config *config = live->config ? &live->config->outlier : NULL;
    bool changed = false;
    int64_t trial;

    *due = NEVER;
    if (!config) {
        return false;
    }
    if (outlier_is_swept(config) && live->next_sweep <= now) {
        live->next_sweep = time_add(now, config->interval_ns);
        changed = tulle__outlier_sweep(live, config, &mesh->log, now);
    }
    if (atomic_load_explicit(&live->next_trial, memory_order_relaxed) <= now) {
        changed = tulle__outlier_trials(live, config, &mesh->log, now) || changed;
    }
    trial = atomic_load_explicit(&live->next_trial, memory_order_relaxed);
    *due = outlier_is_swept(config) && live->next_sweep < trial ? live->next_sweep : trial;
    return changed;
}

/* Returns when the next look at the ejected ones of this cluster is due. */
static int64_t cluster_step(struct tulle *mesh, struct cluster_live *live, int64_t now)
{
    bool changed = atomic_exchange(&live->gates_changed, false) || picker_is_grown(live, now);
    int64_t due;

    changed = outliers_step(mesh, live, now, &due) || changed;
    mesh->warmth.stale = mesh->warmth.stale || changed;
    /* Of a cluster that has left, the calls of an older mesh keep the last picker. */
    if (changed && live->adopted && live->config &&
        tulle__picker_refresh(mesh, live, true) != TULLE_OK) {
        atomic_store(&live->gates_changed, true);
        due = time_add(now, TICK_NS) < due ? time_add(now, TICK_NS) : due;
    }
    return due;
}

static int64_t clusters_step(struct tulle *mesh, int64_t now)
{
    int64_t next = NEVER;
    struct cluster_live *live;

    for (size_t at = 0; (live = tulle__table_next(&mesh->live.by_name, &at));) {
        int64_t due = cluster_step(mesh, live, now);
        int64_t look = tulle__live_latency_step(live, now);
        int64_t tend = picker_step(live, now);

        due = look < due ? look : due;
        due = tend < due ? tend : due;
        next = due < next ? due : next;
    }
    return next;
}

/* True: connections are open that nobody may watch. A visit looks at the loop
 * under the lock, after `ticking` was taken back. Who left the loop before that
 * look is seen by it, connections and all; who leaves later takes the lock after
 * it, sees that the step may not come back, and pokes. */
static bool loops_step(struct tulle *mesh)
{
    bool open = false;

    if (mesh->app.fd >= 0) {
        return false;
    }
    atomic_store_explicit(&mesh->ticking, false, memory_order_relaxed);
    for (size_t i = 0; i < mesh->loops.count; i++) {
        struct mesh_loop *each = &mesh->loops.each[i];

        tulle__loops_visit(each);
        open = open || atomic_load_explicit(&each->lend.transport->open, memory_order_relaxed) > 0;
    }
    return open;
}

static bool sweep(struct tulle *mesh)
{
    bool waits = tulle__pickers_sweep(mesh);

    tulle__publisher_sweep(&mesh->publisher);
    tulle__mutex_lock(&mesh->set_lock);
    tulle__live_sweep(&mesh->live);
    tulle__mutex_unlock(&mesh->set_lock);
    tulle__pools_mark_leaving(mesh);
    return waits;
}

static void control_step(struct tulle *mesh)
{
    int64_t now = mesh->control.now, due;
    bool ticking;

    source_step(mesh);
    due = clusters_step(mesh, now);
    tulle__checks_step(mesh);
    tulle__warmth_step(mesh);
    ticking = sweep(mesh) || mesh->stale || mesh->health.behind || mesh->warmth.stale;
    ticking = loops_step(mesh) || ticking;
    atomic_store_explicit(&mesh->ticking, ticking, memory_order_relaxed);
    if (ticking && now + TICK_NS < due) {
        due = now + TICK_NS;
    }
    if (mesh->source && mesh->source_type->due(mesh->source) < due) {
        due = mesh->source_type->due(mesh->source);
    }
    if (due != NEVER) {
        tulle__timer_arm(&mesh->control, &mesh->step_timer, due);
    }
}

static void step_timer_fire(struct timer *timer, int64_t now)
{
    (void)now;
    control_step(CONTAINER_OF(timer, struct tulle, step_timer));
}

static void poke_run(struct task *task)
{
    control_step(CONTAINER_OF(task, struct tulle, poke));
}

static void quit_run(struct task *task)
{
    CONTAINER_OF(task, struct tulle, quit)->quitting = true;
}

static void source_ready(struct watch *watch, unsigned events)
{
    (void)events;
    control_step(CONTAINER_OF(watch, struct tulle, source_watch));
}

static enum tulle_error control_loop(void *user)
{
    struct tulle *mesh = user;

    atomic_store(&mesh->control_self, tulle__thread_self());
    while (!mesh->quitting) {
        tulle__loop_round(&mesh->control, NEVER);
    }
    return TULLE_OK;
}

static void control_run(void *user)
{
    (void)tulle__escape_guard(control_loop, user);
}

enum tulle_error tulle__control_start(struct tulle *mesh)
{
    int fd = mesh->source ? mesh->source_type->fd(mesh->source) : -1;

    mesh->poke.run = poke_run;
    mesh->quit.run = quit_run;
    mesh->step_timer.fire = step_timer_fire;
    if (!tulle__loop_reserve_timers(&mesh->control, 1)) {
        return TULLE_E_NOMEM;
    }
    mesh->source_watch = (struct watch){ .fd = fd, .events = LOOP_READ, .ready = source_ready };
    if (fd >= 0 && !tulle__watch_add(&mesh->control, &mesh->source_watch)) {
        return TULLE_E_INTERNAL;
    }
    tulle__control_poke(mesh);
    if (!mesh->world->is_virtual && mesh->threadless) {
        return tulle__app_open(mesh) ? TULLE_OK : TULLE_E_INTERNAL;
    }
    if (!mesh->world->is_virtual &&
        !tulle__thread_start(&mesh->control_thread, "tulle", control_run, mesh)) {
        return TULLE_E_INTERNAL;
    }
    return TULLE_OK;
}

void tulle__control_stop(struct tulle *mesh)
{
    if (mesh->control_thread.started) {
        tulle__loop_post(&mesh->control, &mesh->quit);
        tulle__thread_join(&mesh->control_thread);
    }
}

void tulle__control_poke(struct tulle *mesh)
{
    tulle__loop_post(&mesh->control, &mesh->poke);
}

/* --- for the owner of a virtual clock --- */

void tulle__mesh_run(struct tulle *mesh)
{
    int64_t now = world_now(mesh->world);

    do {
        if (tulle__loop_due(&mesh->control) <= now) {
            tulle__loop_round(&mesh->control, now);
        }
        for (size_t i = 0; i < mesh->loops.count; i++) {
            tulle__loops_visit(&mesh->loops.each[i]);
        }
    } while (tulle__mesh_due(mesh) <= now);
}

int64_t tulle__mesh_due(const struct tulle *mesh)
{
    int64_t due = tulle__loop_due(&mesh->control);

    for (size_t i = 0; i < mesh->loops.count; i++) {
        int64_t each = tulle__loop_due(&mesh->loops.each[i].loop);

        due = each < due ? each : due;
    }
    return due;
}

bool tulle__mesh_can_wait(const struct tulle *mesh)
{
    return !mesh->world->is_virtual || mesh->world->advance;
}

bool tulle__mesh_turn(struct tulle *mesh, bool (*is_over)(void *user), void *user,
                      int64_t timeout_ns)
{
    const struct world *world = mesh->world;
    int64_t end = time_add(world_now(world), timeout_ns);

    while (!is_over(user)) {
        if (!world->advance(world->user, end)) {
            return is_over(user);
        }
    }
    return true;
}

static bool no_call_is_left(void *user)
{
    return ((struct tulle *)user)->loops.calls == 0;
}

void tulle__control_finish(struct tulle *mesh)
{
    if (mesh->world->advance) {
        (void)tulle__mesh_turn(mesh, no_call_is_left, mesh, mesh->close_timeout_ns);
    }
}
