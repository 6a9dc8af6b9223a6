/* SPDX-License-Identifier: Apache-2.0 */

/* A TrafficPolicy, laid over what the rules say, part by part. */

#include "source/file/translate.h"

#include <stdlib.h>

#include "base/macros.h"

/* What belongs to a kind of balancer, and not what all of them have. */
static void overlay_balancer(struct cluster *cluster, const struct traffic_policy *policy)
{
    struct balancer_config before = cluster->balancer, *balancer = &cluster->balancer;

    *balancer = policy->balancer;
    balancer->hash = before.hash;
    balancer->hash_count = before.hash_count;
    balancer->hash_balance = before.hash_balance;
    balancer->slow_start = before.slow_start;
    balancer->subsetting = before.subsetting;
    balancer->locality = before.locality;
    balancer->drop_per_million = before.drop_per_million;
    balancer->drop_category = before.drop_category;
}

static void overlay_locality(struct locality_config *locality, const struct traffic_policy *policy)
{
    const struct locality_config *said = &policy->balancer.locality;

    if (policy->says & POLICY_PANIC) {
        locality->panic_percent = said->panic_percent;
    }
    if (policy->says & POLICY_OVERPROVISIONING) {
        locality->overprovisioning = said->overprovisioning;
    }
    if (policy->says & POLICY_LOCALITY_MODE) {
        locality->mode = said->mode;
        locality->routing_enabled = said->routing_enabled;
        locality->min_cluster_size = said->min_cluster_size;
        locality->fail_on_panic = said->fail_on_panic;
    }
}

static void overlay_choice(struct cluster *cluster, const struct traffic_policy *policy)
{
    if (policy->says & POLICY_BALANCER) {
        overlay_balancer(cluster, policy);
    }
    if (policy->says & POLICY_HASH) {
        cluster->balancer.hash = policy->balancer.hash;
        cluster->balancer.hash_count = policy->balancer.hash_count;
    }
    if (policy->says & POLICY_HASH_BALANCE) {
        cluster->balancer.hash_balance = policy->balancer.hash_balance;
    }
    if (policy->says & POLICY_SLOW_START) {
        cluster->balancer.slow_start = policy->balancer.slow_start;
    }
    if (policy->says & POLICY_SUBSETTING) {
        cluster->balancer.subsetting = policy->balancer.subsetting;
    }
    if (policy->says & POLICY_DROP) {
        cluster->balancer.drop_per_million = policy->balancer.drop_per_million;
        cluster->balancer.drop_category = policy->balancer.drop_category;
    }
    overlay_locality(&cluster->balancer.locality, policy);
}

static void overlay_failure(struct cluster *cluster, const struct traffic_policy *policy)
{
    if (policy->says & POLICY_OUTLIER) {
        cluster->outlier = policy->outlier;
    }
    if (policy->says & POLICY_CHECKS) {
        cluster->checks = policy->checks;
        cluster->check_count = policy->check_count;
    }
    if (policy->says & POLICY_RETRY) {
        cluster->retry = policy->retry;
    }
    if (policy->says & POLICY_BUDGET) {
        cluster->budget = policy->budget;
    }
    if (policy->says & POLICY_HEDGE) {
        cluster->hedge = policy->hedge;
    }
}

static void limit_overlay(uint32_t *limit, uint32_t said)
{
    *limit = said != LIMIT_NONE ? said : *limit;
}

/* Each that is said. */
static void overlay_limits(struct limits *limits, const struct limits *said)
{
    limit_overlay(&limits->max_connections, said->max_connections);
    limit_overlay(&limits->max_pending, said->max_pending);
    limit_overlay(&limits->max_requests, said->max_requests);
    limit_overlay(&limits->max_retries, said->max_retries);
    limits->endpoint_max_requests = said->endpoint_max_requests;
    limits->endpoint_max_connections = said->endpoint_max_connections;
}

static void overlay_overload(struct cluster *cluster, const struct traffic_policy *policy)
{
    if (policy->says & POLICY_ADAPTIVE) {
        cluster->adaptive = policy->adaptive;
    }
    if (policy->says & POLICY_ADMISSION) {
        cluster->admission = policy->admission;
    }
    if (policy->says & POLICY_THROTTLING) {
        cluster->throttling = policy->throttling;
    }
    if (policy->says & POLICY_LIMITS) {
        overlay_limits(&cluster->limits, &policy->limits);
    }
    if (policy->says & POLICY_PRECONNECT) {
        cluster->preconnect = policy->preconnect;
    }
}

void tulle__translate_overlay_apply(struct cluster *cluster, const struct traffic_policy *policy)
{
    overlay_choice(cluster, policy);
    overlay_failure(cluster, policy);
    overlay_overload(cluster, policy);
}

/* --- zone-aware routing --- */

static int caller_compare(const void *left, const void *right)
{
    const struct caller_share *a = left, *b = right;

    return tulle__str_compare(a->locality, b->locality);
}

/* By locality, each once. */
static size_t callers_join(struct caller_share *callers, size_t count)
{
    size_t kept = 0;

    qsort(callers, count, sizeof(*callers), caller_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && str_equal(callers[kept - 1].locality, callers[i].locality)) {
            callers[kept - 1].count++;
        } else {
            callers[kept++] = callers[i];
        }
    }
    return kept;
}

enum tulle_error tulle__translate_callers(struct translation *translation,
                                          const struct resource *said_by,
                                          const struct placed *service, struct cluster *cluster)
{
    struct locality_config *locality = &cluster->balancer.locality;
    struct caller_share *callers;
    const struct service_entry *entry;
    struct mesh_host *host;
    bool hidden;

    translation->resource = said_by;
    TRY(tulle__translate_find_host(translation, service, &host, &hidden));
    if (host == NULL) {
        return TULLE_OK;
    }
    entry = &host->entry->spec.service_entry;
    callers = ARENA_ARRAY(&translation->arena, struct caller_share, entry->endpoint_count + 1);
    ENSURE(callers != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        callers[i] = (struct caller_share){ entry->endpoints[i].locality, 1 };
    }
    locality->callers = callers;
    locality->caller_count = callers_join(callers, entry->endpoint_count);
    return TULLE_OK;
}
