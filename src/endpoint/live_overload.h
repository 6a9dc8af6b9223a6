/* SPDX-License-Identifier: Apache-2.0 */

/* What a cluster's overload policies share over loops and snapshots: there where
 * one is configured, and from then on as long as the cluster, because calls of an
 * older snapshot may use it still. */

#ifndef TULLE_ENDPOINT_LIVE_OVERLOAD_H
#define TULLE_ENDPOINT_LIVE_OVERLOAD_H

#include <stdbool.h>

#include "endpoint/live.h"

/* By the control step, before the cluster's calls. False: no memory. */
bool tulle__live_overload_adopt(struct cluster_live *live, const struct cluster *cluster,
                                int64_t now);
void tulle__live_overload_free(struct cluster_live *live);

#endif
