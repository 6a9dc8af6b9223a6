/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#include "model/defaults.h"

/* Of a DestinationRule for host a with this loadBalancer. */
static const struct rule_policy *policy_of(struct readout *out, const char *balancer)
{
    char spec[512];

    snprintf(spec, sizeof(spec), "host: a\ntrafficPolicy: {loadBalancer: {%s}}", balancer);
    readout_read_spec(out, "DestinationRule", spec);
    return &readout_resource(out)->spec.destination_rule.policy.policy;
}

static void a_hash_is_of_one_key(void **state)
{
    static const struct {
        const char *text;
        struct hash_policy hash;
    } cases[] = {
        { "httpHeaderName: X-User",
          { .kind = HASH_HEADER, .name = { "x-user", 6 }, .ttl_ns = NEVER } },
        { "httpCookie: {name: user, ttl: 0s}", { .kind = HASH_COOKIE, .name = { "user", 4 } } },
        { "httpCookie: {name: user, path: /p}",
          { .kind = HASH_COOKIE, .name = { "user", 4 }, .path = { "/p", 2 }, .ttl_ns = NEVER } },
        { "httpQueryParameterName: Q",
          { .kind = HASH_QUERY, .name = { "Q", 1 }, .ttl_ns = NEVER } },
        { "useSourceIp: true", { .kind = HASH_SOURCE, .ttl_ns = NEVER } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct balancer_config *balancer;
        struct readout out;
        char text[128];

        snprintf(text, sizeof(text), "consistentHash: {%s}", cases[i].text);
        balancer = &policy_of(&out, text)->balancer;
        assert_int_equal(balancer->kind, BALANCER_RING_HASH);
        assert_int_equal(balancer->ring_min, 1024);
        assert_int_equal(balancer->hash_count, 1);
        assert_int_equal(balancer->hash[0].kind, cases[i].hash.kind);
        assert_true(str_equal(balancer->hash[0].name, cases[i].hash.name));
        assert_true(str_equal(balancer->hash[0].path, cases[i].hash.path));
        assert_int_equal(balancer->hash[0].ttl_ns, cases[i].hash.ttl_ns);
        readout_fini(&out);
    }
}

static void a_hash_of_nothing_is_taken(void **state)
{
    struct readout out;

    (void)state;
    assert_int_equal(policy_of(&out, "consistentHash: {}")->balancer.hash_count, 0);
    readout_fini(&out);
    assert_int_equal(policy_of(&out, "consistentHash: {useSourceIp: false}")->balancer.hash_count,
                     0);
    readout_fini(&out);
}

static void ring_and_table_have_sizes(void **state)
{
    struct readout out;
    const struct balancer_config *balancer;

    (void)state;
    balancer = &policy_of(&out, "consistentHash: {ringHash: {minimumRingSize: 64}}")->balancer;
    assert_int_equal(balancer->kind, BALANCER_RING_HASH);
    assert_int_equal(balancer->ring_min, 64);
    readout_fini(&out);
    assert_int_equal(policy_of(&out, "consistentHash: {minimumRingSize: 32}")->balancer.ring_min,
                     32);
    readout_fini(&out);
    balancer = &policy_of(&out, "consistentHash: {maglev: {}}")->balancer;
    assert_int_equal(balancer->kind, BALANCER_MAGLEV);
    assert_int_equal(balancer->table_size, 65537);
    readout_fini(&out);
    balancer = &policy_of(&out, "consistentHash: {maglev: {tableSize: 5003}}")->balancer;
    assert_int_equal(balancer->table_size, 5003);
    readout_fini(&out);
}

static void warming_up_is_of_two_balancers(void **state)
{
    struct readout out;
    const struct slow_start_config *warmup;

    (void)state;
    warmup = &policy_of(&out, "simple: ROUND_ROBIN, warmupDurationSecs: 30s")->balancer.slow_start;
    assert_int_equal(warmup->window_ns, 30 * NS_PER_S);
    assert_int_equal(warmup->least, 100);
    assert_int_equal(warmup->aggression, 1000);
    readout_fini(&out);
    warmup = &policy_of(&out, "warmup: {duration: 1m, minimumPercent: 2.5, aggression: 1.5}")
                  ->balancer.slow_start;
    assert_int_equal(warmup->window_ns, 60 * NS_PER_S);
    assert_int_equal(warmup->least, 25);
    assert_int_equal(warmup->aggression, 1500);
    readout_fini(&out);
    warmup = &policy_of(&out, "simple: RANDOM, warmup: {duration: 1m}")->balancer.slow_start;
    assert_int_equal(warmup->window_ns, 0);
    readout_fini(&out);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        { "simple: RANDOM, consistentHash: {useSourceIp: true}",
          "6:33: loadBalancer must have one of simple and consistentHash" },
        { "consistentHash: {useSourceIp: true, httpHeaderName: a}",
          "6:50: consistentHash must have one key, not 2" },
        { "consistentHash: {ringHash: {}, maglev: {}}",
          "6:50: consistentHash must have one of ringHash and maglev" },
        { "consistentHash: {httpCookie: {ttl: 0s}}", "6:63: httpCookie must have a name" },
        { "consistentHash: {httpCookie: {name: a, attributes: []}}",
          "6:73: field \"attributes\" is not supported yet" },
        { "consistentHash: {maglev: {tableSize: 65536}}",
          "6:59: tableSize must be a prime, such as 65537, not 65536" },
        { "consistentHash: {ringHash: {minimumRingSize: 9000000}}",
          "6:79: minimumRingSize must be between 0 and 8388608, not 9000000" },
        { "warmup: {aggression: 2}", "6:42: warmup must have a duration" },
        { "warmup: {duration: 1s, aggression: 0.5}",
          "6:69: aggression must be a number between 1 and 1000, in steps of 0.001" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char spec[256];

        snprintf(spec, sizeof(spec), "host: a\ntrafficPolicy: {loadBalancer: {%s}}", cases[i].text);
        assert_mistake("DestinationRule", spec, cases[i].line);
    }
}

static void memory_may_end_anywhere(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "DestinationRule",
                      "host: a\ntrafficPolicy: {loadBalancer:\n"
                      "  {consistentHash: {httpHeaderName: X-User, maglev: {}}}}");
    CHECK_OK(out.error);
    assert_int_equal(out.complaints.count, 0);
done:
    readout_fini(&out);
}

TEST_MAIN(cmocka_unit_test(a_hash_is_of_one_key), cmocka_unit_test(a_hash_of_nothing_is_taken),
          cmocka_unit_test(ring_and_table_have_sizes),
          cmocka_unit_test(warming_up_is_of_two_balancers), cmocka_unit_test(what_is_wrong_is_told),
          TEST_OOM(memory_may_end_anywhere))
