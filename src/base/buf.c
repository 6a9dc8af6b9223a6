/* SPDX-License-Identifier: Apache-2.0 */

#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { BUF_LEAST = 64 };

void tulle__buf_fini(struct buf *buf)
{
    tulle__free(buf->data);
    *buf = (struct buf){ 0 };
}

void tulle__buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

bool tulle__buf_ok(const struct buf *buf)
{
    return !buf->failed;
}

static size_t buf_next_capacity(const struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity < BUF_LEAST ? BUF_LEAST : buf->capacity;

    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    return capacity;
}

bool tulle__buf_reserve(struct buf *buf, size_t more)
{
    size_t capacity;
    char *data;

    if (buf->failed) {
        return false;
    }
    if (more < buf->capacity - buf->size) {
        return true;
    }
    if (more >= SIZE_MAX - buf->size) {
        buf->failed = true;
        return false;
    }
    capacity = buf_next_capacity(buf, buf->size + more + 1);
    data = tulle__realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return false;
    }
    data[buf->size] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool tulle__buf_add(struct buf *buf, const void *data, size_t size)
{
    if (!tulle__buf_reserve(buf, size)) {
        return false;
    }
    if (size > 0) {
        memcpy(buf->data + buf->size, data, size);
    }
    buf->size += size;
    buf->data[buf->size] = '\0';
    return true;
}

bool tulle__buf_add_str(struct buf *buf, struct str text)
{
    return tulle__buf_add(buf, text.data, text.size);
}

bool tulle__buf_addf(struct buf *buf, const char *format, ...)
{
    size_t room = buf->capacity - buf->size;
    va_list args;
    int size;

    if (buf->failed) {
        return false;
    }
    va_start(args, format);
    size = vsnprintf(room > 0 ? buf->data + buf->size : NULL, room, format, args);
    va_end(args);
    if (size < 0 || !tulle__buf_reserve(buf, (size_t)size)) {
        buf->failed = true;
        return false;
    }
    if ((size_t)size >= room) {
        va_start(args, format);
        vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
        va_end(args);
    }
    buf->size += (size_t)size;
    return true;
}

char *tulle__buf_take(struct buf *buf, size_t *size)
{
    char *data;

    if (size) {
        *size = 0;
    }
    if (!tulle__buf_reserve(buf, 0)) {
        tulle__buf_fini(buf);
        return NULL;
    }
    data = buf->data;
    if (size) {
        *size = buf->size;
    }
    *buf = (struct buf){ 0 };
    return data;
}
