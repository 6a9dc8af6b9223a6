/* SPDX-License-Identifier: Apache-2.0 */

#include "core/pickers.h"

#include "balance/picker.h"
#include "stack/held.h"

#include <string.h>

static void picker_retire(struct tulle *mesh, struct picker *picker)
{
    picker->next_retired = mesh->retired;
    mesh->retired = picker;
}

enum tulle_error tulle__picker_refresh(struct tulle *mesh, struct cluster_live *live, bool changed)
{
    struct picker *old = atomic_load_explicit(&live->picker, memory_order_relaxed);
    struct picker *made;

    if (old && !changed && fingerprint_equal(old->config.print, live->config->balancer.print)) {
        return TULLE_OK;
    }
    made = tulle__picker_new(live, &live->config->balancer, mesh->loops.count,
                             rand_next(&mesh->rand), world_now(mesh->world));
    if (!made) {
        return TULLE_E_NOMEM;
    }
    /* In one order with the rounds (a loop in a new one sees it) and with held_count. */
    atomic_store_explicit(&live->picker, made, memory_order_seq_cst);
    if (old) {
        picker_retire(mesh, old);
        tulle__held_nudge(live);
    }
    return TULLE_OK;
}

static void free_all(struct picker *picker)
{
    while (picker) {
        struct picker *next = picker->next_retired;

        tulle__picker_free(picker);
        picker = next;
    }
}

/* A loop that nobody owns reads nothing, and whoever takes it begins a new round. */
static bool loop_has_passed(struct tulle *mesh, struct mesh_loop *each, uint64_t since)
{
    bool passed;

    if (atomic_load_explicit(&each->passed, memory_order_seq_cst) != since) {
        return true;
    }
    tulle__mutex_lock(&mesh->loops.lock);
    passed = !atomic_load_explicit(&each->owned, memory_order_relaxed);
    tulle__mutex_unlock(&mesh->loops.lock);
    return passed;
}

static bool all_have_passed(struct tulle *mesh)
{
    for (size_t i = 0; i < mesh->loops.count; i++) {
        if (!loop_has_passed(mesh, &mesh->loops.each[i], mesh->grace[i])) {
            return false;
        }
    }
    return true;
}

/* Those retired until now wait for the rounds that run now. */
static void grace_begin(struct tulle *mesh)
{
    mesh->waiting = mesh->retired;
    mesh->retired = NULL;
    for (size_t i = 0; i < mesh->loops.count; i++) {
        struct mesh_loop *each = &mesh->loops.each[i];

        mesh->grace[i] = atomic_load_explicit(&each->passed, memory_order_seq_cst);
        tulle__loop_post(&each->loop, &each->wake);
    }
}

bool tulle__pickers_sweep(struct tulle *mesh)
{
    if (mesh->waiting && all_have_passed(mesh)) {
        free_all(mesh->waiting);
        mesh->waiting = NULL;
    }
    if (!mesh->waiting && mesh->retired) {
        grace_begin(mesh);
    }
    return mesh->waiting != NULL;
}

void tulle__pickers_fini(struct tulle *mesh)
{
    void *live;

    for (size_t at = 0; (live = tulle__table_next(&mesh->live.by_name, &at));) {
        struct cluster_live *each = live;

        free_all(atomic_exchange(&each->picker, NULL));
    }
    free_all(mesh->waiting);
    free_all(mesh->retired);
}
