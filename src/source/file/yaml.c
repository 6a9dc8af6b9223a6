/* SPDX-License-Identifier: Apache-2.0 */

/* libyaml's events become a tree. libyaml has no limits of its own (200 KB of
 * `[` keep it busy for 46 s), passes duplicate keys and leaves aliases to us,
 * so the guards are here: bytes, depth, nodes; no anchors, aliases, merge keys
 * or tags, which Kubernetes resources never need. Its parser does not recover,
 * so the first syntax error ends a file; what only breaks a rule of ours
 * spoils its document, and reading goes on. */

#include "source/file/yaml.h"

#include <yaml.h>

#include "base/macros.h"
#include "base/table.h"
#include "source/file/utf8.h"

enum { FEW_KEYS = 8 };

struct frame {
    struct node *node;
    struct node **last; /* where the next child goes */
    struct node *key;   /* of a map: its value comes next */
};

struct yaml_reader {
    struct arena *arena;
    struct complaints *complaints;
    struct str file;
    struct document **last;
    struct document *document; /* NULL: between documents */
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    bool told_alias; /* one complaint a document: a bomb would drown the rest */
    bool done;
};

static struct place place_at(const struct yaml_reader *reader, yaml_mark_t mark)
{
    return (struct place){ reader->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

static enum tulle_error refuse(struct yaml_reader *reader, yaml_mark_t mark, const char *text)
{
    tulle__complain(reader->complaints, place_at(reader, mark), STR_NONE, "%s", text);
    return TULLE_E_CONFIG;
}

static void spoil(struct yaml_reader *reader, yaml_mark_t mark, const char *text)
{
    tulle__complain(reader->complaints, place_at(reader, mark), STR_NONE, "%s", text);
    reader->document->is_bad = true;
}

static void spoil_alias(struct yaml_reader *reader, yaml_mark_t mark)
{
    if (!reader->told_alias) {
        spoil(reader, mark, "YAML anchors, aliases and merge keys are not taken; write it out");
    }
    reader->told_alias = true;
    reader->document->is_bad = true;
}

static void check_decoration(struct yaml_reader *reader, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor) {
        spoil_alias(reader, event->start_mark);
    }
    if (tag) {
        spoil(reader, event->start_mark, "YAML tags are not taken");
    }
}

static void check_key(struct yaml_reader *reader, const struct node *map, const struct node *key)
{
    if (key->is_plain && str_equal(key->text, STR("<<"))) {
        spoil_alias(reader, (yaml_mark_t){ 0, key->line - 1, key->column - 1 });
    }
    if (map->count > FEW_KEYS) {
        return; /* check_keys() looks at the whole map with a table */
    }
    for (const struct node *other = map->first; other; other = other->next) {
        if (str_equal(other->key, key->text)) {
            tulle__complain(reader->complaints,
                            (struct place){ reader->file, key->line, key->column }, STR_NONE,
                            "duplicate key \"%.*s\"; the first is in line %u", STR_ARG(key->text),
                            other->key_line);
            reader->document->is_bad = true;
            return;
        }
    }
}

static enum tulle_error check_keys(struct yaml_reader *reader, struct node *map)
{
    struct table table = { 0 };
    enum tulle_error error = TULLE_OK;
    uint32_t index = 0;

    if (map->count <= FEW_KEYS) {
        return TULLE_OK;
    }
    for (struct node *child = map->first; child && !error; child = child->next, index++) {
        const struct node *other = tulle__table_find(&table, child->key);
        if (!other) {
            error = tulle__table_put(&table, child->key, child) ? TULLE_OK : TULLE_E_NOMEM;
        } else if (index > FEW_KEYS) {
            tulle__complain(reader->complaints,
                            (struct place){ reader->file, child->key_line, child->key_column },
                            STR_NONE, "duplicate key \"%.*s\"; the first is in line %u",
                            STR_ARG(child->key), other->key_line);
            reader->document->is_bad = true;
        }
    }
    tulle__table_fini(&table);
    return error;
}

static void attach(struct yaml_reader *reader, struct node *node)
{
    if (reader->depth == 0) {
        reader->document->root = node;
        return;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->key) {
        node->key = frame->key->text;
        node->key_line = frame->key->line;
        node->key_column = frame->key->column;
        frame->key = NULL;
    }
    *frame->last = node;
    frame->last = &node->next;
    frame->node->count++;
}

static bool is_key_next(const struct yaml_reader *reader)
{
    const struct frame *frame = reader->depth ? &reader->frames[reader->depth - 1] : NULL;

    return frame && frame->node->kind == NODE_MAP && !frame->key;
}

static enum tulle_error node_new(struct yaml_reader *reader, const yaml_event_t *event,
                                 enum node_kind kind, struct node **out)
{
    if (++reader->nodes > YAML_NODES_MAX) {
        return refuse(reader, event->start_mark, "the file is too large: over 200000 nodes");
    }
    struct node *node = ARENA_NEW(reader->arena, struct node);
    ENSURE(node, TULLE_E_NOMEM);
    node->kind = kind;
    node->line = (uint32_t)event->start_mark.line + 1;
    node->column = (uint32_t)event->start_mark.column + 1;
    *out = node;
    return TULLE_OK;
}

static enum tulle_error scalar_add(struct yaml_reader *reader, const yaml_event_t *event)
{
    struct str text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    struct node *node;

