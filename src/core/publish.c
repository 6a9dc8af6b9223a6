/* SPDX-License-Identifier: Apache-2.0 */

#include "core/publish.h"

#include "base/alloc.h"
#include "core/mesh.h"
#include "policy/layers.h"

bool tulle__publisher_init(struct publisher *publisher)
{
    const struct prepare nothing = { 0 };

    return tulle__mutex_init(&publisher->lock) &&
           tulle__stack_build(tulle__order_outside, &nothing, &publisher->outside) == TULLE_OK &&
           tulle__stack_build(tulle__order_refused, &nothing, &publisher->refused) == TULLE_OK &&
           tulle__stack_build(tulle__order_pick, &nothing, &publisher->pick) == TULLE_OK &&
           tulle__stack_build(tulle__order_pick_refused, &nothing, &publisher->pick_refused) ==
               TULLE_OK;
}

static void runnable_unref(struct publisher *publisher, struct runnable *runnable)
{
    struct runnable *first;

    if (!runnable || atomic_fetch_sub_explicit(&runnable->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    first = atomic_load_explicit(&publisher->gone, memory_order_relaxed);
    do {
        runnable->next = first;
    } while (!atomic_compare_exchange_weak(&publisher->gone, &first, runnable));
}

void tulle__publisher_swap(struct publisher *publisher, struct runnable *next)
{
    struct runnable *old;

    tulle__mutex_lock(&publisher->lock);
    old = publisher->current;
    publisher->current = next;
    atomic_store_explicit(&publisher->generation, next->snapshot->generation, memory_order_release);
    tulle__mutex_unlock(&publisher->lock);
    runnable_unref(publisher, old);
}

void tulle__publisher_sweep(struct publisher *publisher)
{
    struct runnable *gone = atomic_exchange(&publisher->gone, NULL);

    while (gone) {
        struct runnable *next = gone->next;

        tulle__runnable_free(gone);
        gone = next;
    }
}

void tulle__publisher_fini(struct publisher *publisher)
{
    runnable_unref(publisher, publisher->current);
    tulle__publisher_sweep(publisher);
    tulle__mutex_fini(&publisher->lock);
}

static void use_free(struct publisher *publisher, struct runnable_use *use)
{
    runnable_unref(publisher, use->runnable);
    tulle__free(use);
}

void tulle__use_end(struct mesh_loop *here, struct runnable_use *use)
{
    use->calls--;
    if (use->calls == 0 && use != here->use) {
        use_free(&here->mesh->publisher, use);
    }
}

void tulle__publisher_leave(struct mesh_loop *here)
{
    if (here->use) {
        use_free(&here->mesh->publisher, here->use);
        here->use = NULL;
    }
}

void tulle__publisher_freshen(struct mesh_loop *here)
{
    struct publisher *publisher = &here->mesh->publisher;
    uint64_t newest = atomic_load_explicit(&publisher->generation, memory_order_acquire);
    struct runnable_use *old = here->use, *use;

    if (newest == 0 || (old && old->runnable->snapshot->generation == newest)) {
        return;
    }
    use = ALLOC_ZERO(struct runnable_use);
    if (!use) {
        return;
    }
    tulle__mutex_lock(&publisher->lock);
    use->runnable = publisher->current;
    atomic_fetch_add_explicit(&use->runnable->refs, 1, memory_order_relaxed);
    tulle__mutex_unlock(&publisher->lock);
    here->use = use;
    if (old && old->calls == 0) {
        use_free(publisher, old);
    }
}
