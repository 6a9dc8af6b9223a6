/* SPDX-License-Identifier: Apache-2.0 */

/* The file source: a folder (or file) that is watched, and what was built in
 * code, which is read once. A change is waited out until nothing has moved for
 * SETTLE_NS, at most SETTLE_MOST_NS, so that a tool which writes ten files makes
 * one reading; notices of the kernel may be lost or never come, so signatures
 * are compared every POLL_NS besides. */

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "seam/source.h"
#include "source/file/built_set.h"
#include "source/file/complaints.h"
#include "source/file/file_source.h"
#include "source/file/folder.h"
#include "source/file/notifier.h"

enum { OPTIONS_BLOCK = 512 };

#define SETTLE_NS      (50 * NS_PER_MS)
#define SETTLE_MOST_NS (500 * NS_PER_MS)
#define POLL_NS        (2 * NS_PER_S)

struct source {
    const struct log *log;
    struct arena arena; /* copies of the options */
    const char *path;   /* NULL: built in code alone */
    bool open_with_errors;
    struct read_options read;
    struct translate_options translate;

    struct built_set built, applied;
    struct folder folder;
    struct notifier notifier;
    struct buf ignored_told;

    struct catalog catalog;
    struct draft draft;
    struct source_stats stats;

    int64_t poll_due;
    int64_t changed_at; /* first and last sign of a change; NEVER: none waits */
    int64_t settle_due;
    bool stale; /* memory ran out before what was read came into force */
    bool doubt; /* a notice came: do not believe signatures */
};

/* --- options --- */

static const char *text_copy(struct arena *arena, const char *text)
{
    return tulle__arena_str(arena, str_of(text)).data;
}

static enum tulle_error kinds_copy(struct source *source, const char *const *kinds)
{
    size_t count = 0;

    while (kinds && kinds[count]) {
        count++;
    }
    const char **copy = ARENA_ARRAY(&source->arena, const char *, count + 1);
    ENSURE(copy, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        copy[i] = text_copy(&source->arena, kinds[i]);
        ENSURE(copy[i], TULLE_E_NOMEM);
    }
    source->read.ignore_kinds = copy;
    return TULLE_OK;
}

static enum tulle_error path_copy(struct source *source, const char *path)
{
    struct str text = str_of(path);

    while (text.size > 1 && text.data[text.size - 1] == '/') {
        text.size--;
    }
    source->path = tulle__arena_str(&source->arena, text).data;
    return source->path ? TULLE_OK : TULLE_E_NOMEM;
}

static enum tulle_error options_copy(struct source *source, const struct source_options *options)
{
    source->log = options->log;
    source->open_with_errors = options->open_with_errors;
    source->translate.strict_retries = options->strict_retries;
    source->read.is_mock = options->is_mock;
    source->read.name_space = text_copy(&source->arena, options->name_space);
    source->translate.name_space = source->read.name_space;
    source->translate.domain = text_copy(&source->arena, options->domain);
    ENSURE(source->read.name_space && source->translate.domain, TULLE_E_NOMEM);
    TRY(kinds_copy(source, options->ignore_kinds));
    source->translate.self = options->self;
    source->translate.self.locality = text_copy(&source->arena, options->self.locality);
    source->translate.self.labels = text_copy(&source->arena, options->self.labels);
    ENSURE(source->translate.self.locality && source->translate.self.labels, TULLE_E_NOMEM);
    return options->path ? path_copy(source, options->path) : TULLE_OK;
}

/* --- from what was read to a draft --- */

static enum tulle_error built_add(const struct source *source, struct candidates *candidates)
{
    TRY(tulle__built_set_offer(&source->built, candidates));
    return tulle__built_set_offer(&source->applied, candidates);
}

static enum tulle_error folder_add(const struct folder *folder, struct candidates *candidates)
{
    tulle__complaints_add(candidates->complaints, &folder->complaints);
    for (size_t i = 0; i < folder->count; i++) {
        tulle__complaints_add(candidates->complaints, &folder->files[i]->complaints);
        TRY(tulle__candidates_add_reading(candidates, &folder->files[i]->reading));
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (!folder->files[i]->is_whole) {
            TRY(tulle__candidates_keep_file(candidates, folder->files[i]->name));
        }
    }
    return TULLE_OK;
}

static enum tulle_error candidates_use(struct source *source, struct candidates *candidates,
                                       struct draft *out)
{
    TRY(built_add(source, candidates));
    TRY(folder_add(&source->folder, candidates));
    TRY(tulle__built_set_keep(&source->applied, candidates));
    ENSURE(!candidates->complaints->no_memory, TULLE_E_NOMEM);
    return tulle__candidates_settle(candidates, &source->catalog, &source->translate, out);
}

