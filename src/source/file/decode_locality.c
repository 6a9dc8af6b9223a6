/* SPDX-License-Identifier: Apache-2.0 */

/* LocalityLoadBalancerSetting, with the checks of Istio's validation. That
 * failover wants outlierDetection is a warning there, and nothing here: it may
 * come with another resource. */

#include "source/file/kinds.h"

enum { WEIGHTS_TOTAL = 100 };

static void share_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct locality_share *share = out;
    int64_t weight;

    share->to = tulle__decode_copy(decoder, item->key);
    if (tulle__decode_number(decoder, item, 1, WEIGHTS_TOTAL, &weight)) {
        share->weight = (uint32_t)weight;
    }
}

static void distribute_to(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct locality_distribute *distribute = out;
    size_t before = decoder->mistakes;
    uint32_t total = 0;

    (void)field;
    distribute->to = tulle__decode_members(decoder, value, sizeof(*distribute->to), share_item,
                                           &distribute->to_count);
    if (decoder->no_memory || decoder->mistakes != before) {
        return;
    }
    for (size_t i = 0; i < distribute->to_count; i++) {
        total += distribute->to[i].weight;
    }
    if (total != WEIGHTS_TOTAL) {
        tulle__mistake(decoder, value, "the weights of a distribute must make 100, not %u",
                       (unsigned)total);
    }
}

static void distribute_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "from", tulle__field_text, offsetof(struct locality_distribute, from) },
        { .name = "to", distribute_to },
    };
    const struct locality_distribute *distribute = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    if (decoder->mistakes == before && (distribute->from.size == 0 || distribute->to_count == 0)) {
        tulle__mistake(decoder, item, "a distribute must have from and to");
    }
}

static void failover_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "from", tulle__field_text, offsetof(struct locality_failover, from) },
        { .name = "to", tulle__field_text, offsetof(struct locality_failover, to) },
    };
    const struct locality_failover *failover = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    if (decoder->mistakes != before || decoder->no_memory) {
        return;
    }
    if (failover->from.size == 0 || failover->to.size == 0 ||
        str_equal(failover->from, failover->to)) {
        tulle__mistake(decoder, item, "a failover must be from one region to another");
        return;
    }
    if (memchr(failover->from.data, '/', failover->from.size) ||
        memchr(failover->to.data, '/', failover->to.size) ||
        memchr(failover->from.data, '*', failover->from.size) ||
        memchr(failover->to.data, '*', failover->to.size)) {
        tulle__mistake(decoder, item, "a failover is between regions: no zones, no wildcards");
    }
}

static void priority_item(struct decoder *decoder, const struct node *item, void *out)
{
    tulle__field_text(decoder, item, out, NULL);
}

static void setting_enabled(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    struct locality_setting *setting = out;
    bool enabled = true;

    tulle__field_flag(decoder, value, &enabled, field);
    setting->is_off = !enabled;
}

#define LIST(function, member, count, item)                                                        \
    static void function(struct decoder *decoder, const struct node *value, void *out,             \
                         const struct field *field)                                                \
    {                                                                                              \
        struct locality_setting *setting = out;                                                    \
                                                                                                   \
        (void)field;                                                                               \
        setting->member =                                                                          \
            tulle__decode_list(decoder, value, sizeof(*setting->member), item, &setting->count);   \
    }

LIST(setting_distribute, distribute, distribute_count, distribute_item)
LIST(setting_failover, failover, failover_count, failover_item)
LIST(setting_priorities, priorities, priority_count, priority_item)

static bool is_topology(struct str label)
{
    return str_equal(label, STR("topology.kubernetes.io/region")) ||
           str_equal(label, STR("topology.kubernetes.io/zone")) ||
           str_equal(label, STR("topology.istio.io/subzone"));
}

static void setting_check(struct decoder *decoder, const struct node *value,
                          const struct locality_setting *setting)
{
    if (setting->distribute_count > 0 && setting->failover_count > 0) {
        tulle__mistake(decoder, value, "distribute and failover exclude each other");
        return;
    }
    for (size_t i = 0; setting->failover_count > 0 && i < setting->priority_count; i++) {
        if (is_topology(setting->priorities[i])) {
            tulle__mistake(decoder, value,
                           "failover and failoverPriority by %.*s exclude each other",
                           STR_ARG(setting->priorities[i]));
        }
    }
}

void tulle__field_locality_setting(struct decoder *decoder, const struct node *value, void *out,
                                   const struct field *field)
{
    static const struct field fields[] = {
        { .name = "enabled", setting_enabled },
        { .name = "distribute", setting_distribute },
        { .name = "failover", setting_failover },
        { .name = "failoverPriority", setting_priorities },
    };
    size_t before = decoder->mistakes;

    (void)field;
    DECODE_MAP(decoder, value, fields, out);
    if (decoder->mistakes == before && !decoder->no_memory) {
        setting_check(decoder, value, out);
    }
}
