/* SPDX-License-Identifier: Apache-2.0 */

/* What a source that stands on the file source may ask of it besides
 * seam/source.h. */

#ifndef TULLE_SOURCE_FILE_FILE_SOURCE_H
#define TULLE_SOURCE_FILE_FILE_SOURCE_H

#include "seam/source.h"
#include "source/file/resource.h"

/* Puts `config` in the place of what was applied before; what open() read, from
 * files or built in code, stays. Fails static, as step() does: what is bad is
 * logged, counted in `*errors`, and keeps its last good version. The draft is
 * new. On failure nothing has changed.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__file_source_apply(struct source *source, const struct tulle_config *config,
                                          int64_t now, size_t *errors);

/* The resources of a kind that are in force, in the order they were read: start
 * with *at = 0; NULL at the end. Borrowed until the next step. */
const struct resource *tulle__file_source_next(const struct source *source, enum resource_kind kind,
                                               size_t *at);

#endif
