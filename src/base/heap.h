/* SPDX-License-Identifier: Apache-2.0 */

/* A binary heap of nodes that live inside their owners, least key first; equal
 * keys leave in the order they came. */

#ifndef TULLE_BASE_HEAP_H
#define TULLE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    uint64_t order;
    size_t index; /* place in the heap plus one; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
    uint64_t orders;
};

void tulle__heap_fini(struct heap *heap);
/* Makes room for `count` nodes in all, so that adds up to that cannot fail. */
bool tulle__heap_reserve(struct heap *heap, size_t count);
bool tulle__heap_add(struct heap *heap, struct heap_node *node, int64_t key); /* false: no memory */
void tulle__heap_move(struct heap *heap, struct heap_node *node,
                      int64_t key); /* of a node that is in */
void tulle__heap_remove(struct heap *heap,
                        struct heap_node *node);              /* no-op when it is in no heap */
struct heap_node *tulle__heap_first(const struct heap *heap); /* NULL: empty */

#endif
