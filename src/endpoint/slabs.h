/* SPDX-License-Identifier: Apache-2.0 */

/* Things of one size, of which there are many: 64 in one allocation that begins on a
 * cache line. Each has a number as long as it lives. Control step only. */

#ifndef TULLE_ENDPOINT_SLABS_H
#define TULLE_ENDPOINT_SLABS_H

#include <stddef.h>
#include <stdint.h>

enum { SLAB_THINGS = 64 };

struct slab {
    unsigned char *things; /* NULL: there are none */
    uint64_t used;         /* a bit each */
};

struct slabs {
    size_t size; /* of a thing */
    struct slab *list;
    size_t count, capacity;
    size_t roomy; /* those before have no room */
};

void tulle__slabs_init(struct slabs *slabs, size_t size); /* allocates nothing yet */
void tulle__slabs_fini(struct slabs *slabs);              /* all things are given back */
/* Zeroed. NULL: no memory. */
void *tulle__slabs_take(struct slabs *slabs, uint32_t *number);
void tulle__slabs_give(struct slabs *slabs, uint32_t number);

static inline void *slabs_at(const struct slabs *slabs, uint32_t number)
{
    return slabs->list[number / SLAB_THINGS].things + number % SLAB_THINGS * slabs->size;
}

#endif
