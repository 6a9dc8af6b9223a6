/* SPDX-License-Identifier: Apache-2.0 */

#include "unit/endpoint/fixture.h"

#include "base/clock.h"
#include "model/defaults.h"
#include "model/seal.h"

static struct endpoint_set *endpoints_new(const struct fixture_endpoints *wanted)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    struct endpoint *endpoints;

    if (set == NULL || wanted->count == 0) {
        return set;
    }
    endpoints = ARENA_ARRAY(&set->part.arena, struct endpoint, wanted->count);
    for (size_t i = 0; endpoints != NULL && i < wanted->count; i++) {
        endpoints[i].address =
            tulle__arena_format(&set->part.arena, "10.0.%05zu:80", wanted->from + i);
        endpoints[i].weight = wanted->weights != NULL ? wanted->weights[i] : 1;
        if (endpoints[i].address.data == NULL) {
            endpoints = NULL;
        }
    }
    if (endpoints != NULL && wanted->shape != NULL) {
        wanted->shape(endpoints);
    }
    if (endpoints == NULL || !tulle__endpoint_set_fill(set, endpoints, wanted->count)) {
        tulle__part_unref(set);
        return NULL;
    }
    return set;
}

struct cluster *fixture_cluster(const struct fixture_endpoints *endpoints)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));

    if (cluster == NULL) {
        return NULL;
    }
    cluster->name = STR("outbound|80||shop");
    cluster->host = STR("shop");
    tulle__cluster_set_defaults(cluster);
    cluster->outlier = tulle__outlier_default;
    cluster->outlier.max_ejection_percent = 100;
    cluster->endpoints = endpoints_new(endpoints);
    if (cluster->endpoints == NULL) {
        tulle__part_unref(cluster);
        return NULL;
    }
    if (!tulle__part_add_cleanup(&cluster->part, tulle__part_unref, cluster->endpoints)) {
        tulle__part_unref(cluster->endpoints);
        tulle__part_unref(cluster);
        return NULL;
    }
    return cluster;
}

struct view *fixture_view(const struct cluster_live *live, size_t i)
{
    for (size_t k = 0; k < live->view_count; k++) {
        if (live->views[k]->named && i-- == 0) {
            return live->views[k];
        }
    }
    return NULL;
}

size_t fixture_named(const struct cluster_live *live)
{
    size_t count = 0;

    while (fixture_view(live, count) != NULL) {
        count++;
    }
    return count;
}

int fixture_record(struct cluster_live *live, struct view *view, enum verdict verdict, int count,
                   int64_t now)
{
    int ejections = 0;

    for (int i = 0; i < count; i++) {
        ejections +=
            tulle__outlier_record(live, 0, view, &live->config->outlier, verdict, NULL, now);
    }
    return ejections;
}
