/* SPDX-License-Identifier: Apache-2.0 */

/* The resources in force, and how the next ones come into force: the last good
 * version of each stays where the new one is bad or does not fit. */

#ifndef TULLE_SOURCE_FILE_CATALOG_H
#define TULLE_SOURCE_FILE_CATALOG_H

#include "base/table.h"
#include "source/file/resource.h"

struct entry {
    struct str key; /* kind, namespace and name */
    const struct resource *resource;
    struct part *part; /* what owns it: a reference */
};

struct catalog {
    struct entry *entries;
    size_t count;
    struct table by_key;
    struct arena keys;
};

void tulle__catalog_init(struct catalog *catalog);
void tulle__catalog_fini(struct catalog *catalog);

/* What could be in force next. Parts are borrowed; readings must stay until
 * tulle__candidates_settle() is done. */
struct candidate {
    struct str key;
    const struct resource *resource;
    struct part *part;
    const struct entry *kept; /* of the same key, in force now; NULL: none */
};

struct candidates {
    const struct catalog *catalog;
    const char *name_space; /* of resources that have none */
    struct complaints *complaints;
    struct candidate *list;
    size_t count, capacity;
    struct table by_key; /* to the place of the first of a key */
    struct arena arena;
};

void tulle__candidates_init(struct candidates *candidates, const struct catalog *catalog,
                            const char *name_space, struct complaints *complaints);
void tulle__candidates_fini(struct candidates *candidates);

/* Of two with one key the second is complained of and left out.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__candidates_add(struct candidates *candidates,
                                       const struct resource *resource, struct part *part);
/* A bad item stands for what is in force of its key.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__candidates_add_reading(struct candidates *candidates,
                                               const struct reading *reading);
/* What is in force from a file that could not be read to its end, and is found nowhere else.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__candidates_keep_file(struct candidates *candidates, struct str file);

/* Translates, giving up what does not fit; on success the catalog holds what is
 * in force now, and `*out` is its draft. On failure nothing has changed.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__candidates_settle(struct candidates *candidates, struct catalog *catalog,
                                          const struct translate_options *options,
                                          struct draft *out);

#endif
