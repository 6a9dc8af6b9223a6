/* SPDX-License-Identifier: Apache-2.0 */

/* The whole mesh at one instant: immutable, whole or not published (gRFC A74).
 * A spine of pointers to parts. */

#ifndef TULLE_MODEL_SNAPSHOT_H
#define TULLE_MODEL_SNAPSHOT_H

#include <tulle/error.h>

#include "base/table.h"
#include "model/cluster.h"
#include "model/route.h"

/* What a source delivers: the mesh as it should be. Owns its references. */
struct draft {
    struct service **services;
    size_t service_count, service_capacity;
    struct cluster **clusters;
    size_t cluster_count, cluster_capacity;
};

void tulle__draft_fini(struct draft *draft);
/* Take the reference over, also on failure. False: no memory. */
bool tulle__draft_add_service(struct draft *draft, struct service *service);
bool tulle__draft_add_cluster(struct draft *draft, struct cluster *cluster);

struct snapshot {
    uint64_t generation;
    struct draft parts;
    struct table services; /* by each of its names */
    struct table clusters; /* by name */
};

/* Builds from `draft` (whose references are copied, not taken), taking from
 * `previous` (or NULL) every part with the same key and fingerprint. A draft
 * that does not fit together (two services of one name, a route to a cluster
 * whose host and subset no cluster has, a weight total of 0) is refused whole:
 * `why` (256 bytes) says which and what.
 * Errors: TULLE_E_CONFIG, TULLE_E_NOMEM */
enum tulle_error tulle__snapshot_build(const struct draft *draft, const struct snapshot *previous,
                                       uint64_t generation, char *why, struct snapshot **out);
void tulle__snapshot_free(struct snapshot *snapshot);

/* `host` in lower case, without port and trailing dot. NULL: not in the mesh. */
struct service *tulle__snapshot_service(const struct snapshot *snapshot, struct str host);
struct cluster *tulle__snapshot_cluster(const struct snapshot *snapshot, struct str name);

#endif
