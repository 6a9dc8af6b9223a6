/* SPDX-License-Identifier: Apache-2.0 */

/* What the mesh asks of whoever knows the mesh. A source is used by the control
 * step alone. */

#ifndef TULLE_SEAM_SOURCE_H
#define TULLE_SEAM_SOURCE_H

#include <tulle/config.h>
#include <tulle/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "model/snapshot.h"

struct source_type;

/* Who this process is, for what depends on it: localities, subsets. */
struct source_self {
    const char *locality;            /* "region/zone/subzone"; "": unknown */
    const char *labels;              /* "name=value,name=value"; "": none */
    uint32_t peer_index, peer_count; /* 0 of 0: unknown */
    uint64_t seed;                   /* of this process; the same in every reading */
};

struct source_options {
    const struct source_type *type;   /* what is opened; it may be a member of something */
    const char *path;                 /* NULL: none */
    const struct tulle_config *built; /* NULL: none; read by open() only */
    const char *name_space;
    const char *domain;
    const char *const *ignore_kinds; /* NULL-ended, or NULL */
    bool open_with_errors;
    bool strict_retries;
    struct source_self self; /* texts may be NULL, as "" */
    bool is_mock;            /* its script may stand among the resources */
    const struct log *log;
};

struct source_stats {
    uint64_t loads;     /* readings that changed something, the first included */
    uint64_t refused;   /* readings that had errors */
    uint64_t errors;    /* of the last reading */
    uint64_t resources; /* that are in force */
    int64_t loaded_at;  /* monotonic; of the last change */
};

struct source;

enum source_step { SOURCE_SAME, SOURCE_CHANGED };

struct source_type {
    const char *name;
    /* Reads once. Each error goes to the log.
     * Errors: TULLE_E_CONFIG (unless open_with_errors), TULLE_E_NOMEM, TULLE_E_INTERNAL */
    enum tulle_error (*open)(const struct source_options *options, int64_t now,
                             struct source **out);
    void (*close)(struct source *source);
    /* Looks for changes; on SOURCE_CHANGED draft() is new. Fails static: what
     * is bad keeps its last good version. */
    enum source_step (*step)(struct source *source, int64_t now);
    int64_t (*due)(const struct source *source);               /* when to step at the latest */
    int (*fd)(const struct source *source);                    /* readable: step now; -1: none */
    const struct draft *(*draft)(const struct source *source); /* borrowed until the next step */
    void (*stats)(const struct source *source, struct source_stats *out);
};

extern const struct source_type tulle__file_source;

#endif
