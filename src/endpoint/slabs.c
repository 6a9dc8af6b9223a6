/* SPDX-License-Identifier: Apache-2.0 */

/* New things go where there is room first, so that what is in use stays together
 * and the last slabs become empty; an empty one is freed. What is given back is
 * shut to everybody where a sanitizer can do that. */

#include "endpoint/slabs.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "endpoint/lines.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define ALL_USED UINT64_MAX

enum { SLABS_FIRST = 8 };

void tulle__slabs_init(struct slabs *slabs, size_t size)
{
    *slabs = (struct slabs){ .size = size };
}

static void slab_free(const struct slabs *slabs, struct slab *slab)
{
    ASAN_UNPOISON_MEMORY_REGION(slab->things, SLAB_THINGS * slabs->size);
    tulle__lines_free(slab->things);
    slab->things = NULL;
}

void tulle__slabs_fini(struct slabs *slabs)
{
    for (size_t i = 0; i < slabs->count; i++) {
        if (slabs->list[i].things != NULL) {
            slab_free(slabs, &slabs->list[i]);
        }
    }
    tulle__free(slabs->list);
    tulle__slabs_init(slabs, slabs->size);
}

static bool slabs_grow(struct slabs *slabs)
{
    size_t capacity = slabs->capacity > 0 ? slabs->capacity * 2 : SLABS_FIRST;
    struct slab *grown;

    if (slabs->count < slabs->capacity) {
        return true;
    }
    if (capacity > UINT32_MAX / SLAB_THINGS) {
        return false;
    }
    grown = tulle__realloc(slabs->list, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    slabs->list = grown;
    slabs->capacity = capacity;
    return true;
}

/* One with room, and its things. NULL: no memory. */
static struct slab *slab_roomy(struct slabs *slabs)
{
    struct slab *slab;

    while (slabs->roomy < slabs->count && slabs->list[slabs->roomy].used == ALL_USED) {
        slabs->roomy++;
    }
    if (slabs->roomy == slabs->count) {
        if (!slabs_grow(slabs)) {
            return NULL;
        }
        slabs->list[slabs->count++] = (struct slab){ .used = 0 };
    }
    slab = &slabs->list[slabs->roomy];
    if (slab->things == NULL) {
        slab->things = tulle__lines_alloc(SLAB_THINGS * slabs->size);
        if (slab->things != NULL) {
            ASAN_POISON_MEMORY_REGION(slab->things, SLAB_THINGS * slabs->size);
        }
    }
    return slab->things != NULL ? slab : NULL;
}

void *tulle__slabs_take(struct slabs *slabs, uint32_t *number)
{
    struct slab *slab = slab_roomy(slabs);
    unsigned at;
    void *thing;

    if (slab == NULL) {
        return NULL;
    }
    at = (unsigned)__builtin_ctzll(~slab->used);
    slab->used |= UINT64_C(1) << at;
    *number = (uint32_t)(slabs->roomy * SLAB_THINGS + at);
    thing = slab->things + at * slabs->size;
    ASAN_UNPOISON_MEMORY_REGION(thing, slabs->size);
    memset(thing, 0, slabs->size);
    return thing;
}

void tulle__slabs_give(struct slabs *slabs, uint32_t number)
{
    size_t which = number / SLAB_THINGS;
    struct slab *slab = &slabs->list[which];

    ASAN_POISON_MEMORY_REGION(slabs_at(slabs, number), slabs->size);
    slab->used &= ~(UINT64_C(1) << number % SLAB_THINGS);
    if (slab->used == 0) {
        slab_free(slabs, slab);
    }
    slabs->roomy = which < slabs->roomy ? which : slabs->roomy;
}
