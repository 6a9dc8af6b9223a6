/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/held.h"

#include "base/word.h"

bool tulle__held_add(struct tulle_call *call, size_t at, struct cluster_live *live,
                     uint32_t max_pending)
{
    struct live_loop *half = &live->loops[call->on->index];

    if (!word_take(&live->pending, max_pending)) {
        return false;
    }
    call->held_at = at;
    list_add_last(&half->held, &call->held);
    atomic_fetch_add_explicit(&half->held_count, 1, memory_order_seq_cst);
    live_count(live, call->on->index, COUNT_HELD);
    return true;
}

void tulle__held_remove(struct tulle_call *call, struct cluster_live *live)
{
    if (!tulle__held_is_waiting(call)) {
        return;
    }
    list_remove(&call->held);
    atomic_fetch_sub_explicit(&live->loops[call->on->index].held_count, 1, memory_order_relaxed);
    word_give(&live->pending);
}

bool tulle__held_is_waiting(const struct tulle_call *call)
{
    return !list_is_empty(&call->held);
}

/* A call that leaves may start others, which may be held: those wait for their turn. */
static void held_retry(struct live_loop *half)
{
    unsigned rest = atomic_load_explicit(&half->held_count, memory_order_relaxed);

    while (rest-- > 0 && !list_is_empty(&half->held)) {
        struct list *first = list_first(&half->held);
        struct tulle_call *call = CONTAINER_OF(first, struct tulle_call, held);

        call->stack->layers[call->held_at].type->on_wake(call, call->held_at);
        if (list_first(&half->held) == first) {
            return;
        }
    }
}

static void nudge_run(struct task *task)
{
    struct live_loop *half = CONTAINER_OF(task, struct live_loop, nudge);
    struct cluster_live *live = half->owner;

    held_retry(half);
    tulle__live_unref(live);
}

void tulle__held_nudge(struct cluster_live *live)
{
    for (size_t i = 0; i < live->loop_count; i++) {
        struct live_loop *half = &live->loops[i];
        struct call_loop *on = half->on;

        if (atomic_load_explicit(&half->held_count, memory_order_seq_cst) == 0) {
            continue;
        }
        tulle__live_ref(live);
        if (!on->post(on, &half->nudge)) {
            tulle__live_unref(live);
        }
    }
}

void tulle__held_init(struct cluster_live *live, size_t index, struct call_loop *on)
{
    struct live_loop *half = &live->loops[index];

    half->owner = live;
    half->on = on;
    half->nudge.run = nudge_run;
}
