/* SPDX-License-Identifier: Apache-2.0 */

/* DestinationRule's TrafficPolicy. A group that is there replaces the inherited
 * one whole, with Istio's defaults for what it does not say, as istiod does. A
 * limit of 0 is not said (istiod looks for > 0), so there is no "none". */

#include "model/defaults.h"
#include "source/file/kinds.h"

enum { PERMILLE = 1000, HUNDRED = 100, BUDGET_PERCENT = 20 /* of a retryBudget that is there */ };

struct pool {
    struct limits limits;
    int64_t connect_timeout_ns, tcp_idle_ns, http_idle_ns;
    struct connection_config connection;
    int upgrades;
};

static void pool_limit(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    int64_t number;

    (void)field;
    if (tulle__decode_number(decoder, value, 0, INT32_MAX, &number)) {
        *(uint32_t *)out = number > 0 ? (uint32_t)number : LIMIT_NONE;
    }
}

/* What Linux takes. */
#define KEEPALIVE_MOST (32767 * NS_PER_S) /* MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */
enum { PROBES_MOST = 127 };               /* MAX_TCP_KEEPCNT */

static void pool_keepalive(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    static const struct field fields[] = {
        { .name = "probes",
          tulle__field_u32,
          offsetof(struct keepalive, probes),
          .most = PROBES_MOST },
        { .name = "time",
          tulle__field_duration,
          offsetof(struct keepalive, time_ns),
          NS_PER_S,
          KEEPALIVE_MOST },
        { .name = "interval",
          tulle__field_duration,
          offsetof(struct keepalive, interval_ns),
          NS_PER_S,
          KEEPALIVE_MOST },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void pool_tcp(struct decoder *decoder, const struct node *value, void *out,
                     const struct field *field)
{
    static const struct field fields[] = {
        { .name = "maxConnections", pool_limit, offsetof(struct pool, limits.max_connections) },
        { .name = "connectTimeout",
          tulle__field_duration,
          offsetof(struct pool, connect_timeout_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "idleTimeout",
          tulle__field_duration,
          offsetof(struct pool, tcp_idle_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "tcpKeepalive", pool_keepalive, offsetof(struct pool, connection.keepalive) },
        { .name = "maxConnectionDuration",
          tulle__field_duration,
          offsetof(struct pool, connection.lifetime.ns),
          NS_PER_MS,
          NEVER - 1 },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static const struct choice upgrades[] = {
    { "DEFAULT", 0 }, /* meshConfig's, which is not to */
    { "DO_NOT_UPGRADE", 0 },
    { "UPGRADE", 1 },
    { NULL, 0 },
};

static void pool_http(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    static const struct field fields[] = {
        { .name = "http1MaxPendingRequests",
          pool_limit,
          offsetof(struct pool, limits.max_pending) },
        { .name = "http2MaxRequests", pool_limit, offsetof(struct pool, limits.max_requests) },
        { .name = "maxRetries", pool_limit, offsetof(struct pool, limits.max_retries) },
        { .name = "idleTimeout",
          tulle__field_duration,
          offsetof(struct pool, http_idle_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "maxRequestsPerConnection",
          tulle__field_u32,
          offsetof(struct pool, connection.lifetime.requests),
          .most = INT32_MAX },
        { .name = "h2UpgradePolicy",
          tulle__field_choice,
          offsetof(struct pool, upgrades),
          .choices = upgrades },
        { .name = "useClientProtocol" },
        { .name = "maxConcurrentStreams" },
        { .name = "http2KeepAlive" },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void policy_pool(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    static const struct field fields[] = {
        { .name = "tcp", pool_tcp },
        { .name = "http", pool_http },
    };
    struct pool pool = {
        .limits = tulle__limits_default,
        .connect_timeout_ns = 10 * NS_PER_S,
        .tcp_idle_ns = 3600 * NS_PER_S,
        .http_idle_ns = NEVER,
    };
    struct rule_policy *policy = out;

    (void)field;
    DECODE_MAP(decoder, value, fields, &pool);
    policy->has_pool = true;
    policy->limits = pool.limits;
    policy->connect_timeout_ns = pool.connect_timeout_ns;
    policy->connection = pool.connection;
    policy->upgrades = pool.upgrades != 0;
    policy->idle_timeout_ns = pool.http_idle_ns != NEVER ? pool.http_idle_ns : pool.tcp_idle_ns;
}

struct outlier_said {
    struct outlier_config config;
    uint32_t min_health;
};

/* istiod takes only what is over 0. */
static void zeros_settle(struct outlier_config *outlier)
{
    if (outlier->consecutive_local_origin == 0) {
        outlier->consecutive_local_origin = tulle__outlier_default.consecutive_local_origin;
    }
    if (outlier->max_ejection_percent == 0) {
        outlier->max_ejection_percent = tulle__outlier_default.max_ejection_percent;
    }
    if (outlier->base_ejection_ns > outlier->max_ejection_ns) {
        outlier->max_ejection_ns = outlier->base_ejection_ns;
    }
}

static void policy_outlier(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    static const struct field fields[] = {
        { .name = "splitExternalLocalOriginErrors",
          tulle__field_flag,
          offsetof(struct outlier_said, config.split_local_origin) },
        { .name = "consecutiveLocalOriginFailures",
          tulle__field_u32,
          offsetof(struct outlier_said, config.consecutive_local_origin),
          0,
          UINT32_MAX },
        { .name = "consecutiveGatewayErrors",
          tulle__field_u32,
          offsetof(struct outlier_said, config.consecutive_gateway),
          0,
          UINT32_MAX },
        { .name = "consecutive5xxErrors",
          tulle__field_u32,
          offsetof(struct outlier_said, config.consecutive_5xx),
          0,
          UINT32_MAX },
        { .name = "interval",
          tulle__field_duration,
          offsetof(struct outlier_said, config.interval_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "baseEjectionTime",
          tulle__field_duration,
          offsetof(struct outlier_said, config.base_ejection_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "maxEjectionPercent",
          tulle__field_u32,
          offsetof(struct outlier_said, config.max_ejection_percent),
          0,
          100 },
        { .name = "minHealthPercent",
          tulle__field_u32,
          offsetof(struct outlier_said, min_health),
          0,
          100 },
        { .name = "consecutiveErrors" },
    };
    struct outlier_said said = { .config = tulle__outlier_default };
    struct rule_policy *policy = out;

    (void)field;
    DECODE_MAP(decoder, value, fields, &said);
    zeros_settle(&said.config);
    policy->has_outlier = true;
    policy->outlier = said.config;
    policy->panic_percent = said.min_health;
}

static void policy_budget(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    static const struct field fields[] = {
        { .name = "percent",
          .decode = tulle__field_decimal,
          .offset = offsetof(struct budget_config, concurrency),
          .most = PERMILLE,
          .scale = PERMILLE / HUNDRED },
        { .name = "minRetryConcurrency",
          tulle__field_u32,
          offsetof(struct budget_config, min_concurrency),
          0,
          UINT32_MAX },
    };
    struct rule_policy *policy = out;

    (void)field;
    policy->has_budget = true;
    policy->budget = tulle__budget_default;
    policy->budget.concurrency = BUDGET_PERCENT * PERMILLE / HUNDRED;
    DECODE_MAP(decoder, value, fields, &policy->budget);
}

static void port_policy_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "port", tulle__field_port, offsetof(struct rule_port_policy, port) },
        { .name = "loadBalancer",
          tulle__field_rule_balancer,
          offsetof(struct rule_port_policy, policy) },
        { .name = "connectionPool", policy_pool, offsetof(struct rule_port_policy, policy) },
        { .name = "outlierDetection", policy_outlier, offsetof(struct rule_port_policy, policy) },
        { .name = "tls" },
    };
    struct rule_port_policy *port = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    if (port->port == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, item, "a port level setting must have a port with a number");
    }
}

static void policy_ports(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    struct rule_traffic_policy *policy = out;

    (void)field;
    policy->ports = tulle__decode_list(decoder, value, sizeof(*policy->ports), port_policy_item,
                                       &policy->port_count);
}

void tulle__field_traffic_policy(struct decoder *decoder, const struct node *value, void *out,
                                 const struct field *field)
{
    static const struct field fields[] = {
        { .name = "loadBalancer",
          tulle__field_rule_balancer,
          offsetof(struct rule_traffic_policy, policy) },
        { .name = "connectionPool", policy_pool, offsetof(struct rule_traffic_policy, policy) },
        { .name = "outlierDetection",
          policy_outlier,
          offsetof(struct rule_traffic_policy, policy) },
        { .name = "portLevelSettings", policy_ports },
        { .name = "tls" },
        { .name = "tunnel" },
        { .name = "proxyProtocol" },
        { .name = "retryBudget", policy_budget, offsetof(struct rule_traffic_policy, policy) },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}
