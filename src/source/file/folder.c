/* SPDX-License-Identifier: Apache-2.0 */

/* A reading makes a new list of files out of old ones that did not change and
 * new ones, and puts it in place only when it is complete. A file whose
 * signature changed but whose content did not (a touch, a symlink swap to the
 * same text) is not parsed again. */

#include "source/file/folder.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/macros.h"
#include "source/file/complaints.h"
#include "source/file/listing.h"
#include "source/file/yaml.h"

enum { FILE_BLOCK = 512, TROUBLE_MAX = 128, UNKNOWN_TROUBLE = -1 };

void tulle__folder_init(struct folder *folder, const char *path, const struct read_options *options)
{
    *folder = (struct folder){ .path = path, .options = options };
    tulle__complaints_init(&folder->complaints);
}

static void file_free(struct folder_file *file)
{
    if (!file) {
        return;
    }
    tulle__reading_fini(&file->reading);
    tulle__complaints_fini(&file->complaints);
    tulle__arena_fini(&file->arena);
    tulle__free(file);
}

void tulle__folder_fini(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        file_free(folder->files[i]);
    }
    tulle__free(folder->files);
    tulle__complaints_fini(&folder->complaints);
    *folder = (struct folder){ 0 };
}

static bool listing_differs(const struct folder *folder, const struct listing *listing)
{
    if (listing->trouble != folder->trouble) {
        return true;
    }
    if (listing->trouble) {
        return false;
    }
    if (listing->count != folder->count) {
        return true;
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (!str_equal(listing->files[i].name, folder->files[i]->name) ||
            !tulle__signature_equal(&listing->files[i].signature, &folder->files[i]->signature)) {
            return true;
        }
    }
    return false;
}

bool tulle__folder_differs(const struct folder *folder)
{
    struct listing listing;
    enum tulle_error error = tulle__listing_read(&listing, folder->path);
    bool differs = error == TULLE_OK && listing_differs(folder, &listing);

    tulle__listing_fini(&listing);
    return differs;
}

static struct folder_file *file_find(const struct folder *folder, struct str name)
{
    size_t first = 0, last = folder->count;

    while (first < last) {
        size_t middle = first + (last - first) / 2;
        int order = tulle__str_compare(folder->files[middle]->name, name);
        if (order == 0) {
            return folder->files[middle];
        }
        if (order < 0) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return NULL;
}

static struct folder_file *file_new(struct str name, const struct signature *signature)
{
    struct folder_file *file = ALLOC_ZERO(struct folder_file);

    if (!file) {
        return NULL;
    }
    tulle__reading_init(&file->reading);
    tulle__complaints_init(&file->complaints);
    tulle__arena_init(&file->arena, FILE_BLOCK);
    file->signature = *signature;
    file->name = tulle__arena_str(&file->arena, name);
    if (!file->name.data) {
        file_free(file);
        return NULL;
    }
    return file;
}

static const char *trouble_text(int trouble, char *buffer, size_t size)
{
    return trouble == EINVAL ? "it is no regular file" : strerror_r(trouble, buffer, size);
}

static void complain_of_trouble(struct complaints *complaints, struct str name, int trouble)
{
    char buffer[TROUBLE_MAX];

    tulle__complain(complaints, (struct place){ name, 0, 0 }, STR_NONE, "cannot be read: %s",
                    trouble_text(trouble, buffer, sizeof(buffer)));
}

/* `*out` is the old file when its content is the old one, else a new one. */
static enum tulle_error file_parse(const struct folder *folder, struct str name,
                                   const struct signature *signature, struct folder_file *old,
                                   struct str content, struct folder_file **out)
{
    struct fingerprint print = tulle__fingerprint(content.data, content.size);

    if (old && old->signature.trouble == 0 && fingerprint_equal(old->print, print)) {
        old->signature = *signature;
        *out = old;
        return TULLE_OK;
    }
    struct folder_file *file = file_new(name, signature);
    ENSURE(file, TULLE_E_NOMEM);
    file->print = print;
    enum tulle_error error =
        tulle__read_text(&file->reading, &file->complaints, folder->options, file->name, content);
    if (error == TULLE_E_NOMEM) {
        file_free(file);
        return error;
    }
    file->is_whole = error == TULLE_OK;
    *out = file;
    return TULLE_OK;
}

static enum tulle_error file_in_trouble(struct str name, const struct signature *signature,
                                        struct folder_file *old, struct folder_file **out)
{
    if (old && tulle__signature_equal(&old->signature, signature)) {
        *out = old;
        return TULLE_OK;
    }
    struct folder_file *file = file_new(name, signature);
    ENSURE(file, TULLE_E_NOMEM);
    complain_of_trouble(&file->complaints, file->name, signature->trouble);
    if (file->complaints.no_memory) {
        file_free(file);
        return TULLE_E_NOMEM;
    }
    *out = file;
    return TULLE_OK;
}

static enum tulle_error file_read(const struct folder *folder, const struct listed *listed,
                                  struct folder_file *old, struct folder_file **out)
{
    struct signature signature = listed->signature;
    struct buf content = { 0 };
    enum tulle_error error = TULLE_E_CONFIG;

