/* SPDX-License-Identifier: Apache-2.0 */

/* Looking in from outside: metrics and endpoint states. Takes the lock of the
 * live set, which no call takes. */

#include "balance/picker.h"
#include "base/macros.h"
#include "core/mesh.h"
#include "endpoint/past.h"
#include "observe/render.h"

#include <stdio.h>
#include <stdlib.h>

static int live_compare(const void *a, const void *b)
{
    const struct cluster_live *const *left = a, *const *right = b;

    return tulle__str_compare((*left)->name, (*right)->name);
}

/* All live clusters, sorted. Under the lock. NULL: no memory. */
static const struct cluster_live **lives_sorted(const struct tulle *mesh, size_t *count)
{
    const struct cluster_live **lives =
        tulle__alloc_zero(mesh->live.by_name.count + 1, sizeof(struct cluster_live *));
    void *each;

    *count = 0;
    for (size_t at = 0; lives && (each = tulle__table_next(&mesh->live.by_name, &at));) {
        lives[(*count)++] = each;
    }
    if (lives) {
        qsort(lives, *count, sizeof(struct cluster_live *), live_compare);
    }
    return lives;
}

static enum tulle_error render(struct tulle *mesh, struct buf *text)
{
    const struct transport *transports[64] = { NULL };
    struct render_source source = { mesh->source_type->name, mesh->source_stats };
    struct dns_stats dns;
    struct render_input input = {
        .dns = &dns,
        .metrics = mesh->metrics,
        .transports = transports,
        .transport_count = mesh->loops.count,
        .sources = &source,
        .source_count = mesh->source ? 1 : 0,
        .generation = atomic_load(&mesh->publisher.generation),
        .now = world_now(mesh->world),
    };
    const struct cluster_live **lives = lives_sorted(mesh, &input.cluster_count);
    enum tulle_error error = TULLE_E_NOMEM;

    tulle__dns_stats(mesh->names.dns, &dns);
    for (size_t i = 0; i < mesh->loops.count; i++) {
        transports[i] = mesh->loops.each[i].lend.transport;
    }
    if (lives) {
        input.clusters = lives;
        error = tulle__render(&input, text);
    }
    tulle__free(lives);
    return error;
}

enum tulle_error tulle_metrics(struct tulle *mesh, size_t *size, char **out)
{
    struct buf text = { 0 };
    size_t ignored;
    enum tulle_error error;

    *out = NULL;
    TRY(mesh_enter(&mesh));
    tulle__mutex_lock(&mesh->set_lock);
    error = render(mesh, &text);
    tulle__mutex_unlock(&mesh->set_lock);
    if (error == TULLE_OK) {
        *out = tulle__buf_take(&text, size ? size : &ignored);
        error = *out ? TULLE_OK : TULLE_E_NOMEM;
    }
    tulle__buf_fini(&text);
    return error;
}

void tulle_text_free(char *text)
{
    tulle__free(text);
}

static const char *gate_name(unsigned gate)
{
    switch (gate) {
    case GATE_READY: return "ready";
    case GATE_TRIAL: return "trial";
    default: return "ejected";
    }
}

static const char *health_name(unsigned fitness)
{
    switch (fitness) {
    case FIT: return "healthy";
    case FIT_DEGRADED: return "degraded";
    default: return "unhealthy";
    }
}

static void state_fill(struct tulle_endpoint_state *state, const struct cluster_live *live,
                       const struct view *view)
{
    *state = (struct tulle_endpoint_state){
        .size = sizeof(*state),
        .weight = view_weight(view),
        .in_flight = atomic_load_explicit(&view->peer->in_flight, memory_order_relaxed),
        .ejections = view_ejections(view),
        .requests = atomic_load_explicit(&view->requests, memory_order_relaxed),
        .failures = atomic_load_explicit(&view->failures, memory_order_relaxed),
    };
    snprintf(state->cluster, sizeof(state->cluster), "%.*s", STR_ARG(live->name));
    snprintf(state->address, sizeof(state->address), "%.*s", STR_ARG(peer_address(view->peer)));
    snprintf(state->gate, sizeof(state->gate), "%s",
             gate_name(atomic_load_explicit(&view->gate, memory_order_relaxed)));
    snprintf(state->health, sizeof(state->health), "%s",
             health_name(atomic_load_explicit(&view->fitness, memory_order_relaxed)));
}

static size_t views_count(const struct cluster_live *const *lives, size_t count)
{
    size_t views = 0;

    for (size_t i = 0; i < count; i++) {
        views += lives[i]->view_count;
    }
    return views;
}

/* Copied under the lock, so that the app is called without it. */
static struct tulle_endpoint_state *states_copy(struct tulle *mesh, size_t *count)
{
    size_t live_count;
    const struct cluster_live **lives = lives_sorted(mesh, &live_count);
    struct tulle_endpoint_state *states = NULL;

    *count = 0;
    if (lives) {
        states = tulle__alloc_zero(views_count(lives, live_count) + 1, sizeof(*states));
    }
    for (size_t i = 0; states && i < live_count; i++) {
        for (size_t j = 0; j < lives[i]->view_count; j++) {
            if (atomic_load_explicit(&lives[i]->views[j]->named, memory_order_relaxed)) {
                state_fill(&states[(*count)++], lives[i], lives[i]->views[j]);
            }
        }
    }
    tulle__free(lives);
    return states;
}

enum tulle_error tulle_endpoints(struct tulle *mesh,
                                 void (*each)(const struct tulle_endpoint_state *state, void *user),
                                 void *user)
{
    struct tulle_endpoint_state *states;
    size_t count;

    TRY(mesh_enter(&mesh));
    tulle__mutex_lock(&mesh->set_lock);
    states = states_copy(mesh, &count);
    tulle__mutex_unlock(&mesh->set_lock);
    ENSURE(states, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        each(&states[i], user);
    }
    tulle__free(states);
    return TULLE_OK;
}
