/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#define A SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80), { .number = 81 }))

static const struct cluster *cluster(const struct translated *translated, unsigned port,
                                     const char *subset)
{
    char name[64];
    const struct cluster *found;

    snprintf(name, sizeof(name), "outbound|%u|%s|a.default.svc.cluster.local", port, subset);
    found = translated_cluster(translated, name);
    assert_non_null(found);
    return found;
}

static void without_a_rule_istios_defaults_hold(void **state)
{
    const struct resource resources[] = { A };
    struct translated *translated = TRANSLATED(resources);
    const struct cluster *plain;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    plain = cluster(translated, 80, "");
    assert_int_equal(plain->balancer.kind, BALANCER_LEAST_REQUEST);
    assert_int_equal(plain->balancer.choice_count, 2);
    assert_int_equal(plain->balancer.ewma_tau_ns, 10 * NS_PER_S);
    assert_int_equal(plain->balancer.ewma_default_ns, 30 * NS_PER_MS);
    assert_int_equal(plain->limits.max_connections, LIMIT_NONE);
    assert_int_equal(plain->limits.max_pending, LIMIT_NONE);
    assert_int_equal(plain->limits.max_requests, LIMIT_NONE);
    assert_int_equal(plain->limits.max_retries, LIMIT_NONE);
    assert_false(plain->outlier.enabled);
    assert_int_equal(plain->budget.permille, 200);
    assert_int_equal(plain->budget.reserve_per_s, 10);
    assert_false(plain->budget.unlimited);
    assert_int_equal(plain->connect_timeout_ns, 10 * NS_PER_S);
    assert_int_equal(plain->idle_timeout_ns, 3600 * NS_PER_S);
done:
    translated_free(translated);
}

static const struct rule_policy round_robin = { .has_balancer = true,
                                                .balancer.kind = BALANCER_ROUND_ROBIN };
static const struct rule_policy pooled = {
    .has_pool = true,
    .limits = { 1, 2, 3, 4 },
    .connect_timeout_ns = 5,
    .idle_timeout_ns = 6,
    .connection.keepalive = { 7, 8 * NS_PER_S, 9 * NS_PER_S },
    .connection.lifetime = { 10, 11 * NS_PER_S },
};
static const struct rule_policy ejecting = {
    .has_outlier = true,
    .outlier = { .consecutive_5xx = 5, .base_ejection_ns = 30 * NS_PER_S },
};
static const struct rule_policy all_three = {
    .has_balancer = true,
    .balancer.kind = BALANCER_RANDOM,
    .has_pool = true,
    .limits = { 9, 9, 9, 9 },
    .connect_timeout_ns = 9,
    .idle_timeout_ns = 9,
    .has_outlier = true,
    .outlier = { .consecutive_5xx = 9 },
};

static void a_subset_replaces_group_by_group(void **state)
{
    const struct rule_subset v1 = { .name = PLACED("v1"),
                                    .has_policy = true,
                                    .policy.policy = round_robin };
    const struct rule_subset v2 = { .name = PLACED("v2"),
                                    .has_policy = true,
                                    .policy.policy = pooled };
    const struct rule_subset v3 = { .name = PLACED("v3"),
                                    .has_policy = true,
                                    .policy.policy = ejecting };
    const struct resource resources[] = { A, DESTINATION_RULE(
                                                 "a", .host = PLACED("a"), .has_policy = true,
                                                 .policy.policy = all_three, SUBSETS(v1, v2, v3)) };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, 80, "")->balancer.kind, BALANCER_RANDOM);
    assert_int_equal(cluster(translated, 80, "v1")->balancer.kind, BALANCER_ROUND_ROBIN);
    assert_int_equal(cluster(translated, 80, "v1")->limits.max_pending, 9);
    assert_int_equal(cluster(translated, 80, "v1")->outlier.consecutive_5xx, 9);
    assert_int_equal(cluster(translated, 80, "v2")->balancer.kind, BALANCER_RANDOM);
    assert_int_equal(cluster(translated, 80, "v2")->limits.max_pending, 2);
    assert_int_equal(cluster(translated, 80, "v2")->connect_timeout_ns, 5);
    assert_int_equal(cluster(translated, 80, "v2")->idle_timeout_ns, 6);
    assert_int_equal(cluster(translated, 80, "v2")->connection.keepalive.probes, 7);
    assert_int_equal(cluster(translated, 80, "v2")->connection.lifetime.requests, 10);
    assert_int_equal(cluster(translated, 80, "v2")->connection.lifetime.ns, 11 * NS_PER_S);
    assert_int_equal(cluster(translated, 80, "v3")->connection.lifetime.requests, 0);
    assert_int_equal(cluster(translated, 80, "v3")->outlier.consecutive_5xx, 5);
    assert_int_equal(cluster(translated, 80, "v3")->limits.max_pending, 9);
done:
    translated_free(translated);
}

