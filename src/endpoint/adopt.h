/* SPDX-License-Identifier: Apache-2.0 */

/* Makes the views of a live cluster fit the endpoints of a new snapshot: what
 * is named again keeps its view, and with it its ejection. */

#ifndef TULLE_ENDPOINT_ADOPT_H
#define TULLE_ENDPOINT_ADOPT_H

#include <stdbool.h>

#include "endpoint/live.h"

/* False: no memory; nothing was changed. */
bool tulle__views_adopt(struct cluster_live *live, const struct cluster *cluster, int64_t now,
                        bool *changed);
/* The newest snapshot names none of them any more. */
void tulle__views_disown(struct cluster_live *live);
/* Frees those that nobody can reach; `all`: whoever uses them. */
void tulle__views_sweep(struct cluster_live *live, bool all);

#endif
