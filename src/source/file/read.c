/* SPDX-License-Identifier: Apache-2.0 */

/* From a text to resources: documents and lists are taken apart, each resource
 * is judged by its kind, decoded in a part of its own, and given up whole when
 * anything in it is wrong. */

#include <stdio.h>

#include "source/file/document.h"
#include "source/file/yaml.h"

enum { TREE_BLOCK = 16 * 1024, READING_BLOCK = 1024, IGNORED_KINDS_TOLD = 512, LABEL_MAX = 512 };

struct reader {
    struct reading *reading;
    struct complaints *complaints;
    const struct read_options *options;
    struct str file;
    bool is_bad; /* the document that is being read */
};

void tulle__reading_init(struct reading *reading)
{
    *reading = (struct reading){ 0 };
    reading->last = &reading->first;
    tulle__arena_init(&reading->arena, READING_BLOCK);
}

void tulle__reading_fini(struct reading *reading)
{
    for (struct read_item *item = reading->first; item; item = item->next) {
        tulle__part_unref(item->part);
    }
    tulle__arena_fini(&reading->arena);
    tulle__reading_init(reading);
}

static bool is_ignored(const struct read_options *options, struct str kind)
{
    const char *const *name = options->ignore_kinds;

    for (; name && *name; name++) {
        if (str_equal(kind, str_of(*name))) {
            return true;
        }
    }
    return false;
}

static bool list_has(struct str list, struct str word)
{
    while (list.data) {
        struct str item = tulle__str_trim(tulle__str_cut(list, ',', &list));
        if (str_equal(item, word)) {
            return true;
        }
    }
    return false;
}

static enum tulle_error pass_over(struct reader *reader, struct str kind)
{
    struct reading *reading = reader->reading;
    struct str told = reading->ignored_kinds;

    reading->ignored++;
    if (list_has(told, kind) || told.size > IGNORED_KINDS_TOLD) {
        return TULLE_OK;
    }
    struct str longer = tulle__arena_format(&reading->arena, "%.*s%s%.*s", STR_ARG(told),
                                            told.size > 0 ? ", " : "", STR_ARG(kind));
    ENSURE(longer.data, TULLE_E_NOMEM);
    reading->ignored_kinds = longer;
    return TULLE_OK;
}

static struct str copy_text(struct reading *reading, struct str text)
{
    return tulle__arena_str(&reading->arena, text);
}

static enum tulle_error item_add(struct reader *reader, const struct envelope *envelope,
                                 const struct decoder *decoder, enum resource_kind kind,
                                 struct resource *resource)
{
    struct read_item *item = ARENA_NEW(&reader->reading->arena, struct read_item);

    ENSURE(item, TULLE_E_NOMEM);
    item->kind = kind;
    item->name = copy_text(reader->reading, envelope->name);
    item->name_space = copy_text(reader->reading, decoder->name_space);
    item->place.file = copy_text(reader->reading, reader->file);
    item->place.line = envelope->name_node->line;
    item->place.column = envelope->name_node->column;
    ENSURE(item->name.data && item->name_space.data && item->place.file.data, TULLE_E_NOMEM);
    if (decoder->mistakes == 0) {
        item->resource = resource;
        item->part = tulle__part_ref(decoder->part);
    }
    *reader->reading->last = item;
    reader->reading->last = &item->next;
    return TULLE_OK;
}

/* The resource, with its part first so that tulle__part_new() can make it. */
struct resource_part {
    struct part part;
    struct resource resource;
};

static void resource_start(struct decoder *decoder, const struct envelope *envelope,
                           enum resource_kind kind, struct resource *resource)
{
    resource->kind = kind;
    resource->name = tulle__decode_copy(decoder, envelope->name);
    resource->name_space = tulle__decode_copy(decoder, decoder->name_space);
    resource->created = envelope->created;
    if (envelope->name_node) {
        resource->place = tulle__decode_place(decoder, envelope->name_node);
    }
}

static void resource_decode(struct decoder *decoder, const struct node *root,
                            struct envelope *envelope, const struct kind_verdict *verdict,
                            struct resource *resource)
{
    decoder->file = tulle__decode_copy(decoder, decoder->file);
    if (verdict->text[0]) {
        tulle__mistake(decoder, envelope->version_node, "%s", verdict->text);
    }
    tulle__envelope_read(decoder, root, envelope);
    resource_start(decoder, envelope, verdict->kind, resource);
    if (!envelope->spec) {
        tulle__mistake(decoder, root, "spec is missing");
        return;
    }
    verdict->decode(decoder, envelope->spec, resource);
    if (!tulle__node_fingerprint(root, &resource->print)) {
        decoder->no_memory = true;
    }
}

