/* SPDX-License-Identifier: Apache-2.0 */

/* Envoy's route table in our words: host, port, the routes in their order, a
 * draw by weight. Nothing is allocated, and nothing but `rand` is changed, so
 * that explain can ask the same question again. */

#include "route/plan.h"

#include "seam/observer.h"

static void plan_refuse(struct plan *out, int status, unsigned flags, const char *text)
{
    out->kind = PLAN_REFUSED;
    out->status = status;
    out->flags = flags;
    out->text = text;
}

static const struct planned_port *port_find(const struct planned_service *service, uint16_t number)
{
    for (size_t i = 0; i < service->port_count; i++) {
        if (service->ports[i].number == number) {
            return &service->ports[i];
        }
    }
    return NULL;
}

static bool header_is(const struct header_line *header, struct str name)
{
    return tulle__str_equal_nocase((struct str){ header->line.data, header->name_size }, name);
}

static struct str header_value(const struct header_line *header)
{
    size_t head = header->name_size + 1;

    if (header->line.size <= head) {
        return STR("");
    }
    return tulle__str_trim((struct str){ header->line.data + head, header->line.size - head });
}

/* Of a repeated header any one value may match. */
static bool header_matches(const struct named_match *wanted, const struct plan_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct header_line *header = &request->headers[i];

        if (header_is(header, wanted->name) &&
            tulle__text_match(&wanted->match, header_value(header))) {
            return true;
        }
    }
    return false;
}

static bool query_matches(const struct named_match *wanted, const struct plan_request *request)
{
    struct str value;

    return tulle__query_find(request->url->query, wanted->name, &value) &&
           tulle__text_match(&wanted->match, value);
}

static bool request_matches(const struct route_match *match, const struct plan_request *request)
{
    if (match->has_uri && !tulle__text_match(&match->uri, request->url->path)) {
        return false;
    }
    if (match->has_method && !tulle__text_match(&match->method, request->method)) {
        return false;
    }
    for (size_t i = 0; i < match->header_count; i++) {
        if (!header_matches(&match->headers[i], request)) {
            return false;
        }
    }
    for (size_t i = 0; i < match->query_count; i++) {
        if (!query_matches(&match->query[i], request)) {
            return false;
        }
    }
    return true;
}

static bool route_takes(const struct route *route, const struct plan_request *request)
{
    for (size_t i = 0; i < route->match_count; i++) {
        if (request_matches(&route->matches[i], request)) {
            return true;
        }
    }
    return route->match_count == 0;
}

static const struct planned_route *route_find(const struct planned_service *service,
                                              const struct planned_port *port,
                                              const struct plan_request *request)
{
    for (size_t i = 0; i < service->service->route_count; i++) {
        if (route_takes(port->routes[i].route, request)) {
            return &port->routes[i];
        }
    }
    return NULL;
}

/* A destination of weight 0 is never drawn. */
static const struct planned_destination *destination_draw(const struct planned_route *route,
                                                          struct rand *rand)
{
    const struct planned_destination *all = route->destinations;
    size_t last = route->destination_count - 1;
    uint64_t drawn;
    size_t i = 0;

    if (last == 0 || all[last].weight_end == 0) {
        return &all[0];
    }
    drawn = (uint64_t)rand_below_i64(rand, (int64_t)all[last].weight_end);
    while (drawn >= all[i].weight_end) {
        i++;
    }
    return &all[i];
}

void tulle__plan(const struct plan_table *table, const struct plan_request *request,
                 struct rand *rand, struct plan *out)
{
    const struct planned_port *port;

    *out = (struct plan){ .kind = PLAN_OUTSIDE };
    out->service = tulle__table_find(&table->services, request->url->host);
    if (out->service == NULL) {
        return;
    }
    port = port_find(out->service, request->url->port);
    if (port == NULL) {
        plan_refuse(out, 404, FLAG_NR, "the service has no such port");
        return;
    }
    out->route = route_find(out->service, port, request);
    if (out->route == NULL) {
        plan_refuse(out, 404, FLAG_NR, "no route of the service matches");
        return;
    }
    out->destination = destination_draw(out->route, rand);
    if (out->destination->target == NULL) {
        plan_refuse(out, 503, FLAG_NC, "the route leads to a cluster that does not exist");
        return;
    }
    out->kind = PLAN_TARGET;
}
