/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include <stdio.h>

#include "source/file/built.h"

static void a_configuration_may_be_empty(void **state)
{
    struct tulle_config *config = NULL;
    const struct built_text *texts;
    size_t count;

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    tulle__built_resources(config, &count);
    assert_int_equal(count, 0);
    assert_int_equal(tulle__built_texts(config, &texts), 0);
done:
    tulle_config_free(config);
    tulle_config_free(NULL);
}

static void a_service_is_a_service_entry(void **state)
{
    struct tulle_config *config = NULL;
    const struct resource *resource;
    const struct service_entry *entry;
    size_t count;

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_service(config, "Reviews", 80, TULLE_PROTOCOL_HTTP2));
    CHECK_OK(tulle_config_add_endpoint(config, "reviews", "10.0.0.1:9080", "version=v1,zone=", 3));
    CHECK_OK(tulle_config_add_endpoint(config, "REVIEWS", "[::1]:9081", NULL, 0));
    resource = tulle__built_resources(config, &count)[0];
    assert_int_equal(count, 1);
    assert_int_equal(resource->kind, RESOURCE_SERVICE_ENTRY);
    assert_true(str_equal(resource->name, STR("reviews")));
    assert_int_equal(resource->name_space.size, 0);
    assert_true(resource->is_exported);
    assert_int_equal(resource->place.line, 0);
    entry = &resource->spec.service_entry;
    assert_int_equal(entry->ports[0].number, 80);
    assert_int_equal(entry->ports[0].protocol, PROTOCOL_HTTP2);
    assert_int_equal(entry->endpoint_count, 2);
    assert_true(str_equal(entry->endpoints[0].address.text, STR("10.0.0.1")));
    assert_int_equal(entry->endpoints[0].ports[0].number, 9080);
    assert_int_equal(entry->endpoints[0].weight, 3);
    assert_int_equal(entry->endpoints[0].label_count, 2);
    assert_true(str_equal(entry->endpoints[0].labels[0].value, STR("v1")));
    assert_int_equal(entry->endpoints[0].labels[1].value.size, 0);
    assert_true(str_equal(entry->endpoints[1].address.text, STR("::1")));
    assert_int_equal(entry->endpoints[1].weight, 1);
    assert_int_equal(entry->endpoints[1].label_count, 0);
done:
    tulle_config_free(config);
}

static void what_was_built_translates_like_a_file(void **state)
{
    struct tulle_config *config = NULL;
    struct translated *translated = NULL;
    const struct cluster *cluster;
    size_t count;

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_service(config, "reviews", 80, TULLE_PROTOCOL_HTTPS));
    CHECK_OK(tulle_config_add_endpoint(config, "reviews", "10.0.0.1:9080", NULL, 0));
    translated = translated_of(tulle__built_resources(config, &count)[0], 1);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    cluster = translated_cluster(translated, "outbound|80||reviews.default.svc.cluster.local");
    assert_non_null(cluster);
    assert_int_equal(cluster->protocol, PROTOCOL_HTTPS);
    assert_true(str_equal(endpoint_at(cluster->endpoints, 0).address, STR("10.0.0.1:9080")));
done:
    translated_free(translated);
    tulle_config_free(config);
}

static void a_wrong_service_is_refused(void **state)
{
    static const char *const hosts[] = { "", "a b", "*.a", "a:80", "a..b" };
    struct tulle_config *config;

    (void)state;
    assert_int_equal(tulle_config_new(NULL), TULLE_E_USAGE);
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        assert_int_equal(tulle_config_add_service(config, hosts[i], 80, 0), TULLE_E_USAGE);
    }
    assert_int_equal(tulle_config_add_service(config, "a", 0, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_service(config, "a", 80, 3), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_service(config, "a", 80, -1), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_service(config, NULL, 80, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_service(NULL, "a", 80, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_service(config, "a", 80, 0), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "A", 81, 0), TULLE_E_USAGE);
    tulle_config_free(config);
}

static void a_wrong_endpoint_is_refused_and_changes_nothing(void **state)
{
    static const char *const addresses[] = {
        "",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:x",
        "localhost:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[10.0.0.1]:80",
        "[::1:80",
        "10.0.0.1:80:80",
        "[]:80",
        ":80",
    };
    static const char *const labels[] = {
        "version", "=v1", "a=1,", "a=1,a=2", "a=b c", ",", "a b=c"
    };
    struct tulle_config *config;
    struct fingerprint before;
    const struct resource *resource;
    size_t count;

    (void)state;
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "a", 80, 0), TULLE_OK);
    resource = tulle__built_resources(config, &count)[0];
    before = resource->print;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        assert_int_equal(tulle_config_add_endpoint(config, "a", addresses[i], NULL, 1),
                         TULLE_E_USAGE);
    }
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        assert_int_equal(tulle_config_add_endpoint(config, "a", "10.0.0.1:80", labels[i], 1),
                         TULLE_E_USAGE);
    }
    assert_int_equal(tulle_config_add_endpoint(config, "b", "10.0.0.1:80", NULL, 1), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_endpoint(config, "a", NULL, NULL, 1), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_endpoint(config, NULL, "10.0.0.1:80", NULL, 1),
                     TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_endpoint(NULL, "a", "10.0.0.1:80", NULL, 1), TULLE_E_USAGE);
    assert_int_equal(resource->spec.service_entry.endpoint_count, 0);
    assert_true(fingerprint_equal(before, resource->print));
    tulle_config_free(config);
}

