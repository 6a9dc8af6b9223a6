/* SPDX-License-Identifier: Apache-2.0 */

#include "base/table.h"
#include "source/file/kinds.h"

struct destination_rule_spec {
    struct destination_rule rule;
    bool is_exported;
};

static void rule_policy(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    struct destination_rule *rule = out;

    rule->has_policy = true;
    tulle__field_traffic_policy(decoder, value, &rule->policy, field);
}

static void subset_policy(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct rule_subset *subset = out;

    subset->has_policy = true;
    tulle__field_traffic_policy(decoder, value, &subset->policy, field);
}

static void subset_labels(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct rule_subset *subset = out;

    (void)field;
    subset->labels = tulle__decode_members(decoder, value, sizeof(*subset->labels),
                                           tulle__item_label, &subset->label_count);
}

static void subset_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "name", tulle__field_placed, offsetof(struct rule_subset, name) },
        { .name = "labels", subset_labels },
        { .name = "trafficPolicy", subset_policy },
    };
    struct rule_subset *subset = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    if (subset->name.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, item, "a subset must have a name");
    }
}

static void check_names(struct decoder *decoder, const struct node *list,
                        const struct destination_rule *rule)
{
    const struct node *node = list->first;
    struct table seen = { 0 };

    for (size_t i = 0; i < rule->subset_count; i++, node = node->next) {
        const struct rule_subset *subset = &rule->subsets[i];
        if (tulle__table_find(&seen, subset->name.text)) {
            tulle__mistake(decoder, node, "two subsets are named \"%.*s\"",
                           STR_ARG(subset->name.text));
        } else if (!tulle__table_put(&seen, subset->name.text, (void *)(uintptr_t)subset)) {
            decoder->no_memory = true;
        }
    }
    tulle__table_fini(&seen);
}

static void rule_subsets(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    struct destination_rule *rule = out;
    size_t before = decoder->mistakes;

    (void)field;
    rule->subsets = tulle__decode_list(decoder, value, sizeof(*rule->subsets), subset_item,
                                       &rule->subset_count);
    if (decoder->mistakes == before) {
        check_names(decoder, value, rule);
    }
}

void tulle__decode_destination_rule(struct decoder *decoder, const struct node *spec,
                                    struct resource *out)
{
    static const struct field fields[] = {
        { .name = "host", tulle__field_host, offsetof(struct destination_rule_spec, rule.host) },
        { .name = "trafficPolicy", rule_policy, offsetof(struct destination_rule_spec, rule) },
        { .name = "subsets", rule_subsets, offsetof(struct destination_rule_spec, rule) },
        { .name = "exportTo",
          tulle__field_export,
          offsetof(struct destination_rule_spec, is_exported) },
        { .name = "workloadSelector" },
    };
    struct destination_rule_spec read = { .is_exported = true };
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, spec, fields, &read);
    if (read.rule.host.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "host must name a host");
    }
    out->spec.destination_rule = read.rule;
    out->is_exported = read.is_exported;
}
