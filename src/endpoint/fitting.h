/* SPDX-License-Identifier: Apache-2.0 */

/* What an adoption will do to the views of a cluster, and all memory for it. For
 * adopt.c alone. */

#ifndef TULLE_ENDPOINT_FITTING_H
#define TULLE_ENDPOINT_FITTING_H

#include <stdbool.h>

#include "endpoint/live.h"

/* What becomes of a view. */
struct fit {
    struct view *view;
    const struct endpoint_record *record; /* NULL: it goes */
    bool fresh;
};

struct fitting {
    struct cluster_live *live;
    const struct cluster *cluster;
    bool same_peers; /* as before: protocol, host */
    int64_t now;
    struct view **views; /* those that will be */
    size_t view_count;
    struct fit *fits;
    size_t count, capacity;
    struct view **gone; /* sorted by address */
};

/* False: no memory; what was planned is to be undone. */
bool tulle__fitting_plan(struct fitting *fitting);
void tulle__fitting_undo(struct fitting *fitting);

void tulle__view_free(struct cluster_live *live, struct view *view);
/* Room for what may become known against it. False: no memory. */
bool tulle__view_prepare(struct view *view, const struct cluster *cluster);

#endif
