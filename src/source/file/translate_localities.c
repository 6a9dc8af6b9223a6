/* SPDX-License-Identifier: Apache-2.0 */

/* Where calls go first: Istio's localityLbSetting, as istiod's loadbalancer.go
 * has it. `distribute` makes weights of localities, and takes away those that it
 * does not name; failover makes priorities, by labels, by how near a locality is,
 * or by both. Failover wants an outlier detector: without one nobody would ever
 * leave the first priority. A client that does not know its own locality keeps
 * all endpoints alike (istiod would put those without a region first). */

#include "source/file/translate.h"

#include <stdlib.h>

#include "base/macros.h"

enum { NEAR_STEPS = 5 };

struct place_parts {
    struct str region, zone, subzone;
};

static struct place_parts parts_of(struct str locality)
{
    struct place_parts parts;
    struct str rest;

    parts.region = tulle__str_cut(locality, '/', &rest);
    parts.zone = tulle__str_cut(rest, '/', &rest);
    parts.subzone = rest;
    return parts;
}

static bool part_matches(struct str part, struct str rule)
{
    return str_equal(rule, STR("*")) || str_equal(part, rule);
}

/* What the rule leaves out it does not ask for. */
static bool locality_matches(struct str locality, struct str rule)
{
    struct place_parts is = parts_of(locality), wanted = parts_of(rule);

    return part_matches(is.region, wanted.region) &&
           (wanted.zone.size == 0 || part_matches(is.zone, wanted.zone)) &&
           (wanted.subzone.size == 0 || part_matches(is.subzone, wanted.subzone));
}

/* --- priorities --- */

/* 0: the same place, 1: the same zone, 2: the same region, 3: another, or the one
 * to fail over to, 4: another than that. */
static uint32_t steps_away(struct str self, struct str locality,
                           const struct locality_setting *setting)
{
    struct place_parts own = parts_of(self), its = parts_of(locality);

    if (str_equal(own.region, its.region)) {
        if (!str_equal(own.zone, its.zone)) {
            return 2;
        }
        return str_equal(own.subzone, its.subzone) ? 0 : 1;
    }
    for (size_t i = 0; i < setting->failover_count; i++) {
        if (str_equal(setting->failover[i].from, own.region)) {
            return str_equal(setting->failover[i].to, its.region) ? 3 : 4;
        }
    }
    return 3;
}

/* The labels that istiod gives everybody who has a locality. */
static struct str topology_label(struct str locality, struct str name)
{
    struct place_parts parts = parts_of(locality);

    if (str_equal(name, STR("topology.kubernetes.io/region"))) {
        return parts.region;
    }
    if (str_equal(name, STR("topology.kubernetes.io/zone"))) {
        return parts.zone;
    }
    return str_equal(name, STR("topology.istio.io/subzone")) ? parts.subzone : STR("");
}

static struct str own_label(const struct source_self *self, struct str name)
{
    struct str value = topology_label(str_of(self->locality), name), rest = str_of(self->labels);

    while (value.size == 0 && rest.size > 0) {
        struct str text, label = tulle__str_cut(tulle__str_cut(rest, ',', &rest), '=', &text);

        value = str_equal(label, name) ? text : value;
    }
    return value;
}

static struct str endpoint_label(const struct endpoint *endpoint, struct str name)
{
    struct str value = topology_label(endpoint->locality, name);

    for (size_t i = 0; value.size == 0 && i < endpoint->label_count; i++) {
        value = str_equal(endpoint->labels[i].name, name) ? endpoint->labels[i].value : value;
    }
    return value;
}

/* A later label of that name says what all of them are compared with. */
static struct str wanted_label(const struct source_self *self,
                               const struct locality_setting *setting, struct str name)
{
    struct str wanted = own_label(self, name);

    for (size_t i = 0; i < setting->priority_count; i++) {
        struct str value, label = tulle__str_cut(setting->priorities[i], '=', &value);

        wanted = value.data && str_equal(label, name) ? value : wanted;
    }
    return wanted;
}

/* How many of the labels come after the first that differs, and that one. */
static uint32_t labels_away(const struct source_self *self, const struct locality_setting *setting,
                            const struct endpoint *endpoint)
{
    for (size_t i = 0; i < setting->priority_count; i++) {
        struct str rest, name = tulle__str_cut(setting->priorities[i], '=', &rest);

        if (!str_equal(wanted_label(self, setting, name), endpoint_label(endpoint, name))) {
            return (uint32_t)(setting->priority_count - i);
        }
    }
    return 0;
}

static uint32_t priority_of(const struct source_self *self, const struct locality_setting *setting,
                            const struct endpoint *endpoint)
{
    bool has_labels = self->locality[0] != '\0' || self->labels[0] != '\0';
    bool by_place = setting->priority_count == 0 || setting->failover_count > 0;
    uint32_t priority = 0;

    if (setting->priority_count > 0 && has_labels) {
        priority = labels_away(self, setting, endpoint);
    }
    priority *= NEAR_STEPS;
    if (by_place && self->locality[0] != '\0') {
        priority += steps_away(str_of(self->locality), endpoint->locality, setting);
    }
    return priority;
}

