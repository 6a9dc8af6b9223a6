/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#include "model/defaults.h"

static void each_balancer_is_told_by_its_name(void **state)
{
    static const struct {
        const char *name;
        enum balancer_kind kind;
    } cases[] = {
        { "leastRequest", BALANCER_LEAST_REQUEST },
        { "roundRobin", BALANCER_ROUND_ROBIN },
        { "random", BALANCER_RANDOM },
        { "peakEwma", BALANCER_PEAK_EWMA },
        { "ringHash", BALANCER_RING_HASH },
        { "maglev", BALANCER_MAGLEV },
        { "clientSideWeightedRoundRobin", BALANCER_WEIGHTED },
        { "prequal", BALANCER_PREQUAL },
        { "pickFirst", BALANCER_PICK_FIRST },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct balancer_config expected = tulle__balancer_default;
        struct readout out;
        char spec[96];

        expected.kind = cases[i].kind;
        snprintf(spec, sizeof(spec), "balancer: {%s: {}}", cases[i].name);
        assert_memory_equal(&readout_policy(&out, spec)->balancer, &expected, sizeof(expected));
        readout_fini(&out);
    }
}

static void every_field_of_a_balancer_is_read(void **state)
{
    struct readout out;
    const struct balancer_config *balancer;

    (void)state;
    balancer = &readout_policy(&out, "balancer: {leastRequest: {choiceCount: 5,\n"
                                     "  activeRequestBias: 0.5, fullScan: true}}")
                    ->balancer;
    assert_int_equal(balancer->choice_count, 5);
    assert_int_equal(balancer->request_bias, 500);
    assert_true(balancer->full_scan);
    readout_fini(&out);
    balancer =
        &readout_policy(&out, "balancer: {peakEwma: {decayTime: 5s, defaultRtt: 1ms}}")->balancer;
    assert_int_equal(balancer->ewma_tau_ns, 5 * NS_PER_S);
    assert_int_equal(balancer->ewma_default_ns, NS_PER_MS);
    readout_fini(&out);
    balancer = &readout_policy(&out, "balancer: {ringHash: {minimumRingSize: 64,\n"
                                     "  maximumRingSize: 128, hashFunction: MURMUR_HASH_2}}")
                    ->balancer;
    assert_int_equal(balancer->ring_min, 64);
    assert_int_equal(balancer->ring_max, 128);
    assert_int_equal(balancer->hash_function, HASH_MURMUR2);
    readout_fini(&out);
    balancer = &readout_policy(&out, "balancer: {maglev: {tableSize: 5000011}}")->balancer;
    assert_int_equal(balancer->table_size, 5000011);
    readout_fini(&out);
    balancer = &readout_policy(&out, "balancer: {pickFirst: {shuffleAddressList: true}}")->balancer;
    assert_true(balancer->shuffle);
    readout_fini(&out);
}

static void every_field_of_reported_weights_is_read(void **state)
{
    struct readout out;
    const struct weighted_config *weighted;

    (void)state;
    weighted = &readout_policy(&out, "balancer: {clientSideWeightedRoundRobin:\n"
                                     "  {blackoutPeriod: 0s, weightExpirationPeriod: 1m,\n"
                                     "  weightUpdatePeriod: 100ms, errorUtilizationPenalty: 1.5}}")
                    ->balancer.weighted;
    assert_int_equal(weighted->blackout_ns, 0);
    assert_int_equal(weighted->expiration_ns, 60 * NS_PER_S);
    assert_int_equal(weighted->update_ns, 100 * NS_PER_MS);
    assert_int_equal(weighted->error_penalty, 1500);
    readout_fini(&out);
}

