/* SPDX-License-Identifier: Apache-2.0 */

/* The body of an HTTP/1.1 request as it comes: counted, or in chunks. */

#ifndef SERVERS_CHUNKS_H
#define SERVERS_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum chunks_step { CHUNKS_DATA, CHUNKS_LINE, CHUNKS_BEHIND, CHUNKS_TRAILER };

struct chunks {
    bool chunked;
    bool over;
    bool bad;
    enum chunks_step step;
    size_t left;         /* of the chunk, or of the body */
    struct buf trailers; /* "name: value\n" each */
};

void chunks_start(struct chunks *chunks, bool chunked, size_t size);
void chunks_free(struct chunks *chunks);

/* Takes what it can off the front of `data` and says how much that is. What of
 * it is the body is at `*piece`; 0: more must come. */
size_t chunks_take(struct chunks *chunks, const char *data, size_t size, const char **piece,
                   size_t *piece_size);

#endif
