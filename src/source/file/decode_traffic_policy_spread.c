/* SPDX-License-Identifier: Apache-2.0 */

/* What narrows the choice of endpoints before one is chosen, and what is hashed. */

#include "source/file/decode_traffic_policy.h"

#include "model/defaults.h"

#define KIND(group_, kind_) GROUP(group_), .is_kind = true, .kind = (kind_)

/* --- hashPolicy --- */

static const struct field header[] = {
    { .name = "headerName",
      TEXT(hash_policy, name),
      .unset = "required",
      .from = "Envoy HashPolicy.Header" },
};

static const struct field cookie[] = {
    { .name = "name",
      TEXT(hash_policy, name),
      .unset = "required",
      .from = "Envoy HashPolicy.Cookie" },
    { .name = "ttl",
      DURATION(hash_policy, ttl_ns, 0),
      .unset = "none is made",
      .from = "Envoy HashPolicy.Cookie; 0s: a session's" },
    { .name = "path", TEXT(hash_policy, path), .from = "Envoy HashPolicy.Cookie" },
};

static const struct field query[] = {
    { .name = "name",
      TEXT(hash_policy, name),
      .unset = "required",
      .from = "Envoy HashPolicy.QueryParameter" },
};

static const struct field_group header_group = { FIELDS(header) };
static const struct field_group cookie_group = { FIELDS(cookie) };
static const struct field_group source_group = { .fields = NULL };
static const struct field_group query_group = { FIELDS(query) };

static const struct field hash_policy[] = {
    { .name = "header", KIND(header_group, HASH_HEADER), .from = "Envoy HashPolicy" },
    { .name = "cookie", KIND(cookie_group, HASH_COOKIE), .from = "Envoy HashPolicy" },
    { .name = "source",
      KIND(source_group, HASH_SOURCE),
      .from = "Envoy HashPolicy.connection_properties.source_ip" },
    { .name = "queryParameter", KIND(query_group, HASH_QUERY), .from = "Envoy HashPolicy" },
    { .name = "terminal", FLAG(hash_policy, terminal), .from = "Envoy HashPolicy" },
};

static void hash_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct hash_policy *policy = out;

    if (policy->kind != HASH_SOURCE && policy->name.size == 0) {
        tulle__mistake(decoder, value, "%s must not be empty",
                       policy->kind == HASH_HEADER ? "headerName" : "name");
        return;
    }
    if (policy->kind == HASH_HEADER) {
        policy->name = tulle__decode_lower(decoder, policy->name);
    }
}

const struct field_group tulle__policy_hash = {
    FIELDS(hash_policy),
    .defaults = &tulle__hash_policy_default,
    .size = sizeof(struct hash_policy),
    .kinds = KIND_ONE,
    .kind_offset = offsetof(struct hash_policy, kind),
    .check = hash_check,
};

/* --- slowStart --- */

static const struct field slow_start[] = {
    { .name = "window",
      DURATION(traffic_policy, balancer.slow_start.window_ns, NS_PER_MS),
      .unset = "required",
      .from = "Envoy SlowStartConfig.slow_start_window" },
    { .name = "aggression",
      DECIMAL(traffic_policy, balancer.slow_start.aggression, RATIO, 1, 1000 * RATIO),
      .from = "Envoy SlowStartConfig.aggression" },
    { .name = "minWeightPercent",
      SHARE(traffic_policy, balancer.slow_start.least),
      .from = "Envoy SlowStartConfig.min_weight_percent" },
};

static void slow_start_check(struct decoder *decoder, const struct node *value, void *out)
{
    if (((const struct traffic_policy *)out)->balancer.slow_start.window_ns == 0) {
        tulle__mistake(decoder, value, "slowStart must have a window");
    }
}

const struct field_group tulle__policy_slow_start = {
    FIELDS(slow_start),
    .check = slow_start_check,
};

/* --- subsetting --- */

enum { APERTURE_LEAST = 12 };

static const struct field subset_random[] = {
    { .name = "size",
      COUNT(traffic_policy, balancer.subsetting.size, 1, COUNT_MOST),
      .unset = "required",
      .from = "gRPC A68 subset_size" },
};

static const struct field subset_aperture[] = {
    { .name = "size",
      COUNT(traffic_policy, balancer.subsetting.size, 1, COUNT_MOST),
      .unset = "12",
      .from = "Finagle DeterministicAperture; peers by `tulle_options.peer_index`, `peer_count`" },
};

static const struct field_group random_group = { FIELDS(subset_random) };
static const struct field_group aperture_group = { FIELDS(subset_aperture) };

