/* SPDX-License-Identifier: Apache-2.0 */

/* What Istio's retries cannot say, the budgets of retries, and hedging. */

#include "source/file/decode_traffic_policy.h"

#include "source/file/kinds.h"

enum { BACKOFF_GROWTH = 10 };

/* --- retry --- */

static const struct field backoff[] = {
    { .name = "baseInterval",
      DURATION(traffic_policy, retry.backoff_base_ns, NS_PER_MS),
      .from = "Envoy RetryBackOff; in the place of the route's `backoff`" },
    { .name = "maxInterval",
      DURATION(traffic_policy, retry.backoff_max_ns, NS_PER_MS),
      .unset = "ten times baseInterval",
      .from = "Envoy RetryBackOff" },
};

static void backoff_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct retry_more *retry = &((struct traffic_policy *)out)->retry;

    retry->has_backoff = true;
    if (!tulle__node_find(value, STR("maxInterval"))) {
        retry->backoff_max_ns = retry->backoff_base_ns > NEVER / BACKOFF_GROWTH
                                    ? NEVER - 1
                                    : retry->backoff_base_ns * BACKOFF_GROWTH;
    }
    if (retry->backoff_base_ns > retry->backoff_max_ns) {
        tulle__mistake(decoder, value, "baseInterval must not be over maxInterval");
    }
}

static const struct field rate_limited[] = {
    { .name = "maxInterval",
      DURATION(traffic_policy, retry.retry_after_max_ns, 0),
      .from = "Envoy RateLimitedRetryBackOff; 0s: Retry-After is not heeded" },
};

static const struct field priorities[] = {
    { .name = "updateFrequency",
      COUNT(traffic_policy, retry.priority_update, 1, 1000),
      .unset = "required",
      .from = "Envoy PreviousPrioritiesConfig" },
};

static void priorities_check(struct decoder *decoder, const struct node *value, void *out)
{
    if (((const struct traffic_policy *)out)->retry.priority_update == 0) {
        tulle__mistake(decoder, value, "previousPriorities must have an updateFrequency");
    }
}

static void previous_hosts(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct traffic_policy *policy = out;
    bool avoid = !policy->retry.any_host;

    tulle__field_flag(decoder, value, &avoid, field);
    policy->retry.any_host = !avoid;
}

static void retry_on(struct decoder *decoder, const struct node *value, void *out,
                     const struct field *field)
{
    struct retry_more *retry = &((struct traffic_policy *)out)->retry;
    struct retry_config said = { .on = retry->also };

    (void)field;
    tulle__decode_conditions(decoder, value, &said);
    retry->also = said.on;
    retry->statuses = said.statuses;
    retry->status_count = said.status_count;
}

static size_t name_count(struct str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == ',';
    }
    return count;
}

static void names_cut(struct decoder *decoder, const struct node *value, struct str *names,
                      size_t *count)
{
    struct str rest = value->text;

    while (rest.data) {
        struct str name = tulle__str_trim(tulle__str_cut(rest, ',', &rest));

        if (!tulle__header_name_is_valid(name)) {
            tulle__mistake(decoder, value, "\"%.*s\" is no name of a header", STR_ARG(name));
            return;
        }
        names[(*count)++] = tulle__decode_lower(decoder, name);
    }
}

static void retriable_headers(struct decoder *decoder, const struct node *value, void *out,
                              const struct field *field)
{
    struct retry_more *retry = &((struct traffic_policy *)out)->retry;
    struct str *names, text;

    (void)field;
    if (!tulle__decode_text(decoder, value, &text)) {
        return;
    }
    names = ARENA_ARRAY(decoder->arena, struct str, name_count(text));
    if (!names) {
        decoder->no_memory = true;
        return;
    }
    retry->headers = names;
    names_cut(decoder, value, names, &retry->header_count);
}

