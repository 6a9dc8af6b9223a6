/* SPDX-License-Identifier: Apache-2.0 */

/* What the rules say of one cluster, and Istio's defaults where they say nothing.
 *
 * Inheritance is istiod's MergeSubsetTrafficPolicy: a portLevelSettings entry
 * stands in the place of the whole policy it is in (what it does not say is
 * default, not inherited); a subset's groups replace the rule's one by one,
 * unless they are a port's: then all of them. The retry budget knows no ports.
 * TrafficPolicies come last: host, subset, port, subset and port. */

#include "source/file/translate.h"

#include "base/clock.h"
#include "base/macros.h"
#include "model/defaults.h"

/* What a cluster is given, and by which rules. */
struct ruling {
    struct cluster *cluster;
    enum protocol protocol; /* as the port says */
    const struct locality_setting *localities;
    struct placed local_service; /* of zone-aware routing, by `said_by` */
    const struct resource *said_by;
};

/* What a level says of one port. */
static const struct rule_policy *level_policy(const struct rule_traffic_policy *level,
                                              uint16_t port, bool *is_of_port)
{
    *is_of_port = false;
    for (size_t i = 0; i < level->port_count; i++) {
        if (level->ports[i].port == port) {
            *is_of_port = true;
            return &level->ports[i].policy;
        }
    }
    return &level->policy;
}

static void group_balancer(struct ruling *ruling, const struct rule_policy *policy)
{
    struct balancer_config *balancer = &ruling->cluster->balancer;
    uint32_t panic = balancer->locality.panic_percent;

    *balancer = policy->has_balancer ? policy->balancer : tulle__balancer_default;
    balancer->locality.panic_percent = panic;
    ruling->localities = &policy->locality;
    /* istiod leaves out the previous_hosts predicate where a hash decides. */
    ruling->cluster->retry.any_host =
        balancer->kind == BALANCER_RING_HASH || balancer->kind == BALANCER_MAGLEV;
}

static void group_pool(struct ruling *ruling, const struct rule_policy *policy)
{
    struct cluster *cluster = ruling->cluster;
    struct cluster defaults;

    tulle__cluster_set_defaults(&defaults);
    cluster->protocol =
        policy->upgrades && ruling->protocol == PROTOCOL_HTTP1 ? PROTOCOL_HTTP2 : ruling->protocol;
    if (policy->has_pool) {
        cluster->limits = policy->limits;
        cluster->connect_timeout_ns = policy->connect_timeout_ns;
        cluster->idle_timeout_ns = policy->idle_timeout_ns;
        cluster->connection = policy->connection;
        return;
    }
    cluster->limits = tulle__limits_default;
    cluster->connect_timeout_ns = defaults.connect_timeout_ns;
    cluster->idle_timeout_ns = defaults.idle_timeout_ns;
    cluster->connection = defaults.connection;
}

static void group_outlier(struct cluster *cluster, const struct rule_policy *policy)
{
    struct outlier_config *outlier = &cluster->outlier;

    *outlier = (struct outlier_config){ 0 };
    cluster->balancer.locality.panic_percent = policy->panic_percent;
    if (policy->has_outlier) {
        *outlier = policy->outlier;
        outlier->enabled = true;
        outlier->max_ejection_ns =
            outlier->base_ejection_ns > tulle__outlier_default.max_ejection_ns
                ? outlier->base_ejection_ns
                : tulle__outlier_default.max_ejection_ns;
    }
}

static void group_budget(struct cluster *cluster, const struct rule_traffic_policy *level)
{
    if (level->policy.has_budget) {
        cluster->budget = level->policy.budget;
    }
}

static void subset_apply(struct ruling *ruling, const struct rule_traffic_policy *level)
{
    struct cluster *cluster = ruling->cluster;
    bool all;
    const struct rule_policy *policy = level_policy(level, cluster->port, &all);

    if (policy->has_balancer || all) {
        group_balancer(ruling, policy);
    }
    if (policy->has_pool || all) {
        group_pool(ruling, policy);
    }
    if (policy->has_outlier || all) {
        group_outlier(cluster, policy);
    }
    group_budget(cluster, level);
}