    if (signature.trouble == 0) {
        error = tulle__content_read(listed->name, YAML_SIZE_MAX, &content, &signature);
    }
    if (error == TULLE_OK) {
        error = file_parse(folder, listed->name, &signature, old,
                           (struct str){ content.data, content.size }, out);
    } else if (error == TULLE_E_CONFIG) {
        error = file_in_trouble(listed->name, &signature, old, out);
    }
    tulle__buf_fini(&content);
    return error;
}

/* The files of a reading under way. */
struct update {
    struct folder_file **files;
    size_t count;
    bool changed;
};

static enum tulle_error file_update(const struct folder *folder, const struct listed *listed,
                                    bool doubt, struct update *update)
{
    struct folder_file *old = file_find(folder, listed->name), *file = old;

    if (!old || doubt || !tulle__signature_equal(&old->signature, &listed->signature)) {
        TRY(file_read(folder, listed, old, &file));
    }
    update->changed = update->changed || file != old;
    file->is_kept = true;
    update->files[update->count++] = file;
    return TULLE_OK;
}

static enum tulle_error files_update(struct folder *folder, const struct listing *listing,
                                     bool doubt, struct update *update)
{
    update->files = tulle__alloc_zero(listing->count + 1, sizeof(struct folder_file *));
    ENSURE(update->files, TULLE_E_NOMEM);
    for (size_t i = 0; i < listing->count; i++) {
        TRY(file_update(folder, &listing->files[i], doubt, update));
    }
    update->changed = update->changed || listing->count != folder->count;
    return TULLE_OK;
}

static void update_drop(struct folder *folder, struct update *update)
{
    for (size_t i = 0; i < folder->count; i++) {
        folder->files[i]->is_kept = false;
    }
    for (size_t i = 0; i < update->count; i++) {
        if (file_find(folder, update->files[i]->name) != update->files[i]) {
            file_free(update->files[i]);
        }
    }
    tulle__free(update->files);
}

static void update_commit(struct folder *folder, struct update *update)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (!folder->files[i]->is_kept) {
            file_free(folder->files[i]);
        }
    }
    tulle__free(folder->files);
    folder->files = update->files;
    folder->count = update->count;
    for (size_t i = 0; i < folder->count; i++) {
        folder->files[i]->is_kept = false;
    }
}

/* False: no memory; the next reading notes it again. */
static bool trouble_note(struct folder *folder, const struct listing *listing)
{
    struct str path = str_of(folder->path);

    folder->trouble = listing->trouble;
    folder->too_many = listing->too_many;
    tulle__complaints_fini(&folder->complaints);
    tulle__complaints_init(&folder->complaints);
    if (listing->trouble) {
        complain_of_trouble(&folder->complaints, path, listing->trouble);
    }
    if (listing->too_many) {
        tulle__complain(&folder->complaints, (struct place){ path, 0, 0 }, STR_NONE,
                        "has more than %d files; the rest is not read", FOLDER_FILES_MAX);
    }
    if (folder->complaints.no_memory) {
        folder->complaints.no_memory = false;
        folder->trouble = UNKNOWN_TROUBLE;
        return false;
    }
    return true;
}

static enum tulle_error files_apply(struct folder *folder, const struct listing *listing,
                                    bool doubt, bool *changed)
{
    struct update update = { 0 };
    enum tulle_error error = files_update(folder, listing, doubt, &update);

    if (error != TULLE_OK) {
        update_drop(folder, &update);
        return error;
    }
    update_commit(folder, &update);
    *changed = *changed || update.changed;
    return TULLE_OK;
}

static enum tulle_error listing_apply(struct folder *folder, const struct listing *listing,
                                      bool doubt, bool *changed)
{
    if (folder->trouble != listing->trouble || folder->too_many != listing->too_many) {
        ENSURE(trouble_note(folder, listing), TULLE_E_NOMEM);
        *changed = true;
    }
    return listing->trouble ? TULLE_OK : files_apply(folder, listing, doubt, changed);
}

enum tulle_error tulle__folder_read(struct folder *folder, bool doubt, bool *changed)
{
    struct listing listing;
    enum tulle_error error = tulle__listing_read(&listing, folder->path);

    *changed = false;
    if (error == TULLE_OK) {
        error = listing_apply(folder, &listing, doubt, changed);
    }
    tulle__listing_fini(&listing);
    return error;
}
