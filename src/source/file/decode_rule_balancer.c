/* SPDX-License-Identifier: Apache-2.0 */

/* DestinationRule's LoadBalancerSettings. What is said of a hash becomes the
 * hash policy that istiod puts on every route to the host. */

#include "model/defaults.h"
#include "source/file/kinds.h"

enum { PERMILLE = 1000, RING_MOST = 8388608, HUNDRED = 100 };

static const struct choice balancers[] = {
    { "UNSPECIFIED", BALANCER_LEAST_REQUEST },
    { "LEAST_REQUEST", BALANCER_LEAST_REQUEST },
    { "LEAST_CONN", BALANCER_LEAST_REQUEST },
    { "ROUND_ROBIN", BALANCER_ROUND_ROBIN },
    { "RANDOM", BALANCER_RANDOM },
    { "PASSTHROUGH", -1 },
    { NULL, 0 },
};

/* --- consistentHash --- */

struct consistent_hash {
    struct str header, query;
    bool has_cookie, source;
    struct hash_policy cookie;
    uint64_t ring_min, deprecated_ring_min; /* 0: not said */
    uint32_t table_size;
};

static void hash_cookie(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    static const struct field fields[] = {
        { .name = "name", tulle__field_text, offsetof(struct hash_policy, name) },
        { .name = "path", tulle__field_text, offsetof(struct hash_policy, path) },
        { .name = "ttl",
          tulle__field_duration,
          offsetof(struct hash_policy, ttl_ns),
          0,
          NEVER - 1 },
        { .name = "attributes" },
    };
    struct consistent_hash *hash = out;
    size_t before = decoder->mistakes;

    (void)field;
    hash->has_cookie = true;
    hash->cookie = tulle__hash_policy_default;
    hash->cookie.kind = HASH_COOKIE;
    DECODE_MAP(decoder, value, fields, &hash->cookie);
    if (hash->cookie.name.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, value, "httpCookie must have a name");
    }
}

