/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/spread.h"

#include <stdio.h>
#include <stdlib.h>

#include "peer/peers.h"

enum { TEXT_MAX = 1 << 20 };

const struct caller_share spread_callers[SPREAD_CALLERS] = { { { "a", 1 }, 4 },
                                                             { { "b", 1 }, 4 },
                                                             { { "c", 1 }, 2 } };

struct spread_text spread_text_new(void)
{
    struct spread_text text = { calloc(1, TEXT_MAX), 0 };

    assert_non_null(text.data);
    return text;
}

void spread_text_free(struct spread_text *text)
{
    free(text->data);
}

void spread_add(struct spread_text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text->size += (size_t)vsnprintf(text->data + text->size, TEXT_MAX - text->size, format, args);
    va_end(args);
    assert_true(text->size < TEXT_MAX);
}

/* --- endpoints --- */

static void add_place(struct spread_text *text, const char *place)
{
    struct str zone, subzone, region = tulle__str_cut(str_of(place), '/', &zone);

    zone = tulle__str_cut(zone, '/', &subzone);
    spread_add(text, "locality: {region: '%.*s', zone: '%.*s', sub_zone: '%.*s'}\n",
               STR_ARG(region), STR_ARG(zone), STR_ARG(subzone));
}

static void add_group(struct spread_text *text, const struct spread_case *test, size_t g,
                      unsigned back)
{
    static const char *const health[SPREAD_STATES] = { "HEALTHY", "DEGRADED", "UNHEALTHY" };
    const struct spread_group *group = &test->groups[g];

    spread_add(text, "     - priority: %u\n", group->priority);
    if (group->place) {
        spread_add(text, "       ");
        add_place(text, group->place);
    }
    if (group->place_weight > 0) {
        spread_add(text, "       load_balancing_weight: %u\n", group->place_weight);
    }
    spread_add(text, "       lb_endpoints:\n");
    for (uint32_t i = 0; i < group->count; i++) {
        spread_add(text,
                   "       - {health_status: %s, load_balancing_weight: %u, endpoint: {address: "
                   "{socket_address: {address: 127.1.%zu.%u, port_value: %u}}}}\n",
                   health[spread_state(group, i)], group->weight > 0 ? group->weight : 1, g, i + 1,
                   back);
    }
}

static void add_assignment(struct spread_text *text, const struct spread_case *test, size_t number,
                           unsigned back)
{
    spread_add(text, "     cluster_name: c%zu\n     endpoints:\n", number);
    for (size_t g = 0; g < SPREAD_GROUPS && test->groups[g].count > 0; g++) {
        add_group(text, test, g, back);
    }
}

void spread_endpoints(struct spread_text *text, const struct spread_case *test, size_t number,
                      unsigned back)
{
    spread_add(text, "resources:\n   - '@type': "
                     "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n");
    add_assignment(text, test, number, back);
}

/* --- clusters --- */

static void add_localities(struct spread_text *text, const struct spread_case *test)
{
    if (test->mode == LOCALITY_WEIGHTED) {
        spread_add(text, "      locality_weighted_lb_config: {}\n");
    }
    if (test->mode == LOCALITY_ZONE_AWARE) {
        spread_add(text,
                   "      zone_aware_lb_config: {routing_enabled: {value: %u}, "
                   "min_cluster_size: %u, fail_traffic_on_panic: %s}\n",
                   test->routing > 0 ? test->routing : 100,
                   test->min_cluster > 0 ? test->min_cluster : 6,
                   test->fail_on_panic ? "true" : "false");
    }
}

static void add_cluster(struct spread_text *text, const struct spread_case *test, size_t number,
                        const struct spread_site *site)
{
    spread_add(text,
               "  - name: c%zu\n    type: %s\n    lb_policy: %s\n    common_lb_config:\n"
               "      healthy_panic_threshold: {value: %u}\n",
               number, test->by_file ? "EDS" : "STATIC", test->policy, test->panic);
    add_localities(text, test);
    if (test->policy_config) {
        spread_add(text, "    %s\n", test->policy_config);
    }
    if (test->by_file) {
        spread_add(text,
                   "    eds_cluster_config: {eds_config: {path_config_source: "
                   "{path: '%s/c%zu.yaml'}}}\n",
                   site->folder, number);
        return;
    }
    spread_add(text, "    load_assignment:\n");
    add_assignment(text, test, number, site->back);
}

static void add_callers(struct spread_text *text)
{
    spread_add(text, "  - name: callers\n    type: STATIC\n    load_assignment:\n"
                     "     cluster_name: callers\n     endpoints:\n");
    for (size_t g = 0; g < SPREAD_CALLERS; g++) {
        spread_add(text, "     - ");
        add_place(text, spread_callers[g].locality.data);
        spread_add(text, "       lb_endpoints:\n");
        for (uint32_t i = 0; i < spread_callers[g].count; i++) {
            spread_add(text,
                       "       - endpoint: {address: {socket_address: {address: 127.2.%zu.%u, "
                       "port_value: 1}}}\n",
                       g, i + 1);
        }
    }
}

/* --- the rest --- */

static void add_listener(struct spread_text *text, const char *address, unsigned port)
{
    spread_add(text,
               "  - address: {socket_address: {address: %s, port_value: %u}}\n" PEER_ENVOY_HTTP
               "            virtual_hosts:\n"
               "            - name: all\n"
               "              domains: ['*']\n"
               "              routes:\n",
               address, port);
}

void spread_config(struct spread_text *text, const struct spread_case *cases, size_t count,
                   const struct spread_site *site)
{
    spread_add(text,
               "node: {id: us, cluster: callers, locality: {region: a}}\n"
               "cluster_manager: {local_cluster_name: callers}\n"
               "admin: {address: {socket_address: {address: 127.0.0.1, port_value: %u}}}\n"
               "static_resources:\n"
               "  listeners:\n",
               site->admin);
    add_listener(text, "127.0.0.1", site->port);
    for (size_t i = 0; i < count; i++) {
        spread_add(text, "              - {match: {prefix: /c%zu/}, route: {cluster: c%zu}}\n", i,
                   i);
    }
    add_listener(text, "0.0.0.0", site->back);
    spread_add(text, "              - {match: {prefix: /}, direct_response: {status: 200}}\n");
    spread_add(text, "  clusters:\n");
    add_callers(text);
    for (size_t i = 0; i < count; i++) {
        add_cluster(text, &cases[i], i, site);
    }
}