static void every_field_of_prequal_is_read(void **state)
{
    struct readout out;
    const struct prequal_config *prequal;

    (void)state;
    prequal = &readout_policy(&out, "balancer: {prequal: {reports: PROBE, probePath: /load,\n"
                                    "  probesPerCall: 2.5, removalsPerCall: 0.25, poolSize: 8,\n"
                                    "  probeAge: 2s, probeTimeout: 1ms, hotQuantile: 0.6,\n"
                                    "  reuseDelta: 0}}")
                   ->balancer.prequal;
    assert_int_equal(prequal->reports, PREQUAL_PROBE);
    assert_true(str_equal(prequal->probe_path, STR("/load")));
    assert_int_equal(prequal->probes, 2500);
    assert_int_equal(prequal->removals, 250);
    assert_int_equal(prequal->pool_size, 8);
    assert_int_equal(prequal->probe_age_ns, 2 * NS_PER_S);
    assert_int_equal(prequal->probe_limit_ns, NS_PER_MS);
    assert_int_equal(prequal->hot_quantile, 600);
    assert_int_equal(prequal->reuse_delta, 0);
    readout_fini(&out);
    assert_int_equal(
        readout_policy(&out, "balancer: {prequal: {reports: LOCAL}}")->balancer.prequal.reports,
        PREQUAL_LOCAL);
    readout_fini(&out);
}

static void exactly_one_balancer_must_be_there(void **state)
{
    static const char one[] =
        "6:13: balancer must have one of leastRequest, roundRobin, random, peakEwma, ringHash, "
        "maglev, clientSideWeightedRoundRobin, prequal and pickFirst";

    (void)state;
    assert_policy_mistake("balancer: {}", one);
    assert_policy_mistake("balancer: {random: {}, roundRobin: {}}", one);
    assert_policy_mistake("balancer: {random: }",
                          "6:22: random must be a map; {} takes the defaults");
    assert_policy_mistake("balancer: {random: {choiceCount: 2}}",
                          "6:23: unknown field \"choiceCount\"");
    assert_policy_mistake("balancer: {peakEMWA: {}}",
                          "6:14: unknown field \"peakEMWA\"; did you mean \"peakEwma\"?");
}

static void what_is_out_of_range_is_told(void **state)
{
    static const struct {
        const char *spec, *line;
    } cases[] = {
        { "leastRequest: {choiceCount: 1}", "6:42: choiceCount must be between 2 and 100, not 1" },
        { "leastRequest: {activeRequestBias: 0.5555}",
          "6:48: activeRequestBias must be a number between 0 and 100, in steps of 0.001" },
        { "leastRequest: {activeRequestBias: -1}",
          "6:48: activeRequestBias must be a number between 0 and 100, in steps of 0.001" },
        { "peakEwma: {decayTime: 0s}", "6:36: decayTime must be at least 1ms, not \"0s\"" },
        { "ringHash: {minimumRingSize: 2048, maximumRingSize: 1024}",
          "6:24: minimumRingSize must not be over maximumRingSize" },
        { "ringHash: {minimumRingSize: 8388609}",
          "6:42: minimumRingSize must be between 1 and 8388608, not 8388609" },
        { "ringHash: {hashFunction: XX_HSH}",
          "6:39: unknown hashFunction \"XX_HSH\"; did you mean \"XX_HASH\"?" },
        { "maglev: {tableSize: 65536}",
          "6:22: tableSize must be a prime, such as 65537, not 65536" },
        { "maglev: {tableSize: 5000012}",
          "6:34: tableSize must be between 2 and 5000011, not 5000012" },
        { "clientSideWeightedRoundRobin: {weightUpdatePeriod: 99ms}",
          "6:65: weightUpdatePeriod must be at least 100ms, not \"99ms\"" },
        { "prequal: {reports: PROBE}", "6:23: probePath must be a path for PROBE, such as /probe" },
        { "prequal: {hotQuantile: 1.1}",
          "6:37: hotQuantile must be a number between 0 and 1, in steps of 0.001" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char spec[128];

        snprintf(spec, sizeof(spec), "balancer: {%s}", cases[i].spec);
        assert_policy_mistake(spec, cases[i].line);
    }
}

TEST_MAIN(cmocka_unit_test(each_balancer_is_told_by_its_name),
          cmocka_unit_test(every_field_of_a_balancer_is_read),
          cmocka_unit_test(every_field_of_reported_weights_is_read),
          cmocka_unit_test(every_field_of_prequal_is_read),
          cmocka_unit_test(exactly_one_balancer_must_be_there),
          cmocka_unit_test(what_is_out_of_range_is_told))
