/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "source/file/translate.h"

static const struct endpoint_set *set_of(const struct translated *translated, const char *name)
{
    const struct cluster *cluster = translated_cluster(translated, name);

    assert_non_null(cluster);
    return cluster->endpoints;
}

static bool canonical(const char *address, const char *expected)
{
    char out[ADDRESS_TEXT_SIZE];

    return tulle__address_canonical(str_of(address), out) && strcmp(out, expected) == 0;
}

static void an_address_has_one_writing(void **state)
{
    char out[ADDRESS_TEXT_SIZE];

    (void)state;
    assert_true(canonical("10.0.0.1", "10.0.0.1"));
    assert_true(canonical("::1", "[::1]"));
    assert_true(canonical("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]"));
    assert_true(canonical("::ffff:1.2.3.4", "[::ffff:1.2.3.4]"));
    assert_true(canonical("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"));
    assert_false(tulle__address_canonical(STR(""), out));
    assert_false(tulle__address_canonical(STR("localhost"), out));
    assert_false(tulle__address_canonical(STR("10.0.0.1:80"), out));
    assert_false(tulle__address_canonical(STR("[::1]"), out));
    assert_false(tulle__address_canonical(STR("fe80::1%eth0"), out));
    assert_false(tulle__address_canonical(STR("10.0.0.1\0x"), out));
    assert_false(tulle__address_canonical(
        STR("1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"), out));
}

static void endpoints_are_sorted_and_have_their_ports_number(void **state)
{
    static const struct entry_endpoint_port own[] = { { TEXT("http"), 9999 } };
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a")),
                      PORTS(HTTP(80), { .number = 81, .target = 8081, .name = TEXT("web") }),
                      ENDPOINTS(ENDPOINT("::1"), ENDPOINT("10.0.0.2"),
                                { .address = PLACED("10.0.0.1"), .ports = own, .port_count = 1 })),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct endpoint_set *set;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    set = set_of(translated, "outbound|80||a.default.svc.cluster.local");
    assert_int_equal(set->count, 3);
    assert_true(str_equal(endpoint_at(set, 0).address, STR("10.0.0.1:9999")));
    assert_true(str_equal(endpoint_at(set, 1).address, STR("10.0.0.2:80")));
    assert_true(str_equal(endpoint_at(set, 2).address, STR("[::1]:80")));
    assert_int_equal(endpoint_at(set, 0).weight, 1);
    set = set_of(translated, "outbound|81||a.default.svc.cluster.local");
    assert_true(str_equal(endpoint_at(set, 0).address, STR("10.0.0.1:8081")));
done:
    translated_free(translated);
}

static void an_address_that_is_there_twice_is_refused_where_it_stands(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80)),
                      ENDPOINTS(ENDPOINT("::1"), { .address = { TEXT("0:0::1"), AT(9) } })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[0]);
    assert_true(translated_complains(translated, "endpoint [::1]:80 is there twice"));
    assert_int_equal(translated->draft.cluster_count, 0);
done:
    translated_free(translated);
}

static void one_machine_may_serve_on_two_ports(void **state)
{
    static const struct entry_endpoint_port one[] = { { TEXT("http"), 8001 } };
    static const struct entry_endpoint_port two[] = { { TEXT("http"), 8002 } };
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80)),
                      ENDPOINTS({ .address = PLACED("127.0.0.1"), .ports = one, .port_count = 1 },
                                { .address = PLACED("127.0.0.1"), .ports = two, .port_count = 1 })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_int_equal(set_of(translated, "outbound|80||a.default.svc.cluster.local")->count, 2);
done:
    translated_free(translated);
}

static void all_mistakes_of_an_entry_are_told_at_once(void **state)
{
    static const struct entry_endpoint_port wrong[] = { { TEXT("grpc"), 1 } };
    const struct resource resources[] = {
        SERVICE_ENTRY("b", HOSTS(PLACED("b")), PORTS(HTTP(80))),
        SERVICE_ENTRY(
            "c", HOSTS(PLACED("c"), PLACED("b"), PLACED("c"), PLACED("*.c")),
            PORTS(HTTP(80), HTTP(80)),
            ENDPOINTS(ENDPOINT("here"),
                      { .address = PLACED("10.0.0.1"), .ports = wrong, .port_count = 1 })),
        SERVICE_ENTRY("d", HOSTS(PLACED("d"))),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_false(translated->refused[0]);
    assert_true(translated->refused[1]);
    assert_true(translated->refused[2]);
    assert_true(translated_complains(translated, "host \"b\": ServiceEntry b has it already"));
    assert_true(translated_complains(translated, "host \"c\": ServiceEntry c has it already"));
    assert_true(translated_complains(translated, "host \"*.c\" is a wildcard: not supported yet"));
    assert_true(translated_complains(translated, "port 80 is there twice"));
    assert_true(translated_complains(translated, "two ports are named \"http\""));
    assert_true(translated_complains(translated, "endpoint \"here\" is not an IP address"));
    assert_true(translated_complains(translated,
                                     "endpoint 10.0.0.1: the service has no port named \"grpc\""));
    assert_true(translated_complains(translated, "has no ports"));
    assert_int_equal(translated->draft.service_count, 1);
done:
    translated_free(translated);
}

static void the_host_of_an_entry_that_was_refused_is_free_for_others(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("x")), PORTS(HTTP(80)), ENDPOINTS(ENDPOINT("no"))),
        SERVICE_ENTRY("b", HOSTS(PLACED("x")), PORTS(HTTP(80))),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[0]);
    assert_false(translated->refused[1]);
    assert_int_equal(translated->draft.service_count, 1);
