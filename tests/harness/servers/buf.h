/* SPDX-License-Identifier: Apache-2.0 */

/* Growing bytes for the test servers. A server without memory has no test to
 * go on with, so that running out ends the process. */

#ifndef SERVERS_BUF_H
#define SERVERS_BUF_H

#include <stddef.h>

struct buf {
    char *data;
    size_t size;
    size_t room;
};

/* Zeroed memory, or the end of the process. */
void *must_alloc(size_t size);

/* Makes room for `more` bytes and a NUL behind the size. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t size);
void buf_fill(struct buf *buf, char byte, size_t count);
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes `count` bytes off the front. */
void buf_drop(struct buf *buf, size_t count);
void buf_free(struct buf *buf);

#endif
