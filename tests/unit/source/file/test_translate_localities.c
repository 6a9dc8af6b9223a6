/* SPDX-License-Identifier: Apache-2.0 */

/* The examples of Istio's documentation (tasks/traffic-management/locality-load-balancing
 * and the reference of DestinationRule), and what istiod makes of them. */

#include "translate_world.h"

#define RULE(policy)                                                                               \
    "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: hw}\n"       \
    "spec:\n  host: hw\n  trafficPolicy:\n" policy
#define EJECTING "    outlierDetection: {consecutive5xxErrors: 1}\n"
#define ENTRY(endpoints)                                                                           \
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: hw}\n"               \
    "spec:\n  hosts: [hw]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"                  \
    "  resolution: STATIC\n  endpoints:\n" endpoints
#define AT_PLACE(address, place) "  - {address: " address ", locality: " place "}\n"

/* Helloworld of the task, one pod in each of its localities. */
#define HELLO                                                                                      \
    ENTRY(AT_PLACE("10.0.1.1", "region1/zone1") AT_PLACE("10.0.1.2", "region1/zone2")              \
              AT_PLACE("10.0.2.3", "region2/zone3") AT_PLACE("10.0.3.4", "region3/zone4"))
#define SELF(place) (&(struct source_self){ .locality = (place), .labels = "" })

static const struct cluster *cluster_of(const struct translated *translated)
{
    return translated_cluster(translated, "outbound|80||hw.default.svc.cluster.local");
}

/* "10.0.1.1=0 ..." of all endpoints. */
static void assert_priorities(const char *yaml, const struct source_self *self,
                              const char *expected)
{
    struct translated *translated = translated_yaml(yaml, self);
    char text[256] = "";
    size_t used = 0;

    assert_non_null(translated);
    const struct endpoint_set *set = cluster_of(translated)->endpoints;
    for (size_t i = 0; i < set->count; i++) {
        struct str rest, address = tulle__str_cut(endpoint_at(set, i).address, ':', &rest);

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s=%u", i > 0 ? " " : "",
                                 STR_ARG(address), endpoint_at(set, i).priority);
    }
    assert_string_equal(text, expected);
    translated_free(translated);
}

/* "region1/zone1/0=70 ..." of all localities. */
static void assert_weights(const char *yaml, const struct source_self *self, size_t endpoints,
                           const char *expected)
{
    struct translated *translated = translated_yaml(yaml, self);
    char text[256] = "";
    size_t used = 0;

    assert_non_null(translated);
    assert_int_equal(cluster_of(translated)->balancer.locality.mode, LOCALITY_WEIGHTED);
    const struct endpoint_set *set = cluster_of(translated)->endpoints;
    for (size_t i = 0; i < set->locality_count; i++) {
        const struct locality_weight *group = &set->localities[i];

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s@%u=%u", i > 0 ? " " : "",
                                 STR_ARG(group->locality), group->priority, group->weight);
    }
    assert_string_equal(text, expected);
    assert_int_equal(set->count, endpoints);
    translated_free(translated);
}

#define DISTRIBUTE                                                                                 \
    HELLO RULE("    loadBalancer:\n      localityLbSetting:\n        enabled: true\n"              \
               "        distribute:\n        - from: region1/zone1/*\n          to:\n"             \
               "            \"region1/zone1/*\": 70\n            \"region1/zone2/*\": 20\n"        \
               "            \"region3/zone4/*\": 10\n" EJECTING)

static void distribute_weighs_the_localities_it_names(void **state)
{
    (void)state;
    assert_weights(DISTRIBUTE, SELF("region1/zone1"), 3,
                   "region1/zone1@0=70 region1/zone2@0=20 region3/zone4@0=10");
}

static void a_client_that_no_rule_is_from_has_all(void **state)
{
    (void)state;
    assert_weights(DISTRIBUTE, SELF("region2/zone3"), 4,
                   "region1/zone1@0=1 region1/zone2@0=1 region2/zone3@0=1 region3/zone4@0=1");
}

static void localities_of_one_name_share_its_weight(void **state)
{
    (void)state;
    assert_weights(ENTRY("  - {address: 10.0.0.1, locality: r/a, weight: 3}\n"
                         "  - {address: 10.0.0.2, locality: r/b}\n"
                         "  - {address: 10.0.0.3, locality: s/c}\n")
                       RULE("    loadBalancer: {localityLbSetting: {distribute:\n"
                            "      [{from: \"*\", to: {\"r/*\": 75, s/c: 25}}]}}\n"),
                   SELF(""), 3, "r/a@0=57 r/b@0=19 s/c@0=25");
}

#define FAILOVER                                                                                   \
    HELLO RULE("    loadBalancer:\n      simple: ROUND_ROBIN\n      localityLbSetting:\n"          \
               "        enabled: true\n        failover:\n        - from: region1\n"               \
               "          to: region2\n" EJECTING)

static void failover_goes_near_then_to_the_region_named(void **state)
{
    (void)state;
    assert_priorities(FAILOVER, SELF("region1/zone1"),
                      "10.0.1.1=0 10.0.1.2=1 10.0.2.3=2 10.0.3.4=3");
    assert_priorities(FAILOVER, SELF("region2/zone3"),
                      "10.0.1.1=1 10.0.1.2=1 10.0.2.3=0 10.0.3.4=1");
}

static void failover_weighs_localities_too(void **state)
{
    (void)state;
    assert_weights(FAILOVER, SELF("region1/zone1"), 4,
                   "region1/zone1@0=1 region1/zone2@1=1 region2/zone3@2=1 region3/zone4@3=1");
}

