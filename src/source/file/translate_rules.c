/* SPDX-License-Identifier: Apache-2.0 */

/* Which DestinationRules (and TrafficPolicies) hold for a host, and what the
 * rules say together.
 *
 * As istiod: those in the client's namespace, else in the service's, else in
 * the root namespace; others are not looked at. Of several rules in one place
 * the first has the word: the others add their subsets, and the trafficPolicy
 * where none has one yet (mergeDestinationRule). */

#include "source/file/translate.h"

#include "base/macros.h"

enum distance { DISTANCE_CLIENT, DISTANCE_SERVICE, DISTANCE_ROOT, DISTANCE_TOO_FAR };

static enum distance resource_distance(const struct translation *translation,
                                       const struct mesh_host *host)
{
    struct str name_space = tulle__translate_name_space(translation, translation->resource);

    if (str_equal(name_space, str_of(translation->options->name_space))) {
        return DISTANCE_CLIENT;
    }
    if (str_equal(name_space, tulle__translate_name_space(translation, host->entry))) {
        return DISTANCE_SERVICE;
    }
    return str_equal(name_space, STR("istio-system")) ? DISTANCE_ROOT : DISTANCE_TOO_FAR;
}

/* A nearer resource takes the place of all that are farther. */
static enum tulle_error list_add(struct translation *translation, const struct mesh_host *host,
                                 struct resource_list *list)
{
    enum distance distance = resource_distance(translation, host);
    struct resource_node *node;

    if (distance == DISTANCE_TOO_FAR || (list->first != NULL && distance > list->distance)) {
        return TULLE_OK;
    }
    if (list->first == NULL || distance < list->distance) {
        list->first = NULL;
        list->last = &list->first;
        list->distance = distance;
    }
    node = ARENA_NEW(&translation->arena, struct resource_node);
    ENSURE(node != NULL, TULLE_E_NOMEM);
    node->resource = translation->resource;
    *list->last = node;
    list->last = &node->next;
    return TULLE_OK;
}

static const struct rule_policy *policy_of_port(const struct rule_traffic_policy *policy,
                                                uint16_t port)
{
    for (size_t i = 0; i < policy->port_count; i++) {
        if (policy->ports[i].port == port) {
            return &policy->ports[i].policy;
        }
    }
    return &policy->policy;
}

/* Which connection of HTTP/2 takes a request is libcurl's choice, and it has no way
 * to say of one that stands: no more. */
static void lifetime_check(struct translation *translation, const struct entry_port *port,
                           const struct rule_policy *policy)
{
    const struct lifetime *lifetime = &policy->connection.lifetime;

    if (port->protocol == PROTOCOL_HTTP1 && !policy->upgrades) {
        return;
    }
    if (lifetime->requests > 0 || lifetime->ns > 0) {
        REFUSE(translation, translation->resource->place,
               "connectionPool: %s is supported over HTTP/1.1 alone, which port %u does not "
               "speak: say it in portLevelSettings of those that do",
               lifetime->requests > 0 ? "maxRequestsPerConnection" : "maxConnectionDuration",
               (unsigned)port->number);
    }
}

static enum tulle_error policy_check(struct translation *translation, const struct mesh_host *host,
                                     const struct rule_traffic_policy *policy)
{
    const struct service_entry *entry = &host->entry->spec.service_entry;
    struct place place = translation->resource->place;

    for (size_t i = 0; i < entry->port_count; i++) {
        lifetime_check(translation, &entry->ports[i],
                       policy_of_port(policy, entry->ports[i].number));
    }
    for (size_t i = 0; i < policy->port_count; i++) {
        TRY(tulle__translate_check_port(translation, place, host, policy->ports[i].port));
        for (size_t k = 0; k < i; k++) {
            if (policy->ports[k].port == policy->ports[i].port) {
                REFUSE(translation, place, "portLevelSettings: port %u is there twice",
                       (unsigned)policy->ports[i].port);
            }
        }
    }
    return TULLE_OK;
}

/* The name becomes part of the cluster's, between bars. */
static bool is_subset_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = tulle__char_lower(name.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.')) {
            return false;
        }
    }
    return name.size > 0;
}