static const struct field_group backoff_group = { FIELDS(backoff), .check = backoff_check };
static const struct field_group rate_limited_group = { FIELDS(rate_limited) };
static const struct field_group priorities_group = {
    FIELDS(priorities),
    .check = priorities_check,
};

static const struct field retry[] = {
    { .name = "retryOn",
      .decode = retry_on,
      .type = TYPE_TEXT,
      .unset = "nothing",
      .from = "Envoy x-envoy-retry-on, status codes among them; beside the route's" },
    { .name = "retriableHeaders",
      .decode = retriable_headers,
      .type = TYPE_TEXT,
      .unset = "nothing",
      .from = "Envoy x-envoy-retriable-header-names: of replies, for `retriable-headers`" },
    { .name = "perTryIdleTimeout",
      DURATION(traffic_policy, retry.per_try_idle_ns, NS_PER_MS),
      .unset = "none",
      .from = "Envoy RetryPolicy.per_try_idle_timeout" },
    { .name = "backOff",
      GROUP(backoff_group),
      .unset = "the route's",
      .from = "Envoy RetryPolicy.retry_back_off" },
    { .name = "rateLimitedRetryBackOff",
      GROUP(rate_limited_group),
      .unset = "as below",
      .from = "Envoy RetryPolicy.rate_limited_retry_back_off" },
    { .name = "hostSelectionRetryMaxAttempts",
      COUNT(traffic_policy, retry.host_attempts, 1, 100),
      .from = "Envoy RetryPolicy (there 1); Istio's default" },
    { .name = "previousHosts",
      .decode = previous_hosts,
      .type = TYPE_FLAG,
      .unset = "true",
      .from = "Envoy retry_host_predicate previous_hosts; Istio's default" },
    { .name = "previousPriorities",
      GROUP(priorities_group),
      .unset = "off",
      .from = "Envoy retry_priority previous_priorities" },
    { .name = "includeAttemptCount",
      FLAG(traffic_policy, retry.attempt_count),
      .from = "Envoy VirtualHost.include_request_attempt_count; Istio's default" },
};

const struct field_group tulle__policy_retry = { FIELDS(retry) };

/* --- retryBudget --- */

static const struct field budget[] = {
    { .name = "percent",
      SHARE(traffic_policy, budget.permille),
      .from = "Finagle RetryBudget: retries per 100 calls" },
    { .name = "minRetriesPerSecond",
      COUNT(traffic_policy, budget.reserve_per_s, 0, COUNT_MOST),
      .from = "Finagle RetryBudget" },
    { .name = "unlimited",
      FLAG(traffic_policy, budget.unlimited),
      .from = "ours: Finagle's budget is not asked" },
    { .name = "budgetPercent",
      SHARE(traffic_policy, budget.concurrency),
      .unset = "not asked",
      .from = "Envoy RetryBudget.budget_percent (there 20): of calls in flight" },
    { .name = "minRetryConcurrency",
      COUNT(traffic_policy, budget.min_concurrency, 0, COUNT_MOST),
      .from = "Envoy RetryBudget.min_retry_concurrency" },
};

const struct field_group tulle__policy_budget = { FIELDS(budget) };

/* --- hedge --- */

static const struct field hedge[] = {
    { .name = "percentile",
      DECIMAL(traffic_policy, hedge.percentile, PERCENT, 10 * PERCENT, 100 * PERCENT - 1),
      .from = "The Tail at Scale: of the latencies of late" },
    { .name = "minDelay",
      DURATION(traffic_policy, hedge.min_delay_ns, 0),
      .from = "Finagle BackupRequestFilter" },
    { .name = "budgetPercent",
      SHARE(traffic_policy, hedge.budget),
      .from = "Finagle BackupRequestFilter maxExtraLoad: hedges per 100 calls" },
    { .name = "maxHedges", COUNT(traffic_policy, hedge.max_hedges, 1, 10), .from = "ours" },
};

const struct field_group tulle__policy_hedge = { FIELDS(hedge) };
