/* SPDX-License-Identifier: Apache-2.0 */

/* How an endpoint is chosen: exactly one kind, with what belongs to it. */

#include "source/file/decode_traffic_policy.h"

enum { CHOICES_MOST = 100, RING_MOST = 8388608, POOL_MOST = 64 };

static const struct field least_request[] = {
    { .name = "choiceCount",
      COUNT(traffic_policy, balancer.choice_count, 2, CHOICES_MOST),
      .from = "Envoy LeastRequest.choice_count" },
    { .name = "activeRequestBias",
      DECIMAL(traffic_policy, balancer.request_bias, RATIO, 0, 100 * RATIO),
      .from = "Envoy LeastRequest.active_request_bias" },
    { .name = "fullScan",
      FLAG(traffic_policy, balancer.full_scan),
      .from = "Envoy LeastRequest.selection_method FULL_SCAN" },
};

static const struct field peak_ewma[] = {
    { .name = "decayTime",
      DURATION(traffic_policy, balancer.ewma_tau_ns, NS_PER_MS),
      .from = "Finagle PeakEwma, linkerd2-proxy" },
    { .name = "defaultRtt",
      DURATION(traffic_policy, balancer.ewma_default_ns, NS_PER_MS),
      .from = "linkerd2-proxy" },
};

static const struct choice hash_functions[] = {
    { "XX_HASH", HASH_XX },
    { "MURMUR_HASH_2", HASH_MURMUR2 },
    { NULL, 0 },
};

static const struct field ring_hash[] = {
    { .name = "minimumRingSize",
      .decode = tulle__field_u64,
      .offset = offsetof(struct traffic_policy, balancer.ring_min),
      .least = 1,
      .most = RING_MOST,
      .from = "Envoy RingHash.minimum_ring_size" },
    { .name = "maximumRingSize",
      .decode = tulle__field_u64,
      .offset = offsetof(struct traffic_policy, balancer.ring_max),
      .least = 1,
      .most = RING_MOST,
      .from = "Envoy RingHash.maximum_ring_size" },
    { .name = "hashFunction",
      .decode = tulle__field_choice,
      .offset = offsetof(struct traffic_policy, balancer.hash_function),
      .choices = hash_functions,
      .from = "Envoy RingHash.hash_function" },
};

static void ring_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct balancer_config *balancer = &((const struct traffic_policy *)out)->balancer;

    if (balancer->ring_min > balancer->ring_max) {
        tulle__mistake(decoder, value, "minimumRingSize must not be over maximumRingSize");
    }
}

static const struct field_group ring_hash_group = { FIELDS(ring_hash), .check = ring_check };

static const struct field maglev[] = {
    { .name = "tableSize",
      COUNT(traffic_policy, balancer.table_size, 2, MAGLEV_TABLE_MOST),
      .from = "Envoy Maglev.table_size; a prime" },
};

static void table_check(struct decoder *decoder, const struct node *value, void *out)
{
    uint32_t size = ((const struct traffic_policy *)out)->balancer.table_size;

    if (!tulle__is_prime(size)) {
        tulle__mistake(decoder, value, "tableSize must be a prime, such as 65537, not %u",
                       (unsigned)size);
    }
}

static const struct field_group maglev_group = { FIELDS(maglev), .check = table_check };

static const struct field weighted[] = {
    { .name = "blackoutPeriod",
      DURATION(traffic_policy, balancer.weighted.blackout_ns, 0),
      .from = "gRPC A58, Envoy ClientSideWeightedRoundRobin.blackout_period" },
    { .name = "weightExpirationPeriod",
      DURATION(traffic_policy, balancer.weighted.expiration_ns, NS_PER_MS),
      .from = "gRPC A58" },
    { .name = "weightUpdatePeriod",
      DURATION(traffic_policy, balancer.weighted.update_ns, 100 * NS_PER_MS),
      .from = "gRPC A58, which makes less than 100ms that" },
    { .name = "errorUtilizationPenalty",
      DECIMAL(traffic_policy, balancer.weighted.error_penalty, RATIO, 0, 1000 * RATIO),
      .from = "gRPC A58" },
};

static const struct choice prequal_reports[] = {
    { "PIGGYBACK", PREQUAL_PIGGYBACK },
    { "PROBE", PREQUAL_PROBE },
    { "LOCAL", PREQUAL_LOCAL },
    { NULL, 0 },
};

