/* SPDX-License-Identifier: Apache-2.0 */

/* TrafficPolicy, our own kind: what Istio cannot say. */

#include "source/file/decode_traffic_policy.h"

#include "model/defaults.h"
#include "source/file/kinds.h"

#define PART(group_, mark_) .decode = tulle__field_group, .group = &(group_), .mark = (mark_)
#define PART_LIST(group_, mark_, list, count)                                                      \
    .decode = tulle__field_list, .group = &(group_), .mark = (mark_),                              \
    .offset = offsetof(struct traffic_policy, list),                                               \
    .count_offset = offsetof(struct traffic_policy, count)

static const struct field fields[] = {
    { .name = "host",
      .decode = tulle__field_host,
      .offset = offsetof(struct traffic_policy, host),
      .unset = "required",
      .from = "DestinationRule.host" },
    { .name = "subset",
      .decode = tulle__field_placed,
      .offset = offsetof(struct traffic_policy, subset),
      .unset = "every one",
      .from = "Destination.subset" },
    { .name = "port",
      .decode = tulle__field_port,
      .offset = offsetof(struct traffic_policy, port),
      .unset = "every one",
      .from = "Destination.port: `{number: 80}`" },
    { .name = "balancer",
      PART(tulle__policy_balancer, POLICY_BALANCER),
      .unset = "the DestinationRule's" },
    { .name = "hashPolicy",
      PART_LIST(tulle__policy_hash, POLICY_HASH, balancer.hash, balancer.hash_count),
      .unset = "the DestinationRule's",
      .from = "Envoy RouteAction.hash_policy" },
    { .name = "hashBalanceFactor",
      COUNT(traffic_policy, balancer.hash_balance, 100, COUNT_MOST),
      .mark = POLICY_HASH_BALANCE,
      .unset = "none",
      .from = "Envoy ConsistentHashingLbConfig.hash_balance_factor" },
    { .name = "slowStart",
      PART(tulle__policy_slow_start, POLICY_SLOW_START),
      .unset = "the DestinationRule's" },
    { .name = "subsetting", PART(tulle__policy_subsetting, POLICY_SUBSETTING), .unset = "none" },
    { .name = "locality",
      PART(tulle__policy_locality, POLICY_LOCALITY),
      .unset = "the DestinationRule's" },
    { .name = "dropOverload", PART(tulle__policy_drop, POLICY_DROP), .unset = "none" },
    { .name = "outlierDetection",
      PART(tulle__policy_outlier, POLICY_OUTLIER),
      .unset = "the DestinationRule's" },
    { .name = "healthChecks",
      PART_LIST(tulle__policy_check, POLICY_CHECKS, checks, check_count),
      .unset = "none",
      .from = "Envoy Cluster.health_checks" },
    { .name = "retry", PART(tulle__policy_retry, POLICY_RETRY), .unset = "as below" },
    { .name = "retryBudget", PART(tulle__policy_budget, POLICY_BUDGET), .unset = "as below" },
    { .name = "hedge", PART(tulle__policy_hedge, POLICY_HEDGE), .unset = "off" },
    { .name = "adaptiveConcurrency",
      PART(tulle__policy_adaptive, POLICY_ADAPTIVE),
      .unset = "off" },
    { .name = "admissionControl", PART(tulle__policy_admission, POLICY_ADMISSION), .unset = "off" },
    { .name = "adaptiveThrottling",
      PART(tulle__policy_throttling, POLICY_THROTTLING),
      .unset = "off" },
    { .name = "limits", PART(tulle__policy_limits, POLICY_LIMITS), .unset = "none" },
    { .name = "preconnect", PART(tulle__policy_preconnect, POLICY_PRECONNECT), .unset = "none" },
};

const struct field_group tulle__traffic_policy_group = { FIELDS(fields) };

void tulle__traffic_policy_init(struct traffic_policy *policy)
{
    *policy = (struct traffic_policy){
        .balancer = tulle__balancer_default,
        .outlier = tulle__outlier_default,
        .retry = tulle__retry_default,
        .budget = tulle__budget_default,
        .hedge = tulle__hedge_default,
        .adaptive = tulle__adaptive_default,
        .admission = tulle__admission_default,
        .throttling = tulle__throttling_default,
        .limits = tulle__limits_default,
        .preconnect = tulle__preconnect_default,
    };
}

static uint32_t marks_of(const struct node *spec)
{
    uint32_t marks = 0;

    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const struct node *node = tulle__node_find(spec, str_of(fields[i].name));

        marks |= node && !tulle__node_is_null(node) ? fields[i].mark : 0;
    }
    return marks;
}

void tulle__decode_traffic_policy(struct decoder *decoder, const struct node *spec,
                                  struct resource *out)
{
    struct traffic_policy *policy = &out->spec.traffic_policy;
    size_t before = decoder->mistakes;

    out->is_exported = true;
    tulle__traffic_policy_init(policy);
    tulle__decode_map(decoder, spec, fields, COUNT_OF(fields), policy);
    policy->says |= marks_of(spec);
    if (policy->host.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "host must name a host");
    }
    if (policy->says == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec,
                       "it says nothing: balancer, retryBudget, outlierDetection "
                       "or another policy must be there");
    }
}
