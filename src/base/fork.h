/* SPDX-License-Identifier: Apache-2.0 */

/* Which process this is, and which descriptors of the library it has from its
 * parent. fork() copies locks that nobody will open and sockets whose TLS and
 * epoll the parent goes on using, so what was made before it is left where it
 * lies: everything that has a lock or a descriptor keeps the generation it was
 * born in, and each public function compares that with the process' own.
 *
 * The word lies in a page that the kernel wipes in a child, also in one of a
 * bare clone() and in a new pid namespace. So there is no handler at fork, and
 * a child that never comes here costs nothing. */

#ifndef TULLE_BASE_FORK_H
#define TULLE_BASE_FORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/thread.h"

enum { FORK_FIRST = 2 }; /* generations below are none */

/* All zero in a child that has not come here yet. */
struct fork_page {
    atomic_uint generation;
    struct mutex lock; /* whose zeros are an open one */
};

extern _Atomic(struct fork_page *) tulle__fork_page;

/* Before anything is made that has a generation. False: no memory. */
bool tulle__fork_begin(void);

/* The slow way: in a child that comes for the first time, closes what it has from
 * its parent. Any thread; who comes second waits for the first. */
unsigned tulle__fork_notice(void);

static inline unsigned fork_generation(void)
{
    struct fork_page *page = atomic_load_explicit(&tulle__fork_page, memory_order_relaxed);
    unsigned generation = atomic_load_explicit(&page->generation, memory_order_relaxed);

    return generation >= FORK_FIRST ? generation : tulle__fork_notice();
}

/* A lock that is open when a child is born, whoever held it in the parent. After
 * fork_generation(). */
struct mutex *tulle__fork_lock(void);

/* The descriptor is the library's: a child may close it. Gives it back; -1 stays -1. */
int tulle__fork_own(int fd);
/* Before it is closed. */
void tulle__fork_disown(int fd);
void tulle__fork_close(int fd); /* both; not -1 */

#endif
