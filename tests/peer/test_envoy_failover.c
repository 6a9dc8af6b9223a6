/* SPDX-License-Identifier: Apache-2.0 */

/* Istio's localityLbSetting from its YAML to the pick: the shares are those of an
 * Envoy that has been told what istiod makes of it (priorities and weights stand
 * with each case, worked out by hand from its documentation). Endpoints that a
 * case calls unhealthy fail until the library has ejected them. */

#include <poll.h>
#include <stdio.h>

#include "peer/spread.h"
#include "wire/wire.h"

enum { UNHEALTHY = 2 };

struct failover_case {
    const char *self, *labels;           /* where this process is, and its labels */
    const char *setting;                 /* of the localityLbSetting */
    const char *of_group[SPREAD_GROUPS]; /* labels of its endpoints; NULL: none */
    size_t strangers;                    /* groups that are not to be called: the last ones */
    struct spread_case told;             /* to Envoy */
};

static const struct failover_case cases[] = {
    /* The same sub-zone, the zone, the region, all others. */
    { "r1/z1/s1", NULL, "enabled: true",
      .told = { "by place", SPREAD_ROUND, LOCALITY_WEIGHTED,
                .groups = { { 0, "r1/z1/s1", 4, .count = 4, .unhealthy = 3 },
                            { 1, "r1/z1/s2", 10, .count = 10, .unhealthy = 8 },
                            { 2, "r1/z2/s1", 10, .count = 10, .unhealthy = 9 },
                            { 3, "r2/z1/s1", 6, .count = 3, .weight = 2 },
                            { 3, "r3/z1/s1", 2, .count = 2 } } } },
    { "r1/z1/s1", NULL, "failover: [{from: r1, to: r3}]",
      .told = { "failover", SPREAD_LEAST, LOCALITY_WEIGHTED,
                .groups = { { 0, "r1/z1/s1", 10, .count = 10, .unhealthy = 8 },
                            { 1, "r1/z2/s1", 10, .count = 10, .unhealthy = 9 },
                            { 3, "r2/z1/s1", 4, .count = 4 },
                            { 2, "r3/z1/s1", 10, .count = 10, .unhealthy = 7 } } } },
    { "r1/z1/s1", "version=v1,rack=7",
      "failoverPriority: [topology.kubernetes.io/region, version, rack]",
      .of_group = { "version: v1, rack: '7'", "version: v1, rack: '8'", "version: v2, rack: '7'",
                    "version: v1, rack: '7'" },
      .told = { "failoverPriority", SPREAD_ROUND, LOCALITY_WEIGHTED,
                .groups = { { 0, "r1/z1/s1", 5, .count = 5, .unhealthy = 4 },
                            { 1, "r1/z1/s2", 10, .count = 10, .unhealthy = 8 },
                            { 2, "r1/z2/s1", 10, .count = 10, .unhealthy = 8 },
                            { 3, "r2/z1/s1", 6, .count = 6 } } } },
    { "r1/z1/s1", NULL,
      "distribute: [{from: \"r9/*\", to: {\"r2/*\": 100}}, "
      "{from: \"r1/z1/*\", to: {\"r1/z1/*\": 70, \"r1/z2/*\": 20, \"r2/*\": 10}}]",
      .strangers = 1,
      .told = { "distribute", SPREAD_LEAST, LOCALITY_WEIGHTED,
                .groups = { { 0, "r1/z1/s1", 35, .count = 6, .unhealthy = 4 },
                            { 0, "r1/z1/s2", 35, .count = 6 },
                            { 0, "r1/z2/s1", 20, .count = 10, .unhealthy = 2 },
                            { 0, "r2/z1/s1", 10, .count = 3 },
                            { 0, "r3/z1/s1", 1, .count = 5 } } } },
};

/* --- the library --- */

static void add_entry(struct spread_text *yaml, const struct failover_case *test)
{
    spread_add(yaml, "apiVersion: networking.istio.io/v1\n"
                     "kind: ServiceEntry\n"
                     "metadata: {name: shop}\n"
                     "spec:\n"
                     "  hosts: [shop]\n"
                     "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
                     "  resolution: STATIC\n"
                     "  endpoints:\n");
    for (size_t g = 0; g < SPREAD_GROUPS; g++) {
        const struct spread_group *group = &test->told.groups[g];

        for (uint32_t i = 0; i < group->count; i++) {
            spread_add(yaml,
                       "  - {address: 127.1.%zu.%u, locality: %s, weight: %u, labels: {%s}}\n", g,
                       i + 1, group->place, group->weight > 0 ? group->weight : 1,
                       test->of_group[g] ? test->of_group[g] : "");
        }
    }
}

