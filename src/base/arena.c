/* SPDX-License-Identifier: Apache-2.0 */

/* Texts are packed without alignment: a snapshot is mostly names. */

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct arena_block {
    struct arena_block *next;
    _Alignas(max_align_t) char data[];
};

void tulle__arena_init(struct arena *arena, size_t block_size)
{
    *arena = (struct arena){ .block_size = block_size };
}

void tulle__arena_fini(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block) {
        struct arena_block *next = block->next;
        tulle__free(block);
        block = next;
    }
    tulle__arena_init(arena, arena->block_size);
}

static struct arena_block *arena_block_new(struct arena *arena, size_t room)
{
    struct arena_block *block;

    if (room > SIZE_MAX - sizeof(*block)) {
        return NULL;
    }
    block = tulle__alloc(sizeof(*block) + room);
    if (block) {
        arena->total += sizeof(*block) + room;
    }
    return block;
}

/* A block of its own, behind the newest, whose room stays in use. */
static char *arena_take_large(struct arena *arena, size_t size)
{
    struct arena_block *block = arena_block_new(arena, size);

    if (!block) {
        return NULL;
    }
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = NULL;
        arena->blocks = block;
    }
    return block->data;
}

static bool arena_grow(struct arena *arena)
{
    struct arena_block *block = arena_block_new(arena, arena->block_size);

    if (!block) {
        return false;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next = block->data;
    arena->left = arena->block_size;
    return true;
}

static char *arena_take(struct arena *arena, size_t size, size_t align)
{
    size_t pad = (size_t)(-(uintptr_t)arena->next) & (align - 1);
    char *taken;

    if (arena->left < pad || arena->left - pad < size) {
        if (size > arena->block_size / 4) {
            return arena_take_large(arena, size);
        }
        if (!arena_grow(arena)) {
            return NULL;
        }
        pad = 0;
    }
    taken = arena->next + pad;
    arena->next = taken + size;
    arena->left -= pad + size;
    return taken;
}

void *tulle__arena_alloc(struct arena *arena, size_t size)
{
    return arena_take(arena, size, _Alignof(max_align_t));
}

void *tulle__arena_alloc_zero(struct arena *arena, size_t size)
{
    void *taken = tulle__arena_alloc(arena, size);

    if (taken) {
        memset(taken, 0, size);
    }
    return taken;
}

struct str tulle__arena_str(struct arena *arena, struct str text)
{
    char *copy = text.size == SIZE_MAX ? NULL : arena_take(arena, text.size + 1, 1);

    if (!copy) {
        return STR_NONE;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return (struct str){ copy, text.size };
}

struct str tulle__arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *out;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    out = size < 0 ? NULL : arena_take(arena, (size_t)size + 1, 1);
    if (!out) {
        return STR_NONE;
    }
    va_start(args, format);
    vsnprintf(out, (size_t)size + 1, format, args);
    va_end(args);
    return (struct str){ out, (size_t)size };
}
