/* SPDX-License-Identifier: Apache-2.0 */

/* HTTPRetry, as istiod turns it into Envoy's RetryPolicy: what is not said is
 * Istio's default (no condition at all stands for it: translate.c knows what the
 * default is), numbers in retryOn are status codes, and attempts is a plain
 * number in protobuf, so that leaving it out is saying 0, which turns retries
 * off. Istio refuses it beside other fields, and so do we. */

#include "source/file/kinds.h"

enum {
    STATUS_LEAST = 100,
    STATUS_MOST = 599,
    STATUS_CODES_MAX = 64,
    BACKOFF_GROWTH = 10,
    PRIORITY_UPDATE = 2 /* istiod's */
};

struct retries {
    uint32_t attempts;
    int64_t per_try_timeout_ns, backoff_ns;
    const struct node *on;
    bool remote, ignores_previous;
};

static const struct choice conditions[] = {
    { "5xx", RETRY_ON_5XX },
    { "gateway-error", RETRY_ON_GATEWAY_ERROR },
    { "reset", RETRY_ON_RESET },
    { "reset-before-request", RETRY_ON_RESET_BEFORE_REQUEST },
    { "connect-failure", RETRY_ON_CONNECT_FAILURE },
    { "refused-stream", RETRY_ON_REFUSED_STREAM },
    { "retriable-4xx", RETRY_ON_RETRIABLE_4XX },
    { "retriable-status-codes", RETRY_ON_STATUS_CODES },
    { "cancelled", RETRY_ON_CANCELLED },
    { "unavailable", RETRY_ON_UNAVAILABLE },
    { "deadline-exceeded", RETRY_ON_DEADLINE_EXCEEDED },
    { "internal", RETRY_ON_INTERNAL },
    { "resource-exhausted", RETRY_ON_RESOURCE_EXHAUSTED },
    { "envoy-ratelimited", RETRY_ON_RATELIMITED },
    { "retriable-headers", RETRY_ON_HEADERS },
    { "http3-post-connect-failure", RETRY_ON_HTTP3_POST_CONNECT },
    { NULL, 0 },
};

static void keep_node(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    (void)decoder;
    (void)field;
    *(const struct node **)out = value;
}

static void unknown_condition(struct decoder *decoder, const struct node *node, struct str name)
{
    struct suggestion suggestion = tulle__suggest_start(name);
    char hint[96];

    for (const struct choice *choice = conditions; choice->name; choice++) {
        tulle__suggest_offer(&suggestion, str_of(choice->name));
    }
    tulle__mistake(decoder, node, "unknown retryOn condition \"%.*s\"%s", STR_ARG(name),
                   tulle__suggest_text(&suggestion, hint, sizeof(hint)));
}

static void condition_add(struct decoder *decoder, const struct node *node, struct str name,
                          unsigned *on)
{
    const struct choice *choice = conditions;

    while (choice->name && !str_equal(name, str_of(choice->name))) {
        choice++;
    }
    if (!choice->name) {
        unknown_condition(decoder, node, name);
        return;
    }
    *on |= (unsigned)choice->value;
}

struct status_list {
    uint16_t codes[STATUS_CODES_MAX];
    size_t count;
};

static void status_add(struct decoder *decoder, const struct node *node, uint64_t status,
                       struct status_list *list)
{
    if (status < STATUS_LEAST || status > STATUS_MOST || list->count == STATUS_CODES_MAX) {
        tulle__mistake(decoder, node, "retryOn: %llu is no status code, or one too many",
                       (unsigned long long)status);
        return;
    }
    list->codes[list->count++] = (uint16_t)status;
}

static void statuses_keep(struct decoder *decoder, const struct status_list *list,
                          struct retry_config *retry)
{
    if (list->count == 0) {
        return;
    }
    uint16_t *codes = ARENA_ARRAY(decoder->arena, uint16_t, list->count);
    if (!codes) {
        decoder->no_memory = true;
        return;
    }
    memcpy(codes, list->codes, list->count * sizeof(*codes));
    retry->statuses = codes;
    retry->status_count = list->count;
    retry->on |= RETRY_ON_STATUS_CODES;
}

static bool is_list(struct decoder *decoder, const struct node *node)
{
    bool value;

    if (node->kind != NODE_SCALAR || tulle__node_is_bool(node, &value)) {
        tulle__mistake(decoder, node, "retryOn must be a text, its conditions split by commas");
        return false;
    }
    return true;
}

void tulle__decode_conditions(struct decoder *decoder, const struct node *node,
                              struct retry_config *retry)
{
    struct str rest = node->text;
    struct status_list list = { .count = 0 };
    uint64_t status;

    if (!is_list(decoder, node)) {
        return;
    }
    while (rest.data) {
        struct str name = tulle__str_trim(tulle__str_cut(rest, ',', &rest));
        if (tulle__str_to_u64(name, UINT32_MAX, &status)) {
            status_add(decoder, node, status, &list);
        } else if (name.size > 0) {
            condition_add(decoder, node, name, &retry->on);
        }
    }
    statuses_keep(decoder, &list, retry);
}

static bool says_more(const struct retries *said)
{
    return said->on || said->per_try_timeout_ns != NEVER || said->remote;
}

void tulle__field_retries(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    static const struct field fields[] = {
        { .name = "attempts", tulle__field_u32, offsetof(struct retries, attempts), 0, INT32_MAX },
        { .name = "perTryTimeout",
          tulle__field_duration,
          offsetof(struct retries, per_try_timeout_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "retryOn", keep_node, offsetof(struct retries, on) },
        { .name = "backoff",
          tulle__field_duration,
          offsetof(struct retries, backoff_ns),
          NS_PER_MS,
          NEVER / BACKOFF_GROWTH },
        { .name = "retryRemoteLocalities", tulle__field_flag, offsetof(struct retries, remote) },
        { .name = "retryIgnorePreviousHosts",
          tulle__field_flag,
          offsetof(struct retries, ignores_previous) },
    };
    struct retries said = { .per_try_timeout_ns = NEVER,
                            .backoff_ns = 25 * NS_PER_MS,
                            .ignores_previous = true };
    struct rule_route *route = out;
    size_t before = decoder->mistakes;

    (void)field;
    DECODE_MAP(decoder, value, fields, &said);
    if (said.attempts == 0 && says_more(&said) && decoder->mistakes == before) {
        tulle__mistake(decoder, value,
                       "attempts is 0 or left out, which turns retries off, beside other fields");
    }
    route->has_retries = true;
    route->retry.retries = said.attempts;
    route->retry.per_try_timeout_ns = said.per_try_timeout_ns;
    route->retry.backoff_base_ns = said.backoff_ns;
    route->retry.backoff_max_ns = said.backoff_ns * BACKOFF_GROWTH;
    route->retry.priority_update = said.remote ? PRIORITY_UPDATE : 0;
    route->retry.any_host = !said.ignores_previous;
    if (said.on) {
        tulle__decode_conditions(decoder, said.on, &route->retry);
    }
}
