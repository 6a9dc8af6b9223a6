/* SPDX-License-Identifier: Apache-2.0 */

#include "base/heap.h"

#include "base/alloc.h"

enum { HEAP_LEAST = 16 };

void tulle__heap_fini(struct heap *heap)
{
    tulle__free(heap->nodes);
    *heap = (struct heap){ 0 };
}

bool tulle__heap_reserve(struct heap *heap, size_t count)
{
    size_t capacity = heap->capacity * 2 < HEAP_LEAST ? HEAP_LEAST : heap->capacity * 2;
    struct heap_node **nodes;

    if (count <= heap->capacity) {
        return true;
    }
    if (capacity < count) {
        capacity = count;
    }
    if (capacity > SIZE_MAX / sizeof(struct heap_node *)) {
        return false;
    }
    nodes = tulle__realloc(heap->nodes, capacity * sizeof(struct heap_node *));
    if (!nodes) {
        return false;
    }
    heap->nodes = nodes;
    heap->capacity = capacity;
    return true;
}

static bool node_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void heap_place(struct heap *heap, struct heap_node *node, size_t at)
{
    heap->nodes[at] = node;
    node->index = at + 1;
}

static size_t heap_rise(struct heap *heap, const struct heap_node *node, size_t at)
{
    while (at > 0 && node_is_before(node, heap->nodes[(at - 1) / 2])) {
        heap_place(heap, heap->nodes[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    return at;
}

static size_t heap_sink(struct heap *heap, const struct heap_node *node, size_t at)
{
    size_t child;

    while ((child = at * 2 + 1) < heap->count) {
        if (child + 1 < heap->count && node_is_before(heap->nodes[child + 1], heap->nodes[child])) {
            child++;
        }
        if (!node_is_before(heap->nodes[child], node)) {
            break;
        }
        heap_place(heap, heap->nodes[child], at);
        at = child;
    }
    return at;
}

/* Finds `node` its place, starting from `at`, whose content is to be overwritten. */
static void heap_settle(struct heap *heap, struct heap_node *node, size_t at)
{
    size_t risen = heap_rise(heap, node, at);

    heap_place(heap, node, risen == at ? heap_sink(heap, node, at) : risen);
}

bool tulle__heap_add(struct heap *heap, struct heap_node *node, int64_t key)
{
    if (!tulle__heap_reserve(heap, heap->count + 1)) {
        return false;
    }
    node->key = key;
    node->order = heap->orders++;
    heap_place(heap, node, heap_rise(heap, node, heap->count++));
    return true;
}

void tulle__heap_move(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->key = key;
    node->order = heap->orders++;
    heap_settle(heap, node, node->index - 1);
}

void tulle__heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t at = node->index - 1;
    struct heap_node *last;

    if (node->index == 0) {
        return;
    }
    node->index = 0;
    last = heap->nodes[--heap->count];
    if (last != node) {
        heap_settle(heap, last, at);
    }
}

struct heap_node *tulle__heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}