static const struct field prequal[] = {
    { .name = "reports",
      .decode = tulle__field_choice,
      .offset = offsetof(struct traffic_policy, balancer.prequal.reports),
      .choices = prequal_reports,
      .from =
          "who tells load and latency: each reply, a probe, or (not Prequal) the client itself" },
    { .name = "probePath",
      TEXT(traffic_policy, balancer.prequal.probe_path),
      .unset = "required with PROBE",
      .from = "ours" },
    { .name = "probesPerCall",
      DECIMAL(traffic_policy, balancer.prequal.probes, RATIO, 0, 100 * RATIO),
      .from = "Prequal r_probe" },
    { .name = "removalsPerCall",
      DECIMAL(traffic_policy, balancer.prequal.removals, RATIO, 0, 100 * RATIO),
      .from = "Prequal r_remove" },
    { .name = "poolSize",
      COUNT(traffic_policy, balancer.prequal.pool_size, 2, POOL_MOST),
      .from = "Prequal m" },
    { .name = "probeAge",
      DURATION(traffic_policy, balancer.prequal.probe_age_ns, NS_PER_MS),
      .from = "Prequal" },
    { .name = "probeTimeout",
      DURATION(traffic_policy, balancer.prequal.probe_limit_ns, NS_PER_MS),
      .from = "Prequal" },
    { .name = "hotQuantile",
      DECIMAL(traffic_policy, balancer.prequal.hot_quantile, RATIO, 0, RATIO),
      .from = "Prequal Q_RIF, 2^-0.25" },
    { .name = "reuseDelta",
      DECIMAL(traffic_policy, balancer.prequal.reuse_delta, RATIO, 0, 100 * RATIO),
      .from = "Prequal delta" },
};

static void prequal_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct prequal_config *config = &((const struct traffic_policy *)out)->balancer.prequal;

    if (config->reports == PREQUAL_PROBE && !tulle__str_starts(config->probe_path, STR("/"))) {
        tulle__mistake(decoder, value, "probePath must be a path for PROBE, such as /probe");
    }
}

static const struct field pick_first[] = {
    { .name = "shuffleAddressList",
      FLAG(traffic_policy, balancer.shuffle),
      .from = "Envoy PickFirst.shuffle_address_list" },
};

static const struct field_group least_request_group = { FIELDS(least_request) };
static const struct field_group peak_ewma_group = { FIELDS(peak_ewma) };
static const struct field_group weighted_group = { FIELDS(weighted) };
static const struct field_group prequal_group = { FIELDS(prequal), .check = prequal_check };
static const struct field_group pick_first_group = { FIELDS(pick_first) };
static const struct field_group no_fields = { .fields = NULL };

#define KIND(group_, kind_) GROUP(group_), .is_kind = true, .kind = (kind_)

static const struct field balancers[] = {
    { .name = "leastRequest",
      KIND(least_request_group, BALANCER_LEAST_REQUEST),
      .from = "Envoy LEAST_REQUEST" },
    { .name = "roundRobin", KIND(no_fields, BALANCER_ROUND_ROBIN), .from = "Envoy ROUND_ROBIN" },
    { .name = "random", KIND(no_fields, BALANCER_RANDOM), .from = "Envoy RANDOM" },
    { .name = "peakEwma", KIND(peak_ewma_group, BALANCER_PEAK_EWMA), .from = "Finagle PeakEwma" },
    { .name = "ringHash", KIND(ring_hash_group, BALANCER_RING_HASH), .from = "Envoy RING_HASH" },
    { .name = "maglev", KIND(maglev_group, BALANCER_MAGLEV), .from = "Envoy MAGLEV" },
    { .name = "clientSideWeightedRoundRobin",
      KIND(weighted_group, BALANCER_WEIGHTED),
      .from = "gRPC A58" },
    { .name = "prequal", KIND(prequal_group, BALANCER_PREQUAL), .from = "Prequal (NSDI 2024)" },
    { .name = "pickFirst", KIND(pick_first_group, BALANCER_PICK_FIRST), .from = "gRPC pick_first" },
};

const struct field_group tulle__policy_balancer = {
    FIELDS(balancers),
    .kinds = KIND_ONE,
    .kind_offset = offsetof(struct traffic_policy, balancer.kind),
};