static enum tulle_error subset_check(struct translation *translation, const struct mesh_host *host,
                                     const struct destination_rule *rule, size_t index)
{
    const struct rule_subset *subset = &rule->subsets[index];

    if (!is_subset_name(subset->name.text)) {
        REFUSE(translation, subset->name.place, "subset \"%.*s\" is not a name",
               STR_ARG(subset->name.text));
    }
    for (size_t i = 0; i < index; i++) {
        if (str_equal(rule->subsets[i].name.text, subset->name.text)) {
            REFUSE(translation, subset->name.place, "subset \"%.*s\" is there twice",
                   STR_ARG(subset->name.text));
        }
    }
    return subset->has_policy ? policy_check(translation, host, &subset->policy) : TULLE_OK;
}

enum tulle_error tulle__translate_rule(struct translation *translation)
{
    const struct destination_rule *rule = &translation->resource->spec.destination_rule;
    struct mesh_host *host;
    bool hidden;

    if (!translation->resource->is_exported) {
        return TULLE_OK;
    }
    TRY(tulle__translate_find_host(translation, &rule->host, &host, &hidden));
    if (host == NULL) {
        return TULLE_OK;
    }
    if (rule->has_policy) {
        TRY(policy_check(translation, host, &rule->policy));
    }
    for (size_t i = 0; i < rule->subset_count; i++) {
        TRY(subset_check(translation, host, rule, i));
    }
    if (translation->refused[translation->index]) {
        return TULLE_OK;
    }
    return list_add(translation, host, &host->rules);
}

/* --- merging --- */

static bool has_subset(const struct mesh_host *host, struct str name)
{
    for (size_t i = 0; i < host->subset_count; i++) {
        if (str_equal(host->subsets[i]->name.text, name)) {
            return true;
        }
    }
    return false;
}

static void rule_merge(struct mesh_host *host, const struct destination_rule *rule)
{
    if (host->policy == NULL && rule->has_policy) {
        host->policy = &rule->policy;
    }
    for (size_t i = 0; i < rule->subset_count; i++) {
        if (!has_subset(host, rule->subsets[i].name.text)) {
            host->subsets[host->subset_count++] = &rule->subsets[i];
        }
    }
}

enum tulle_error tulle__translate_merge_rules(struct translation *translation,
                                              struct mesh_host *host)
{
    size_t most = 0;

    for (const struct resource_node *node = host->rules.first; node; node = node->next) {
        most += node->resource->spec.destination_rule.subset_count;
    }
    host->subsets = ARENA_ARRAY(&translation->arena, const struct rule_subset *, most + 1);
    ENSURE(host->subsets != NULL, TULLE_E_NOMEM);
    for (const struct resource_node *node = host->rules.first; node; node = node->next) {
        rule_merge(host, &node->resource->spec.destination_rule);
    }
    return TULLE_OK;
}

/* --- TrafficPolicy --- */

/* Two that say something of the same thing have no order between them. */
static void overlay_check_twice(struct translation *translation, const struct mesh_host *host,
                                const struct traffic_policy *policy)
{
    if (host->overlays.distance != resource_distance(translation, host)) {
        return;
    }
    for (const struct resource_node *node = host->overlays.first; node; node = node->next) {
        const struct traffic_policy *other = &node->resource->spec.traffic_policy;

        if (other->port == policy->port && str_equal(other->subset.text, policy->subset.text)) {
            REFUSE(translation, policy->host.place,
                   "host \"%.*s\": TrafficPolicy %.*s has the same host, subset and port",
                   STR_ARG(policy->host.text), STR_ARG(node->resource->name));
        }
    }
}

enum tulle_error tulle__translate_overlay(struct translation *translation)
{
    const struct traffic_policy *policy = &translation->resource->spec.traffic_policy;
    struct mesh_host *host;
    bool hidden;

    if (!translation->resource->is_exported) {
        return TULLE_OK;
    }
    TRY(tulle__translate_find_host(translation, &policy->host, &host, &hidden));
    if (host == NULL) {
        return TULLE_OK;
    }
    if (policy->subset.text.size > 0) {
        tulle__translate_check_subset(translation, &policy->subset, host);
    }
    if (policy->port != 0) {
        TRY(tulle__translate_check_port(translation, translation->resource->place, host,
                                        policy->port));
    }
    if (policy->local_service.text.size > 0) {
        struct mesh_host *ours;

        TRY(tulle__translate_find_host(translation, &policy->local_service, &ours, &hidden));
    }
    overlay_check_twice(translation, host, policy);
    if (translation->refused[translation->index]) {
        return TULLE_OK;
    }
    return list_add(translation, host, &host->overlays);
}
