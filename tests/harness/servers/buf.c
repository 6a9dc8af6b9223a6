/* SPDX-License-Identifier: Apache-2.0 */

#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    size_t need = buf->size + more + 1;

    if (need > buf->room) {
        size_t room = need > 2 * buf->room ? need : 2 * buf->room;

        buf->data = realloc(buf->data, room);
        if (buf->data == NULL) {
            abort();
        }
        buf->room = room;
    }
    return buf->data + buf->size;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
    char *end = buf_reserve(buf, size);

    if (size > 0) {
        memcpy(end, data, size);
    }
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_fill(struct buf *buf, char byte, size_t count)
{
    memset(buf_reserve(buf, count), byte, count);
    buf->size += count;
    buf->data[buf->size] = '\0';
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    vsnprintf(buf_reserve(buf, (size_t)size), (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    buf->size += (size_t)size;
}

void buf_drop(struct buf *buf, size_t count)
{
    buf->size -= count;
    if (buf->size > 0) {
        memmove(buf->data, buf->data + count, buf->size);
    }
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){ 0 };
}
