/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/kinds.h"

struct virtual_service_spec {
    struct virtual_service service;
    bool is_exported;
};

static void destination_host(struct decoder *decoder, const struct node *value, void *out,
                             const struct field *field)
{
    static const struct field fields[] = {
        { .name = "host", tulle__field_host, offsetof(struct rule_destination, host) },
        { .name = "subset", tulle__field_placed, offsetof(struct rule_destination, subset) },
        { .name = "port", tulle__field_port, offsetof(struct rule_destination, port) },
    };
    (void)field;
    DECODE_MAP(decoder, value, fields, out);
}

static void destination_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "destination", destination_host },
        { .name = "weight",
          tulle__field_u32,
          offsetof(struct rule_destination, weight),
          0,
          INT32_MAX },
        { .name = "headers" },
    };

    struct rule_destination *destination = out;
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, item, fields, out);
    if (destination->host.text.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, item, "a route must have a destination with a host");
    }
}

static void route_matches(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct rule_route *route = out;

    (void)field;
    route->matches = tulle__decode_list(decoder, value, sizeof(*route->matches),
                                        tulle__item_route_match, &route->match_count);
}

static void route_destinations(struct decoder *decoder, const struct node *value, void *out,
                               const struct field *field)
{
    struct rule_route *route = out;

    (void)field;
    route->destinations = tulle__decode_list(decoder, value, sizeof(*route->destinations),
                                             destination_item, &route->destination_count);
}

static void route_item(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "name", tulle__field_text, offsetof(struct rule_route, name) },
        { .name = "match", route_matches },
        { .name = "route", route_destinations },
        { .name = "timeout",
          tulle__field_duration,
          offsetof(struct rule_route, timeout_ns),
          NS_PER_MS,
          NEVER - 1 },
        { .name = "retries", tulle__field_retries },
        { .name = "redirect" },
        { .name = "directResponse" },
        { .name = "delegate" },
        { .name = "rewrite" },
        { .name = "fault" },
        { .name = "mirror" },
        { .name = "mirrors" },
        { .name = "mirrorPercent" },
        { .name = "mirrorPercentage" },
        { .name = "corsPolicy" },
        { .name = "headers" },
    };
    struct rule_route *route = out;
    size_t before = decoder->mistakes;

    route->place = tulle__decode_place(decoder, item);
    route->timeout_ns = NEVER;
    DECODE_MAP(decoder, item, fields, out);
    if (route->destination_count == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, item, "a route of http must have a route with a destination");
    }
}

static void service_hosts(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct virtual_service *service = out;

    (void)field;
    service->hosts = tulle__decode_list(decoder, value, sizeof(*service->hosts), tulle__item_host,
                                        &service->host_count);
}

static void service_routes(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct virtual_service *service = out;

    (void)field;
    service->routes = tulle__decode_list(decoder, value, sizeof(*service->routes), route_item,
                                         &service->route_count);
}

static void gateway_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct str text;

    (void)out;
    if (tulle__decode_text(decoder, item, &text) && !str_equal(text, STR("mesh"))) {
        tulle__mistake(decoder, item, "gateway \"%.*s\" is not supported yet; only \"mesh\" is",
                       STR_ARG(text));
    }
}

static void service_gateways(struct decoder *decoder, const struct node *value, void *out,
                             const struct field *field)
{
    size_t count;

    (void)out;
    (void)field;
    (void)tulle__decode_list(decoder, value, 1, gateway_item, &count);
}

void tulle__decode_virtual_service(struct decoder *decoder, const struct node *spec,
                                   struct resource *out)
{
    static const struct field fields[] = {
        { .name = "hosts", service_hosts, offsetof(struct virtual_service_spec, service) },
        { .name = "gateways", service_gateways },
        { .name = "http", service_routes, offsetof(struct virtual_service_spec, service) },
        { .name = "exportTo",
          tulle__field_export,
          offsetof(struct virtual_service_spec, is_exported) },
        { .name = "tls" },
        { .name = "tcp" },
    };
    struct virtual_service_spec read = { .is_exported = true };
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, spec, fields, &read);
    if (read.service.host_count == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "hosts must name at least one host");
    }
    if (read.service.route_count == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, spec, "http must have at least one route");
    }
    out->spec.virtual_service = read.service;
    out->is_exported = read.is_exported;
}
