/* SPDX-License-Identifier: Apache-2.0 */

/* For LD_PRELOAD: counts how often anybody locks a mutex or asks for memory
 * between counts_begin() and counts_end(), by whatever library. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SHOWN __attribute__((visibility("default")))

/* What glibc's own names stand for. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void counts_begin(void);
void counts_end(unsigned long *locks, unsigned long *memory);

static atomic_bool counting;
static atomic_ulong locks_taken, memory_asked;

static void count(atomic_ulong *counter)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed)) {
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    }
}

SHOWN void counts_begin(void)
{
    atomic_store(&locks_taken, 0);
    atomic_store(&memory_asked, 0);
    atomic_store(&counting, true);
}

SHOWN void counts_end(unsigned long *locks, unsigned long *memory)
{
    atomic_store(&counting, false);
    *locks = atomic_load(&locks_taken);
    *memory = atomic_load(&memory_asked);
}

SHOWN void *malloc(size_t size)
{
    count(&memory_asked);
    return __libc_malloc(size);
}

SHOWN void *calloc(size_t many, size_t size)
{
    count(&memory_asked);
    return __libc_calloc(many, size);
}

SHOWN void *realloc(void *ptr, size_t size)
{
    count(&memory_asked);
    return __libc_realloc(ptr, size);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size)
{
    count(&memory_asked);
    return __libc_memalign(alignment, size);
}

SHOWN int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*_Atomic next)(pthread_mutex_t *);
    int (*known)(pthread_mutex_t *) = next;

    count(&locks_taken);
    if (known == NULL) {
        known = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
        next = known;
    }
    return known(mutex);
}
