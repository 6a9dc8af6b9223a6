/* SPDX-License-Identifier: Apache-2.0 */

#include "sim/fleet.h"

#include <string.h>

#include "base/macros.h"
#include "endpoint/latency.h"
#include "model/defaults.h"
#include "model/seal.h"

/* "10.0.00007:80": sorted as text and as numbers alike. */
enum { NUMBER_AT = 5, NUMBER_SIZE = 5 };

static struct endpoint_set *endpoints_new(size_t count)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    struct endpoint *endpoints =
        set != NULL ? ARENA_ARRAY(&set->part.arena, struct endpoint, count) : NULL;

    if (endpoints == NULL) {
        sim_die("out of memory", "endpoints");
    }
    for (size_t i = 0; i < count; i++) {
        endpoints[i].address = tulle__arena_format(&set->part.arena, "10.0.%05zu:80", i);
        endpoints[i].weight = 1;
    }
    if (!tulle__endpoint_set_fill(set, endpoints, count)) {
        sim_die("out of memory", "endpoints");
    }
    tulle__endpoint_set_seal(set);
    return set;
}

static struct cluster *cluster_new(const struct fleet_spec *spec)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));

    if (cluster == NULL) {
        sim_die("out of memory", "a cluster");
    }
    cluster->name = STR("outbound|80||shop");
    cluster->host = STR("shop");
    tulle__cluster_set_defaults(cluster);
    cluster->balancer.kind = spec->kind;
    cluster->balancer.prequal.reports = spec->reports;
    cluster->endpoints = endpoints_new(spec->servers);
    if (!tulle__part_add_cleanup(&cluster->part, tulle__part_unref, cluster->endpoints)) {
        sim_die("out of memory", "a cluster");
    }
    tulle__cluster_seal(cluster);
    return cluster;
}

void fleet_open(struct fleet *fleet, const struct fleet_spec *spec, int64_t now)
{
    struct cluster *cluster = cluster_new(spec);
    struct picker *picker = NULL;
    bool changed;

    *fleet = (struct fleet){ .live = NULL };
    tulle__rand_init(&fleet->rand, spec->seed);
    tulle__live_set_init(&fleet->set, 1, NULL);
    fleet->set.now = now;
    fleet->set.seed = rand_next(&fleet->rand);
    fleet->live = tulle__live_adopt(&fleet->set, cluster, &changed);
    if (fleet->live != NULL) {
        picker =
            tulle__picker_new(fleet->live, &cluster->balancer, 1, rand_next(&fleet->rand), now);
    }
    if (picker == NULL) {
        sim_die("out of memory", "a picker");
    }
    atomic_store(&fleet->live->picker, picker);
    tulle__part_unref(cluster);
}

void fleet_close(struct fleet *fleet)
{
    tulle__live_set_fini(&fleet->set);
}

struct view *fleet_pick(struct fleet *fleet, int64_t now)
{
    struct pick pick = { .rand = &fleet->rand, .now = now };
    struct view *view;

    if (tulle__pick(fleet->live, &pick, &view) != PICK_ENDPOINT) {
        sim_die("no endpoint", "a fleet has no gates");
    }
    return view;
}

struct view *fleet_view(const struct fleet *fleet, size_t server)
{
    return fleet->live->views[server]; /* they are sorted by address */
}

void fleet_tend(struct fleet *fleet, int64_t now)
{
    (void)tulle__picker_tend(atomic_load(&fleet->live->picker), now);
}

size_t fleet_server(const struct view *view)
{
    const char *digits = peer_address(view->peer).data + NUMBER_AT;
    size_t number = 0;

    for (size_t i = 0; i < NUMBER_SIZE; i++) {
        number = number * 10 + (size_t)(digits[i] - '0');
    }
    return number;
}

void fleet_begin(struct view *view)
{
    view_use(view);
    atomic_fetch_add_explicit(&view->peer->in_flight, 1, memory_order_relaxed);
}

void fleet_end(struct fleet *fleet, struct view *view, int64_t began, bool failed, int64_t now)
{
    const struct balancer_config *config = &fleet->live->config->balancer;

    if (config->kind == BALANCER_PEAK_EWMA) {
        tulle__latency_learn(&view->peer->latency, config, now - began, failed, now);
    }
    atomic_fetch_sub_explicit(&view->peer->in_flight, 1, memory_order_relaxed);
    view_release(view);
}

enum balancer_kind fleet_kind(const char *policy)
{
    static const struct {
        const char *name;
        enum balancer_kind kind;
    } kinds[] = {
        { "round_robin", BALANCER_ROUND_ROBIN }, { "least_request", BALANCER_LEAST_REQUEST },
        { "random", BALANCER_RANDOM },           { "peak_ewma", BALANCER_PEAK_EWMA },
        { "weighted", BALANCER_WEIGHTED },       { "prequal", BALANCER_PREQUAL },
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strncmp(kinds[i].name, policy, strlen(kinds[i].name)) == 0) {
            return kinds[i].kind;
        }
    }
    sim_die("no such balancer", policy);
}
