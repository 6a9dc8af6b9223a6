/* SPDX-License-Identifier: Apache-2.0 */

/* What is known against one endpoint. Made by the control step where something may
 * eject it or checks it, at the first snapshot that wants that; it stays as long as
 * its view, because a call of an older snapshot may still write into it. */

#ifndef TULLE_ENDPOINT_PAST_H
#define TULLE_ENDPOINT_PAST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/view.h"

struct window;  /* window.h */
struct patient; /* health/ward.h */

struct past {
    /* In a row; reset by a success of their kind. */
    atomic_uint row_5xx, row_gateway, row_local;
    atomic_uint ejections_in_a_row;  /* Envoy's multiplier */
    atomic_int_least64_t ejected_at; /* 0: is not */
    atomic_uint sentence;            /* of the ejection it has or had last: see eject.h */
    atomic_uint ejections;
    int64_t returned_at;             /* when its last ejection ended; control step only */
    _Atomic(struct window *) window; /* NULL: no kind of outlier detection needs one */
    atomic_bool declined;            /* a reply said so; until the control step has heard it */
    struct patient *patient;         /* NULL: no active check asks it; control step only */
};

/* False: no memory. Control step. */
bool tulle__past_prepare(struct view *view);
void tulle__past_free(struct view *view);

/* NULL: nothing could ever be. */
static inline struct past *view_past(const struct view *view)
{
    return atomic_load_explicit(&view->past, memory_order_acquire);
}

static inline unsigned view_ejections(const struct view *view)
{
    const struct past *past = view_past(view);

    return past != NULL ? atomic_load_explicit(&past->ejections, memory_order_relaxed) : 0;
}

#endif
