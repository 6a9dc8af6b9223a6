/* SPDX-License-Identifier: Apache-2.0 */

/* Two growing lists of references. A reference that finds no room is given
 * back here, so that callers need not undo. */

#include "model/snapshot.h"

#include "base/alloc.h"

enum { DRAFT_CAPACITY_FIRST = 16 };

void tulle__draft_fini(struct draft *draft)
{
    for (size_t i = 0; i < draft->service_count; i++) {
        tulle__part_unref(draft->services[i]);
    }
    for (size_t i = 0; i < draft->cluster_count; i++) {
        tulle__part_unref(draft->clusters[i]);
    }
    tulle__free(draft->services);
    tulle__free(draft->clusters);
    *draft = (struct draft){ 0 };
}

/* The list with room for one more; NULL: no memory, and the old list stays. */
static void *with_room(void *list, size_t count, size_t *capacity)
{
    size_t next = *capacity > 0 ? *capacity * 2 : DRAFT_CAPACITY_FIRST;
    void *grown;

    if (count < *capacity) {
        return list;
    }
    grown = tulle__realloc(list, next * sizeof(void *));
    if (grown != NULL) {
        *capacity = next;
    }
    return grown;
}

bool tulle__draft_add_service(struct draft *draft, struct service *service)
{
    struct service **list =
        with_room(draft->services, draft->service_count, &draft->service_capacity);

    if (list == NULL) {
        tulle__part_unref(service);
        return false;
    }
    draft->services = list;
    draft->services[draft->service_count++] = service;
    return true;
}

bool tulle__draft_add_cluster(struct draft *draft, struct cluster *cluster)
{
    struct cluster **list =
        with_room(draft->clusters, draft->cluster_count, &draft->cluster_capacity);

    if (list == NULL) {
        tulle__part_unref(cluster);
        return false;
    }
    draft->clusters = list;
    draft->clusters[draft->cluster_count++] = cluster;
    return true;
}
