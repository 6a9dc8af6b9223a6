/* SPDX-License-Identifier: Apache-2.0 */

/* The one place that knows libyaml. JSON is YAML here. */

#ifndef TULLE_SOURCE_FILE_YAML_H
#define TULLE_SOURCE_FILE_YAML_H

#include <tulle/error.h>

#include "base/arena.h"
#include "source/file/resource.h"
#include "source/file/tree.h"

enum {
    YAML_DEPTH_MAX = 64,
    YAML_NODES_MAX = 200000,
    YAML_SIZE_MAX = 4 * 1024 * 1024,
};

struct document {
    struct document *next;
    struct node *root; /* never NULL; empty documents are left out */
    bool is_bad;       /* it breaks a rule of ours; complained of */
};

/* Reads every document of `text` into `arena`.
 * Errors: TULLE_E_NOMEM; TULLE_E_CONFIG: the text could not be read to its end
 * (complained of; `*out` has what came before) */
enum tulle_error tulle__yaml_read(struct arena *arena, struct complaints *complaints,
                                  struct str file, struct str text, struct document **out);

#endif
