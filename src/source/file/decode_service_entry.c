/* SPDX-License-Identifier: Apache-2.0 */

#include <arpa/inet.h>

#include "source/file/kinds.h"

enum resolution { RESOLUTION_NOT_SAID, RESOLUTION_STATIC, RESOLUTION_DNS, RESOLUTION_ROUND_ROBIN };

struct service_entry_spec {
    struct service_entry entry;
    bool is_exported;
    int resolution;
    int location;
};

static const struct choice protocols[] = {
    { "HTTP", PROTOCOL_HTTP1 },
    { "HTTP2", PROTOCOL_HTTP2 },
    { "GRPC", PROTOCOL_HTTP2 },
    { "HTTPS", PROTOCOL_HTTPS },
    { "TCP", -1 },
    { "TLS", -1 },
    { "MONGO", -1 },
    { "GRPC-WEB", -1 },
    { "MYSQL", -1 },
    { "REDIS", -1 },
    { "UDP", -1 },
    { NULL, 0 },
};

static const struct choice resolutions[] = {
    { "STATIC", RESOLUTION_STATIC }, { "NONE", -1 },
    { "DNS", RESOLUTION_DNS },       { "DNS_ROUND_ROBIN", RESOLUTION_ROUND_ROBIN },
    { "DYNAMIC_DNS", -1 },           { NULL, 0 },
};

static const struct choice locations[] = {
    { "MESH_EXTERNAL", 0 },
    { "MESH_INTERNAL", 1 },
    { NULL, 0 },
};

static void port_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "number", tulle__field_u16, offsetof(struct entry_port, number), 1, UINT16_MAX },
        { .name = "name", tulle__field_text, offsetof(struct entry_port, name) },
        { "protocol", tulle__field_choice, offsetof(struct entry_port, protocol),
          .choices = protocols },
        { .name = "targetPort",
          tulle__field_u16,
          offsetof(struct entry_port, target),
          1,
          UINT16_MAX },
    };
    static const char *const required[] = { "number", "name", "protocol" };

    DECODE_MAP(decoder, item, fields, out);
    for (size_t i = 0; item->kind == NODE_MAP && i < COUNT_OF(required); i++) {
        const struct node *node = tulle__node_find(item, str_of(required[i]));
        if (!node || tulle__node_is_null(node)) {
            tulle__mistake(decoder, item, "a port must have a %s", required[i]);
        }
    }
}

static bool is_address(struct str text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char copy[INET6_ADDRSTRLEN];

    if (text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
}

static void endpoint_port_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field number = { .least = 1, .most = UINT16_MAX };
    struct entry_endpoint_port *port = out;

    port->name = tulle__decode_copy(decoder, item->key);
    tulle__field_u16(decoder, item, &port->number, &number);
}

static void endpoint_ports(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct entry_endpoint *endpoint = out;

    (void)field;
    endpoint->ports = tulle__decode_members(decoder, value, sizeof(*endpoint->ports),
                                            endpoint_port_item, &endpoint->port_count);
}

static void endpoint_labels(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    struct entry_endpoint *endpoint = out;

    (void)field;
    endpoint->labels = tulle__decode_members(decoder, value, sizeof(*endpoint->labels),
                                             tulle__item_label, &endpoint->label_count);
}

static void endpoint_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "address", tulle__field_placed, offsetof(struct entry_endpoint, address) },
        { .name = "ports", endpoint_ports },
        { .name = "labels", endpoint_labels },
        { .name = "locality", tulle__field_text, offsetof(struct entry_endpoint, locality) },
        { .name = "weight",
          tulle__field_u32,
          offsetof(struct entry_endpoint, weight),
          0,
          UINT32_MAX },
        { .name = "network" },
        { .name = "serviceAccount" },
    };
    struct entry_endpoint *endpoint = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    endpoint->weight = endpoint->weight > 0 ? endpoint->weight : 1;
    if (endpoint->address.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, item, "an endpoint must have an address");
    }
}

static void entry_hosts(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    struct service_entry *entry = out;

    (void)field;
    entry->hosts = tulle__decode_list(decoder, value, sizeof(*entry->hosts), tulle__item_host,
                                      &entry->host_count);
}

static void check_ports(struct decoder *decoder, const struct node *list,
                        const struct service_entry *entry)
{
    const struct node *node = list->first;

    for (size_t i = 0; i < entry->port_count; i++, node = node->next) {
        for (size_t k = 0; k < i; k++) {
            if (entry->ports[k].number == entry->ports[i].number ||
                str_equal(entry->ports[k].name, entry->ports[i].name)) {
                tulle__mistake(decoder, node, "two ports have the same number or name");
                break;
            }
        }
    }
}

static void entry_ports(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    enum { PORTS_MAX = 256 };
    struct service_entry *entry = out;
    size_t before = decoder->mistakes;

    (void)field;
    if (value->kind == NODE_LIST && value->count > PORTS_MAX) {
        tulle__mistake(decoder, value, "more than %d ports", PORTS_MAX);
        return;
    }
    entry->ports =
        tulle__decode_list(decoder, value, sizeof(*entry->ports), port_item, &entry->port_count);
    if (decoder->mistakes == before) {
        check_ports(decoder, value, entry);
    }
}