static int priority_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* From 0 without a gap. */
static void priorities_close_up(struct endpoint *endpoints, size_t count, uint32_t *seen)
{
    size_t kinds = 0;

    for (size_t i = 0; i < count; i++) {
        seen[i] = endpoints[i].priority;
    }
    qsort(seen, count, sizeof(*seen), priority_compare);
    for (size_t i = 0; i < count; i++) {
        if (kinds == 0 || seen[kinds - 1] != seen[i]) {
            seen[kinds++] = seen[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t *found =
            bsearch(&endpoints[i].priority, seen, kinds, sizeof(*seen), priority_compare);

        endpoints[i].priority = (uint32_t)(found - seen);
    }
}

static enum tulle_error priorities_set(struct translation *translation,
                                       const struct locality_setting *setting,
                                       struct endpoint *endpoints, size_t count)
{
    uint32_t *seen = ARENA_ARRAY(&translation->arena, uint32_t, count + 1);

    ENSURE(seen != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        endpoints[i].priority = priority_of(&translation->options->self, setting, &endpoints[i]);
    }
    priorities_close_up(endpoints, count, seen);
    return TULLE_OK;
}

/* --- weights --- */

static struct locality_weight *group_find(struct locality_weight *groups, size_t count,
                                          const struct endpoint *endpoint)
{
    for (size_t i = 0; i < count; i++) {
        if (groups[i].priority == endpoint->priority &&
            str_equal(groups[i].locality, endpoint->locality)) {
            return &groups[i];
        }
    }
    return NULL;
}

static int group_compare(const void *left, const void *right)
{
    const struct locality_weight *a = left, *b = right;

    if (a->priority != b->priority) {
        return a->priority < b->priority ? -1 : 1;
    }
    return tulle__str_compare(a->locality, b->locality);
}

/* Each locality of each priority weighs what its endpoints weigh together. */
static enum tulle_error groups_make(struct endpoint_set *set, const struct endpoint_list *list)
{
    struct arena *arena = &set->part.arena;
    struct locality_weight *groups = ARENA_ARRAY(arena, struct locality_weight, list->count + 1);
    size_t count = 0;

    ENSURE(groups != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < list->count; i++) {
        const struct endpoint *endpoint = &list->endpoints[i];
        struct locality_weight *group = group_find(groups, count, endpoint);

        if (group == NULL) {
            group = &groups[count++];
            group->locality = tulle__arena_str(arena, endpoint->locality);
            group->priority = endpoint->priority;
            ENSURE(group->locality.data != NULL, TULLE_E_NOMEM);
        }
        group->weight += group->weight > UINT32_MAX - endpoint->weight ? 0 : endpoint->weight;
    }
    qsort(groups, count, sizeof(*groups), group_compare);
    set->localities = groups;
    set->locality_count = count;
    return TULLE_OK;
}

/* Localities that one rule means share its weight by what they weigh, rounded up. */
static void share_apply(struct locality_weight *groups, size_t count,
                        const struct locality_share *share, bool *meant)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (!meant[i] && locality_matches(groups[i].locality, share->to)) {
            total += groups[i].weight;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!meant[i] && locality_matches(groups[i].locality, share->to)) {
            meant[i] = true;
            groups[i].weight =
                (uint32_t)(((uint64_t)groups[i].weight * share->weight + total - 1) / total);
        }
    }
}

static void unmeant_remove(struct endpoint_set *set, struct endpoint_list *list,
                           struct locality_weight *groups, const bool *meant)
{
    size_t kept = 0, groups_kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct locality_weight *group =
            group_find(groups, set->locality_count, &list->endpoints[i]);

        if (meant[group - groups]) {
            list->endpoints[kept++] = list->endpoints[i];
        }
    }
    for (size_t i = 0; i < set->locality_count; i++) {
        if (meant[i]) {
            groups[groups_kept++] = groups[i];
        }
    }
    list->count = kept;
    set->locality_count = groups_kept;
}

static enum tulle_error distribute(struct translation *translation,
                                   const struct locality_setting *setting, struct endpoint_set *set,
                                   struct endpoint_list *list)
{
    struct str self = str_of(translation->options->self.locality);
    struct locality_weight *groups = (struct locality_weight *)set->localities;
    bool *meant = ARENA_ARRAY(&translation->arena, bool, list->count + 1);
    size_t rule = 0;

    ENSURE(meant != NULL, TULLE_E_NOMEM);
    while (rule < setting->distribute_count &&
           !locality_matches(self, setting->distribute[rule].from)) {
        rule++;
    }
    if (rule == setting->distribute_count) {
        return TULLE_OK;
    }
    for (size_t i = 0; i < setting->distribute[rule].to_count; i++) {
        share_apply(groups, set->locality_count, &setting->distribute[rule].to[i], meant);
    }
    unmeant_remove(set, list, groups, meant);
    return TULLE_OK;
}

enum tulle_error tulle__translate_localities(struct translation *translation,
                                             const struct cluster *cluster,
                                             const struct locality_setting *setting,
                                             struct endpoint_set *set, struct endpoint_list *list)
{
    bool spreads = !setting->is_off && setting->distribute_count > 0;

    if (!setting->is_off && !spreads && cluster->outlier.enabled) {
        TRY(priorities_set(translation, setting, list->endpoints, list->count));
    }
    if (cluster->balancer.locality.mode != LOCALITY_WEIGHTED) {
        return TULLE_OK;
    }
    TRY(groups_make(set, list));
    return spreads ? distribute(translation, setting, set, list) : TULLE_OK;
}