static void a_port_stands_in_the_place_of_its_policy(void **state)
{
    static const struct rule_port_policy of_80 = {
        .port = 80, .policy = { .has_balancer = true, .balancer.kind = BALANCER_ROUND_ROBIN }
    };
    const struct rule_subset v1 = { .name = PLACED("v1"),
                                    .has_policy = true,
                                    .policy.policy = pooled };
    const struct resource resources[] = { A, DESTINATION_RULE(
                                                 "a", .host = PLACED("a"), .has_policy = true,
                                                 .policy = { all_three, &of_80, 1 }, SUBSETS(v1)) };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, 80, "")->balancer.kind, BALANCER_ROUND_ROBIN);
    assert_int_equal(cluster(translated, 80, "")->limits.max_pending, LIMIT_NONE);
    assert_false(cluster(translated, 80, "")->outlier.enabled);
    assert_int_equal(cluster(translated, 80, "v1")->balancer.kind, BALANCER_ROUND_ROBIN);
    assert_int_equal(cluster(translated, 80, "v1")->limits.max_pending, 2);
    assert_false(cluster(translated, 80, "v1")->outlier.enabled);
    assert_int_equal(cluster(translated, 81, "")->balancer.kind, BALANCER_RANDOM);
    assert_int_equal(cluster(translated, 81, "v1")->outlier.consecutive_5xx, 9);
done:
    translated_free(translated);
}

static void a_port_of_a_subset_inherits_nothing(void **state)
{
    static const struct rule_port_policy of_80 = {
        .port = 80, .policy = { .has_balancer = true, .balancer.kind = BALANCER_ROUND_ROBIN }
    };
    const struct rule_subset v1 = { .name = PLACED("v1"),
                                    .has_policy = true,
                                    .policy = { pooled, &of_80, 1 } };
    const struct resource resources[] = { A, DESTINATION_RULE(
                                                 "a", .host = PLACED("a"), .has_policy = true,
                                                 .policy.policy = all_three, SUBSETS(v1)) };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, 80, "v1")->balancer.kind, BALANCER_ROUND_ROBIN);
    assert_int_equal(cluster(translated, 80, "v1")->limits.max_pending, LIMIT_NONE);
    assert_int_equal(cluster(translated, 80, "v1")->connect_timeout_ns, 10 * NS_PER_S);
    assert_false(cluster(translated, 80, "v1")->outlier.enabled);
    assert_int_equal(cluster(translated, 81, "v1")->limits.max_pending, 2);
    assert_int_equal(cluster(translated, 81, "v1")->balancer.kind, BALANCER_RANDOM);
done:
    translated_free(translated);
}

static int64_t longest_ejection(int64_t base)
{
    struct rule_policy policy = ejecting;
    struct resource resources[] = { A, DESTINATION_RULE("a", .host = PLACED("a")) };
    struct translated *translated;
    int64_t longest;

    policy.outlier.base_ejection_ns = base;
    resources[1].spec.destination_rule.has_policy = true;
    resources[1].spec.destination_rule.policy.policy = policy;
    translated = TRANSLATED(resources);
    assert_non_null(translated);
    assert_true(cluster(translated, 80, "")->outlier.enabled);
    longest = cluster(translated, 80, "")->outlier.max_ejection_ns;
    translated_free(translated);
    return longest;
}

static void an_ejection_lasts_300_s_at_most_or_its_base(void **state)
{
    (void)state;
    assert_int_equal(longest_ejection(30 * NS_PER_S), 300 * NS_PER_S);
    assert_int_equal(longest_ejection(400 * NS_PER_S), 400 * NS_PER_S);
}

static void traffic_policies_lie_on_top_and_the_closest_last(void **state)
{
#define EWMA        .balancer = { .kind = BALANCER_PEAK_EWMA }, .says = POLICY_BALANCER | POLICY_BUDGET
#define RANDOM      .balancer = { .kind = BALANCER_RANDOM }, .says = POLICY_BALANCER | POLICY_BUDGET
#define PERMILLE(n) .budget = {.permille = (n) }
    const struct resource resources[] = {
        A,
        DESTINATION_RULE("a", .host = PLACED("a"), .has_policy = true, .policy.policy = all_three,
                         SUBSETS(SUBSET("v1", "1"), SUBSET("v2", "2"))),
        TRAFFIC_POLICY("a", .host = PLACED("a"), .subset = PLACED("v1"), .port = 81, PERMILLE(4),
                       .says = POLICY_BUDGET),
        TRAFFIC_POLICY("b", .host = PLACED("a"), .port = 81, RANDOM, PERMILLE(3)),
        TRAFFIC_POLICY("c", .host = PLACED("a"), .subset = PLACED("v1"), PERMILLE(2),
                       .says = POLICY_BUDGET),
        TRAFFIC_POLICY("d", .host = PLACED("a"), EWMA, PERMILLE(1)),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(cluster(translated, 80, "")->balancer.kind, BALANCER_PEAK_EWMA);
    assert_int_equal(cluster(translated, 80, "")->budget.permille, 1);
    assert_int_equal(cluster(translated, 80, "")->limits.max_pending, 9);
    assert_int_equal(cluster(translated, 80, "v1")->budget.permille, 2);
    assert_int_equal(cluster(translated, 80, "v1")->balancer.kind, BALANCER_PEAK_EWMA);
    assert_int_equal(cluster(translated, 80, "v2")->budget.permille, 1);
    assert_int_equal(cluster(translated, 81, "")->budget.permille, 3);
    assert_int_equal(cluster(translated, 81, "")->balancer.kind, BALANCER_RANDOM);
    assert_int_equal(cluster(translated, 81, "v1")->budget.permille, 4);
    assert_int_equal(cluster(translated, 81, "v2")->budget.permille, 3);
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(without_a_rule_istios_defaults_hold), TEST_OOM(a_subset_replaces_group_by_group),
          TEST_OOM(a_port_stands_in_the_place_of_its_policy),
          TEST_OOM(a_port_of_a_subset_inherits_nothing),
          cmocka_unit_test(an_ejection_lasts_300_s_at_most_or_its_base),
          TEST_OOM(traffic_policies_lie_on_top_and_the_closest_last))