static const struct field subsetting[] = {
    { .name = "random", KIND(random_group, SUBSETTING_RANDOM), .from = "gRPC A68" },
    { .name = "aperture", KIND(aperture_group, SUBSETTING_APERTURE), .from = "Finagle" },
};

static void subsetting_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct subsetting_config *config = &((struct traffic_policy *)out)->balancer.subsetting;

    if (config->size > 0) {
        return;
    }
    if (config->kind == SUBSETTING_APERTURE) {
        config->size = APERTURE_LEAST;
        return;
    }
    tulle__mistake(decoder, value, "random must have a size");
}

const struct field_group tulle__policy_subsetting = {
    FIELDS(subsetting),
    .kinds = KIND_ONE,
    .kind_offset = offsetof(struct traffic_policy, balancer.subsetting.kind),
    .check = subsetting_check,
};

/* --- locality --- */

enum { OVERPROVISIONING_LEAST = 1000, OVERPROVISIONING_MOST = 100000 };

static const struct field zone_aware[] = {
    { .name = "routingEnabled",
      COUNT(traffic_policy, balancer.locality.routing_enabled, 0, 100),
      .from = "Envoy ZoneAwareLbConfig.routing_enabled, percent" },
    { .name = "minClusterSize",
      COUNT(traffic_policy, balancer.locality.min_cluster_size, 0, COUNT_MOST),
      .from = "Envoy ZoneAwareLbConfig.min_cluster_size" },
    { .name = "failTrafficOnPanic",
      FLAG(traffic_policy, balancer.locality.fail_on_panic),
      .from = "Envoy ZoneAwareLbConfig.fail_traffic_on_panic" },
    { .name = "localService",
      .decode = tulle__field_host,
      .offset = offsetof(struct traffic_policy, local_service),
      .unset = "required",
      .from = "Envoy ClusterManager.local_cluster_name: the service that this program is one of" },
};

static void zone_aware_check(struct decoder *decoder, const struct node *value, void *out)
{
    if (((const struct traffic_policy *)out)->local_service.text.size == 0) {
        tulle__mistake(decoder, value, "zoneAware must name its localService");
    }
}

static const struct field_group weighted_group = { .fields = NULL };
static const struct field_group zone_aware_group = {
    FIELDS(zone_aware),
    .check = zone_aware_check,
};

static const struct field locality[] = {
    { .name = "healthyPanicThreshold",
      COUNT(traffic_policy, balancer.locality.panic_percent, 0, 100),
      .from = "Envoy CommonLbConfig.healthy_panic_threshold (there 50); Istio's default" },
    { .name = "overprovisioningFactor",
      DECIMAL(traffic_policy, balancer.locality.overprovisioning, PERCENT, OVERPROVISIONING_LEAST,
              OVERPROVISIONING_MOST),
      .from = "Envoy ClusterLoadAssignment.Policy.overprovisioning_factor, percent" },
    { .name = "weighted",
      KIND(weighted_group, LOCALITY_WEIGHTED),
      .from = "Envoy LocalityWeightedLbConfig" },
    { .name = "zoneAware",
      KIND(zone_aware_group, LOCALITY_ZONE_AWARE),
      .from = "Envoy ZoneAwareLbConfig" },
};

/* The panic threshold is Istio's minHealthPercent, and the mode its distribute:
 * who says one of them here does not mean the other. */
static void locality_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct traffic_policy *policy = out;

    (void)decoder;
    policy->says |= tulle__node_find(value, STR("healthyPanicThreshold")) ? POLICY_PANIC : 0;
    policy->says |=
        tulle__node_find(value, STR("overprovisioningFactor")) ? POLICY_OVERPROVISIONING : 0;
    policy->says |= policy->balancer.locality.mode != LOCALITY_IGNORED ? POLICY_LOCALITY_MODE : 0;
}

const struct field_group tulle__policy_locality = {
    FIELDS(locality),
    .kinds = KIND_MAYBE,
    .kind_offset = offsetof(struct traffic_policy, balancer.locality.mode),
    .check = locality_check,
};

/* --- dropOverload --- */

static const struct field drop[] = {
    { .name = "category",
      TEXT(traffic_policy, balancer.drop_category),
      .from = "Envoy DropOverload.category" },
    { .name = "percent",
      DECIMAL(traffic_policy, balancer.drop_per_million, PERCENT_FINE, 0, 100 * PERCENT_FINE),
      .from = "Envoy DropOverload.drop_percentage" },
};

const struct field_group tulle__policy_drop = { FIELDS(drop) };
