/* SPDX-License-Identifier: Apache-2.0 */

/* A part of a snapshot: immutable once built, one arena, one count. The next
 * snapshot shares every part whose fingerprint did not change, so that a
 * change costs what changed. Parts are made and freed by the control step
 * alone. */

#ifndef TULLE_MODEL_PART_H
#define TULLE_MODEL_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct fingerprint {
    uint64_t low, high;
};

/* Run when the part goes; for what is not in the arena (a compiled regex). */
struct part_cleanup {
    struct part_cleanup *next;
    void (*run)(void *object);
    void *object;
};

struct part {
    size_t refs; /* control step only */
    struct fingerprint print;
    struct arena arena; /* the part itself lies in it */
    struct part_cleanup *cleanups;
};

/* A zeroed struct of `size` bytes whose first member is a struct part, one
 * reference, in an arena of its own. NULL: no memory. */
void *tulle__part_new(size_t size);
void *tulle__part_ref(void *part);
void tulle__part_unref(void *part); /* NULL does nothing */
bool tulle__part_add_cleanup(struct part *part, void (*run)(void *object), void *object);

struct fingerprint tulle__fingerprint(const void *data, size_t size); /* XXH3, 128 bits */

static inline bool fingerprint_equal(struct fingerprint a, struct fingerprint b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
