/* SPDX-License-Identifier: Apache-2.0 */

/* What a source has of a configuration that was built in code: its own copies. */

#ifndef TULLE_SOURCE_FILE_BUILT_SET_H
#define TULLE_SOURCE_FILE_BUILT_SET_H

#include <tulle/config.h>

#include "source/file/catalog.h"

struct built_part {
    const struct resource *resource;
    struct part *part;
};

struct built_set {
    struct built_part *parts;
    size_t count;
    struct reading texts; /* YAML added in code */
    struct complaints complaints;
    struct str *broken; /* names of texts that could not be read to their end; in texts.arena */
    size_t broken_count;
};

void tulle__built_set_init(struct built_set *set);
void tulle__built_set_fini(struct built_set *set);

/* Into an empty set; on failure what is there is freed by fini.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__built_set_read(struct built_set *set, const struct tulle_config *config,
                                       const struct read_options *options);
/* Errors: TULLE_E_NOMEM */
enum tulle_error tulle__built_set_offer(const struct built_set *set, struct candidates *candidates);
/* What the rest of a broken text may have said: after everything else was offered.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__built_set_keep(const struct built_set *set, struct candidates *candidates);

#endif
