/* SPDX-License-Identifier: Apache-2.0 */

/* A growing array of bytes. The first failed allocation sticks: writers need
 * not check each step, the reader asks tulle__buf_ok() once. */

#ifndef TULLE_BASE_BUF_H
#define TULLE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
    char *data; /* NUL-terminated whenever it is not NULL */
    size_t size;
    size_t capacity;
    bool failed;
};

void tulle__buf_fini(struct buf *buf);
void tulle__buf_clear(struct buf *buf); /* keeps the room */
bool tulle__buf_ok(const struct buf *buf);
bool tulle__buf_reserve(struct buf *buf, size_t more); /* false: no memory */
bool tulle__buf_add(struct buf *buf, const void *data, size_t size);
bool tulle__buf_add_str(struct buf *buf, struct str text);
bool tulle__buf_addf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *tulle__buf_take(struct buf *buf,
                      size_t *size); /* the caller's, by tulle__free(); never NULL unless failed */

#endif
