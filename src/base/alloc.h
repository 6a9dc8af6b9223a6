/* SPDX-License-Identifier: Apache-2.0 */

/* All memory of the library comes from here, so that tests can count it, cap
 * it and make the n-th allocation fail. The shipped library calls libc; the
 * process-wide hooks of other libraries are never set. */

#ifndef TULLE_BASE_ALLOC_H
#define TULLE_BASE_ALLOC_H

#include <stddef.h>

/* What a test puts in libc's place. `ptr` NULL allocates, `size` 0 frees. */
struct alloc_hook {
    void *(*resize)(void *user, void *ptr, size_t size);
    void *user;
};

/* For tests alone, before any other function: NULL is libc again. */
void tulle__alloc_set_hook(const struct alloc_hook *hook);

void *tulle__alloc(size_t size);                    /* NULL when out of memory; size > 0 */
void *tulle__alloc_zero(size_t count, size_t size); /* zeroed; NULL also on overflow */
void *tulle__realloc(void *ptr, size_t size);       /* size > 0; ptr stays valid on NULL */
void tulle__free(void *ptr);
char *tulle__strndup(const char *text, size_t size); /* NUL-terminated copy */

#define ALLOC_ZERO(type) ((type *)tulle__alloc_zero(1, sizeof(type)))

#endif
