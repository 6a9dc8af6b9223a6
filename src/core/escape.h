/* SPDX-License-Identifier: Apache-2.0 */

/* The way out for a child that was forked in a callback and returns from it. What
 * it would return into (libcurl, a loop, perhaps a lock) goes on in the parent, on
 * the same sockets: the child leaves all of that where it lies, and the function of
 * ours that it stands in answers TULLE_E_FORKED. */

#ifndef TULLE_CORE_ESCAPE_H
#define TULLE_CORE_ESCAPE_H

#include <tulle/error.h>

#include "base/fork.h"

/* Around every function that may call back on this thread but returns no callback
 * of its own: does `work`, and gives its answer, or TULLE_E_FORKED. The thread is
 * not cancelled meanwhile (pthread_cancel): what it holds others wait for. */
enum tulle_error tulle__escape_guard(enum tulle_error (*work)(void *user), void *user);

/* Out of the innermost of them; without one it returns. */
void tulle__escape(void);

/* After each callback of the app; `born`: its mesh. */
static inline void came_back(unsigned born)
{
    if (born != fork_generation()) {
        tulle__escape();
    }
}

#endif
