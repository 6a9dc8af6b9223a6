/* SPDX-License-Identifier: Apache-2.0 */

/* A fork is a second run of the layers below one place of a call, beside the
 * first: a call of its own on the same loop, with the same request.
 *
 * - Its layers are those of its call below that place, so it is admitted,
 *   picked and bounded like any attempt. It copies the header lines (each
 *   attempt writes its own span id into them) and borrows the rest; it holds a
 *   reference to its call.
 * - It reports to the layer that forked it: `replied` when a head has come to
 *   its top, `ended` when it is over, once. Both come outside its own driver
 *   or as its last act, so that what is done then may end the call.
 * - It ends before its call does: the layer that forked drops it in on_end.
 * - A fork may fail for memory; the call goes on without.
 * - Requests whose body streams, or whose reply does, cannot be forked: a
 *   window has one winner only, and nobody knows yet who that is. */

#ifndef TULLE_STACK_FORK_H
#define TULLE_STACK_FORK_H

#include "stack/call.h"

/* A fork of what lies below `at`, not started. NULL: no memory. */
struct tulle_call *tulle__fork_new(struct tulle_call *call, size_t at);
/* Starts it. It may be over when this returns: keep a reference to look. */
void tulle__fork_run(struct tulle_call *fork);
/* Ends it with `why`, if it is not over; nothing is told of it. Takes the reference. */
void tulle__fork_drop(struct tulle_call *fork, const struct outcome *why);

/* Its reply is the call's: the head, and what is known of it. The body follows it in
 * tulle__fork_give_body(). */
void tulle__fork_give_head(struct tulle_call *fork);
void tulle__fork_give_body(struct tulle_call *fork);
/* Its outcome, as its call may report it. */
struct outcome tulle__fork_outcome(struct tulle_call *fork);
/* What it has picked counts as tried by its call. */
void tulle__fork_give_tried(const struct tulle_call *fork);

static inline size_t fork_place(const struct tulle_call *fork)
{
    return (size_t)fork->base - 1;
}

#endif
