/* SPDX-License-Identifier: Apache-2.0 */

/* Descriptors are close-on-exec and non-blocking, so that a FIFO somebody put
 * into the folder cannot hang the control step; only regular files count. A
 * symlink that leads nowhere is a file in trouble and not one that went: in the
 * middle of a swap its last good content must stay. */

#include "source/file/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/macros.h"

enum { LISTING_BLOCK = 4096, CHUNK = 16 * 1024, LISTING_FIRST = 16 };

static void signature_of(const struct stat *status, struct signature *out)
{
    *out = (struct signature){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = (uint64_t)status->st_size,
        .modified_ns = status->st_mtim.tv_sec * NS_PER_S + status->st_mtim.tv_nsec,
        .changed_ns = status->st_ctim.tv_sec * NS_PER_S + status->st_ctim.tv_nsec,
    };
}

bool tulle__signature_equal(const struct signature *a, const struct signature *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns &&
           a->trouble == b->trouble;
}

static bool is_wanted(struct str name)
{
    return !tulle__str_starts(name, STR(".")) &&
           (tulle__str_ends(name, STR(".yaml")) || tulle__str_ends(name, STR(".yml")) ||
            tulle__str_ends(name, STR(".json")));
}

static bool has_room(struct listing *listing)
{
    if (listing->count < listing->capacity) {
        return true;
    }
    size_t capacity = listing->capacity > 0 ? listing->capacity * 2 : LISTING_FIRST;
    struct listed *files = tulle__realloc(listing->files, capacity * sizeof(*files));
    if (!files) {
        return false;
    }
    listing->files = files;
    listing->capacity = capacity;
    return true;
}

static enum tulle_error listed_add(struct listing *listing, struct str name,
                                   const struct signature *signature)
{
    if (listing->count == FOLDER_FILES_MAX) {
        listing->too_many = true;
        return TULLE_OK;
    }
    ENSURE(has_room(listing) && name.data, TULLE_E_NOMEM);
    listing->files[listing->count++] = (struct listed){ name, *signature };
    return TULLE_OK;
}

static enum tulle_error entry_add(struct listing *listing, int folder, const char *path,
                                  const char *name)
{
    struct signature signature = { 0 };
    struct stat status;

    if (!is_wanted(str_of(name))) {
        return TULLE_OK;
    }
    if (fstatat(folder, name, &status, 0) != 0) {
        signature.trouble = errno;
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return TULLE_OK; /* it went meanwhile */
        }
    } else if (!S_ISREG(status.st_mode)) {
        return TULLE_OK;
    } else {
        signature_of(&status, &signature);
    }
    struct str full = tulle__arena_format(&listing->arena, "%s/%s", path, name);
    return listed_add(listing, full, &signature);
}

static enum tulle_error entries_add(struct listing *listing, DIR *folder, const char *path)
{
    struct dirent *entry;

    for (;;) {
        errno = 0;
        entry = readdir(folder);
        if (!entry) {
            listing->trouble = errno;
            return TULLE_OK;
        }
        TRY(entry_add(listing, dirfd(folder), path, entry->d_name));
    }
}

static int listed_compare(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;

    return tulle__str_compare(left->name, right->name);
}

static enum tulle_error folder_list(struct listing *listing, const char *path)
{
    DIR *folder = opendir(path);

    if (!folder) {
        listing->trouble = errno;
        return errno == ENOMEM ? TULLE_E_NOMEM : TULLE_OK;
    }
    enum tulle_error error = entries_add(listing, folder, path);
    closedir(folder);
    if (listing->count > 1) {
        qsort(listing->files, listing->count, sizeof(*listing->files), listed_compare);
    }
    return error;
}

enum tulle_error tulle__listing_read(struct listing *listing, const char *path)
{
    struct signature signature;
    struct stat status;

    *listing = (struct listing){ 0 };
    tulle__arena_init(&listing->arena, LISTING_BLOCK);
    if (stat(path, &status) != 0) {
        listing->trouble = errno;
        return TULLE_OK;
    }
    if (S_ISDIR(status.st_mode)) {
        return folder_list(listing, path);
    }
    if (!S_ISREG(status.st_mode)) {
        listing->trouble = EINVAL;
        return TULLE_OK;
    }
    signature_of(&status, &signature);
    return listed_add(listing, tulle__arena_str(&listing->arena, str_of(path)), &signature);
}

void tulle__listing_fini(struct listing *listing)
{
    tulle__arena_fini(&listing->arena);
    tulle__free(listing->files);
    *listing = (struct listing){ 0 };
}

static enum tulle_error bytes_read(int fd, size_t most, struct buf *out, int *trouble)
{
    while (out->size <= most) {
        ENSURE(tulle__buf_reserve(out, CHUNK), TULLE_E_NOMEM);
        ssize_t size = read(fd, out->data + out->size, CHUNK);
        if (size == 0) {
            return TULLE_OK;
        }
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            *trouble = errno;
            return TULLE_E_CONFIG;
        }
        out->size += (size_t)size;
    }
    return TULLE_OK;
}

enum tulle_error tulle__content_read(struct str name, size_t most, struct buf *out,
                                     struct signature *signature)
{
    int fd = open(name.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    enum tulle_error error;

    if (fd < 0) {
        signature->trouble = errno;
        return TULLE_E_CONFIG;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        signature->trouble = EINVAL;
        error = TULLE_E_CONFIG;
    } else {
        signature_of(&status, signature);
        error = bytes_read(fd, most, out, &signature->trouble);
    }
    close(fd);
    return error;
}
