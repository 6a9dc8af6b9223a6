/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/spread.h"

#include <stdio.h>

#include "model/defaults.h"
#include "peer/chi_square.h"

/* --- the library --- */

static void endpoint_init(struct endpoint *endpoint, struct arena *arena,
                          const struct spread_group *group, size_t g, uint32_t host)
{
    static const enum endpoint_health health[SPREAD_STATES] = { HEALTH_HEALTHY, HEALTH_DEGRADED,
                                                                HEALTH_UNHEALTHY };

    /* Sorted by address: so many digits. */
    endpoint->address = tulle__arena_format(arena, "127.1.%zu.%03u:80", g, host + 1);
    endpoint->locality = str_of(group->place ? group->place : "");
    endpoint->weight = group->weight > 0 ? group->weight : 1;
    endpoint->priority = group->priority;
    endpoint->health = health[spread_state(group, host)];
}

static void set_init(struct endpoint_set *set, const struct spread_case *test)
{
    struct endpoint endpoints[SPREAD_GROUPS * SPREAD_HOSTS] = { 0 };
    struct locality_weight *weights =
        ARENA_ARRAY(&set->part.arena, struct locality_weight, SPREAD_GROUPS);
    size_t count = 0;

    assert_non_null(weights);
    for (size_t g = 0; g < SPREAD_GROUPS && test->groups[g].count > 0; g++) {
        const struct spread_group *group = &test->groups[g];

        weights[g] = (struct locality_weight){ str_of(group->place ? group->place : ""),
                                               group->priority, group->place_weight };
        set->locality_count += test->mode == LOCALITY_WEIGHTED;
        for (uint32_t i = 0; i < group->count; i++) {
            endpoint_init(&endpoints[count++], &set->part.arena, group, g, i);
        }
    }
    set->localities = weights;
    assert_true(tulle__endpoint_set_fill(set, endpoints, count));
}

static void locality_init(struct locality_config *locality, const struct spread_case *test)
{
    locality->mode = test->mode;
    locality->panic_percent = test->panic;
    locality->local = STR("a");
    locality->callers = spread_callers;
    locality->caller_count = SPREAD_CALLERS;
    locality->fail_on_panic = test->fail_on_panic;
    locality->routing_enabled = test->routing > 0 ? test->routing : 100;
    locality->min_cluster_size = test->min_cluster > 0 ? test->min_cluster : 6;
}

struct cluster *spread_cluster(const struct spread_case *test)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));
    struct endpoint_set *set = tulle__part_new(sizeof(*set));

    assert_true(cluster != NULL && set != NULL);
    set_init(set, test);
    cluster->name = STR("shop");
    tulle__cluster_set_defaults(cluster);
    cluster->endpoints = set;
    assert_true(tulle__part_add_cleanup(&cluster->part, tulle__part_unref, set));
    cluster->balancer.kind = test->kind;
    locality_init(&cluster->balancer.locality, test);
    return cluster;
}

void spread_count(struct spread_choice *choice, const char *address)
{
    unsigned group, host;

    assert_int_equal(sscanf(address, "127.1.%u.%u:", &group, &host), 2);
    assert_true(group < SPREAD_GROUPS && host >= 1 && host <= SPREAD_HOSTS);
    choice->hosts[group][host - 1]++;
}

/* --- the comparison --- */

enum { CELLS_MAX = SPREAD_GROUPS * SPREAD_HOSTS + 1 };

struct cells {
    unsigned ours[CELLS_MAX], envoys[CELLS_MAX];
    size_t count;
};

static void cell_add(struct cells *cells, unsigned ours, unsigned envoys)
{
    cells->ours[cells->count] = ours;
    cells->envoys[cells->count++] = envoys;
}

static void cells_compare(const struct cells *cells, const char *name, const char *what,
                          size_t comparisons)
{
    double p = chi_square_p(cells->ours, cells->envoys, cells->count);

    if (p >= 0.001 / (double)comparisons) {
        return;
    }
    for (size_t i = 0; i < cells->count; i++) {
        print_error("%u, Envoy %u\n", cells->ours[i], cells->envoys[i]);
    }
    fail_msg("%s, %s: p is %g", name, what, p);
}

unsigned spread_total(const struct spread_choice *choice)
{
    unsigned sum = choice->none;

    for (size_t g = 0; g < SPREAD_GROUPS; g++) {
        for (size_t i = 0; i < SPREAD_HOSTS; i++) {
            sum += choice->hosts[g][i];
        }
    }
    return sum;
}

void spread_compare(const struct spread_case *test, const struct spread_choice *ours,
                    const struct spread_choice *envoys, size_t comparisons)
{
    struct cells hosts = { 0 }, places = { 0 };

    for (size_t g = 0; g < SPREAD_GROUPS; g++) {
        unsigned mine[SPREAD_STATES] = { 0 }, its[SPREAD_STATES] = { 0 };

        for (uint32_t i = 0; i < test->groups[g].count; i++) {
            uint32_t state = spread_state(&test->groups[g], i);

            mine[state] += ours->hosts[g][i];
            its[state] += envoys->hosts[g][i];
            cell_add(&hosts, ours->hosts[g][i], envoys->hosts[g][i]);
        }
        for (size_t state = 0; state < SPREAD_STATES; state++) {
            cell_add(&places, mine[state], its[state]);
        }
    }
    cell_add(&places, ours->none, envoys->none);
    assert_int_equal(spread_total(ours), spread_total(envoys));
    cells_compare(&hosts, test->name, "hosts", 2 * comparisons);
    cells_compare(&places, test->name, "places", 2 * comparisons);
}