static enum tulle_error resource_read(struct reader *reader, struct decoder *decoder,
                                      const struct node *root, struct envelope *envelope,
                                      const struct kind_verdict *verdict)
{
    struct resource_part *owner = tulle__part_new(sizeof(*owner));
    enum tulle_error error = TULLE_OK;

    ENSURE(owner, TULLE_E_NOMEM);
    decoder->part = &owner->part;
    decoder->arena = &owner->part.arena;
    resource_decode(decoder, root, envelope, verdict, &owner->resource);
    if (decoder->no_memory) {
        error = TULLE_E_NOMEM;
    } else if (envelope->name.size > 0) {
        error = item_add(reader, envelope, decoder, verdict->kind, &owner->resource);
    }
    tulle__part_unref(owner);
    return error;
}

static enum tulle_error other_read(struct reader *reader, struct decoder *decoder,
                                   const struct envelope *envelope,
                                   const struct kind_verdict *verdict)
{
    if (verdict->rule == KIND_PASSED || is_ignored(reader->options, envelope->kind)) {
        return pass_over(reader, envelope->kind);
    }
    if (verdict->rule == KIND_REFUSED) {
        tulle__mistake(decoder, envelope->kind_node,
                       "this kind is not supported yet; ignore_kinds can pass it over");
        return TULLE_OK;
    }
    tulle__mistake(decoder, envelope->kind_node, "%s", verdict->text);
    return TULLE_OK;
}

/* "VirtualService default/reviews", as far as it is known. */
static struct str resource_label(const struct envelope *envelope, struct str name_space, char *out,
                                 size_t size)
{
    if (envelope->name.size == 0) {
        snprintf(out, size, "%.*s", STR_ARG(envelope->kind));
    } else {
        snprintf(out, size, "%.*s %.*s/%.*s", STR_ARG(envelope->kind), STR_ARG(name_space),
                 STR_ARG(envelope->name));
    }
    return str_of(out);
}

static bool has_kind(struct decoder *decoder, const struct node *root,
                     const struct envelope *envelope)
{
    if (root->kind != NODE_MAP) {
        tulle__mistake(decoder, root, "a resource must be a map with apiVersion and kind");
        return false;
    }
    if (!envelope->version_node) {
        tulle__mistake(decoder, root, "apiVersion is missing");
    }
    if (!envelope->kind_node) {
        tulle__mistake(decoder, root, "kind is missing");
    }
    return envelope->version_node && envelope->kind_node;
}

static enum tulle_error one_read(struct reader *reader, const struct node *root,
                                 struct envelope *envelope)
{
    struct str name_space =
        envelope->name_space.size > 0 ? envelope->name_space : str_of(reader->options->name_space);
    struct kind_verdict verdict;
    char label[LABEL_MAX];
    struct decoder decoder = {
        .complaints = reader->complaints,
        .options = reader->options,
        .file = reader->file,
        .resource = resource_label(envelope, name_space, label, sizeof(label)),
        .name_space = name_space,
        .mistakes = reader->is_bad,
    };

    if (!has_kind(&decoder, root, envelope)) {
        return TULLE_OK;
    }
    tulle__kind_judge(envelope, &verdict);
    if (verdict.kind == RESOURCE_MOCK_ENDPOINT && !reader->options->is_mock) {
        tulle__mistake(&decoder, envelope->kind_node,
                       "only a mock reads this kind: config = \"mock:FILE\", with allow_mock");
        return TULLE_OK;
    }
    if (verdict.rule == KIND_READ) {
        return resource_read(reader, &decoder, root, envelope, &verdict);
    }
    return other_read(reader, &decoder, envelope, &verdict);
}

/* `kind: List`, and what kubectl writes for one kind: VirtualServiceList. */
static const struct node *list_items(const struct node *root, const struct envelope *envelope)
{
    const struct node *items = tulle__node_find(root, STR("items"));

    return items && items->kind == NODE_LIST && tulle__str_ends(envelope->kind, STR("List")) ? items
                                                                                             : NULL;
}

/* As deep as the tree at most, which is 64. */
static enum tulle_error root_read(struct reader *reader, const struct node *root)
{
    struct envelope envelope;

    tulle__envelope_peek(root, &envelope);
    const struct node *items = list_items(root, &envelope);
    if (!items) {
        return one_read(reader, root, &envelope);
    }
    for (const struct node *item = items->first; item; item = item->next) {
        TRY(root_read(reader, item));
    }
    return TULLE_OK;
}

static enum tulle_error documents_read(struct reader *reader, struct arena *tree, struct str text)
{
    struct document *document;
    enum tulle_error whole =
        tulle__yaml_read(tree, reader->complaints, reader->file, text, &document);

    ENSURE(whole != TULLE_E_NOMEM, TULLE_E_NOMEM);
    for (; document; document = document->next) {
        reader->is_bad = document->is_bad;
        TRY(root_read(reader, document->root));
    }
    return reader->complaints->no_memory ? TULLE_E_NOMEM : whole;
}

enum tulle_error tulle__read_text(struct reading *reading, struct complaints *complaints,
                                  const struct read_options *options, struct str file,
                                  struct str text)
{
    struct reader reader = { reading, complaints, options, file, false };
    struct arena tree;

    tulle__arena_init(&tree, TREE_BLOCK);
    enum tulle_error error = documents_read(&reader, &tree, text);
    tulle__arena_fini(&tree);
    return error;
}
