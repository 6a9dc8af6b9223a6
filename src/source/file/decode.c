/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/decode.h"

#include <stdarg.h>
#include <stdio.h>

enum { MISTAKE_MAX = 512, SUGGESTION_MAX = 96 };

struct place tulle__decode_place(const struct decoder *decoder, const struct node *node)
{
    return (struct place){ decoder->file, node->line, node->column };
}

struct str tulle__node_name(const struct node *node)
{
    return node->key_line > 0 ? node->key : STR("an item");
}

static void mistake(struct decoder *decoder, struct place place, const char *format,
                    va_list arguments)
{
    char text[MISTAKE_MAX];

    vsnprintf(text, sizeof(text), format, arguments);
    decoder->mistakes++;
    tulle__complain(decoder->complaints, place, decoder->resource, "%s", text);
}

void tulle__mistake(struct decoder *decoder, const struct node *node, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    mistake(decoder, tulle__decode_place(decoder, node), format, arguments);
    va_end(arguments);
}

void tulle__mistake_at_key(struct decoder *decoder, const struct node *node, const char *format,
                           ...)
{
    struct place place = { decoder->file, node->key_line, node->key_column };
    va_list arguments;

    va_start(arguments, format);
    mistake(decoder, place, format, arguments);
    va_end(arguments);
}

struct str tulle__decode_copy(struct decoder *decoder, struct str text)
{
    struct str copy = tulle__arena_str(decoder->arena, text);

    if (!copy.data) {
        decoder->no_memory = true;
        return STR("");
    }
    return copy;
}

struct str tulle__decode_lower(struct decoder *decoder, struct str text)
{
    char *copy = tulle__arena_alloc(decoder->arena, text.size + 1);

    if (!copy) {
        decoder->no_memory = true;
        return STR("");
    }
    for (size_t i = 0; i < text.size; i++) {
        copy[i] = tulle__char_lower(text.data[i]);
    }
    copy[text.size] = '\0';
    return (struct str){ copy, text.size };
}

static const struct field *field_find(const struct field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, str_of(fields[i].name))) {
            return &fields[i];
        }
    }
    return NULL;
}

static void unknown_field(struct decoder *decoder, const struct field *fields, size_t count,
                          const struct node *node)
{
    struct suggestion suggestion = tulle__suggest_start(node->key);
    char hint[SUGGESTION_MAX];

    for (size_t i = 0; i < count; i++) {
        tulle__suggest_offer(&suggestion, str_of(fields[i].name));
    }
    tulle__mistake_at_key(decoder, node, "unknown field \"%.*s\"%s", STR_ARG(node->key),
                          tulle__suggest_text(&suggestion, hint, sizeof(hint)));
}

static void member_decode(struct decoder *decoder, const struct field *fields, size_t count,
                          const struct node *node, void *out)
{
    const struct field *field = field_find(fields, count, node->key);

    if (!field) {
        unknown_field(decoder, fields, count, node);
        return;
    }
    if (tulle__node_is_null(node)) {
        return;
    }
    if (!field->decode) {
        tulle__mistake_at_key(decoder, node, "field \"%s\" is not supported yet", field->name);
        return;
    }
    field->decode(decoder, node, (char *)out + field->offset, field);
}

void tulle__decode_map(struct decoder *decoder, const struct node *map, const struct field *fields,
                       size_t count, void *out)
{
    struct str name = tulle__node_name(map);

    if (map->kind != NODE_MAP) {
        tulle__mistake(decoder, map, "%.*s must be a map", STR_ARG(name));
        return;
    }
    for (const struct node *node = map->first; node; node = node->next) {
        member_decode(decoder, fields, count, node, out);
    }
}

static void *items_decode(struct decoder *decoder, const struct node *parent, size_t size,
                          item_fn *decode, size_t *count)
{
    if (parent->count == 0) {
        return NULL;
    }
    char *items = tulle__arena_alloc_zero(decoder->arena, size * parent->count);
    if (!items) {
        decoder->no_memory = true;
        return NULL;
    }
    for (const struct node *node = parent->first; node; node = node->next) {
        decode(decoder, node, items + size * (*count)++);
    }
    return items;
}

void *tulle__decode_list(struct decoder *decoder, const struct node *list, size_t size,
                         item_fn *decode, size_t *count)
{
    *count = 0;
    if (list->kind != NODE_LIST) {
        tulle__mistake(decoder, list, "%.*s must be a list", STR_ARG(tulle__node_name(list)));
        return NULL;
    }
    return items_decode(decoder, list, size, decode, count);
}

void *tulle__decode_members(struct decoder *decoder, const struct node *map, size_t size,
                            item_fn *decode, size_t *count)
{
    *count = 0;
    if (map->kind != NODE_MAP) {
        tulle__mistake(decoder, map, "%.*s must be a map", STR_ARG(tulle__node_name(map)));
        return NULL;
    }
    return items_decode(decoder, map, size, decode, count);
}
