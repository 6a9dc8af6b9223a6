/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#define A         SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80)))
#define CLUSTER_A "a.default.svc.cluster.local"
#define BALANCE(kind_)                                                                             \
    .has_policy = true, .policy.policy = { .has_balancer = true, .balancer.kind = (kind_) }

static const struct cluster *cluster(const struct translated *translated, const char *subset)
{
    char name[64];

    snprintf(name, sizeof(name), "outbound|80|%s|" CLUSTER_A, subset);
    return translated_cluster(translated, name);
}

static void rules_of_one_host_are_merged_and_the_first_has_the_word(void **state)
{
    struct resource resources[] = {
        A,
        DESTINATION_RULE("z", .host = PLACED("a"), SUBSETS(SUBSET("v1", "old"))),
        DESTINATION_RULE("y", .host = PLACED("a"), SUBSETS(SUBSET("v1", "new"), SUBSET("v2", "2")),
                         BALANCE(BALANCER_RANDOM)),
        DESTINATION_RULE("x", .host = PLACED("a"), BALANCE(BALANCER_ROUND_ROBIN)),
        SERVICE_ENTRY("b", HOSTS(PLACED("b")), PORTS(HTTP(80))),
    };
    struct translated *translated;

    (void)state;
    resources[0].spec.service_entry =
        (struct service_entry){ HOSTS(PLACED("a")), PORTS(HTTP(80)),
                                ENDPOINTS(LABELLED("10.0.0.1", "version", "old"),
                                          LABELLED("10.0.0.2", "version", "new")) };
    resources[1].created = 100;
    resources[2].created = 200;
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_int_equal(translated->draft.cluster_count, 4);
    assert_non_null(cluster(translated, "v2"));
    assert_true(str_equal(endpoint_at(cluster(translated, "v1")->endpoints, 0).address,
                          STR("10.0.0.1:80")));
    assert_int_equal(cluster(translated, "")->balancer.kind, BALANCER_RANDOM);
done:
    translated_free(translated);
}

static void without_a_time_the_first_by_name_has_the_word(void **state)
{
    const struct resource resources[] = {
        A,
        DESTINATION_RULE("z", .host = PLACED("a"), BALANCE(BALANCER_ROUND_ROBIN)),
        DESTINATION_RULE("b", .host = PLACED("a"), BALANCE(BALANCER_RANDOM)),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, "")->balancer.kind, BALANCER_RANDOM);
done:
    translated_free(translated);
}

/* Rules for api.example.com, a service of namespace "shop", from three namespaces;
 * the client is in "default". */
static void nearest(const char *first, const char *second, enum balancer_kind expected)
{
    struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("api.example.com")), PORTS(HTTP(80))),
        DESTINATION_RULE("a", .host = PLACED("api.example.com"), BALANCE(BALANCER_RANDOM)),
        DESTINATION_RULE("b", .host = PLACED("api.example.com"), BALANCE(BALANCER_ROUND_ROBIN)),
    };
    struct translated *translated;

    resources[0].name_space = STR("shop");
    resources[1].name_space = str_of(first);
    resources[2].name_space = str_of(second);
    translated = TRANSLATED(resources);
    assert_non_null(translated);
    assert_int_equal(translated->complaints.count, 0);
    assert_int_equal(translated_cluster(translated, "outbound|80||api.example.com")->balancer.kind,
                     expected);
    translated_free(translated);
}

static void the_nearest_namespace_has_the_word(void **state)
{
    (void)state;
    nearest("default", "shop", BALANCER_RANDOM);
    nearest("shop", "default", BALANCER_ROUND_ROBIN);
    nearest("shop", "istio-system", BALANCER_RANDOM);
    nearest("istio-system", "shop", BALANCER_ROUND_ROBIN);
    nearest("istio-system", "elsewhere", BALANCER_RANDOM);
    nearest("elsewhere", "nowhere", BALANCER_LEAST_REQUEST);
}

