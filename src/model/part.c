/* SPDX-License-Identifier: Apache-2.0 */

/* One arena, one count. The count is no atomic: parts are made and freed by
 * the control step alone, and readers hold the snapshot, never a part. */

#include "model/part.h"

#include <xxhash.h>

enum { PART_BLOCK_SIZE = 1024 };

void *tulle__part_new(size_t size)
{
    struct arena arena;
    struct part *part;

    tulle__arena_init(&arena, PART_BLOCK_SIZE);
    part = tulle__arena_alloc_zero(&arena, size);
    if (part == NULL) {
        tulle__arena_fini(&arena);
        return NULL;
    }
    part->refs = 1;
    part->arena = arena;
    return part;
}

void *tulle__part_ref(void *part)
{
    ((struct part *)part)->refs++;
    return part;
}

void tulle__part_unref(void *object)
{
    struct part *part = object;
    struct arena arena;

    if (part == NULL || --part->refs > 0) {
        return;
    }
    for (struct part_cleanup *cleanup = part->cleanups; cleanup; cleanup = cleanup->next) {
        cleanup->run(cleanup->object);
    }
    arena = part->arena;
    tulle__arena_fini(&arena);
}

bool tulle__part_add_cleanup(struct part *part, void (*run)(void *object), void *object)
{
    struct part_cleanup *cleanup = ARENA_NEW(&part->arena, struct part_cleanup);

    if (cleanup == NULL) {
        return false;
    }
    *cleanup = (struct part_cleanup){ .next = part->cleanups, .run = run, .object = object };
    part->cleanups = cleanup;
    return true;
}

struct fingerprint tulle__fingerprint(const void *data, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(data, size);

    return (struct fingerprint){ .low = hash.low64, .high = hash.high64 };
}
