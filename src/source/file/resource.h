/* SPDX-License-Identifier: Apache-2.0 */

/* Istio's resources as typed structs: what the reader (read.c) makes of YAML
 * and JSON, what the builder makes in code, and what translate.c turns into
 * the model. Everything lies in the arena of its resource. */

#ifndef TULLE_SOURCE_FILE_RESOURCE_H
#define TULLE_SOURCE_FILE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/cluster.h"
#include "model/match.h"
#include "model/part.h"
#include "model/route.h"
#include "model/snapshot.h"
#include "seam/source.h"

/* Where something was written. Line and column count from 1; line 0: in code. */
struct place {
    struct str file;
    uint32_t line, column;
};

enum resource_kind {
    RESOURCE_SERVICE_ENTRY,
    RESOURCE_VIRTUAL_SERVICE,
    RESOURCE_DESTINATION_RULE,
    RESOURCE_TRAFFIC_POLICY,
    RESOURCE_MOCK_ENDPOINT,
    RESOURCE_KINDS
};

/* A host with the place where it stands. As written; resolved by translate.c. */
struct placed {
    struct str text;
    struct place place;
};

struct entry_port {
    uint16_t number;
    uint16_t target; /* 0: as number */
    struct str name;
    enum protocol protocol; /* HTTP: HTTP1; HTTP2, GRPC: HTTP2; HTTPS: HTTPS; others are refused */
};

struct entry_endpoint {
    struct placed address; /* an IP address; with a resolution by DNS also a host name */
    const struct entry_endpoint_port *ports;
    size_t port_count;
    const struct label *labels;
    size_t label_count;
    struct str locality;
    uint32_t weight; /* 1 where nothing is said */
};

struct entry_endpoint_port {
    struct str name; /* of the service's port */
    uint16_t number;
};

struct service_entry {
    const struct placed *hosts;
    size_t host_count;
    enum discovery resolution;
    const struct entry_port *ports;
    size_t port_count;
    const struct entry_endpoint *endpoints;
    size_t endpoint_count;
};

struct rule_destination {
    struct placed host;
    struct placed subset; /* text size 0: none */
    uint16_t port;        /* 0: none */
    uint32_t weight;      /* 0 where nothing is said; translate.c: 1 if it is the only one */
};

struct rule_route {
    struct str name;
    struct place place;
    const struct route_match *matches;
    size_t match_count;
    const struct rule_destination *destinations;
    size_t destination_count;
    int64_t timeout_ns; /* NEVER: none */
    bool has_retries;
    struct retry_config retry; /* backoff and per-try timeout filled with defaults */
};

struct virtual_service {
    const struct placed *hosts;
    size_t host_count;
    const struct rule_route *routes;
    size_t route_count;
};

/* A share of `distribute`: of a locality, which may end in "*". */
struct locality_share {
    struct str to;
    uint32_t weight;
};

struct locality_distribute {
    struct str from;
    const struct locality_share *to;
    size_t to_count;
};

struct locality_failover {
    struct str from, to; /* regions */
};

/* Istio's LocalityLoadBalancerSetting. */
struct locality_setting {
    bool is_off;
    const struct locality_distribute *distribute;
    size_t distribute_count;
    const struct locality_failover *failover;
    size_t failover_count;
    const struct str *priorities; /* failoverPriority: "name" or "name=value" */
    size_t priority_count;
};

/* Who inherits a group with has_x false is Istio's rule: translate_policies.c. */
struct rule_policy {
    bool has_balancer;
    struct balancer_config balancer; /* kind, hash and slow start; the rest is default */
    struct locality_setting locality;
    bool has_pool; /* connectionPool; what is not said in it is Istio's default */
    struct limits limits;
    int64_t connect_timeout_ns, idle_timeout_ns;
    struct connection_config connection;
    bool upgrades; /* HTTP/1.1 is spoken as HTTP/2 */
    bool has_outlier;
    struct outlier_config outlier;
    uint32_t panic_percent; /* outlierDetection.minHealthPercent */
    bool has_budget;
    struct budget_config budget; /* the concurrency budget alone */
};

struct rule_port_policy {
    uint16_t port;
    struct rule_policy policy;
};

/* A trafficPolicy with its portLevelSettings. */
struct rule_traffic_policy {
    struct rule_policy policy;
    const struct rule_port_policy *ports;
    size_t port_count;
};

struct rule_subset {
    struct placed name;
    const struct label *labels;
    size_t label_count;
    bool has_policy;
    struct rule_traffic_policy policy;
};

struct destination_rule {
    struct placed host;
    bool has_policy;
    struct rule_traffic_policy policy;
    const struct rule_subset *subsets;
    size_t subset_count;
};

/* What a TrafficPolicy says something of. */
enum policy_part {
    POLICY_BALANCER = 1 << 0, /* the kind, and what belongs to one kind */
    POLICY_HASH = 1 << 1,
    POLICY_HASH_BALANCE = 1 << 2,
    POLICY_SLOW_START = 1 << 3,
    POLICY_SUBSETTING = 1 << 4,
    POLICY_LOCALITY = 1 << 5,
    POLICY_DROP = 1 << 6,
    POLICY_OUTLIER = 1 << 7,
    POLICY_CHECKS = 1 << 8,
    POLICY_RETRY = 1 << 9,
    POLICY_BUDGET = 1 << 10,
    POLICY_HEDGE = 1 << 11,
    POLICY_ADAPTIVE = 1 << 12,
    POLICY_ADMISSION = 1 << 13,
    POLICY_THROTTLING = 1 << 14,
    POLICY_LIMITS = 1 << 15, /* those of one endpoint */
    POLICY_PRECONNECT = 1 << 16,
    POLICY_PANIC = 1 << 17, /* in the part of the locality; each of the three alone */
    POLICY_OVERPROVISIONING = 1 << 18,
    POLICY_LOCALITY_MODE = 1 << 19
};

