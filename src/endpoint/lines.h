/* SPDX-License-Identifier: Apache-2.0 */

/* Memory that starts on a cache line, for what several loops write: base/alloc
 * gives 16 bytes of alignment, as libc does. */

#ifndef TULLE_ENDPOINT_LINES_H
#define TULLE_ENDPOINT_LINES_H

#include <stddef.h>

enum { LINE_SIZE = 64 };

void *tulle__lines_alloc(size_t size); /* zeroed; size > 0; NULL: no memory */
void tulle__lines_free(void *lines);   /* NULL does nothing */

static inline size_t lines_round(size_t size)
{
    return (size + LINE_SIZE - 1) & ~(size_t)(LINE_SIZE - 1);
}

#endif