static enum tulle_error draft_make(struct source *source, struct complaints *complaints)
{
    struct candidates candidates;
    struct draft draft = { 0 };

    tulle__candidates_init(&candidates, &source->catalog, source->read.name_space, complaints);
    enum tulle_error error = candidates_use(source, &candidates, &draft);
    tulle__candidates_fini(&candidates);
    if (error != TULLE_OK) {
        tulle__draft_fini(&draft);
        return error;
    }
    tulle__draft_fini(&source->draft);
    source->draft = draft;
    return TULLE_OK;
}

/* --- telling --- */

static void kinds_add(struct buf *kinds, uint64_t *count, const struct reading *reading)
{
    struct str rest = reading->ignored_kinds;

    *count += reading->ignored;
    while (rest.data) {
        struct str kind = tulle__str_trim(tulle__str_cut(rest, ',', &rest));
        struct str told = { kinds->data, kinds->size };
        bool is_there = false;
        while (told.size > 0 && told.data && !is_there) {
            is_there = str_equal(tulle__str_trim(tulle__str_cut(told, ',', &told)), kind);
        }
        if (kind.size > 0 && !is_there) {
            tulle__buf_addf(kinds, "%s%.*s", kinds->size > 0 ? ", " : "", STR_ARG(kind));
        }
    }
}

/* Once for each set of kinds: the next reading would say the same again. */
static void ignored_tell(struct source *source)
{
    struct buf kinds = { 0 };
    uint64_t count = 0;

    kinds_add(&kinds, &count, &source->built.texts);
    kinds_add(&kinds, &count, &source->applied.texts);
    for (size_t i = 0; i < source->folder.count; i++) {
        kinds_add(&kinds, &count, &source->folder.files[i]->reading);
    }
    struct str now = { kinds.data, kinds.size };
    struct str told = { source->ignored_told.data, source->ignored_told.size };
    if (!tulle__buf_ok(&kinds) || count == 0 || str_equal(now, told)) {
        tulle__buf_fini(&kinds);
        return;
    }
    tulle__buf_fini(&source->ignored_told);
    source->ignored_told = kinds;
    tulle__log(source->log, LOG_INFO, "config", "passed over %llu resources of other kinds: %.*s",
               (unsigned long long)count, STR_ARG(now));
}

static void load_tell(struct source *source, const struct complaints *complaints, int64_t now)
{
    source->stats.loads++;
    source->stats.refused += complaints->count > 0;
    source->stats.errors = complaints->count;
    source->stats.resources = source->catalog.count;
    source->stats.loaded_at = now;
    tulle__complaints_log(complaints, source->log);
    ignored_tell(source);
    tulle__log(source->log, LOG_INFO, "config", "%llu resources in force, %llu errors",
               (unsigned long long)source->stats.resources,
               (unsigned long long)source->stats.errors);
}

/* --- steps --- */

static enum tulle_error load(struct source *source, int64_t now, size_t *errors)
{
    struct complaints complaints;

    tulle__complaints_init(&complaints);
    enum tulle_error error = draft_make(source, &complaints);
    if (error == TULLE_OK) {
        load_tell(source, &complaints, now);
    }
    *errors = complaints.count;
    tulle__complaints_fini(&complaints);
    return error;
}

static enum tulle_error reload(struct source *source, int64_t now, bool *changed)
{
    bool differs = false;
    size_t errors;

    *changed = false;
    enum tulle_error error = tulle__folder_read(&source->folder, source->doubt, &differs);
    source->stale = source->stale || differs || error != TULLE_OK;
    TRY(error);
    if (source->stale) {
        TRY(load(source, now, &errors));
        *changed = true;
        source->stale = false;
    }
    return TULLE_OK;
}

static void change_note(struct source *source, int64_t now)
{
    if (source->changed_at == NEVER) {
        source->changed_at = now;
    }
    int64_t latest = source->changed_at + SETTLE_MOST_NS;
    source->settle_due = now + SETTLE_NS < latest ? now + SETTLE_NS : latest;
}

static void signs_look(struct source *source, int64_t now)
{
    if (tulle__notifier_take(&source->notifier)) {
        source->doubt = true;
        change_note(source, now);
    }
    if (now < source->poll_due) {
        return;
    }
    source->poll_due = now + POLL_NS;
    tulle__notifier_follow(&source->notifier, source->path);
    if (source->settle_due == NEVER && tulle__folder_differs(&source->folder)) {
        change_note(source, now);
    }
}

