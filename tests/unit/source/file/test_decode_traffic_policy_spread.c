/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

static void each_kind_of_hash_is_read(void **state)
{
    struct readout out;
    const struct traffic_policy *policy = readout_policy(
        &out, "hashPolicy: [{header: {headerName: X-User}, terminal: true},\n"
              "  {cookie: {name: id, ttl: 60s, path: /p}}, {cookie: {name: old}}, {source: {}},\n"
              "  {cookie: {name: s, ttl: 0s}}, {queryParameter: {name: Q}}]\n"
              "hashBalanceFactor: 125");
    const struct hash_policy *hash = policy->balancer.hash;

    (void)state;
    assert_int_equal(policy->balancer.hash_count, 6);
    assert_int_equal(policy->balancer.hash_balance, 125);
    assert_int_equal(hash[0].kind, HASH_HEADER);
    assert_true(str_equal(hash[0].name, STR("x-user")));
    assert_true(hash[0].terminal && !hash[1].terminal);
    assert_int_equal(hash[1].kind, HASH_COOKIE);
    assert_true(str_equal(hash[1].name, STR("id")) && str_equal(hash[1].path, STR("/p")));
    assert_int_equal(hash[1].ttl_ns, 60 * NS_PER_S);
    assert_int_equal(hash[2].ttl_ns, NEVER);
    assert_int_equal(hash[3].kind, HASH_SOURCE);
    assert_int_equal(hash[4].ttl_ns, 0);
    assert_int_equal(hash[5].kind, HASH_QUERY);
    assert_true(str_equal(hash[5].name, STR("Q")));
    readout_fini(&out);
}

static void slow_start_and_drops_are_read(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "slowStart: {window: 30s, aggression: 0.5, minWeightPercent: 2.5}\n"
                             "dropOverload: {category: quiet, percent: 0.0005}");

    (void)state;
    assert_int_equal(policy->balancer.slow_start.window_ns, 30 * NS_PER_S);
    assert_int_equal(policy->balancer.slow_start.aggression, 500);
    assert_int_equal(policy->balancer.slow_start.least, 25);
    assert_int_equal(policy->balancer.drop_per_million, 5);
    assert_true(str_equal(policy->balancer.drop_category, STR("quiet")));
    readout_fini(&out);
    policy = readout_policy(&out, "slowStart: {window: 30s}");
    assert_int_equal(policy->balancer.slow_start.aggression, 1000);
    assert_int_equal(policy->balancer.slow_start.least, 100);
    readout_fini(&out);
}

static void subsetting_is_of_one_kind(void **state)
{
    struct readout out;
    const struct subsetting_config *config =
        &readout_policy(&out, "subsetting: {random: {size: 10}}")->balancer.subsetting;

    (void)state;
    assert_int_equal(config->kind, SUBSETTING_RANDOM);
    assert_int_equal(config->size, 10);
    readout_fini(&out);
    config = &readout_policy(&out, "subsetting: {aperture: {size: 16}}")->balancer.subsetting;
    assert_int_equal(config->kind, SUBSETTING_APERTURE);
    assert_int_equal(config->size, 16);
    readout_fini(&out);
}

static void a_locality_is_weighted_or_zone_aware(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "locality: {healthyPanicThreshold: 50, overprovisioningFactor: 120,\n"
                             "  zoneAware: {routingEnabled: 40, minClusterSize: 3,\n"
                             "  failTrafficOnPanic: true, localService: front}}");
    const struct locality_config *locality = &policy->balancer.locality;

    (void)state;
    assert_int_equal(locality->mode, LOCALITY_ZONE_AWARE);
    assert_int_equal(locality->panic_percent, 50);
    assert_int_equal(locality->overprovisioning, 1200);
    assert_int_equal(locality->routing_enabled, 40);
    assert_int_equal(locality->min_cluster_size, 3);
    assert_true(locality->fail_on_panic);
    assert_true(str_equal(policy->local_service.text, STR("front")));
    readout_fini(&out);
    policy = readout_policy(&out, "locality: {weighted: {}}");
    assert_int_equal(policy->balancer.locality.mode, LOCALITY_WEIGHTED);
    assert_int_equal(policy->balancer.locality.panic_percent, 0);
    assert_int_equal(policy->balancer.locality.overprovisioning, 1400);
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "hashPolicy: [{}]",
          "6:16: an item must have one of header, cookie, source and queryParameter" },
        { "hashPolicy: [{source: {}, header: {headerName: a}}]",
          "6:16: an item must have one of header, cookie, source and queryParameter" },
        { "hashPolicy: [{header: {}}]", "6:16: headerName must not be empty" },
        { "hashPolicy: [{cookie: {ttl: 1s}}]", "6:16: name must not be empty" },
        { "hashBalanceFactor: 99", "6:22: hashBalanceFactor must be between 100 and 1000000, "
                                   "not 99" },
        { "slowStart: {aggression: 2}", "6:14: slowStart must have a window" },
        { "slowStart: {window: 1s, aggression: 0}",
          "6:39: aggression must be a number between 0.001 and 1000, in steps of 0.001" },
        { "slowStart: {window: 1s, minWeightPercent: 100.1}",
          "6:45: minWeightPercent must be a number between 0 and 100, in steps of 0.1" },
        { "subsetting: {random: {}}", "6:15: random must have a size" },
        { "subsetting: {}", "6:15: subsetting must have one of random and aperture" },
        { "locality: {weighted: {}, zoneAware: {localService: a}}",
          "6:13: locality must have at most one of weighted and zoneAware" },
        { "locality: {zoneAware: {}}", "6:25: zoneAware must name its localService" },
        { "locality: {healthyPanicThreshold: 101}",
          "6:37: healthyPanicThreshold must be between 0 and 100, not 101" },
        { "locality: {overprovisioningFactor: 99}",
          "6:38: overprovisioningFactor must be a number between 100 and 10000, in steps of 0.1" },
        { "dropOverload: {percent: 1.23456}",
          "6:27: percent must be a number between 0 and 100, in steps of 0.0001" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_policy_mistake(cases[i].spec, cases[i].line);
    }
}

TEST_MAIN(cmocka_unit_test(each_kind_of_hash_is_read),
          cmocka_unit_test(slow_start_and_drops_are_read),
          cmocka_unit_test(subsetting_is_of_one_kind),
          cmocka_unit_test(a_locality_is_weighted_or_zone_aware),
          cmocka_unit_test(what_is_wrong_is_told))
