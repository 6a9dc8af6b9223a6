/* SPDX-License-Identifier: Apache-2.0 */

#include "unit/balance/groups.h"

#include "harness/test.h"
#include "model/defaults.h"
#include "model/seal.h"

struct groups groups;

void groups_reset(enum balancer_kind kind)
{
    groups = (struct groups){ .config = tulle__balancer_default };
    groups.config.kind = kind;
}

static void group_set(struct endpoint *endpoints, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        endpoints[i].priority = group->priority;
        endpoints[i].locality = str_of(group->locality ? group->locality : "");
        endpoints[i].weight = group->weight > 0 ? group->weight : 1;
        endpoints[i].health = i < group->degraded                      ? HEALTH_DEGRADED
                              : i < group->degraded + group->unhealthy ? HEALTH_UNHEALTHY
                                                                       : HEALTH_HEALTHY;
    }
}

static void groups_shape(struct endpoint *endpoints)
{
    for (size_t g = 0; g < groups.count; g++) {
        group_set(endpoints, &groups.list[g]);
        endpoints += groups.list[g].count;
    }
}

bool groups_fill(const struct group *list, size_t count)
{
    struct fixture_endpoints wanted = { .shape = groups_shape };
    struct cluster *cluster;
    bool changed;

    groups.list = list;
    groups.count = count;
    for (size_t g = 0; g < count; g++) {
        wanted.count += list[g].count;
    }
    cluster = fixture_cluster(&wanted);
    if (cluster == NULL) {
        return false;
    }
    cluster->endpoints->localities = groups.weights;
    cluster->endpoints->locality_count = groups.weight_count;
    cluster->balancer = groups.config;
    field.config = groups.config;
    field.set.now = field.now;
    field.live = tulle__live_adopt(&field.set, cluster, &changed);
    tulle__part_unref(cluster);
    return field.live != NULL && field_rebuild();
}

static size_t group_of(size_t view, size_t *within)
{
    size_t g = 0;

    while (view >= groups.list[g].count) {
        view -= groups.list[g++].count;
    }
    *within = view;
    return g;
}

void groups_pick(unsigned count)
{
    memset(groups.counts, 0, sizeof(groups.counts));
    memset(groups.degraded, 0, sizeof(groups.degraded));
    memset(groups.unhealthy, 0, sizeof(groups.unhealthy));
    while (count-- > 0) {
        struct view *view;
        size_t g, within;

        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        g = group_of(field_index(view), &within);
        groups.counts[g]++;
        groups.degraded[g] += within < groups.list[g].degraded;
        groups.unhealthy[g] += within >= groups.list[g].degraded &&
                               within < groups.list[g].degraded + groups.list[g].unhealthy;
    }
}

void groups_expect(unsigned of, const double *percents)
{
    groups_pick(of);
    for (size_t g = 0; g < groups.count; g++) {
        double expected = percents[g] / 100 * of;

        if (groups.counts[g] < expected - 4 || groups.counts[g] > expected + 4) {
            fail_msg("group %zu: %u of %u picks, expected %.1f", g, groups.counts[g], of, expected);
        }
    }
}
