/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#define TWO_LABELS(...)                                                                            \
    (const struct label[])                                                                         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct cluster *cluster(const struct translated *translated, const char *name)
{
    const struct cluster *found = translated_cluster(translated, name);

    assert_non_null(found);
    return found;
}

static void every_port_has_a_cluster_whole_and_by_subset(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a.example.com")),
                      PORTS(HTTP(80), { .number = 443, .protocol = PROTOCOL_HTTPS })),
        DESTINATION_RULE("a", .host = PLACED("a.example.com"),
                         SUBSETS(SUBSET("v1", "1"), SUBSET("v2", "2"))),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct cluster *v2;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->draft.cluster_count, 6);
    v2 = cluster(translated, "outbound|443|v2|a.example.com");
    assert_true(str_equal(v2->host, STR("a.example.com")));
    assert_true(str_equal(v2->subset, STR("v2")));
    assert_true(str_equal(v2->service, STR("a.example.com")));
    assert_true(str_equal(v2->name_space, STR("default")));
    assert_int_equal(v2->port, 443);
    assert_int_equal(v2->protocol, PROTOCOL_HTTPS);
    assert_int_equal(cluster(translated, "outbound|80||a.example.com")->protocol, PROTOCOL_HTTP1);
done:
    translated_free(translated);
}

static void a_subset_has_the_endpoints_with_all_of_its_labels(void **state)
{
    const struct rule_subset both = {
        .name = PLACED("both"),
        .labels = TWO_LABELS({ TEXT("version"), TEXT("v1") }, { TEXT("zone"), TEXT("a") }),
        .label_count = 2,
    };
    const struct rule_subset any = { .name = PLACED("any") };
    const struct entry_endpoint labelled = {
        .address = PLACED("10.0.0.3"),
        .labels = TWO_LABELS({ TEXT("zone"), TEXT("a") }, { TEXT("version"), TEXT("v1") }),
        .label_count = 2,
        .locality = TEXT("r/z"),
        .weight = 7,
    };
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a.b")), PORTS(HTTP(80)),
                      ENDPOINTS(LABELLED("10.0.0.1", "version", "v1"),
                                LABELLED("10.0.0.2", "version", "v2"), labelled,
                                ENDPOINT("10.0.0.4"))),
        DESTINATION_RULE("a", .host = PLACED("a.b"),
                         SUBSETS(SUBSET("v1", "v1"), both, any, SUBSET("v9", "v9"))),
    };
    struct translated *translated = TRANSLATED(resources);
    struct endpoint endpoint;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, "outbound|80||a.b")->endpoints->count, 4);
    assert_int_equal(cluster(translated, "outbound|80|v1|a.b")->endpoints->count, 2);
    assert_int_equal(cluster(translated, "outbound|80|both|a.b")->endpoints->count, 1);
    assert_int_equal(cluster(translated, "outbound|80|any|a.b")->endpoints->count, 4);
    assert_int_equal(cluster(translated, "outbound|80|v9|a.b")->endpoints->count, 0);
    endpoint = endpoint_at(cluster(translated, "outbound|80|both|a.b")->endpoints, 0);
    assert_true(str_equal(endpoint.address, STR("10.0.0.3:80")));
    assert_true(str_equal(endpoint.locality, STR("r/z")));
    assert_int_equal(endpoint.weight, 7);
    assert_int_equal(endpoint.label_count, 2);
    assert_true(str_equal(endpoint.labels[0].name, STR("version")));
    assert_true(str_equal(endpoint.labels[1].value, STR("a")));
done:
    translated_free(translated);
}

static void a_weight_is_at_least_one(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a.b")), PORTS(HTTP(80)),
                      ENDPOINTS({ .address = PLACED("10.0.0.1") })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(endpoint_at(cluster(translated, "outbound|80||a.b")->endpoints, 0).weight, 1);
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(every_port_has_a_cluster_whole_and_by_subset),
          TEST_OOM(a_subset_has_the_endpoints_with_all_of_its_labels),
          TEST_OOM(a_weight_is_at_least_one))