static struct tulle *mesh_open(const struct failover_case *test)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT,
                                     .locality = test->self, .labels = test->labels };
    struct spread_text yaml = spread_text_new();
    struct tulle *mesh;

    add_entry(&yaml, test);
    spread_add(&yaml,
               "---\n"
               "apiVersion: networking.istio.io/v1\n"
               "kind: DestinationRule\n"
               "metadata: {name: shop}\n"
               "spec:\n"
               "  host: shop\n"
               "  trafficPolicy:\n"
               "    loadBalancer: {simple: %s, localityLbSetting: {%s}}\n"
               "    outlierDetection: {consecutive5xxErrors: 1, interval: 1h, "
               "baseEjectionTime: 1h, maxEjectionPercent: 100}\n",
               test->told.policy, test->setting);
    assert_int_equal(tulle_config_new(&options.built), TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(options.built, "shop.yaml", yaml.data), TULLE_OK);
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_config_free(options.built);
    spread_text_free(&yaml);
    return mesh;
}

static bool is_unhealthy(const struct spread_case *test, const char *address)
{
    unsigned group, host;

    assert_int_equal(sscanf(address, "127.1.%u.%u:", &group, &host), 2);
    return spread_state(&test->groups[group], host - 1) == UNHEALTHY;
}

/* True: it was one of those that fail. */
static bool pick_one(struct tulle *mesh, const struct spread_case *test,
                     struct spread_choice *choice)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://shop/" };
    struct tulle_pick_result result = { TULLE_PICK_RESULT_INIT };
    struct tulle_pick *pick;
    bool fails;

    assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_OK);
    fails = is_unhealthy(test, tulle_pick_address(pick));
    result.status = fails ? 503 : 200;
    spread_count(choice, tulle_pick_address(pick));
    tulle_pick_done(pick, &result);
    return fails;
}

/* All that is due has been done: the picker knows who is ejected. */
static void settle(struct tulle *mesh)
{
    struct pollfd readable = { .fd = tulle_fd(mesh), .events = POLLIN };

    do {
        assert_int_equal(tulle_run(mesh), TULLE_OK);
    } while (tulle_due(mesh) == 0 || poll(&readable, 1, 0) > 0);
}

static void eject_all(struct tulle *mesh, const struct spread_case *test)
{
    struct spread_choice ignored = { 0 };
    unsigned left = 0;

    for (size_t g = 0; g < SPREAD_GROUPS; g++) {
        left += test->groups[g].unhealthy;
    }
    for (int i = 0; left > 0; i++) {
        assert_true(i < SPREAD_PICKS);
        left -= pick_one(mesh, test, &ignored);
        settle(mesh);
    }
}

static void library_choose(const struct failover_case *test, struct spread_choice *choice)
{
    struct tulle *mesh = mesh_open(test);

    eject_all(mesh, &test->told);
    for (int i = 0; i < SPREAD_PICKS; i++) {
        assert_false(pick_one(mesh, &test->told, choice));
    }
    wire_close(mesh);
}

/* --- both --- */

static struct spread_case told_of(const struct failover_case *test)
{
    struct spread_case told = test->told;
    size_t count = 0;

    while (count < SPREAD_GROUPS && told.groups[count].count > 0) {
        count++;
    }
    for (size_t i = count - test->strangers; i < count; i++) {
        told.groups[i].count = 0;
    }
    return told;
}

static void localities_have_the_shares_of_envoy(void **state)
{
    struct spread_case told[COUNT_OF(cases)];
    struct spread_envoy *envoy;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        told[i] = told_of(&cases[i]);
    }
    envoy = spread_envoy_start(told, COUNT_OF(cases));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct spread_choice ours = { 0 }, envoys = { 0 };

        library_choose(&cases[i], &ours);
        spread_envoy_choose(envoy, &told[i], i, false, &envoys);
        spread_compare(&cases[i].told, &ours, &envoys, COUNT_OF(cases));
    }
    spread_envoy_stop(envoy);
}

TEST_MAIN(cmocka_unit_test(localities_have_the_shares_of_envoy))
