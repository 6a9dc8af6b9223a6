/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

static void a_virtual_service_is_read_whole(void **state)
{
    static const char spec[] = "hosts: [reviews, reviews.other.svc.cluster.local]\n"
                               "gateways: [mesh]\n"
                               "exportTo: ['*']\n"
                               "http:\n"
                               "- name: canary\n"
                               "  match: [{name: m, uri: {prefix: /api}}, {}]\n"
                               "  timeout: 1s\n"
                               "  route:\n"
                               "  - destination: {host: reviews, subset: v1, port: {number: 80}}\n"
                               "    weight: 90\n"
                               "  - destination: {host: reviews, subset: v2}\n"
                               "    weight: 10\n"
                               "- route: [{destination: {host: reviews}}]\n";
    struct readout out;

    (void)state;
    readout_read_spec(&out, "VirtualService", spec);
    CHECK_OK(out.error);
    const struct virtual_service *service = &readout_resource(&out)->spec.virtual_service;
    assert_int_equal(service->host_count, 2);
    assert_true(str_equal(service->hosts[0].text, STR("reviews")));
    assert_int_equal(service->hosts[0].place.line, 5);
    assert_int_equal(service->route_count, 2);
    const struct rule_route *route = &service->routes[0];
    assert_true(str_equal(route->name, STR("canary")));
    assert_int_equal(route->place.line, 9);
    assert_int_equal(route->match_count, 2);
    assert_true(route->matches[0].has_uri);
    assert_false(route->matches[1].has_uri);
    assert_int_equal(route->timeout_ns, NS_PER_S);
    assert_false(route->has_retries);
    assert_int_equal(route->destination_count, 2);
    assert_int_equal(route->destinations[0].port, 80);
    assert_int_equal(route->destinations[0].weight, 90);
    assert_true(str_equal(route->destinations[1].subset.text, STR("v2")));
    assert_int_equal(route->destinations[1].subset.place.line, 15);
    assert_int_equal(service->routes[1].timeout_ns, NEVER);
    assert_int_equal(service->routes[1].destinations[0].weight, 0);
done:
    readout_fini(&out);
}

#define ROUTE "hosts: [a]\nhttp:\n- route: [{destination: {host: a}}]\n"

static void misspelt_fields_are_told_with_a_suggestion(void **state)
{
    (void)state;
    assert_mistake("VirtualService", ROUTE "  retires: {attempts: 1}\n",
                   "8:5: unknown field \"retires\"; did you mean \"retries\"?");
    assert_mistake("VirtualService", ROUTE "  retries: {attempts: 1, per_try_timeout: 1s}\n",
                   "8:28: unknown field \"per_try_timeout\"; did you mean \"perTryTimeout\"?");
}

static void what_istio_has_and_we_do_not_is_refused_by_name(void **state)
{
    static const char *const fields[] = { "fault",      "mirror",   "mirrors",
                                          "corsPolicy", "headers",  "mirrorPercentage",
                                          "rewrite",    "redirect", "directResponse",
                                          "delegate" };
    char spec[256], line[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        snprintf(spec, sizeof(spec), ROUTE "  %s: {}\n", fields[i]);
        snprintf(line, sizeof(line), "8:5: field \"%s\" is not supported yet", fields[i]);
        assert_mistake("VirtualService", spec, line);
    }
    assert_mistake("VirtualService", ROUTE "tcp: []\n", "8:3: field \"tcp\" is not supported yet");
    assert_mistake("VirtualService",
                   "hosts: [a]\ngateways: [mesh, ingress]\nhttp:\n"
                   "- route: [{destination: {host: a}}]\n",
                   "6:20: gateway \"ingress\" is not supported yet; only \"mesh\" is");
    assert_mistake("VirtualService", "hosts: ['*.a']\nhttp:\n- route: [{destination: {host: a}}]\n",
                   "5:11: wildcard host \"*.a\" is not supported yet");
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    assert_mistake("VirtualService", "http: [{route: [{destination: {host: a}}]}]",
                   "5:3: hosts must name at least one host");
    assert_mistake("VirtualService", "hosts: [a]", "5:3: http must have at least one route");
    assert_mistake("VirtualService", "hosts: [a]\nhttp: [{name: x}]",
                   "6:10: a route of http must have a route with a destination");
    assert_mistake("VirtualService", "hosts: [a]\nhttp: [{route: [{weight: 1}]}]",
                   "6:19: a route must have a destination with a host");
    assert_mistake("VirtualService", "hosts: [a]\nhttp: [{route: [{destination: ~}]}]",
                   "6:19: a route must have a destination with a host");
    assert_mistake("VirtualService", "hosts: [a]\nhttp: [{route: [{destination: {subset: v}}]}]",
                   "6:19: a route must have a destination with a host");
}

static void wrong_types_are_told(void **state)
{
    (void)state;
    assert_mistake("VirtualService", "[a]", "5:3: spec must be a map");
    assert_mistake("VirtualService", "hosts: a\nhttp: [{route: [{destination: {host: a}}]}]",
                   "5:10: hosts must be a list");
    assert_mistake("VirtualService", "hosts: [[a]]\nhttp: [{route: [{destination: {host: a}}]}]",
                   "5:11: an item must be a text");
    assert_mistake("VirtualService",
                   "hosts: [\"a b\"]\nhttp: [{route: [{destination: {host: a}}]}]",
                   "5:11: \"a b\" is no host name");
    assert_mistake("VirtualService", "hosts: [a]\nhttp: [{route: [{destination: {host: no}}]}]",
                   "6:40: host: no is a boolean in YAML; quote it: \"no\"");
    assert_mistake("VirtualService",
                   "hosts: [a]\nhttp: [{route: [{destination: {host: a}, weight: '1'}]}]",
                   "6:52: weight must be a whole number, without quotes");
    assert_mistake("VirtualService",
                   "hosts: [a]\nhttp: [{route: [{destination: {host: a}, weight: -1}]}]",
                   "6:52: weight must be between 0 and 2147483647, not -1");
    assert_mistake("VirtualService",
                   "hosts: [a]\nhttp: [{route: [{destination: {host: a, port: {}}}]}]",
                   "6:49: port must have a number");
    assert_mistake("VirtualService",
                   "hosts: [a]\nhttp: [{route: [{destination: {host: a, port: {number: 0}}}]}]",
                   "6:58: number must be between 1 and 65535, not 0");
    assert_mistake("VirtualService",
                   "hosts: [a]\nhttp: [{route: [{destination: {host: a, port: {number: 010}}}]}]",
                   "6:58: number must be a whole number");
}

static void a_timeout_of_nothing_is_refused_as_istio_does(void **state)
{
    (void)state;
    assert_mistake("VirtualService", ROUTE "  timeout: 0s\n",
                   "8:14: timeout must be at least 1ms, not \"0s\"");
    assert_mistake("VirtualService", ROUTE "  timeout: 5\n",
                   "8:14: timeout must be a duration such as 1.5s, 250ms or 1m30s, not \"5\"");
    assert_mistake("VirtualService", ROUTE "  timeout: {}\n", "8:14: timeout must be a text");
    assert_good("VirtualService", ROUTE "  timeout: ~\n");
}

TEST_MAIN(TEST_OOM(a_virtual_service_is_read_whole),
          cmocka_unit_test(misspelt_fields_are_told_with_a_suggestion),
          cmocka_unit_test(what_istio_has_and_we_do_not_is_refused_by_name),
          cmocka_unit_test(what_is_missing_is_told), cmocka_unit_test(wrong_types_are_told),
          cmocka_unit_test(a_timeout_of_nothing_is_refused_as_istio_does))