    TRY(node_new(reader, event, NODE_SCALAR, &node));
    check_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = tulle__arena_str(reader->arena, text);
    ENSURE(node->text.data, TULLE_E_NOMEM);
    if (memchr(text.data, '\0', text.size)) {
        spoil(reader, event->start_mark, "a NUL character in a text");
    }
    if (is_key_next(reader)) {
        struct frame *frame = &reader->frames[reader->depth - 1];
        check_key(reader, frame->node, node);
        frame->key = node;
        return TULLE_OK;
    }
    attach(reader, node);
    return TULLE_OK;
}

static enum tulle_error open_add(struct yaml_reader *reader, const yaml_event_t *event,
                                 enum node_kind kind, const yaml_char_t *anchor,
                                 const yaml_char_t *tag)
{
    struct node *node;

    if (reader->depth == YAML_DEPTH_MAX) {
        return refuse(reader, event->start_mark, "nested deeper than 64 levels");
    }
    if (is_key_next(reader)) {
        return refuse(reader, event->start_mark, "a key must be a text, not a map or a list");
    }
    TRY(node_new(reader, event, kind, &node));
    check_decoration(reader, event, anchor, tag);
    attach(reader, node);
    reader->frames[reader->depth++] = (struct frame){ .node = node, .last = &node->first };
    return TULLE_OK;
}

static enum tulle_error alias_add(struct yaml_reader *reader, const yaml_event_t *event)
{
    struct node *node;

    spoil_alias(reader, event->start_mark);
    TRY(node_new(reader, event, NODE_SCALAR, &node));
    node->is_plain = true;
    if (is_key_next(reader)) {
        reader->frames[reader->depth - 1].key = node;
        return TULLE_OK;
    }
    attach(reader, node);
    return TULLE_OK;
}

static enum tulle_error document_open(struct yaml_reader *reader)
{
    reader->document = ARENA_NEW(reader->arena, struct document);
    reader->told_alias = false;
    return reader->document ? TULLE_OK : TULLE_E_NOMEM;
}

static void document_close(struct yaml_reader *reader)
{
    struct document *document = reader->document;

    reader->document = NULL;
    if (document->root && (document->is_bad || !tulle__node_is_null(document->root))) {
        *reader->last = document;
        reader->last = &document->next;
    }
}

static enum tulle_error event_take(struct yaml_reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT: return document_open(reader);
    case YAML_DOCUMENT_END_EVENT: document_close(reader); return TULLE_OK;
    case YAML_SCALAR_EVENT: return scalar_add(reader, event);
    case YAML_ALIAS_EVENT: return alias_add(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_add(reader, event, NODE_LIST, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_add(reader, event, NODE_MAP, event->data.mapping_start.anchor,
                        event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT: reader->depth--; return TULLE_OK;
    case YAML_MAPPING_END_EVENT: return check_keys(reader, reader->frames[--reader->depth].node);
    case YAML_STREAM_END_EVENT: reader->done = true; return TULLE_OK;
    default: return TULLE_OK;
    }
}

static enum tulle_error syntax_error(struct yaml_reader *reader, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "it could not be parsed";

    if (parser->error == YAML_MEMORY_ERROR) {
        return TULLE_E_NOMEM;
    }
    tulle__complain(reader->complaints, place_at(reader, parser->problem_mark), STR_NONE,
                    "not YAML: %s%s%s", problem, parser->context ? ", " : "",
                    parser->context ? parser->context : "");
    return TULLE_E_CONFIG;
}

static enum tulle_error events_read(struct yaml_reader *reader, yaml_parser_t *parser)
{
    while (!reader->done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return syntax_error(reader, parser);
        }
        enum tulle_error error = event_take(reader, &event);
        yaml_event_delete(&event);
        TRY(error);
    }
    return TULLE_OK;
}

static enum tulle_error bytes_check(struct yaml_reader *reader, struct str text)
{
    struct utf8_fault fault;

    if (text.size > YAML_SIZE_MAX) {
        return refuse(reader, (yaml_mark_t){ 0 }, "the file is too large: over 4 MiB");
    }
    if (tulle__utf8_check(text, &fault)) {
        return TULLE_OK;
    }
    return refuse(reader, (yaml_mark_t){ 0, fault.line - 1, fault.column - 1 }, fault.text);
}

enum tulle_error tulle__yaml_read(struct arena *arena, struct complaints *complaints,
                                  struct str file, struct str text, struct document **out)
{
    struct yaml_reader reader = { .arena = arena, .complaints = complaints, .file = file };
    yaml_parser_t parser;

    *out = NULL;
    reader.last = out;
    TRY(bytes_check(&reader, text));
    ENSURE(yaml_parser_initialize(&parser), TULLE_E_NOMEM);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.size);
    enum tulle_error error = events_read(&reader, &parser);
    yaml_parser_delete(&parser);
    return error;
}
