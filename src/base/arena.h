/* SPDX-License-Identifier: Apache-2.0 */

/* Memory that goes away at once: blocks are chained, nothing is freed singly. */

#ifndef TULLE_BASE_ARENA_H
#define TULLE_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next;                 /* free room of the newest block */
    size_t left;
    size_t total; /* bytes taken from alloc, for budgets and metrics */
    size_t block_size;
};

void tulle__arena_init(struct arena *arena, size_t block_size); /* allocates nothing yet */
void tulle__arena_fini(struct arena *arena);

void *tulle__arena_alloc(struct arena *arena, size_t size); /* aligned; NULL: no memory */
void *tulle__arena_alloc_zero(struct arena *arena, size_t size);
/* A NUL-terminated copy; `.data` is NULL when there is no memory. */
struct str tulle__arena_str(struct arena *arena, struct str text);
/* printf into the arena; `.data` NULL when there is no memory. */
struct str tulle__arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type) ((type *)tulle__arena_alloc_zero((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count)                                                            \
    ((type *)tulle__arena_alloc_zero((arena), sizeof(type) * (count)))

#endif