done:
    translated_free(translated);
}

static void each_host_is_a_service_with_all_endpoints(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a"), PLACED("api.example.com")), PORTS(HTTP(80)),
                      ENDPOINTS(ENDPOINT("10.0.0.1"))),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(set_of(translated, "outbound|80||a.default.svc.cluster.local")->count, 1);
    assert_int_equal(set_of(translated, "outbound|80||api.example.com")->count, 1);
done:
    translated_free(translated);
}

static void a_service_is_named_for_metrics_as_istiod_does(void **state)
{
    struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("reviews.prod.svc.cluster.local"), PLACED("x.example.com")),
                      PORTS(HTTP(80))),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct service *service;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    service = translated_service(translated, "reviews.prod.svc.cluster.local");
    assert_true(str_equal(service->service, STR("reviews")));
    assert_true(str_equal(service->name_space, STR("prod")));
    service = translated_service(translated, "x.example.com");
    assert_true(str_equal(service->service, STR("x.example.com")));
    assert_true(str_equal(service->name_space, STR("default")));
done:
    translated_free(translated);
}

static void a_name_is_an_endpoint_where_names_are_looked_up(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("db", HOSTS(PLACED("db.example.com")), .resolution = DISCOVERY_STRICT_DNS,
                      PORTS(HTTP(80)), ENDPOINTS(ENDPOINT("B.example.com."), ENDPOINT("10.0.0.1"))),
        SERVICE_ENTRY("bad", HOSTS(PLACED("bad.example.com")), .resolution = DISCOVERY_STRICT_DNS,
                      PORTS(HTTP(80)), ENDPOINTS(ENDPOINT("a b"))),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct cluster *cluster;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    cluster = translated_cluster(translated, "outbound|80||db.example.com");
    assert_non_null(cluster);
    assert_int_equal(cluster->discovery, DISCOVERY_STRICT_DNS);
    assert_int_equal(cluster->endpoints->count, 2);
    assert_true(str_equal(endpoint_at(cluster->endpoints, 0).address, STR("10.0.0.1:80")));
    assert_true(str_equal(endpoint_at(cluster->endpoints, 1).address, STR("b.example.com:80")));
    assert_true(translated_complains(translated, "endpoint \"a b\" is not a host name"));
done:
    translated_free(translated);
}

static void hosts_without_endpoints_are_looked_up_themselves(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("api", HOSTS(PLACED("api.example.com"), PLACED("short")),
                      .resolution = DISCOVERY_LOGICAL_DNS,
                      PORTS({ .number = 80, .target = 8080, .name = TEXT("http") })),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct cluster *cluster;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    cluster = translated_cluster(translated, "outbound|80||api.example.com");
    assert_int_equal(cluster->endpoints->count, 1);
    assert_int_equal(endpoint_at(cluster->endpoints, 0).weight, 1);
    assert_true(str_equal(endpoint_at(cluster->endpoints, 0).address, STR("api.example.com:8080")));
    cluster = translated_cluster(translated, "outbound|80||short.default.svc.cluster.local");
    assert_true(str_equal(endpoint_at(cluster->endpoints, 0).address, STR("short:8080")));
done:
    translated_free(translated);
}

TEST_MAIN(cmocka_unit_test(an_address_has_one_writing),
          TEST_OOM(endpoints_are_sorted_and_have_their_ports_number),
          TEST_OOM(an_address_that_is_there_twice_is_refused_where_it_stands),
          TEST_OOM(one_machine_may_serve_on_two_ports),
          TEST_OOM(all_mistakes_of_an_entry_are_told_at_once),
          TEST_OOM(the_host_of_an_entry_that_was_refused_is_free_for_others),
          TEST_OOM(each_host_is_a_service_with_all_endpoints),
          TEST_OOM(a_service_is_named_for_metrics_as_istiod_does),
          TEST_OOM(a_name_is_an_endpoint_where_names_are_looked_up),
          TEST_OOM(hosts_without_endpoints_are_looked_up_themselves))
