/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#define ENTRY "hosts: [a]\nresolution: STATIC\nports: [{number: 80, name: http, protocol: HTTP}]\n"

static void a_service_entry_is_read_whole(void **state)
{
    static const char spec[] =
        "hosts: [a.example.com]\naddresses: [10.1.0.1, 10.2.0.0/16]\nlocation: MESH_INTERNAL\n"
        "resolution: STATIC\nexportTo: [.]\n"
        "ports:\n- {number: 80, name: http, protocol: HTTP, targetPort: 8080}\n"
        "- {number: 81, name: grpc, protocol: GRPC}\n- {number: 443, name: tls, protocol: HTTPS}\n"
        "endpoints:\n- address: 10.0.0.1\n  ports: {http: 9080}\n"
        "  labels: {version: v1, build: 1.10}\n  locality: r1/z1\n  weight: 3\n"
        "- address: ::1\n";
    struct readout out;

    (void)state;
    readout_read_spec(&out, "ServiceEntry", spec);
    CHECK_OK(out.error);
    const struct service_entry *entry = &readout_resource(&out)->spec.service_entry;
    assert_int_equal(entry->host_count, 1);
    assert_int_equal(entry->port_count, 3);
    assert_int_equal(entry->ports[0].target, 8080);
    assert_int_equal(entry->ports[0].protocol, PROTOCOL_HTTP1);
    assert_int_equal(entry->ports[1].protocol, PROTOCOL_HTTP2);
    assert_int_equal(entry->ports[2].protocol, PROTOCOL_HTTPS);
    assert_int_equal(entry->endpoint_count, 2);
    const struct entry_endpoint *endpoint = &entry->endpoints[0];
    assert_true(str_equal(endpoint->address.text, STR("10.0.0.1")));
    assert_int_equal(endpoint->ports[0].number, 9080);
    assert_true(str_equal(endpoint->labels[1].value, STR("1.10")));
    assert_true(str_equal(endpoint->locality, STR("r1/z1")));
    assert_int_equal(endpoint->weight, 3);
    assert_int_equal(entry->endpoints[1].weight, 1);
done:
    readout_fini(&out);
}

static void what_is_not_supported_is_refused_by_name(void **state)
{
    (void)state;
    assert_mistake("ServiceEntry", ENTRY "workloadSelector: {}\n",
                   "8:3: field \"workloadSelector\" is not supported yet");
    assert_mistake("ServiceEntry", ENTRY "subjectAltNames: []\n",
                   "8:3: field \"subjectAltNames\" is not supported yet");
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{address: 10.0.0.1, network: n}]\n",
                   "8:35: field \"network\" is not supported yet");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: NONE\nports: [{number: 80, name: h, protocol: HTTP}]",
                   "6:15: resolution NONE is not supported yet");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: DYNAMIC_DNS\n"
                   "ports: [{number: 80, name: h, protocol: HTTP}]",
                   "6:15: resolution DYNAMIC_DNS is not supported yet");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: STATC\nports: [{number: 80, name: h, protocol: HTTP}]",
                   "6:15: unknown resolution \"STATC\"; did you mean \"STATIC\"?");
    assert_mistake("ServiceEntry", "hosts: [a]\nports: [{number: 80, name: h, protocol: HTTP}]",
                   "5:3: resolution must be STATIC, DNS or DNS_ROUND_ROBIN");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: STATIC\nports: [{number: 80, name: h, protocol: TCP}]",
                   "7:43: protocol TCP is not supported yet");
}

static enum discovery resolution_of(const char *name, const char *endpoints)
{
    enum discovery discovery = DISCOVERY_STATIC;
    struct readout out;
    char spec[256];

    snprintf(spec, sizeof(spec),
             "hosts: [a.example.com]\nresolution: %s\n"
             "ports: [{number: 80, name: http, protocol: HTTP}]\nendpoints: [%s]\n",
             name, endpoints);
    readout_read_spec(&out, "ServiceEntry", spec);
    CHECK_OK(out.error);
    discovery = readout_resource(&out)->spec.service_entry.resolution;
done:
    readout_fini(&out);
    return discovery;
}

static void endpoints_may_be_names_where_names_are_looked_up(void **state)
{
    (void)state;
    assert_int_equal(resolution_of("DNS", "{address: b.example.com}, {address: 10.0.0.1}"),
                     DISCOVERY_STRICT_DNS);
    assert_int_equal(resolution_of("DNS_ROUND_ROBIN", "{address: b.example.com}"),
                     DISCOVERY_LOGICAL_DNS);
    assert_int_equal(resolution_of("STATIC", "{address: 10.0.0.1}"), DISCOVERY_STATIC);
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: DNS_ROUND_ROBIN\n"
                   "ports: [{number: 80, name: h, protocol: HTTP}]\n"
                   "endpoints: [{address: b.test}, {address: c.test}]\n",
                   "8:14: resolution DNS_ROUND_ROBIN takes one endpoint");
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    assert_mistake("ServiceEntry", "resolution: STATIC", "5:3: hosts must name at least one host");
    assert_mistake("ServiceEntry", "hosts: [a]\nresolution: STATIC",
                   "5:3: ports must have at least one port");
    assert_mistake("ServiceEntry", "hosts: [a]\nresolution: STATIC\nports: [{number: 1, name: h}]",
                   "7:11: a port must have a protocol");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: STATIC\nports: [{number: ~, name: h, protocol: HTTP}]",
                   "7:11: a port must have a number");
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{weight: 1}]",
                   "8:15: an endpoint must have an address");
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{address: a.example.com}]",
                   "8:25: address \"a.example.com\" is no IP address");
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{address: 10.0.0.1, ports: {htp: 1}}]",
                   "8:43: \"htp\" is no port of this ServiceEntry; did you mean \"http\"?");
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{address: 10.0.0.1, ports: {http: 70000}}]",
                   "8:49: http must be between 1 and 65535, not 70000");
    assert_mistake("ServiceEntry", ENTRY "endpoints: [{address: 10.0.0.1, labels: {a: true}}]",
                   "8:47: a: true is a boolean in YAML; quote it: \"true\"");
    assert_mistake("ServiceEntry", ENTRY "addresses: [10.0.0.0/8, here]",
                   "8:27: \"here\" is neither an IP address nor a CIDR range");
    assert_mistake("ServiceEntry",
                   "hosts: [a]\nresolution: STATIC\nports: [{number: 80, name: h, protocol: HTTP}, "
                   "{number: 80, name: i, protocol: HTTP}]",
                   "7:50: two ports have the same number or name");
}

static void more_ports_than_anyone_has_are_refused(void **state)
{
    char spec[8192];
    size_t size = (size_t)snprintf(spec, sizeof(spec), "hosts: [a]\nresolution: STATIC\nports: [");

    (void)state;
    for (int i = 0; i < 257; i++) {
        size += (size_t)snprintf(spec + size, sizeof(spec) - size, "{},");
    }
    snprintf(spec + size, sizeof(spec) - size, "]");
    assert_mistake("ServiceEntry", spec, "7:10: more than 256 ports");
}

TEST_MAIN(TEST_OOM(a_service_entry_is_read_whole),
          cmocka_unit_test(what_is_not_supported_is_refused_by_name),
          cmocka_unit_test(endpoints_may_be_names_where_names_are_looked_up),
          cmocka_unit_test(what_is_missing_is_told), cmocka_unit_test(what_is_wrong_is_told),
          cmocka_unit_test(more_ports_than_anyone_has_are_refused))