static void hash_ring(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    static const struct field fields[] = {
        { .name = "minimumRingSize",
          tulle__field_u64,
          offsetof(struct consistent_hash, ring_min),
          0,
          RING_MOST },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void hash_maglev(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    static const struct field fields[] = {
        { .name = "tableSize",
          tulle__field_u32,
          offsetof(struct consistent_hash, table_size),
          0,
          MAGLEV_TABLE_MOST },
    };
    const struct consistent_hash *hash = out;
    size_t before = decoder->mistakes;

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
    if (decoder->mistakes == before && hash->table_size != 0 &&
        !tulle__is_prime(hash->table_size)) {
        tulle__mistake(decoder, value, "tableSize must be a prime, such as 65537, not %u",
                       (unsigned)hash->table_size);
    }
}

static void policy_keep(struct decoder *decoder, const struct hash_policy *policy,
                        struct balancer_config *balancer)
{
    struct hash_policy *kept = ARENA_NEW(decoder->arena, struct hash_policy);

    if (!kept) {
        decoder->no_memory = true;
        return;
    }
    *kept = *policy;
    balancer->hash = kept;
    balancer->hash_count = 1;
}

static void hash_keep(struct decoder *decoder, const struct consistent_hash *hash,
                      struct balancer_config *balancer)
{
    struct hash_policy policy = tulle__hash_policy_default;

    if (hash->has_cookie) {
        policy = hash->cookie;
    } else if (hash->header.size > 0) {
        policy.kind = HASH_HEADER;
        policy.name = tulle__decode_lower(decoder, hash->header);
    } else if (hash->query.size > 0) {
        policy.kind = HASH_QUERY;
        policy.name = hash->query;
    } else if (hash->source) {
        policy.kind = HASH_SOURCE;
    } else {
        return; /* Istio takes a hash of nothing; each call is then its own */
    }
    policy_keep(decoder, &policy, balancer);
}

static void sizes_keep(const struct node *value, const struct consistent_hash *hash,
                       struct balancer_config *balancer)
{
    uint64_t ring_min = hash->ring_min > 0 ? hash->ring_min : hash->deprecated_ring_min;

    balancer->kind = tulle__node_find(value, STR("maglev")) ? BALANCER_MAGLEV : BALANCER_RING_HASH;
    if (hash->table_size > 0) {
        balancer->table_size = hash->table_size;
    }
    if (ring_min > 0) {
        balancer->ring_min = ring_min;
    }
}

static void keys_check(struct decoder *decoder, const struct node *value)
{
    static const char *const keys[] = { "httpHeaderName", "httpCookie", "useSourceIp",
                                        "httpQueryParameterName" };
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        count += tulle__node_find(value, str_of(keys[i])) != NULL;
    }
    if (count > 1) {
        tulle__mistake(decoder, value, "consistentHash must have one key, not %zu", count);
    }
    if (tulle__node_find(value, STR("maglev")) && tulle__node_find(value, STR("ringHash"))) {
        tulle__mistake(decoder, value, "consistentHash must have one of ringHash and maglev");
    }
}

static void balancer_hash(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    static const struct field fields[] = {
        { .name = "httpHeaderName", tulle__field_text, offsetof(struct consistent_hash, header) },
        { .name = "httpCookie", hash_cookie },
        { .name = "useSourceIp", tulle__field_flag, offsetof(struct consistent_hash, source) },
        { .name = "httpQueryParameterName",
          tulle__field_text,
          offsetof(struct consistent_hash, query) },
        { .name = "ringHash", hash_ring },
        { .name = "maglev", hash_maglev },
        { .name = "minimumRingSize",
          tulle__field_u64,
          offsetof(struct consistent_hash, deprecated_ring_min),
          0,
          RING_MOST },
    };
    struct rule_policy *policy = out;
    struct consistent_hash hash = { .source = false };
    size_t before = decoder->mistakes;

    (void)field;
    DECODE_MAP(decoder, value, fields, &hash);
    if (decoder->mistakes == before) {
        keys_check(decoder, value);
        hash_keep(decoder, &hash, &policy->balancer);
        sizes_keep(value, &hash, &policy->balancer);
    }
}

/* --- warmup --- */

static void balancer_warmup(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    static const struct field fields[] = {
        { .name = "duration",
          tulle__field_duration,
          offsetof(struct slow_start_config, window_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "minimumPercent",
          .decode = tulle__field_decimal,
          .offset = offsetof(struct slow_start_config, least),
          .most = PERMILLE,
          .scale = PERMILLE / HUNDRED },
        { .name = "aggression",
          .decode = tulle__field_decimal,
          .offset = offsetof(struct slow_start_config, aggression),
          .least = PERMILLE,
          .most = PERMILLE * PERMILLE,
          .scale = PERMILLE },
    };
    struct slow_start_config *slow_start = &((struct rule_policy *)out)->balancer.slow_start;
    size_t before = decoder->mistakes;

    (void)field;
    DECODE_MAP(decoder, value, fields, slow_start);
    if (slow_start->window_ns == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, value, "warmup must have a duration");
    }
}

void tulle__field_rule_balancer(struct decoder *decoder, const struct node *value, void *out,
                                const struct field *field)
{
    static const struct field fields[] = {
        { "simple", tulle__field_choice, offsetof(struct rule_policy, balancer.kind),
          .choices = balancers },
        { .name = "consistentHash", balancer_hash },
        { .name = "localityLbSetting",
          tulle__field_locality_setting,
          offsetof(struct rule_policy, locality) },
        { .name = "warmupDurationSecs",
          tulle__field_duration,
          offsetof(struct rule_policy, balancer.slow_start.window_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "warmup", balancer_warmup },
    };
    struct rule_policy *policy = out;
    size_t before = decoder->mistakes;

    (void)field;
    policy->has_balancer = true;
    policy->balancer = tulle__balancer_default;
    DECODE_MAP(decoder, value, fields, policy);
    if (decoder->mistakes == before && tulle__node_find(value, STR("simple")) &&
        tulle__node_find(value, STR("consistentHash"))) {
        tulle__mistake(decoder, value, "loadBalancer must have one of simple and consistentHash");
    }
    /* As istiod: other balancers do not warm anybody up. */
    if (policy->balancer.kind != BALANCER_LEAST_REQUEST &&
        policy->balancer.kind != BALANCER_ROUND_ROBIN) {
        policy->balancer.slow_start = tulle__balancer_default.slow_start;
    }
}