static void each_addition_changes_the_print(void **state)
{
    struct tulle_config *config;
    const struct resource *resource;
    struct fingerprint one, two;
    size_t count;

    (void)state;
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "a", 80, 0), TULLE_OK);
    resource = tulle__built_resources(config, &count)[0];
    one = resource->print;
    assert_int_equal(tulle_config_add_endpoint(config, "a", "10.0.0.1:80", NULL, 1), TULLE_OK);
    two = resource->print;
    assert_false(fingerprint_equal(one, two));
    assert_int_equal(tulle_config_add_endpoint(config, "a", "10.0.0.1:80", "a=b", 1), TULLE_OK);
    assert_false(fingerprint_equal(two, resource->print));
    tulle_config_free(config);
}

static void many_services_with_many_endpoints_are_kept_in_order(void **state)
{
    enum { SERVICES = 40, ENDPOINTS_EACH = 20 };
    struct tulle_config *config;
    const struct resource *const *resources;
    size_t count;

    (void)state;
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    for (int i = 0; i < SERVICES; i++) {
        char host[16], address[32];

        snprintf(host, sizeof(host), "s%d", i);
        assert_int_equal(tulle_config_add_service(config, host, 80, 0), TULLE_OK);
        for (int k = 0; k < ENDPOINTS_EACH; k++) {
            snprintf(address, sizeof(address), "10.0.%d.%d:80", i, k);
            assert_int_equal(tulle_config_add_endpoint(config, host, address, "", 1), TULLE_OK);
        }
    }
    resources = tulle__built_resources(config, &count);
    assert_int_equal(count, SERVICES);
    assert_true(str_equal(resources[39]->name, STR("s39")));
    assert_int_equal(resources[39]->spec.service_entry.endpoint_count, ENDPOINTS_EACH);
    assert_true(
        str_equal(resources[39]->spec.service_entry.endpoints[19].address.text, STR("10.0.39.19")));
    tulle_config_free(config);
}

static void texts_are_copied_as_they_are(void **state)
{
    struct tulle_config *config = NULL;
    const struct built_text *texts;
    char text[] = "kind: List";

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    assert_int_equal(tulle_config_add_yaml(config, NULL, text), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_yaml(config, "a", NULL), TULLE_E_USAGE);
    assert_int_equal(tulle_config_add_yaml(NULL, "a", text), TULLE_E_USAGE);
    CHECK_OK(tulle_config_add_yaml(config, "a.yaml", text));
    text[0] = 'X';
    CHECK_OK(tulle_config_add_yaml(config, "b.yaml", ""));
    assert_int_equal(tulle__built_texts(config, &texts), 2);
    assert_true(str_equal(texts[0].name, STR("a.yaml")));
    assert_true(str_equal(texts[0].text, STR("kind: List")));
    assert_true(str_equal(texts[1].text, STR("")));
done:
    tulle_config_free(config);
}

TEST_MAIN(TEST_OOM(a_configuration_may_be_empty), TEST_OOM(a_service_is_a_service_entry),
          TEST_OOM(what_was_built_translates_like_a_file),
          cmocka_unit_test(a_wrong_service_is_refused),
          cmocka_unit_test(a_wrong_endpoint_is_refused_and_changes_nothing),
          cmocka_unit_test(each_addition_changes_the_print),
          cmocka_unit_test(many_services_with_many_endpoints_are_kept_in_order),
          TEST_OOM(texts_are_copied_as_they_are))
