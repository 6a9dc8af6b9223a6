/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh outlives the configuration it was opened with, so it copies what it
 * took. Only ServiceEntries are built in code; only they are copied. */

#include "source/file/built.h"

struct copied_resource {
    struct part part;
    struct resource resource;
};

static bool str_copy(struct arena *arena, struct str *text)
{
    *text = tulle__arena_str(arena, *text);
    return text->data != NULL;
}

static bool placed_copy(struct arena *arena, struct placed *placed)
{
    return str_copy(arena, &placed->text) && str_copy(arena, &placed->place.file);
}

static void *array_copy(struct arena *arena, const void *from, size_t count, size_t item_size)
{
    void *copy = tulle__arena_alloc_zero(arena, count * item_size + 1);

    if (copy != NULL && count > 0) {
        memcpy(copy, from, count * item_size);
    }
    return copy;
}

static bool hosts_copy(struct arena *arena, struct service_entry *entry)
{
    struct placed *hosts = array_copy(arena, entry->hosts, entry->host_count, sizeof(*hosts));

    for (size_t i = 0; hosts != NULL && i < entry->host_count; i++) {
        if (!placed_copy(arena, &hosts[i])) {
            return false;
        }
    }
    entry->hosts = hosts;
    return hosts != NULL;
}

static bool ports_copy(struct arena *arena, struct service_entry *entry)
{
    struct entry_port *ports = array_copy(arena, entry->ports, entry->port_count, sizeof(*ports));

    for (size_t i = 0; ports != NULL && i < entry->port_count; i++) {
        if (!str_copy(arena, &ports[i].name)) {
            return false;
        }
    }
    entry->ports = ports;
    return ports != NULL;
}

static bool endpoint_ports_copy(struct arena *arena, struct entry_endpoint *endpoint)
{
    struct entry_endpoint_port *ports =
        array_copy(arena, endpoint->ports, endpoint->port_count, sizeof(*ports));

    for (size_t i = 0; ports != NULL && i < endpoint->port_count; i++) {
        if (!str_copy(arena, &ports[i].name)) {
            return false;
        }
    }
    endpoint->ports = ports;
    return ports != NULL;
}

static bool labels_copy(struct arena *arena, struct entry_endpoint *endpoint)
{
    struct label *labels =
        array_copy(arena, endpoint->labels, endpoint->label_count, sizeof(*labels));

    for (size_t i = 0; labels != NULL && i < endpoint->label_count; i++) {
        if (!str_copy(arena, &labels[i].name) || !str_copy(arena, &labels[i].value)) {
            return false;
        }
    }
    endpoint->labels = labels;
    return labels != NULL;
}

static bool endpoints_copy(struct arena *arena, struct service_entry *entry)
{
    struct entry_endpoint *endpoints =
        array_copy(arena, entry->endpoints, entry->endpoint_count, sizeof(*endpoints));

    for (size_t i = 0; endpoints != NULL && i < entry->endpoint_count; i++) {
        if (!placed_copy(arena, &endpoints[i].address) ||
            !str_copy(arena, &endpoints[i].locality) ||
            !endpoint_ports_copy(arena, &endpoints[i]) || !labels_copy(arena, &endpoints[i])) {
            return false;
        }
    }
    entry->endpoints = endpoints;
    return endpoints != NULL;
}

bool tulle__built_resource_fill(struct arena *arena, const struct resource *from,
                                struct resource *out)
{
    struct service_entry *entry = &out->spec.service_entry;

    *out = *from;
    return str_copy(arena, &out->name) && str_copy(arena, &out->name_space) &&
           str_copy(arena, &out->place.file) && hosts_copy(arena, entry) &&
           ports_copy(arena, entry) && endpoints_copy(arena, entry);
}

struct part *tulle__built_resource_copy(const struct resource *resource,
                                        const struct resource **out)
{
    struct copied_resource *copy = tulle__part_new(sizeof(*copy));

    *out = NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (!tulle__built_resource_fill(&copy->part.arena, resource, &copy->resource)) {
        tulle__part_unref(copy);
        return NULL;
    }
    *out = &copy->resource;
    return &copy->part;
}
