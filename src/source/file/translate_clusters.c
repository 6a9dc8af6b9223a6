/* SPDX-License-Identifier: Apache-2.0 */

/* A cluster for each port, whole and by subset. A subset is the endpoints that
 * carry all of its labels. */

#include "source/file/translate.h"

#include <stdlib.h>

#include "base/macros.h"
#include "model/seal.h"

/* --- endpoints --- */

static bool has_label(const struct entry_endpoint *endpoint, const struct label *label)
{
    for (size_t i = 0; i < endpoint->label_count; i++) {
        if (str_equal(endpoint->labels[i].name, label->name)) {
            return str_equal(endpoint->labels[i].value, label->value);
        }
    }
    return false;
}

static bool is_selected(const struct entry_endpoint *endpoint, const struct rule_subset *subset)
{
    for (size_t i = 0; subset != NULL && i < subset->label_count; i++) {
        if (!has_label(endpoint, &subset->labels[i])) {
            return false;
        }
    }
    return true;
}

static int label_compare(const void *left, const void *right)
{
    const struct label *a = left, *b = right;

    return tulle__str_compare(a->name, b->name);
}

/* Sorted, so that the order in the file is no difference. */
static bool labels_copy(struct arena *arena, const struct entry_endpoint *from,
                        struct endpoint *endpoint)
{
    struct label *labels;

    if (from->label_count == 0) {
        return true;
    }
    labels = ARENA_ARRAY(arena, struct label, from->label_count);
    if (labels == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->label_count; i++) {
        labels[i].name = tulle__arena_str(arena, from->labels[i].name);
        labels[i].value = tulle__arena_str(arena, from->labels[i].value);
        if (labels[i].name.data == NULL || labels[i].value.data == NULL) {
            return false;
        }
    }
    qsort(labels, from->label_count, sizeof(*labels), label_compare);
    endpoint->labels = labels;
    endpoint->label_count = from->label_count;
    return true;
}

/* Of texts that are the resources'. */
static bool endpoint_read(struct arena *arena, const struct port_endpoint *from,
                          struct endpoint *endpoint)
{
    endpoint->address = from->address;
    endpoint->locality = from->endpoint->locality;
    endpoint->hash_key = STR("");
    endpoint->weight = from->endpoint->weight > 0 ? from->endpoint->weight : 1;
    return labels_copy(arena, from->endpoint, endpoint);
}

static enum tulle_error endpoints_list(struct translation *translation,
                                       const struct port_endpoints *from,
                                       const struct rule_subset *subset, struct endpoint_list *list)
{
    list->endpoints = ARENA_ARRAY(&translation->arena, struct endpoint, from->count + 1);
    ENSURE(list->endpoints != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < from->count; i++) {
        if (!is_selected(from->list[i].endpoint, subset)) {
            continue;
        }
        ENSURE(endpoint_read(&translation->arena, &from->list[i], &list->endpoints[list->count]),
               TULLE_E_NOMEM);
        list->count++;
    }
    return TULLE_OK;
}

static enum tulle_error
endpoint_set_fill(struct translation *translation, const struct cluster *cluster,
                  const struct port_endpoints *from, const struct rule_subset *subset,
                  const struct locality_setting *setting, struct endpoint_set *set)
{
    struct endpoint_list list = { .count = 0 };

    TRY(endpoints_list(translation, from, subset, &list));
    TRY(tulle__translate_localities(translation, cluster, setting, set, &list));
    ENSURE(tulle__endpoint_set_fill(set, list.endpoints, list.count), TULLE_E_NOMEM);
    tulle__endpoint_set_seal(set);
    return TULLE_OK;
}

/* --- clusters --- */

static bool cluster_name(struct cluster *cluster, const struct mesh_host *host,
                         const struct rule_subset *subset)
{
    struct arena *arena = &cluster->part.arena;

    cluster->host = tulle__arena_str(arena, host->host);
    cluster->subset = tulle__arena_str(arena, subset ? subset->name.text : STR(""));
    cluster->service = tulle__arena_str(arena, host->service);
    cluster->name_space = tulle__arena_str(arena, host->name_space);
    cluster->name = tulle__arena_format(arena, "outbound|%u|%.*s|%.*s", (unsigned)cluster->port,
                                        STR_ARG(cluster->subset), STR_ARG(cluster->host));
    return cluster->host.data && cluster->subset.data && cluster->service.data &&
           cluster->name_space.data && cluster->name.data;
}

/* Its endpoints are a part of their own, so that they change alone. */
static enum tulle_error cluster_fill(struct translation *translation, struct cluster *cluster,
                                     const struct mesh_host *host, size_t port,
                                     const struct rule_subset *subset)
{
    const struct locality_setting *setting;
    struct endpoint_set *set;

    ENSURE(cluster_name(cluster, host, subset), TULLE_E_NOMEM);
    TRY(tulle__translate_policies(translation, cluster, host, subset, &setting));
    set = tulle__part_new(sizeof(*set));
    ENSURE(set != NULL, TULLE_E_NOMEM);
    if (!tulle__part_add_cleanup(&cluster->part, tulle__part_unref, set)) {
        tulle__part_unref(set);
        return TULLE_E_NOMEM;
    }
    cluster->endpoints = set;
    TRY(endpoint_set_fill(translation, cluster, &host->endpoints[port], subset, setting, set));
    tulle__cluster_seal(cluster);
    return TULLE_OK;
}

static enum tulle_error cluster_add(struct translation *translation, const struct mesh_host *host,
                                    size_t port, const struct rule_subset *subset,
                                    struct draft *out)
{
    const struct entry_port *entry_port = &host->entry->spec.service_entry.ports[port];
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));
    enum tulle_error error;

    ENSURE(cluster != NULL, TULLE_E_NOMEM);
    cluster->port = entry_port->number;
    cluster->protocol = entry_port->protocol;
    cluster->discovery = host->entry->spec.service_entry.resolution;
    cluster->trouble = STR("");
    error = cluster_fill(translation, cluster, host, port, subset);
    if (error != TULLE_OK) {
        tulle__part_unref(cluster);
        return error;
    }
    return tulle__draft_add_cluster(out, cluster) ? TULLE_OK : TULLE_E_NOMEM;
}

enum tulle_error tulle__translate_clusters(struct translation *translation,
                                           const struct mesh_host *host, struct draft *out)
{
    for (size_t port = 0; port < host->entry->spec.service_entry.port_count; port++) {
        TRY(cluster_add(translation, host, port, NULL, out));
        for (size_t i = 0; i < host->subset_count; i++) {
            TRY(cluster_add(translation, host, port, host->subsets[i], out));
        }
    }
    return TULLE_OK;
}