/* Our own kind, laid over the DestinationRule of the same host (then subset,
 * then port), part by part: a part that is there stands for itself alone, with
 * defaults for what it does not say; one that is not is left as it is.
 * README.md has the table of its fields. */
struct traffic_policy {
    struct placed host;
    struct placed subset;
    uint16_t port; /* 0: every port */
    uint32_t says; /* enum policy_part */
    struct balancer_config balancer;
    struct placed local_service; /* of zone-aware routing; size 0: none */
    struct outlier_config outlier;
    const struct health_check *checks;
    size_t check_count;
    struct retry_more retry;
    struct budget_config budget;
    struct hedge_config hedge;
    struct adaptive_concurrency_config adaptive;
    struct admission_config admission;
    struct throttling_config throttling;
    struct limits limits;
    struct preconnect_config preconnect;
};

/* With the default of every part. */
void tulle__traffic_policy_init(struct traffic_policy *policy);

/* What an endpoint of a mock does with requests, as struct tulle_mock_answer
 * says it; only a mock reads this kind (include/tulle/mock.h has an example). */
struct mock_answer {
    int kind; /* enum tulle_mock_kind */
    uint32_t times, status;
    struct str method, path, prefix; /* size 0: all */
    const struct label *headers, *trailers;
    size_t header_count, trailer_count;
    bool has_body;
    struct str body;
    uint32_t size;                /* of a body of 'x' */
    int64_t delay_ns, connect_ns; /* delay -1: nothing said */
    uint32_t chunk_size, break_at;
    int64_t chunk_ns;
    bool close;
};

struct mock_endpoint {
    struct placed address; /* "*": every endpoint, after what is said to it by name */
    const struct mock_answer *answers;
    size_t answer_count;
};

struct resource {
    enum resource_kind kind;
    struct str name;
    struct str name_space;
    int64_t created;  /* metadata.creationTimestamp, s since 1970; INT64_MAX: none */
    bool is_exported; /* exportTo lets our namespace see it */
    struct place place;
    struct fingerprint print; /* of all that was read */
    union {
        struct service_entry service_entry;
        struct virtual_service virtual_service;
        struct destination_rule destination_rule;
        struct traffic_policy traffic_policy;
        struct mock_endpoint mock_endpoint;
    } spec;
};

/* --- errors --- */

enum { ERRORS_TOLD_MAX = 20 };

/* What is wrong with a reading. Counts all, keeps the first ERRORS_TOLD_MAX. */
struct complaint {
    struct place place;
    struct str resource; /* "VirtualService default/reviews"; size 0: none */
    struct str text;     /* what is wrong, what was expected, did you mean */
};

struct complaints {
    struct arena arena;
    struct complaint list[ERRORS_TOLD_MAX];
    size_t count; /* all of them */
    bool no_memory;
};

void tulle__complain(struct complaints *complaints, struct place place, struct str resource,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* --- reading (read.c and below): one document set from one file or text --- */

/* A resource that was read, or one that is bad but could be named. */
struct read_item {
    struct read_item *next;
    enum resource_kind kind;
    struct str name, name_space;
    struct place place;
    struct resource *resource; /* in its own arena (a struct part); NULL: it is bad */
    struct part *part;         /* what owns it; a reference */
};

struct reading {
    struct arena arena;
    struct read_item *first, **last;
    uint64_t ignored;         /* resources of other kinds, passed over */
    struct str ignored_kinds; /* "Deployment, ConfigMap"; for the log */
};

struct read_options {
    const char *name_space; /* of the client: default namespace, and exportTo "." */
    const char *const *ignore_kinds;
    bool is_mock; /* reads MockEndpoint */
};

/* Reads every document of `text`. Bad ones are complained of and come as items
 * without resource where kind and name could be read.
 * Errors: TULLE_E_NOMEM; TULLE_E_CONFIG: the file as a whole could not be
 * parsed past some document (items before it are there, complaint made) */
enum tulle_error tulle__read_text(struct reading *reading, struct complaints *complaints,
                                  const struct read_options *options, struct str file,
                                  struct str text);
void tulle__reading_init(struct reading *reading);
void tulle__reading_fini(struct reading *reading);

/* --- translation (translate.c) --- */

struct translate_options {
    const char *name_space;
    const char *domain;
    bool strict_retries;
    struct source_self self;
};

/* Turns the resources that are in force into parts, as istiod does. A resource
 * that does not fit (subset, host or port that nobody has, weights that are all
 * 0, two resources of one kind and name) is complained of, and its index is set
 * in `refused` (an array of `count`), with all that refer to it; the draft then
 * holds what is left, and is whole in itself.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate(const struct resource *const *resources, size_t count,
                                  const struct translate_options *options,
                                  struct complaints *complaints, bool *refused, struct draft *out);

#endif
