/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/built_policy.h"

#include "source/file/kinds.h"
#include "source/file/yaml.h"

enum { DEPTH_MAX = 16, ITEMS_MAX = 1000 };

struct made_policy {
    struct part part;
    struct resource resource;
};

/* What is being put together. */
struct assembly {
    struct decoder decoder;
    struct node spec;
    const struct built_setting *setting;
};

bool tulle__built_target_is_new(const struct built_setting *settings, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (str_equal(settings[i].target, settings[index].target)) {
            return false;
        }
    }
    return true;
}

static void wrong(struct assembly *assembly, const char *what)
{
    tulle__mistake(&assembly->decoder, &assembly->spec, "\"%.*s\": %s",
                   STR_ARG(assembly->setting->path), what);
}

/* --- the tree --- */

static bool is_index(struct str segment, uint64_t *index)
{
    return segment.size > 0 && segment.data[0] >= '0' && segment.data[0] <= '9' &&
           tulle__str_to_u64(segment, ITEMS_MAX, index);
}

static struct node *child_add(struct assembly *assembly, struct node *parent, struct str key)
{
    struct node *child = ARENA_NEW(assembly->decoder.arena, struct node);
    struct node **last = &parent->first;

    if (!child) {
        assembly->decoder.no_memory = true;
        return NULL;
    }
    while (*last) {
        last = &(*last)->next;
    }
    *child = (struct node){ .line = 1, .column = 1, .kind = NODE_MAP, .key = key };
    child->key_line = child->key_column = key.size > 0;
    *last = child;
    parent->count++;
    return child;
}

static struct node *item_at(struct assembly *assembly, struct node *list, uint64_t index)
{
    struct node *item = list->first;

    if (list->count == 0) {
        list->kind = NODE_LIST;
    }
    if (list->kind != NODE_LIST || index > list->count) {
        wrong(assembly, "there is no list that has such an item, or takes it as its next");
        return NULL;
    }
    if (index == list->count) {
        return child_add(assembly, list, STR(""));
    }
    while (index-- > 0) {
        item = item->next;
    }
    return item;
}

static struct node *member_of(struct assembly *assembly, struct node *map, struct str key)
{
    const struct node *found;

    if (map->kind != NODE_MAP || key.size == 0) {
        wrong(assembly, "it leads into what is no map");
        return NULL;
    }
    found = tulle__node_find(map, key);
    return found ? (struct node *)found : child_add(assembly, map, key);
}

/* The node that a path leads to, which is made where it is missing. */
static struct node *node_at(struct assembly *assembly, struct str path)
{
    struct node *node = &assembly->spec;
    struct str rest = path;

    for (size_t depth = 0; node && rest.data; depth++) {
        struct str segment = tulle__str_cut(rest, '.', &rest);
        uint64_t index;

        if (depth == DEPTH_MAX) {
            wrong(assembly, "it is too long");
            return NULL;
        }
        node = is_index(segment, &index) ? item_at(assembly, node, index)
                                         : member_of(assembly, node, segment);
    }
    return node;
}

/* What is there becomes what the text says, but for its place in the tree. */
static void node_set(struct assembly *assembly, struct node *node, struct str value)
{
    struct decoder *decoder = &assembly->decoder;
    struct document *documents = NULL;
    struct node before = *node;
    enum tulle_error error =
        tulle__yaml_read(decoder->arena, decoder->complaints, STR("(value)"), value, &documents);

    if (error == TULLE_E_NOMEM) {
        decoder->no_memory = true;
        return;
    }
    if (error != TULLE_OK || !documents || documents->next || documents->is_bad) {
        wrong(assembly, "its value is not one piece of YAML");
        return;
    }
    *node = *documents->root;
    node->key = before.key;
    node->key_line = before.key_line;
    node->key_column = before.key_column;
    node->next = before.next;
}

static void setting_apply(struct assembly *assembly, const struct built_setting *setting)
{
    static const char *const own[] = { "host", "subset", "port" };
    struct str rest, first = tulle__str_cut(setting->path, '.', &rest);
    struct node *node;

    assembly->setting = setting;
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (str_equal(first, str_of(own[i]))) {
            wrong(assembly, "it is told by the target");
            return;
        }
    }
    node = node_at(assembly, setting->path);
    if (node) {
        node_set(assembly, node, setting->value);
    }
}

/* --- the target --- */

static void scalar_add(struct assembly *assembly, struct node *map, const char *key,
                       struct str text)
{
    struct node *node = child_add(assembly, map, str_of(key));

    if (node) {
        node->kind = NODE_SCALAR;
        node->text = text;
        node->is_plain = true;
    }
}

/* "reviews:80/v1" */
static void target_apply(struct assembly *assembly, struct str target)
{
    struct str subset, port;
    struct str host = tulle__str_cut(tulle__str_cut(target, '/', &subset), ':', &port);

    scalar_add(assembly, &assembly->spec, "host", host);
    if (subset.data) {
        scalar_add(assembly, &assembly->spec, "subset", subset);
    }
    if (port.data) {
        struct node *node = child_add(assembly, &assembly->spec, STR("port"));

        if (node) {
            scalar_add(assembly, node, "number", port);
        }
    }
}

/* --- the policy --- */

static void policy_decode(struct assembly *assembly, const struct built_setting *settings,
                          size_t count, struct str target, struct resource *out)
{
    struct decoder *decoder = &assembly->decoder;

    target_apply(assembly, target);
    for (size_t i = 0; i < count && decoder->mistakes == 0 && !decoder->no_memory; i++) {
        if (str_equal(settings[i].target, target)) {
            setting_apply(assembly, &settings[i]);
        }
    }
    if (decoder->mistakes > 0 || decoder->no_memory) {
        return;
    }
    out->kind = RESOURCE_TRAFFIC_POLICY;
    out->name = tulle__decode_copy(decoder, target);
    out->name_space = STR("");
    out->created = INT64_MAX;
    out->place = tulle__decode_place(decoder, &assembly->spec);
    tulle__decode_traffic_policy(decoder, &assembly->spec, out);
    if (!tulle__node_fingerprint(&assembly->spec, &out->print)) {
        decoder->no_memory = true;
    }
}

struct part *tulle__built_policy_make(const struct built_setting *settings, size_t count,
                                      struct str target, const struct read_options *options,
                                      struct complaints *complaints,
                                      const struct resource **resource)
{
    struct made_policy *made = tulle__part_new(sizeof(*made));
    struct assembly assembly = { .spec = { .kind = NODE_MAP } };

    *resource = NULL;
    if (!made) {
        complaints->no_memory = true;
        return NULL;
    }
    assembly.decoder = (struct decoder){ .part = &made->part,
                                         .arena = &made->part.arena,
                                         .complaints = complaints,
                                         .options = options,
                                         .file = STR("(built in code)"),
                                         .resource = target,
                                         .name_space = STR("") };
    policy_decode(&assembly, settings, count, target, &made->resource);
    if (assembly.decoder.mistakes > 0 || assembly.decoder.no_memory) {
        complaints->no_memory = complaints->no_memory || assembly.decoder.no_memory;
        tulle__part_unref(made);
        return NULL;
    }
    *resource = &made->resource;
    return &made->part;
}
