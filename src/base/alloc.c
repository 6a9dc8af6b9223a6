/* SPDX-License-Identifier: Apache-2.0 */

/* The one mutable word of the library is the hook. It is set by test programs
 * before anything else runs, so nobody needs an atomic to read it. */

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Up to this glibc keeps blocks for each thread, which calloc() passes by (until 2.41). */
enum { CACHED_MAX = 1032 };

static const struct alloc_hook *alloc_hook;

void tulle__alloc_set_hook(const struct alloc_hook *hook)
{
    alloc_hook = hook;
}

void *tulle__alloc(size_t size)
{
    if (alloc_hook) {
        return alloc_hook->resize(alloc_hook->user, NULL, size);
    }
    return malloc(size);
}

void *tulle__alloc_zero(size_t count, size_t size)
{
    void *ptr;

    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    if (!alloc_hook && count * size > CACHED_MAX) {
        return calloc(count, size); /* whose pages may be zero already */
    }
    ptr = tulle__alloc(count * size);
    if (ptr) {
        memset(ptr, 0, count * size);
    }
    return ptr;
}

void *tulle__realloc(void *ptr, size_t size)
{
    if (alloc_hook) {
        return alloc_hook->resize(alloc_hook->user, ptr, size);
    }
    return realloc(ptr, size);
}

void tulle__free(void *ptr)
{
    if (!ptr) {
        return;
    }
    if (alloc_hook) {
        alloc_hook->resize(alloc_hook->user, ptr, 0);
        return;
    }
    free(ptr);
}

char *tulle__strndup(const char *text, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : tulle__alloc(size + 1);

    if (!copy) {
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}
