/* SPDX-License-Identifier: Apache-2.0 */

/* Loops behind one descriptor, for an owner who runs them all and waits for it
 * with somebody else's loop. Not in a virtual world. */

#ifndef TULLE_BASE_GROUP_H
#define TULLE_BASE_GROUP_H

#include "base/loop.h"

enum { GROUP_MAX = 2 };

/* Stays where it is, as its loops do. */
struct group {
    int fd; /* readable when a loop has something to do, but for its timers; -1: no group */
    struct loop *loops[GROUP_MAX];
    size_t count;
};

bool tulle__group_init(struct group *group, struct loop *first, struct loop *second);
void tulle__group_fini(struct group *group);

/* Waits, at most until `due`, for a loop that has something to do. Bit i: loop i has. */
unsigned tulle__group_wait(struct group *group, int64_t due);
/* After their rounds: from now on a task posted to any of them makes `fd` readable. */
void tulle__group_doze(struct group *group);
/* When the next timer is due; NEVER: none; 0: tasks wait. */
int64_t tulle__group_due(const struct group *group);

#endif
