/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include "model/defaults.h"
#include "source/file/decode_traffic_policy.h"

static void a_traffic_policy_is_read_whole(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "TrafficPolicy",
                      "host: reviews\nsubset: v1\nport: {number: 80}\n"
                      "balancer: {peakEwma: {decayTime: 5s, defaultRtt: 10ms}}\n"
                      "hashPolicy: [{header: {headerName: X-User}, terminal: true}]\n"
                      "healthChecks: [{httpHealthCheck: {path: /healthz,\n"
                      "                expectedStatuses: [{start: 200, end: 300}]}}]\n"
                      "retryBudget: {percent: 12.5, minRetriesPerSecond: 3}\n");
    CHECK_OK(out.error);
    const struct traffic_policy *policy = &readout_resource(&out)->spec.traffic_policy;
    assert_true(str_equal(policy->host.text, STR("reviews")));
    assert_true(str_equal(policy->subset.text, STR("v1")));
    assert_int_equal(policy->port, 80);
    assert_int_equal(policy->says, POLICY_BALANCER | POLICY_HASH | POLICY_CHECKS | POLICY_BUDGET);
    assert_int_equal(policy->balancer.kind, BALANCER_PEAK_EWMA);
    assert_int_equal(policy->balancer.hash_count, 1);
    assert_int_equal(policy->checks[0].expected_count, 1);
    assert_int_equal(policy->budget.permille, 125);
done:
    readout_fini(&out);
}

static void each_part_says_that_it_is_there(void **state)
{
    static const struct {
        const char *spec;
        uint32_t says;
    } cases[] = {
        { "balancer: {random: {}}", POLICY_BALANCER },
        { "hashPolicy: [{source: {}}]", POLICY_HASH },
        { "hashPolicy: []", POLICY_HASH },
        { "hashBalanceFactor: 125", POLICY_HASH_BALANCE },
        { "slowStart: {window: 30s}", POLICY_SLOW_START },
        { "subsetting: {aperture: {}}", POLICY_SUBSETTING },
        { "locality: {}", POLICY_LOCALITY },
        { "locality: {healthyPanicThreshold: 0}", POLICY_LOCALITY | POLICY_PANIC },
        { "locality: {weighted: {}}", POLICY_LOCALITY | POLICY_LOCALITY_MODE },
        { "locality: {overprovisioningFactor: 140}", POLICY_LOCALITY | POLICY_OVERPROVISIONING },
        { "dropOverload: {percent: 1}", POLICY_DROP },
        { "outlierDetection: {}", POLICY_OUTLIER },
        { "healthChecks: [{tcpHealthCheck: {}}]", POLICY_CHECKS },
        { "retry: {}", POLICY_RETRY },
        { "retryBudget: {}", POLICY_BUDGET },
        { "hedge: {}", POLICY_HEDGE },
        { "adaptiveConcurrency: {}", POLICY_ADAPTIVE },
        { "admissionControl: {}", POLICY_ADMISSION },
        { "adaptiveThrottling: {}", POLICY_THROTTLING },
        { "limits: {}", POLICY_LIMITS },
        { "preconnect: {}", POLICY_PRECONNECT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct readout out;

        assert_int_equal(readout_policy(&out, cases[i].spec)->says, cases[i].says);
        readout_fini(&out);
    }
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    assert_mistake("TrafficPolicy", "balancer: {random: {}}", "5:3: host must name a host");
    assert_mistake("TrafficPolicy", "host: a",
                   "5:3: it says nothing: balancer, retryBudget, outlierDetection or another "
                   "policy must be there");
    assert_mistake("TrafficPolicy", "host: a\nbalancer:",
                   "5:3: it says nothing: balancer, retryBudget, outlierDetection or another "
                   "policy must be there");
    assert_policy_mistake("balancers: {}",
                          "6:3: unknown field \"balancers\"; did you mean \"balancer\"?");
    assert_policy_mistake("hashPolicy: {}", "6:15: hashPolicy must be a list");
    assert_policy_mistake("hashPolicy: [1]", "6:16: an item must be a map");
    assert_policy_mistake("hedge: on", "6:10: hedge must be a map");
}

/* The tables are compared with the structs: an offset in the wrong struct, a range
 * that the default is not in, a field without a source. */
static void a_table_is_whole(const struct field_group *group, size_t depth)
{
    assert_true(depth < 8);
    for (size_t i = 0; i < group->count; i++) {
        const struct field *field = &group->fields[i];

        assert_non_null(field->name);
        assert_non_null(field->decode);
        assert_true(field->from || field->unset);
        assert_true((field->decode != tulle__field_decimal) == (field->scale == 0));
        assert_true((field->decode == tulle__field_choice) <= (field->choices != NULL));
        assert_true(!field->is_kind || group->kinds != KIND_NONE);
        assert_true(field->least <= field->most);
        if (field->group) {
            assert_true(field->decode != tulle__field_list || field->group->size > 0);
            a_table_is_whole(field->group, depth + 1);
        }
    }
}

static void every_field_is_documented(void **state)
{
    (void)state;
    a_table_is_whole(&tulle__traffic_policy_group, 0);
}

TEST_MAIN(TEST_OOM(a_traffic_policy_is_read_whole),
          cmocka_unit_test(each_part_says_that_it_is_there),
          cmocka_unit_test(what_is_wrong_is_told), cmocka_unit_test(every_field_is_documented))
