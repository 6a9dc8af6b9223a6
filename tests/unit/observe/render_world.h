/* SPDX-License-Identifier: Apache-2.0 */

/* What the tests of rendering look at: clusters and texts. */

#ifndef TESTS_UNIT_OBSERVE_RENDER_WORLD_H
#define TESTS_UNIT_OBSERVE_RENDER_WORLD_H

#include "harness/test.h"

#include "base/buf.h"
#include "observe/render.h"

enum { WORLD_LOOPS = 2 };

/* A live cluster without its makers. */
struct world_cluster {
    _Alignas(64) unsigned char room[sizeof(struct cluster_live) +
                                    WORLD_LOOPS * sizeof(struct live_loop)];
};

static inline struct cluster_live *world_cluster(struct world_cluster *cluster, const char *name)
{
    struct cluster_live *live = (struct cluster_live *)(void *)cluster->room;

    memset(cluster, 0, sizeof(*cluster));
    live->name = str_of(name);
    live->loop_count = WORLD_LOOPS;
    return live;
}

static inline void assert_line(const struct buf *text, const char *line)
{
    const char *at = text->data ? strstr(text->data, line) : NULL;

    if (!at || (at != text->data && at[-1] != '\n') || at[strlen(line)] != '\n') {
        fail_msg("no such line: %s", line);
    }
}

static inline size_t times_in(const struct buf *text, const char *part)
{
    size_t count = 0;

    for (const char *at = strstr(text->data, part); at; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

#endif
