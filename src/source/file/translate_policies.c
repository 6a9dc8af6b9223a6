/* SPDX-License-Identifier: Apache-2.0 */

/* What the rules say of one cluster, and Istio's defaults where they say nothing.
 *
 * Inheritance is istiod's MergeSubsetTrafficPolicy: a portLevelSettings entry
 * stands in the place of the whole policy it is in (what it does not say is
 * default, not inherited); a subset's groups replace the rule's one by one,
 * unless they are a port's: then all of them. TrafficPolicies come last: host,
 * subset, port, subset and port. */

#include "source/file/translate.h"

#include "base/clock.h"
#include "base/macros.h"
#include "model/defaults.h"

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

static void group_balancer(struct cluster *cluster, const struct rule_policy *policy)
{
    cluster->balancer = tulle__balancer_default;
    if (policy->has_balancer) {
        cluster->balancer.kind = policy->balancer;
    }
}

static void group_pool(struct cluster *cluster, const struct rule_policy *policy)
{
    struct cluster defaults;

    tulle__cluster_set_defaults(&defaults);
    if (policy->has_pool) {
        cluster->limits = policy->limits;
        cluster->connect_timeout_ns = policy->connect_timeout_ns;
        cluster->idle_timeout_ns = policy->idle_timeout_ns;
        return;
    }
    cluster->limits = tulle__limits_default;
    cluster->connect_timeout_ns = defaults.connect_timeout_ns;
    cluster->idle_timeout_ns = defaults.idle_timeout_ns;
}

static void group_outlier(struct cluster *cluster, const struct rule_policy *policy)
{
    struct outlier_config *outlier = &cluster->outlier;

    *outlier = (struct outlier_config){ 0 };
    if (policy->has_outlier) {
        *outlier = policy->outlier;
        outlier->enabled = true;
        outlier->max_ejection_ns =
            outlier->base_ejection_ns > tulle__outlier_default.max_ejection_ns
                ? outlier->base_ejection_ns
                : tulle__outlier_default.max_ejection_ns;
    }
}

static void subset_apply(struct cluster *cluster, const struct rule_traffic_policy *level)
{
    bool all;
    const struct rule_policy *policy = level_policy(level, cluster->port, &all);

    if (policy->has_balancer || all) {
        group_balancer(cluster, policy);
    }
    if (policy->has_pool || all) {
        group_pool(cluster, policy);
    }
    if (policy->has_outlier || all) {
        group_outlier(cluster, policy);
    }
}

static void rules_apply(struct cluster *cluster, const struct mesh_host *host,
                        const struct rule_subset *subset)
{
    static const struct rule_policy nothing;
    const struct rule_policy *policy = &nothing;
    bool ignored;

    if (host->policy != NULL) {
        policy = level_policy(host->policy, cluster->port, &ignored);
    }
    group_balancer(cluster, policy);
    group_pool(cluster, policy);
    group_outlier(cluster, policy);
    if (subset != NULL && subset->has_policy) {
        subset_apply(cluster, &subset->policy);
    }
}

static void overlay_apply(struct cluster *cluster, const struct traffic_policy *policy)
{
    if (policy->has_balancer) {
        cluster->balancer = policy->balancer;
    }
    if (policy->has_budget) {
        cluster->budget = policy->budget;
    }
}

static void overlays_apply(struct cluster *cluster, const struct mesh_host *host)
{
    static const struct {
        bool of_subset, of_port;
    } order[] = { { false, false }, { true, false }, { false, true }, { true, true } };

    for (size_t i = 0; i < COUNT_OF(order); i++) {
        for (const struct resource_node *node = host->overlays.first; node; node = node->next) {
            const struct traffic_policy *policy = &node->resource->spec.traffic_policy;
            bool of_subset = policy->subset.text.size > 0, of_port = policy->port != 0;
            bool meant = (!of_subset || str_equal(policy->subset.text, cluster->subset)) &&
                         (!of_port || policy->port == cluster->port);

            if (meant && of_subset == order[i].of_subset && of_port == order[i].of_port) {
                overlay_apply(cluster, policy);
            }
        }
    }
}

void tulle__translate_policies(struct cluster *cluster, const struct mesh_host *host,
                               const struct rule_subset *subset)
{
    tulle__cluster_set_defaults(cluster);
    rules_apply(cluster, host, subset);
    overlays_apply(cluster, host);
}
