/* SPDX-License-Identifier: Apache-2.0 */

#include "chunks.h"

#include <stdlib.h>
#include <string.h>

void chunks_start(struct chunks *chunks, bool chunked, size_t size)
{
    struct buf trailers = chunks->trailers;

    trailers.size = 0;
    *chunks = (struct chunks){ .chunked = chunked, .left = size, .trailers = trailers };
    chunks->step = chunked ? CHUNKS_LINE : CHUNKS_DATA;
    chunks->over = !chunked && size == 0;
}

void chunks_free(struct chunks *chunks)
{
    buf_free(&chunks->trailers);
}

static size_t take_data(struct chunks *chunks, const char *data, size_t size, const char **piece,
                        size_t *piece_size)
{
    *piece = data;
    *piece_size = size < chunks->left ? size : chunks->left;
    chunks->left -= *piece_size;
    if (chunks->left == 0) {
        chunks->over = !chunks->chunked;
        chunks->step = CHUNKS_BEHIND;
    }
    return *piece_size;
}

static size_t take_line(struct chunks *chunks, const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n", 2);

    if (end == NULL) {
        return 0;
    }
    if (chunks->step == CHUNKS_TRAILER) {
        chunks->over = end == data;
        if (!chunks->over) {
            buf_add(&chunks->trailers, data, (size_t)(end - data));
            buf_add(&chunks->trailers, "\n", 1);
        }
    } else if (chunks->step == CHUNKS_BEHIND) {
        chunks->bad = end != data;
        chunks->step = CHUNKS_LINE;
    } else {
        chunks->left = strtoul(data, NULL, 16);
        chunks->step = chunks->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
    }
    return (size_t)(end - data) + 2;
}

size_t chunks_take(struct chunks *chunks, const char *data, size_t size, const char **piece,
                   size_t *piece_size)
{
    *piece_size = 0;
    if (chunks->step == CHUNKS_DATA) {
        return take_data(chunks, data, size, piece, piece_size);
    }
    return take_line(chunks, data, size);
}
