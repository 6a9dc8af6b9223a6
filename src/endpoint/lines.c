/* SPDX-License-Identifier: Apache-2.0 */

/* The byte before the first line says how far the allocation's own start lies
 * below it: at least one byte, at most a line. */

#include "endpoint/lines.h"

#include <stdint.h>

#include "base/alloc.h"

void *tulle__lines_alloc(size_t size)
{
    unsigned char *start, *lines;
    size_t skip;

    if (size > SIZE_MAX - LINE_SIZE) {
        return NULL;
    }
    start = tulle__alloc_zero(1, size + LINE_SIZE);
    if (start == NULL) {
        return NULL;
    }
    skip = LINE_SIZE - ((uintptr_t)start & (LINE_SIZE - 1));
    lines = start + skip;
    lines[-1] = (unsigned char)skip;
    return lines;
}

void tulle__lines_free(void *lines)
{
    unsigned char *first = lines;

    if (first != NULL) {
        tulle__free(first - first[-1]);
    }
}