static void a_detector_alone_fails_over_by_nearness(void **state)
{
    (void)state;
    assert_priorities(HELLO RULE(EJECTING), SELF("region1/zone2"),
                      "10.0.1.1=1 10.0.1.2=0 10.0.2.3=2 10.0.3.4=2");
    assert_priorities(ENTRY(AT_PLACE("10.0.0.1", "r/z/s") AT_PLACE("10.0.0.2", "r/z/t") AT_PLACE(
                          "10.0.0.3", "r/y/s") AT_PLACE("10.0.0.4", "q/z/s")) RULE(EJECTING),
                      SELF("r/z/s"), "10.0.0.1=0 10.0.0.2=1 10.0.0.3=2 10.0.0.4=3");
}

static void without_a_detector_nobody_fails_over(void **state)
{
    static const char all[] = "10.0.1.1=0 10.0.1.2=0 10.0.2.3=0 10.0.3.4=0";

    (void)state;
    assert_priorities(HELLO RULE("    loadBalancer: {localityLbSetting: {failover:\n"
                                 "      [{from: region1, to: region2}]}}\n"),
                      SELF("region1/zone1"), all);
    assert_priorities(
        HELLO RULE("    loadBalancer: {localityLbSetting: {enabled: false}}\n" EJECTING),
        SELF("region1/zone1"), all);
    assert_priorities(HELLO RULE(EJECTING), SELF(""), all);
    assert_priorities(HELLO RULE(EJECTING), NULL, all);
}

static void a_detector_of_a_traffic_policy_is_one(void **state)
{
    (void)state;
    assert_priorities(HELLO "---\napiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\n"
                            "metadata: {name: hw}\nspec: {host: hw, outlierDetection: {}}\n",
                      SELF("region1/zone1"), "10.0.1.1=0 10.0.1.2=1 10.0.2.3=2 10.0.3.4=2");
}

/* The example of LocalityLoadBalancerSetting: first all four labels, then three... */
#define LABELLED_PLACES                                                                            \
    ENTRY("  - {address: 10.0.0.1, locality: r/z/s, labels: {version: v1}}\n"                      \
          "  - {address: 10.0.0.2, locality: r/z/s, labels: {version: v2}}\n"                      \
          "  - {address: 10.0.0.3, locality: r/y/s, labels: {version: v1}}\n"                      \
          "  - {address: 10.0.0.4, locality: q/z/s, labels: {version: v1}}\n")
#define BY_LABELS(labels)                                                                          \
    RULE("    loadBalancer: {localityLbSetting: {failoverPriority: [" labels "]}}\n" EJECTING)

static void labels_in_their_order_make_priorities(void **state)
{
    const struct source_self self = { .locality = "r/z/s", .labels = "app=a,version=v1" };

    (void)state;
    assert_priorities(LABELLED_PLACES BY_LABELS("topology.kubernetes.io/region, "
                                                "topology.kubernetes.io/zone, version"),
                      &self, "10.0.0.1=0 10.0.0.2=1 10.0.0.3=2 10.0.0.4=3");
    assert_priorities(LABELLED_PLACES BY_LABELS("version, topology.kubernetes.io/zone"), &self,
                      "10.0.0.1=0 10.0.0.2=2 10.0.0.3=1 10.0.0.4=0");
    assert_priorities(LABELLED_PLACES BY_LABELS("version=v2"), &self,
                      "10.0.0.1=1 10.0.0.2=0 10.0.0.3=1 10.0.0.4=1");
}

static void labels_and_regions_go_together(void **state)
{
    const struct source_self self = { .locality = "r/z/s", .labels = "version=v1" };

    (void)state;
    assert_priorities(LABELLED_PLACES RULE("    loadBalancer: {localityLbSetting: {\n"
                                           "      failoverPriority: [version],\n"
                                           "      failover: [{from: r, to: t}]}}\n" EJECTING),
                      &self, "10.0.0.1=0 10.0.0.2=3 10.0.0.3=1 10.0.0.4=2");
}

static void who_has_no_label_has_no_priorities(void **state)
{
    (void)state;
    assert_priorities(LABELLED_PLACES BY_LABELS("version"), SELF(""),
                      "10.0.0.1=0 10.0.0.2=0 10.0.0.3=0 10.0.0.4=0");
}

static void memory_may_end_anywhere(void **state)
{
    const struct source_self self = { .locality = "region1/zone1", .labels = "version=v1" };
    struct translated *a = translated_yaml(DISTRIBUTE, &self);
    struct translated *b = translated_yaml(FAILOVER, &self);

    (void)state;
    translated_free(a);
    translated_free(b);
}

TEST_MAIN(cmocka_unit_test(distribute_weighs_the_localities_it_names),
          cmocka_unit_test(a_client_that_no_rule_is_from_has_all),
          cmocka_unit_test(localities_of_one_name_share_its_weight),
          cmocka_unit_test(failover_goes_near_then_to_the_region_named),
          cmocka_unit_test(failover_weighs_localities_too),
          cmocka_unit_test(a_detector_alone_fails_over_by_nearness),
          cmocka_unit_test(without_a_detector_nobody_fails_over),
          cmocka_unit_test(a_detector_of_a_traffic_policy_is_one),
          cmocka_unit_test(labels_in_their_order_make_priorities),
          cmocka_unit_test(labels_and_regions_go_together),
          cmocka_unit_test(who_has_no_label_has_no_priorities), TEST_OOM(memory_may_end_anywhere))
