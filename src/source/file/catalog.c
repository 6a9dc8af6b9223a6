/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/catalog.h"

#include "base/alloc.h"
#include "base/macros.h"
#include "source/file/document.h"

enum { KEYS_BLOCK = 4096, CANDIDATES_FIRST = 64 };

void tulle__catalog_init(struct catalog *catalog)
{
    *catalog = (struct catalog){ 0 };
    tulle__arena_init(&catalog->keys, KEYS_BLOCK);
}

void tulle__catalog_fini(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++) {
        tulle__part_unref(catalog->entries[i].part);
    }
    tulle__free(catalog->entries);
    tulle__table_fini(&catalog->by_key);
    tulle__arena_fini(&catalog->keys);
    tulle__catalog_init(catalog);
}

void tulle__candidates_init(struct candidates *candidates, const struct catalog *catalog,
                            const char *name_space, struct complaints *complaints)
{
    *candidates = (struct candidates){
        .catalog = catalog,
        .name_space = name_space,
        .complaints = complaints,
    };
    tulle__arena_init(&candidates->arena, KEYS_BLOCK);
}

void tulle__candidates_fini(struct candidates *candidates)
{
    tulle__free(candidates->list);
    tulle__table_fini(&candidates->by_key);
    tulle__arena_fini(&candidates->arena);
    *candidates = (struct candidates){ 0 };
}

static struct str key_of(struct candidates *candidates, enum resource_kind kind,
                         struct str name_space, struct str name)
{
    if (name_space.size == 0) {
        name_space = str_of(candidates->name_space);
    }
    return tulle__arena_format(&candidates->arena, "%s %.*s/%.*s", tulle__kind_text(kind),
                               STR_ARG(name_space), STR_ARG(name));
}

/* True: it is the first of its key. */
static enum tulle_error claim(struct candidates *candidates, struct str key,
                              const struct place *place, bool *is_first)
{
    ENSURE(key.data, TULLE_E_NOMEM);
    const struct place *first = tulle__table_find(&candidates->by_key, key);
    *is_first = !first;
    if (first) {
        tulle__complain(candidates->complaints, *place, key,
                        "is there twice, the first time at %.*s:%u:%u", STR_ARG(first->file),
                        first->line, first->column);
        return TULLE_OK;
    }
    ENSURE(tulle__table_put(&candidates->by_key, key, (void *)(uintptr_t)place), TULLE_E_NOMEM);
    return TULLE_OK;
}

static enum tulle_error append(struct candidates *candidates, struct candidate candidate)
{
    if (candidates->count == candidates->capacity) {
        size_t capacity = candidates->capacity > 0 ? candidates->capacity * 2 : CANDIDATES_FIRST;
        struct candidate *list = tulle__realloc(candidates->list, capacity * sizeof(*list));
        ENSURE(list, TULLE_E_NOMEM);
        candidates->list = list;
        candidates->capacity = capacity;
    }
    candidates->list[candidates->count++] = candidate;
    return TULLE_OK;
}

/* `resource` NULL: what is in force, if anything, stands for it. */
static enum tulle_error offer(struct candidates *candidates, struct str key,
                              const struct resource *resource, struct part *part)
{
    const struct entry *kept = tulle__table_find(&candidates->catalog->by_key, key);

    if (!resource && !kept) {
        return TULLE_OK;
    }
    return append(candidates, (struct candidate){
                                  .key = key,
                                  .resource = resource ? resource : kept->resource,
                                  .part = resource ? part : kept->part,
                                  .kept = kept,
                              });
}

enum tulle_error tulle__candidates_add(struct candidates *candidates,
                                       const struct resource *resource, struct part *part)
{
    struct str key = key_of(candidates, resource->kind, resource->name_space, resource->name);
    bool is_first;

    TRY(claim(candidates, key, &resource->place, &is_first));
    return is_first ? offer(candidates, key, resource, part) : TULLE_OK;
}

enum tulle_error tulle__candidates_add_reading(struct candidates *candidates,
                                               const struct reading *reading)
{
    bool is_first;

    for (const struct read_item *item = reading->first; item; item = item->next) {
        struct str key = key_of(candidates, item->kind, item->name_space, item->name);
        TRY(claim(candidates, key, &item->place, &is_first));
        if (is_first) {
            TRY(offer(candidates, key, item->resource, item->part));
        }
    }
    return TULLE_OK;
}

enum tulle_error tulle__candidates_keep_file(struct candidates *candidates, struct str file)
{
    for (size_t i = 0; i < candidates->catalog->count; i++) {
        const struct entry *entry = &candidates->catalog->entries[i];
        const struct place *place = &entry->resource->place;
        bool is_first;
        if (!str_equal(place->file, file) || tulle__table_find(&candidates->by_key, entry->key)) {
            continue;
        }
        TRY(claim(candidates, entry->key, place, &is_first));
        TRY(offer(candidates, entry->key, NULL, NULL));
    }
    return TULLE_OK;
}
