/* SPDX-License-Identifier: Apache-2.0 */

/* Maps and lists of maps that are described by a table all the way down. */

#include "source/file/decode.h"

#include <stdio.h>

enum { KINDS_TOLD = 256 };

/* "a, b and c": the members of which one may be there. */
static void kinds_text(const struct field_group *group, char *out, size_t size)
{
    size_t used = 0, left = 0;

    for (size_t i = 0; i < group->count; i++) {
        left += group->fields[i].is_kind;
    }
    out[0] = '\0';
    for (size_t i = 0; i < group->count && used < size; i++) {
        const char *between = left == 1 ? " and " : ", ";

        if (group->fields[i].is_kind) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : between,
                                     group->fields[i].name);
            left--;
        }
    }
}

static void kind_check(struct decoder *decoder, const struct node *map,
                       const struct field_group *group, const struct field *found, size_t count)
{
    const struct node *node;
    char names[KINDS_TOLD];

    if (count > 1 || (count == 0 && group->kinds == KIND_ONE)) {
        kinds_text(group, names, sizeof(names));
        tulle__mistake(decoder, map, "%.*s must have %sone of %s", STR_ARG(tulle__node_name(map)),
                       group->kinds == KIND_ONE ? "" : "at most ", names);
        return;
    }
    node = found ? tulle__node_find(map, str_of(found->name)) : NULL;
    if (node && tulle__node_is_null(node)) {
        tulle__mistake(decoder, node, "%s must be a map; {} takes the defaults", found->name);
    }
}

static void kind_decode(struct decoder *decoder, const struct node *map,
                        const struct field_group *group, void *out)
{
    const struct field *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < group->count; i++) {
        const struct field *field = &group->fields[i];

        if (field->is_kind && tulle__node_find(map, str_of(field->name))) {
            found = field;
            count++;
        }
    }
    kind_check(decoder, map, group, found, count);
    if (found) {
        *(int *)((char *)out + group->kind_offset) = found->kind;
    }
}

static void group_decode(struct decoder *decoder, const struct node *map,
                         const struct field_group *group, void *out)
{
    size_t before = decoder->mistakes;

    if (group->defaults) {
        memcpy(out, group->defaults, group->size);
    }
    tulle__decode_map(decoder, map, group->fields, group->count, out);
    if (group->kinds != KIND_NONE && decoder->mistakes == before) {
        kind_decode(decoder, map, group, out);
    }
    if (group->check && decoder->mistakes == before) {
        group->check(decoder, map, out);
    }
}

void tulle__field_group(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    group_decode(decoder, value, field->group, out);
}

void tulle__field_list(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    size_t *count = (size_t *)((char *)out - field->offset + field->count_offset);
    size_t size = field->group->size;

    *count = 0;
    if (value->kind != NODE_LIST) {
        tulle__mistake(decoder, value, "%s must be a list", field->name);
        return;
    }
    if (value->count == 0) {
        return;
    }
    char *items = tulle__arena_alloc_zero(decoder->arena, size * value->count);
    if (!items) {
        decoder->no_memory = true;
        return;
    }
    for (const struct node *node = value->first; node; node = node->next) {
        group_decode(decoder, node, field->group, items + size * (*count)++);
    }
    *(void **)out = items;
}
