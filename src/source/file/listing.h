/* SPDX-License-Identifier: Apache-2.0 */

/* The names of a folder's files with their signatures, and their contents: all
 * that asks the file system. */

#ifndef TULLE_SOURCE_FILE_LISTING_H
#define TULLE_SOURCE_FILE_LISTING_H

#include <tulle/error.h>

#include "base/buf.h"
#include "source/file/folder.h"

struct listed {
    struct str name; /* with the path before it */
    struct signature signature;
};

struct listing {
    struct arena arena;
    struct listed *files; /* by name; from alloc */
    size_t count, capacity;
    int trouble;   /* errno of the path; 0: none */
    bool too_many; /* files */
};

/* Errors: TULLE_E_NOMEM. What the file system refuses is `trouble`. */
enum tulle_error tulle__listing_read(struct listing *listing, const char *path);
void tulle__listing_fini(struct listing *listing);

bool tulle__signature_equal(const struct signature *a, const struct signature *b);
/* The content, at most `most` + 1 bytes of it, and the signature it had.
 * Errors: TULLE_E_NOMEM; TULLE_E_CONFIG: signature->trouble says why */
enum tulle_error tulle__content_read(struct str name, size_t most, struct buf *out,
                                     struct signature *signature);

#endif