static void rules_apply(struct ruling *ruling, const struct mesh_host *host,
                        const struct rule_subset *subset)
{
    static const struct rule_policy nothing;
    const struct rule_policy *policy = &nothing;
    struct cluster *cluster = ruling->cluster;
    bool ignored;

    if (host->policy != NULL) {
        policy = level_policy(host->policy, cluster->port, &ignored);
        group_budget(cluster, host->policy);
    }
    group_balancer(ruling, policy);
    group_pool(ruling, policy);
    group_outlier(cluster, policy);
    if (subset != NULL && subset->has_policy) {
        subset_apply(ruling, &subset->policy);
    }
}

static void overlay_apply(struct ruling *ruling, const struct resource *resource)
{
    const struct traffic_policy *policy = &resource->spec.traffic_policy;

    tulle__translate_overlay_apply(ruling->cluster, policy);
    if (policy->says & POLICY_LOCALITY_MODE) {
        ruling->local_service = policy->local_service;
        ruling->said_by = resource;
    }
}

static void overlays_apply(struct ruling *ruling, const struct mesh_host *host)
{
    static const struct {
        bool of_subset, of_port;
    } order[] = { { false, false }, { true, false }, { false, true }, { true, true } };

    for (size_t i = 0; i < COUNT_OF(order); i++) {
        for (const struct resource_node *node = host->overlays.first; node; node = node->next) {
            const struct traffic_policy *policy = &node->resource->spec.traffic_policy;
            bool of_subset = policy->subset.text.size > 0, of_port = policy->port != 0;
            bool meant = (!of_subset || str_equal(policy->subset.text, ruling->cluster->subset)) &&
                         (!of_port || policy->port == ruling->cluster->port);

            if (meant && of_subset == order[i].of_subset && of_port == order[i].of_port) {
                overlay_apply(ruling, node->resource);
            }
        }
    }
}

/* As istiod, where no TrafficPolicy says it: other settings leave the endpoints of
 * a priority alike. */
static void localities_weigh(struct cluster *cluster, const struct locality_setting *setting)
{
    bool fails_over =
        cluster->outlier.enabled && (setting->failover_count > 0 || setting->priority_count > 0);

    if (!setting->is_off && (setting->distribute_count > 0 || fails_over) &&
        cluster->balancer.locality.mode == LOCALITY_IGNORED) {
        cluster->balancer.locality.mode = LOCALITY_WEIGHTED;
    }
}

static void self_apply(struct cluster *cluster, const struct source_self *self)
{
    struct balancer_config *balancer = &cluster->balancer;

    balancer->locality.local = str_of(self->locality);
    if (balancer->subsetting.kind != SUBSETTING_NONE) {
        balancer->subsetting.peer_index = self->peer_index;
        balancer->subsetting.peer_count = self->peer_count;
        balancer->subsetting.seed = self->seed;
    }
}

enum tulle_error tulle__translate_policies(struct translation *translation, struct cluster *cluster,
                                           const struct mesh_host *host,
                                           const struct rule_subset *subset,
                                           const struct locality_setting **setting)
{
    struct ruling ruling = { .cluster = cluster, .protocol = cluster->protocol };

    tulle__cluster_set_defaults(cluster);
    rules_apply(&ruling, host, subset);
    overlays_apply(&ruling, host);
    localities_weigh(cluster, ruling.localities);
    self_apply(cluster, &translation->options->self);
    *setting = ruling.localities;
    if (cluster->balancer.locality.mode == LOCALITY_ZONE_AWARE) {
        TRY(tulle__translate_callers(translation, ruling.said_by, &ruling.local_service, cluster));
    }
    return tulle__translate_own(cluster);
}
