/* SPDX-License-Identifier: Apache-2.0 */

/* How an endpoint is chosen, in Envoy's words: the policy (LoadBalancingPolicy),
 * what is common to all of them (Cluster.CommonLbConfig), and what it hashes
 * (RouteAction.HashPolicy). Ratios are in thousandths. */

#ifndef TULLE_MODEL_BALANCER_H
#define TULLE_MODEL_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/part.h"

enum balancer_kind {
    BALANCER_LEAST_REQUEST, /* the default, as Istio's */
    BALANCER_ROUND_ROBIN,
    BALANCER_RANDOM,
    BALANCER_PEAK_EWMA,
    BALANCER_RING_HASH,
    BALANCER_MAGLEV,
    BALANCER_WEIGHTED, /* weights from load reports: gRFC A58 */
    BALANCER_PREQUAL,
    BALANCER_PICK_FIRST
};

enum hash_function { HASH_XX, HASH_MURMUR2 };

/* What the hash of a request is made from. */
enum hash_kind { HASH_HEADER, HASH_COOKIE, HASH_SOURCE, HASH_QUERY };

struct hash_policy {
    enum hash_kind kind;
    struct str name; /* of the header (lower case), cookie or parameter */
    struct str path; /* of a cookie that is made */
    int64_t ttl_ns;  /* of a cookie that is made; 0: a session's; NEVER: none is made */
    bool terminal;   /* what comes after it counts only if this gave nothing */
};

struct weighted_config {
    int64_t blackout_ns;    /* 10 s: reports of a younger connection are not used */
    int64_t expiration_ns;  /* 3 min */
    int64_t update_ns;      /* 1 s */
    uint32_t error_penalty; /* permille: 1000 */
};

enum prequal_reports {
    PREQUAL_PIGGYBACK, /* the server's report on each reply */
    PREQUAL_PROBE,     /* asked for with a GET of probe_path */
    PREQUAL_LOCAL      /* "HCL-local": the client's own numbers; not Prequal */
};

struct prequal_config {
    enum prequal_reports reports;
    struct str probe_path;
    uint32_t probes;        /* permille of probes a call: 3000 */
    uint32_t removals;      /* permille of removals a call: 1000 */
    uint32_t pool_size;     /* 16 */
    int64_t probe_age_ns;   /* 1 s */
    int64_t probe_limit_ns; /* 3 ms: what a probe may take */
    uint32_t hot_quantile;  /* permille: 840 */
    uint32_t reuse_delta;   /* permille: 1000 */
};

/* Of endpoints that are new or back: weight * max(least, (age / window)^(1 / aggression)). */
struct slow_start_config {
    int64_t window_ns;   /* 0: none */
    uint32_t aggression; /* permille: 1000 */
    uint32_t least;      /* permille of the weight: 100 */
};

enum subsetting { SUBSETTING_NONE, SUBSETTING_RANDOM /* gRFC A68 */, SUBSETTING_APERTURE };

struct subsetting_config {
    enum subsetting kind;
    uint32_t size;                   /* endpoints; aperture: at least 12 are used */
    uint32_t peer_index, peer_count; /* who this process is among its like; aperture */
    uint64_t seed;                   /* random: of this process */
};

enum locality_mode {
    LOCALITY_IGNORED,  /* all endpoints of a priority alike */
    LOCALITY_WEIGHTED, /* by the weights of the endpoint set's localities */
    LOCALITY_ZONE_AWARE
};

/* How many of the callers are in a locality; of zone-aware routing. */
struct caller_share {
    struct str locality;
    uint32_t count;
};

struct locality_config {
    enum locality_mode mode;
    struct str local;          /* where this process is: "region/zone/subzone"; "" unknown */
    uint32_t panic_percent;    /* 0: no panic, Istio's; Envoy's is 50 */
    uint32_t overprovisioning; /* permille: 1400 */
    uint32_t routing_enabled;  /* percent of calls: 100 */
    uint32_t min_cluster_size; /* 6 */
    bool fail_on_panic;
    const struct caller_share *callers;
    size_t caller_count;
};

struct balancer_config {
    struct fingerprint print; /* set by tulle__cluster_seal(): equal configurations, equal prints */
    enum balancer_kind kind;
    uint32_t choice_count;   /* least request: 2 */
    uint32_t request_bias;   /* least request, permille: 1000 (active_request_bias) */
    bool full_scan;          /* least request */
    int64_t ewma_tau_ns;     /* peak EWMA: 10 s */
    int64_t ewma_default_ns; /* peak EWMA: cost of an endpoint without history: 30 ms (linkerd2) */
    uint64_t ring_min;       /* ring hash: 1024 */
    uint64_t ring_max;       /* ring hash: 8388608 */
    enum hash_function hash_function; /* ring hash */
    uint32_t table_size;              /* Maglev, a prime: 65537 */
    uint32_t hash_balance;            /* ring hash, Maglev: percent of the mean load; 0: no bound */
    const struct hash_policy *hash;
    size_t hash_count;
    struct weighted_config weighted;
    struct prequal_config prequal;
    bool shuffle; /* pick first */
    struct slow_start_config slow_start;
    struct subsetting_config subsetting;
    struct locality_config locality;
    uint32_t drop_per_million; /* drop_overloads: of all calls */
    struct str drop_category;
};

#endif
