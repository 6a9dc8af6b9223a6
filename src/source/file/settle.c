/* SPDX-License-Identifier: Apache-2.0 */

/* The whole must fit together. What the translation refuses goes back to its
 * last good version, until nothing new is refused. If something that did not
 * change is refused then, a neighbour's new version has taken away what it
 * leans on (a subset that a route still names): routing must not change for
 * want of it, so that neighbour goes back too; the one that is to blame if one
 * alone is, else all that changed. What went with its file is gone, though, and
 * whatever still names it is refused. Complaints are those of the first
 * translation: about what is written, not about what we made of it. */

#include "base/alloc.h"
#include "base/macros.h"
#include "source/file/catalog.h"
#include "source/file/complaints.h"

enum { BLAME_TRIES = 16 };

struct settlement {
    struct candidate *list;
    size_t count;
    const struct translate_options *options;
    const struct resource **resources; /* one allocation with `refused` */
    bool *refused;
    struct draft draft;
};

static bool is_new(const struct candidate *candidate)
{
    return !candidate->kept || candidate->resource != candidate->kept->resource;
}

static void go_back(struct candidate *candidate)
{
    candidate->resource = candidate->kept->resource;
    candidate->part = candidate->kept->part;
}

static enum tulle_error translate(struct settlement *settlement, struct complaints *complaints)
{
    tulle__draft_fini(&settlement->draft);
    settlement->draft = (struct draft){ 0 };
    for (size_t i = 0; i < settlement->count; i++) {
        settlement->resources[i] = settlement->list[i].resource;
    }
    return tulle__translate(settlement->resources, settlement->count, settlement->options,
                            complaints, settlement->refused, &settlement->draft);
}

static enum tulle_error translate_again(struct settlement *settlement)
{
    struct complaints unheard;

    tulle__complaints_init(&unheard);
    enum tulle_error error = translate(settlement, &unheard);
    tulle__complaints_fini(&unheard);
    return error;
}

static bool refused_go_back(struct settlement *settlement)
{
    bool any = false;

    for (size_t i = 0; i < settlement->count; i++) {
        struct candidate *candidate = &settlement->list[i];
        if (settlement->refused[i] && candidate->kept && is_new(candidate)) {
            go_back(candidate);
            any = true;
        }
    }
    return any;
}

static bool old_is_refused(const struct settlement *settlement)
{
    for (size_t i = 0; i < settlement->count; i++) {
        if (settlement->refused[i] && !is_new(&settlement->list[i])) {
            return true;
        }
    }
    return false;
}

static size_t changed_count(const struct settlement *settlement)
{
    size_t count = 0;

    for (size_t i = 0; i < settlement->count; i++) {
        count += settlement->list[i].kept && is_new(&settlement->list[i]);
    }
    return count;
}

static enum tulle_error blame_one(struct settlement *settlement, bool *found)
{
    *found = false;
    if (changed_count(settlement) > BLAME_TRIES) {
        return TULLE_OK;
    }
    for (size_t i = 0; i < settlement->count && !*found; i++) {
        struct candidate *candidate = &settlement->list[i], now = *candidate;
        if (!candidate->kept || !is_new(candidate)) {
            continue;
        }
        go_back(candidate);
        TRY(translate_again(settlement));
        *found = !old_is_refused(settlement);
        if (!*found) {
            *candidate = now;
        }
    }
    return TULLE_OK;
}

static enum tulle_error neighbours_go_back(struct settlement *settlement)
{
    bool found;

    if (!old_is_refused(settlement) || changed_count(settlement) == 0) {
        return TULLE_OK;
    }
    TRY(blame_one(settlement, &found));
    if (found) {
        return TULLE_OK;
    }
    for (size_t i = 0; i < settlement->count; i++) {
        if (settlement->list[i].kept) {
            go_back(&settlement->list[i]);
        }
    }
    return translate_again(settlement);
}

static enum tulle_error settle(struct settlement *settlement, struct complaints *complaints)
{
    TRY(translate(settlement, complaints));
    while (refused_go_back(settlement)) {
        TRY(translate_again(settlement));
    }
    return neighbours_go_back(settlement);
}

static enum tulle_error entry_add(struct catalog *catalog, const struct candidate *candidate)
{
    struct entry *entry = &catalog->entries[catalog->count];

    entry->key = tulle__arena_str(&catalog->keys, candidate->key);
    ENSURE(entry->key.data, TULLE_E_NOMEM);
    ENSURE(tulle__table_put(&catalog->by_key, entry->key, entry), TULLE_E_NOMEM);
    entry->resource = candidate->resource;
    entry->part = tulle__part_ref(candidate->part);
    catalog->count++;
    return TULLE_OK;
}

static enum tulle_error catalog_make(const struct settlement *settlement, struct catalog *out)
{
    out->entries = tulle__alloc_zero(settlement->count + 1, sizeof(*out->entries));
    ENSURE(out->entries, TULLE_E_NOMEM);
    for (size_t i = 0; i < settlement->count; i++) {
        if (!settlement->refused[i]) {
            TRY(entry_add(out, &settlement->list[i]));
        }
    }
    return TULLE_OK;
}

static enum tulle_error settlement_run(struct settlement *settlement, struct complaints *complaints,
                                       struct catalog *next)
{
    TRY(settle(settlement, complaints));
    return catalog_make(settlement, next);
}

enum tulle_error tulle__candidates_settle(struct candidates *candidates, struct catalog *catalog,
                                          const struct translate_options *options,
                                          struct draft *out)
{
    size_t each = sizeof(struct resource *) + sizeof(bool);
    struct settlement settlement = {
        .list = candidates->list,
        .count = candidates->count,
        .options = options,
        .resources = tulle__alloc_zero(candidates->count + 1, each),
    };
    struct catalog next;

    ENSURE(settlement.resources, TULLE_E_NOMEM);
    settlement.refused = (bool *)(settlement.resources + settlement.count);
    tulle__catalog_init(&next);
    enum tulle_error error = settlement_run(&settlement, candidates->complaints, &next);
    if (error == TULLE_OK) {
        tulle__catalog_fini(catalog);
        *catalog = next;
        *out = settlement.draft;
    } else {
        tulle__catalog_fini(&next);
        tulle__draft_fini(&settlement.draft);
    }
    tulle__free((void *)settlement.resources);
    return error;
}