static enum source_step source_step(struct source *source, int64_t now)
{
    bool changed;

    if (!source->path) {
        return SOURCE_SAME;
    }
    signs_look(source, now);
    if (now < source->settle_due) {
        return SOURCE_SAME;
    }
    if (reload(source, now, &changed) != TULLE_OK) {
        tulle__log(source->log, LOG_WARNING, "config", "out of memory; reading again in 2 s");
        source->settle_due = now + POLL_NS;
        return SOURCE_SAME;
    }
    source->changed_at = source->settle_due = NEVER;
    source->doubt = false;
    return changed ? SOURCE_CHANGED : SOURCE_SAME;
}

static int64_t source_due(const struct source *source)
{
    if (!source->path) {
        return NEVER;
    }
    return source->poll_due < source->settle_due ? source->poll_due : source->settle_due;
}

static int source_fd(const struct source *source)
{
    return source->notifier.fd;
}

static const struct draft *source_draft(const struct source *source)
{
    return &source->draft;
}

static void source_stats(const struct source *source, struct source_stats *out)
{
    *out = source->stats;
}

/* --- what is applied while it runs --- */

enum tulle_error tulle__file_source_apply(struct source *source, const struct tulle_config *config,
                                          int64_t now, size_t *errors)
{
    struct built_set before = source->applied;
    enum tulle_error error;

    *errors = 0;
    tulle__built_set_init(&source->applied);
    error = tulle__built_set_read(&source->applied, config, &source->read);
    if (error == TULLE_OK) {
        error = load(source, now, errors);
    }
    if (error != TULLE_OK) {
        tulle__built_set_fini(&source->applied);
        source->applied = before;
        return error;
    }
    tulle__built_set_fini(&before);
    return TULLE_OK;
}

const struct resource *tulle__file_source_next(const struct source *source, enum resource_kind kind,
                                               size_t *at)
{
    while (*at < source->catalog.count) {
        const struct resource *resource = source->catalog.entries[(*at)++].resource;
        if (resource->kind == kind) {
            return resource;
        }
    }
    return NULL;
}

/* --- open, close --- */

static void source_close(struct source *source)
{
    if (!source) {
        return;
    }
    tulle__notifier_fini(&source->notifier);
    tulle__draft_fini(&source->draft);
    tulle__catalog_fini(&source->catalog);
    tulle__folder_fini(&source->folder);
    tulle__built_set_fini(&source->built);
    tulle__built_set_fini(&source->applied);
    tulle__buf_fini(&source->ignored_told);
    tulle__arena_fini(&source->arena);
    tulle__free(source);
}

static enum tulle_error first_load(struct source *source, const struct source_options *options,
                                   int64_t now)
{
    bool changed;
    size_t errors;

    TRY(options_copy(source, options));
    tulle__folder_init(&source->folder, source->path, &source->read);
    if (options->built) {
        TRY(tulle__built_set_read(&source->built, options->built, &source->read));
    }
    if (source->path) {
        tulle__notifier_open(&source->notifier);
        tulle__notifier_follow(&source->notifier, source->path);
        TRY(tulle__folder_read(&source->folder, true, &changed));
    }
    TRY(load(source, now, &errors));
    ENSURE(errors == 0 || source->open_with_errors, TULLE_E_CONFIG);
    source->poll_due = now + POLL_NS;
    return TULLE_OK;
}

static enum tulle_error source_open(const struct source_options *options, int64_t now,
                                    struct source **out)
{
    struct source *source = ALLOC_ZERO(struct source);

    *out = NULL;
    ENSURE(source, TULLE_E_NOMEM);
    tulle__arena_init(&source->arena, OPTIONS_BLOCK);
    tulle__built_set_init(&source->built);
    tulle__built_set_init(&source->applied);
    tulle__catalog_init(&source->catalog);
    tulle__folder_init(&source->folder, NULL, NULL);
    tulle__notifier_init(&source->notifier);
    source->changed_at = source->settle_due = NEVER;
    enum tulle_error error = first_load(source, options, now);
    if (error != TULLE_OK) {
        source_close(source);
        return error;
    }
    *out = source;
    return TULLE_OK;
}

const struct source_type tulle__file_source = {
    .name = "file",
    .open = source_open,
    .close = source_close,
    .step = source_step,
    .due = source_due,
    .fd = source_fd,
    .draft = source_draft,
    .stats = source_stats,
};
