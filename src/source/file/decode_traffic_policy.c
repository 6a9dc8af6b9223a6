/* SPDX-License-Identifier: Apache-2.0 */

/* TrafficPolicy, our own kind: what Istio cannot say. README.md has the table
 * of its fields, their defaults and where those come from. */

#include "model/defaults.h"
#include "source/file/kinds.h"

enum { PERMILLE = 1000, CHOICES_MAX = 100 };

static void least_request(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    static const struct field fields[] = {
        { .name = "choiceCount",
          tulle__field_u32,
          offsetof(struct balancer_config, choice_count),
          2,
          CHOICES_MAX },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void peak_ewma(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    static const struct field fields[] = {
        { .name = "decayTime",
          tulle__field_duration,
          offsetof(struct balancer_config, ewma_tau_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "defaultRtt",
          tulle__field_duration,
          offsetof(struct balancer_config, ewma_default_ns),
          NS_PER_MS,
          NEVER - 1 },
    };

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void no_fields(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    (void)field;
    tulle__decode_map(decoder, value, NULL, 0, out);
}

static enum balancer_kind kind_of(struct str name)
{
    static const struct choice kinds[] = {
        { .name = "roundRobin", BALANCER_ROUND_ROBIN },
        { .name = "random", BALANCER_RANDOM },
        { .name = "peakEwma", BALANCER_PEAK_EWMA },
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_equal(name, str_of(kinds[i].name))) {
            return (enum balancer_kind)kinds[i].value;
        }
    }
    return BALANCER_LEAST_REQUEST;
}

static void policy_balancer(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    static const struct field fields[] = {
        { .name = "leastRequest", least_request },
        { .name = "roundRobin", no_fields },
        { .name = "random", no_fields },
        { .name = "peakEwma", peak_ewma },
    };
    struct traffic_policy *policy = out;
    size_t before = decoder->mistakes;

    (void)field;
    policy->has_balancer = true;
    policy->balancer = tulle__balancer_default;
    DECODE_MAP(decoder, value, fields, &policy->balancer);
    if (decoder->mistakes == before && value->count != 1) {
        tulle__mistake(decoder, value,
                       "balancer must be one of leastRequest, roundRobin, random and peakEwma");
        return;
    }
    if (decoder->mistakes == before && tulle__node_is_null(value->first)) {
        tulle__mistake(decoder, value->first, "%.*s must be a map; {} takes the defaults",
                       STR_ARG(value->first->key));
        return;
    }
    policy->balancer.kind = value->first ? kind_of(value->first->key) : BALANCER_LEAST_REQUEST;
}

/* "12.5" is 125 permille; no more than one digit behind the point. */
static bool percent_parse(struct str text, uint32_t *permille)
{
    struct str fraction;
    struct str whole = tulle__str_cut(text, '.', &fraction);
    uint64_t percent, tenth = 0;

    if (!tulle__str_to_u64(whole, 100, &percent)) {
        return false;
    }
    if (fraction.data && (fraction.size != 1 || !tulle__str_to_u64(fraction, 9, &tenth))) {
        return false;
    }
    *permille = (uint32_t)(percent * 10 + tenth);
    return *permille <= PERMILLE;
}

static void budget_percent(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct budget_config *budget = out;

    (void)field;
    if (value->kind != NODE_SCALAR || !value->is_plain ||
        !percent_parse(value->text, &budget->permille)) {
        tulle__mistake(decoder, value,
                       "percent must be a number between 0 and 100, such as 20 or 12.5");
    }
}

static void policy_budget(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    static const struct field fields[] = {
        { .name = "percent", budget_percent },
        { .name = "minRetriesPerSecond",
          tulle__field_u32,
          offsetof(struct budget_config, reserve_per_s),
          0,
          1000000 },
    };
    struct traffic_policy *policy = out;

    (void)field;
    policy->has_budget = true;
    policy->budget = tulle__budget_default;
    DECODE_MAP(decoder, value, fields, &policy->budget);
}

void tulle__decode_traffic_policy(struct decoder *decoder, const struct node *spec,
                                  struct resource *out)
{
    static const struct field fields[] = {
        { .name = "host", tulle__field_host, offsetof(struct traffic_policy, host) },
        { .name = "subset", tulle__field_placed, offsetof(struct traffic_policy, subset) },
        { .name = "port", tulle__field_port, offsetof(struct traffic_policy, port) },
        { .name = "balancer", policy_balancer },
        { .name = "retryBudget", policy_budget },
    };
    struct traffic_policy *policy = &out->spec.traffic_policy;
    size_t before = decoder->mistakes;

    out->is_exported = true;
    DECODE_MAP(decoder, spec, fields, policy);
    if (policy->host.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "host must name a host");
    }
    if (!policy->has_balancer && !policy->has_budget && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "it says nothing: balancer or retryBudget must be there");
    }
}