static void entry_endpoints(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    struct service_entry *entry = out;

    (void)field;
    entry->endpoints = tulle__decode_list(decoder, value, sizeof(*entry->endpoints), endpoint_item,
                                          &entry->endpoint_count);
}

static void address_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct str text;

    (void)out;
    if (!tulle__decode_text(decoder, item, &text)) {
        return;
    }
    if (!is_address(tulle__str_cut(text, '/', &(struct str){ 0 }))) {
        tulle__mistake(decoder, item, "\"%.*s\" is neither an IP address nor a CIDR range",
                       STR_ARG(text));
    }
}

static void entry_addresses(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    size_t count;

    (void)out;
    (void)field;
    (void)tulle__decode_list(decoder, value, 1, address_item, &count);
}

static void check_port_name(struct decoder *decoder, const struct service_entry *entry,
                            const struct node *node)
{
    struct suggestion suggestion = tulle__suggest_start(node->key);
    char hint[96];

    for (size_t i = 0; i < entry->port_count; i++) {
        if (str_equal(entry->ports[i].name, node->key)) {
            return;
        }
        tulle__suggest_offer(&suggestion, entry->ports[i].name);
    }
    tulle__mistake_at_key(decoder, node, "\"%.*s\" is no port of this ServiceEntry%s",
                          STR_ARG(node->key), tulle__suggest_text(&suggestion, hint, sizeof(hint)));
}

static void check_port_names(struct decoder *decoder, const struct node *spec,
                             const struct service_entry *entry)
{
    const struct node *endpoints = tulle__node_find(spec, STR("endpoints"));

    for (const struct node *endpoint = endpoints ? endpoints->first : NULL; endpoint;
         endpoint = endpoint->next) {
        const struct node *ports = tulle__node_find(endpoint, STR("ports"));
        for (const struct node *port = ports ? ports->first : NULL; port; port = port->next) {
            check_port_name(decoder, entry, port);
        }
    }
}

static enum discovery discovery_of(int resolution)
{
    switch (resolution) {
    case RESOLUTION_DNS: return DISCOVERY_STRICT_DNS;
    case RESOLUTION_ROUND_ROBIN: return DISCOVERY_LOGICAL_DNS;
    default: return DISCOVERY_STATIC;
    }
}

/* What an address may be is known when the resolution is. */
static void check_addresses(struct decoder *decoder, const struct node *spec,
                            const struct service_entry *entry)
{
    const struct node *endpoints = tulle__node_find(spec, STR("endpoints"));
    const struct node *endpoint = endpoints ? endpoints->first : NULL;

    if (entry->resolution == DISCOVERY_LOGICAL_DNS && entry->endpoint_count > 1) {
        tulle__mistake(decoder, endpoints, "resolution DNS_ROUND_ROBIN takes one endpoint");
    }
    for (size_t i = 0; i < entry->endpoint_count && endpoint; i++, endpoint = endpoint->next) {
        struct str address = entry->endpoints[i].address.text;

        if (entry->resolution == DISCOVERY_STATIC && address.size > 0 && !is_address(address)) {
            tulle__mistake(decoder, tulle__node_find(endpoint, STR("address")),
                           "address \"%.*s\" is no IP address", STR_ARG(address));
        }
    }
}

void tulle__decode_service_entry(struct decoder *decoder, const struct node *spec,
                                 struct resource *out)
{
    static const struct field fields[] = {
        { .name = "hosts", entry_hosts, offsetof(struct service_entry_spec, entry) },
        { .name = "addresses", entry_addresses },
        { .name = "ports", entry_ports, offsetof(struct service_entry_spec, entry) },
        { "location", tulle__field_choice, offsetof(struct service_entry_spec, location),
          .choices = locations },
        { "resolution", tulle__field_choice, offsetof(struct service_entry_spec, resolution),
          .choices = resolutions },
        { .name = "endpoints", entry_endpoints, offsetof(struct service_entry_spec, entry) },
        { .name = "exportTo",
          tulle__field_export,
          offsetof(struct service_entry_spec, is_exported) },
        { .name = "workloadSelector" },
        { .name = "subjectAltNames" },
    };
    struct service_entry_spec read = { .is_exported = true };
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, spec, fields, &read);
    if (decoder->mistakes == before && read.entry.host_count == 0) {
        tulle__mistake(decoder, spec, "hosts must name at least one host");
    }
    if (decoder->mistakes == before && read.entry.port_count == 0) {
        tulle__mistake(decoder, spec, "ports must have at least one port");
    }
    if (decoder->mistakes == before && read.resolution == RESOLUTION_NOT_SAID) {
        tulle__mistake(decoder, spec, "resolution must be STATIC, DNS or DNS_ROUND_ROBIN");
    }
    if (decoder->mistakes == before) {
        read.entry.resolution = discovery_of(read.resolution);
        check_port_names(decoder, spec, &read.entry);
        check_addresses(decoder, spec, &read.entry);
    }
    out->spec.service_entry = read.entry;
    out->is_exported = read.is_exported;
}
