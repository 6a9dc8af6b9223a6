/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

static const char *spec_of(const char *setting, char *out, size_t size)
{
    snprintf(out, size, "host: a\ntrafficPolicy: {loadBalancer: {localityLbSetting:\n{%s}}}",
             setting);
    return out;
}

static const struct locality_setting *setting_of(struct readout *out, const char *setting)
{
    char spec[512];

    readout_read_spec(out, "DestinationRule", spec_of(setting, spec, sizeof(spec)));
    return &readout_resource(out)->spec.destination_rule.policy.policy.locality;
}

static void a_distribution_is_read(void **state)
{
    struct readout out;
    const struct locality_setting *setting =
        setting_of(&out, "distribute: [{from: us-west/zone1/*, to: {\"us-west/zone1/*\": 80,\n"
                         "\"us-west/zone2/*\": 20}}, {from: b, to: {\"*\": 100}}]");

    (void)state;
    assert_false(setting->is_off);
    assert_int_equal(setting->distribute_count, 2);
    assert_true(str_equal(setting->distribute[0].from, STR("us-west/zone1/*")));
    assert_int_equal(setting->distribute[0].to_count, 2);
    assert_true(str_equal(setting->distribute[0].to[1].to, STR("us-west/zone2/*")));
    assert_int_equal(setting->distribute[0].to[1].weight, 20);
    readout_fini(&out);
}

static void a_failover_is_read(void **state)
{
    struct readout out;
    const struct locality_setting *setting =
        setting_of(&out, "failover: [{from: us-east, to: eu-west}, {from: us-west, to: us-east}]");

    (void)state;
    assert_int_equal(setting->failover_count, 2);
    assert_true(str_equal(setting->failover[1].from, STR("us-west")));
    assert_true(str_equal(setting->failover[1].to, STR("us-east")));
    readout_fini(&out);
    setting = setting_of(&out, "enabled: false, failoverPriority: [version, app=front]");
    assert_true(setting->is_off);
    assert_int_equal(setting->priority_count, 2);
    assert_true(str_equal(setting->priorities[1], STR("app=front")));
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        { "distribute: [{from: a, to: {a: 80, b: 19}}]",
          "7:31: the weights of a distribute must make 100, not 99" },
        { "distribute: [{from: a, to: {a: 100, b: 0}}]",
          "7:43: b must be between 1 and 100, not 0" },
        { "distribute: [{from: a}]", "7:17: a distribute must have from and to" },
        { "distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]",
          "7:3: distribute and failover exclude each other" },
        { "failover: [{from: a, to: a}]", "7:15: a failover must be from one region to another" },
        { "failover: [{from: a/b, to: c}]",
          "7:15: a failover is between regions: no zones, no wildcards" },
        { "failover: [{from: a, to: \"*\"}]",
          "7:15: a failover is between regions: no zones, no wildcards" },
        { "failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]",
          "7:3: failover and failoverPriority by topology.kubernetes.io/zone exclude each other" },
        { "failoverPriority: [{}]", "7:23: an item must be a text" },
        { "enabled: maybe", "7:13: enabled must be true or false" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char spec[256];

        assert_mistake("DestinationRule", spec_of(cases[i].text, spec, sizeof(spec)),
                       cases[i].line);
    }
}

static void memory_may_end_anywhere(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "DestinationRule",
                      "host: a\ntrafficPolicy: {loadBalancer: {localityLbSetting:\n"
                      "  {distribute: [{from: a, to: {a: 80, b: 20}}], failoverPriority: [v]}}}");
    CHECK_OK(out.error);
    assert_int_equal(out.complaints.count, 0);
done:
    readout_fini(&out);
}

TEST_MAIN(cmocka_unit_test(a_distribution_is_read), cmocka_unit_test(a_failover_is_read),
          cmocka_unit_test(what_is_wrong_is_told), TEST_OOM(memory_may_end_anywhere))
