/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/past.h"

#include "base/alloc.h"

bool tulle__past_prepare(struct view *view)
{
    struct past *past;

    if (view_past(view) != NULL) {
        return true;
    }
    past = ALLOC_ZERO(struct past);
    atomic_store_explicit(&view->past, past, memory_order_release);
    return past != NULL;
}

void tulle__past_free(struct view *view)
{
    struct past *past = atomic_exchange_explicit(&view->past, NULL, memory_order_relaxed);

    if (past != NULL) {
        tulle__free(atomic_load_explicit(&past->window, memory_order_relaxed));
        tulle__free(past);
    }
}