/* It can be kept over HTTP/1.1 alone: a port of HTTP/2 needs its own say. */
static void a_lifetime_is_refused_where_it_cannot_be_kept(void **state)
{
    static const struct rule_policy mortal = { .has_pool = true,
                                               .connection.lifetime.requests = 1 };
    static const struct rule_policy aging = { .has_pool = true,
                                              .connection.lifetime.ns = NS_PER_S };
    static const struct rule_policy upgraded = { .has_pool = true,
                                                 .connection.lifetime.ns = NS_PER_S,
                                                 .upgrades = true };
    static const struct rule_port_policy of_81 = { .port = 81 };
    const struct {
        struct rule_traffic_policy policy;
        const char *field;
        unsigned port;
    } cases[] = {
        { { .policy = mortal }, "maxRequestsPerConnection", 81 },
        { { .policy = aging }, "maxConnectionDuration", 81 },
        { { .policy = upgraded, .ports = &of_81, .port_count = 1 }, "maxConnectionDuration", 80 },
        { { .policy = mortal, .ports = &of_81, .port_count = 1 }, NULL, 0 },
    };
    char said[200];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct resource resources[] = {
            SERVICE_ENTRY("a", HOSTS(PLACED("a")),
                          PORTS(HTTP(80), { .number = 81, .protocol = PROTOCOL_HTTP2 })),
            DESTINATION_RULE("a", .host = PLACED("a"), .has_policy = true,
                             .policy = cases[i].policy),
        };
        struct translated *translated = TRANSLATED(resources);

        assert_non_null(translated);
        assert_int_equal(translated->refused[1], cases[i].field != NULL);
        snprintf(said, sizeof(said),
                 "connectionPool: %s is supported over HTTP/1.1 alone, which port %u does not "
                 "speak: say it in portLevelSettings of those that do",
                 cases[i].field, cases[i].port);
        assert_true(!cases[i].field || translated_complains(translated, said));
        translated_free(translated);
    }
}

static void all_mistakes_of_a_rule_are_told_at_once(void **state)
{
    static const struct rule_port_policy ports[] = { { .port = 80 },
                                                     { .port = 81 },
                                                     { .port = 80 } };
    const struct rule_subset odd = { .name = PLACED("v|1"),
                                     .has_policy = true,
                                     .policy = { .ports = &ports[1], .port_count = 1 } };
    const struct resource resources[] = {
        A,
        DESTINATION_RULE("a", .host = PLACED("a"), .has_policy = true,
                         .policy = { .ports = ports, .port_count = 3 },
                         SUBSETS(SUBSET("v1", "1"), SUBSET("v1", "2"), odd, SUBSET("", "3"))),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[1]);
    assert_int_equal(translated->complaints.count, 6);
    assert_true(translated_complains(translated, "subset \"v1\" is there twice"));
    assert_true(translated_complains(translated, "subset \"v|1\" is not a name"));
    assert_true(translated_complains(translated, "subset \"\" is not a name"));
    assert_true(translated_complains(translated, "portLevelSettings: port 80 is there twice"));
    assert_true(
        translated_complains(translated, "port 81: " CLUSTER_A " has no such port, it has 80"));
    assert_null(cluster(translated, "v1"));
done:
    translated_free(translated);
}

static void two_policies_for_one_thing_are_a_mistake(void **state)
{
    struct resource resources[] = {
        A,
        DESTINATION_RULE("a", .host = PLACED("a"), SUBSETS(SUBSET("v1", "1"))),
        TRAFFIC_POLICY("a", .host = PLACED("a")),
        TRAFFIC_POLICY("b", .host = PLACED("a"), .port = 80),
        TRAFFIC_POLICY("c", .host = PLACED("a"), .subset = PLACED("v1")),
        TRAFFIC_POLICY("d", .host = PLACED("a.default.svc.cluster.local"), .port = 80),
        TRAFFIC_POLICY("e", .host = PLACED("a.default.svc.cluster.local")),
    };
    struct translated *translated;

    (void)state;
    resources[6].name_space = STR("istio-system"); /* farther: not looked at */
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 1);
    assert_true(translated->refused[5]);
    assert_true(translated_complains(translated,
                                     "host \"a.default.svc.cluster.local\": TrafficPolicy b has "
                                     "the same host, subset and port"));
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(rules_of_one_host_are_merged_and_the_first_has_the_word),
          TEST_OOM(without_a_time_the_first_by_name_has_the_word),
          cmocka_unit_test(the_nearest_namespace_has_the_word),
          cmocka_unit_test(a_lifetime_is_refused_where_it_cannot_be_kept),
          TEST_OOM(all_mistakes_of_a_rule_are_told_at_once),
          TEST_OOM(two_policies_for_one_thing_are_a_mistake))
