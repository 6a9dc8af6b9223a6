/* SPDX-License-Identifier: Apache-2.0 */

/* A region fails and comes back: calls follow in Envoy's percentages. And what
 * panic and drop overload look like from outside. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

enum { HERE = 4, THERE = 4, CALLS = 1000 };

#define NEAR(n) "{address: 10.0.0." #n ", locality: here/a}"
#define FAR(n)  "{address: 10.0.1." #n ", locality: there/a}"
#define REGIONS                                                                                    \
    SERVICE(HTTP_80, NEAR(1) ", " NEAR(2) ", " NEAR(3) ", " NEAR(4) ", " FAR(1) ", " FAR(          \
                         2) ", " FAR(3) ", " FAR(4))
#define FAILOVER                                                                                   \
    RULE("  trafficPolicy:\n"                                                                      \
         "    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, failover: "   \
         "[{from: here, to: there}]}}\n"                                                           \
         "    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 10s, "   \
         "maxEjectionPercent: 100}\n")
#define PANIC TRAFFIC_POLICY("  locality: {healthyPanicThreshold: 50}\n")
#define FROM_HERE                                                                                  \
    &(struct tulle_options)                                                                        \
    {                                                                                              \
        TULLE_OPTIONS_INIT, .locality = "here/a"                                                   \
    }

static unsigned requests_of(const struct test_world *world, int region, unsigned count)
{
    unsigned sum = 0;

    for (unsigned i = 1; i <= count; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.0.%d.%u:80", region, i);
        sum += world_requests(world, address);
    }
    return sum;
}

static void call_often(struct test_world *world, unsigned count)
{
    while (count-- > 0) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    }
}

/* Of a thousand calls the near ones get `percent`. */
static void expect_here(struct test_world *world, unsigned percent)
{
    unsigned before = requests_of(world, 0, HERE), before_there = requests_of(world, 1, THERE);
    unsigned here, there;

    call_often(world, CALLS);
    here = requests_of(world, 0, HERE) - before;
    there = requests_of(world, 1, THERE) - before_there;
    assert_int_equal(here + there, CALLS);
    assert_in_range(here, percent * 10 > 5 ? percent * 10 - 5 : 0, percent * 10 + 5);
}

/* It fails once, and is out. */
static void fail_here(struct test_world *world, unsigned i)
{
    char address[32];

    snprintf(address, sizeof(address), "10.0.0.%u:80", i);
    world_answer(world, address, .status = 500, .times = 1);
    while (strcmp(world_gate(world, address), "ejected") != 0) {
        call_often(world, 1);
    }
}

static void calls_follow_the_health_of_their_region_and_come_back(void **state)
{
    static const unsigned shares[] = { 100, 100, 70, 35, 0 };
    struct test_world *world = world_open(REGIONS FAILOVER, FROM_HERE);

    (void)state;
    expect_here(world, 100);
    for (unsigned ejected = 1; ejected <= HERE; ejected++) {
        fail_here(world, ejected);
        expect_here(world, shares[ejected]);
    }
    call_often(world, 1);
    assert_non_null(strstr(world->last.story, "of priority 1"));
    assert_int_equal(world_metric(world, "tulle_spilled_picks_total{" CLUSTER "}"),
                     requests_of(world, 1, THERE));
    world_advance(world, 12 * NS_PER_S);
    expect_here(world, 100);
    assert_non_null(strstr(world->last.story, "of priority 0"));
    world_close(world);
}

static void without_a_locality_of_its_own_a_client_calls_all_alike(void **state)
{
    struct test_world *world = world_open(REGIONS FAILOVER, NULL);

    (void)state;
    expect_here(world, 50);
    assert_non_null(strstr(world->last.story, "of priority 0"));
    world_close(world);
}

static void distribute_is_of_localities(void **state)
{
    struct test_world *world =
        world_open(REGIONS RULE("  trafficPolicy:\n"
                                "    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: "
                                "{enabled: true, distribute: [{from: here/*, to: {here/*: 80, "
                                "there/*: 20}}]}}\n"),
                   FROM_HERE);

    (void)state;
    expect_here(world, 80);
    assert_non_null(strstr(world->last.story, "here/a"));
    world_close(world);
}

static void in_panic_all_are_called_and_counted(void **state)
{
    struct test_world *world =
        world_open(REVIEWS OUTLIER("consecutive5xxErrors: 1, maxEjectionPercent: 100") PANIC, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    SAY_ALL(world, .status = 500);
    for (int i = 0; i < 3; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
    }
    CHECK(world_metric(world, "tulle_panic_picks_total{" CLUSTER "}") == 1);
    SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    CHECK_OK(world->last.error);
    CHECK(strstr(world->last.story, "in panic"));
    CHECK(world_metric(world, "tulle_panic_picks_total{" CLUSTER "}") == 2);
done:
    world_close(world);
}

static void without_a_healthy_endpoint_the_refusal_says_so(void **state)
{
    struct test_world *world =
        world_open(REVIEWS OUTLIER("consecutive5xxErrors: 1, maxEjectionPercent: 100"), NULL);

    (void)state;
    SAY_ALL(world, .status = 500);
    call_often(world, 4);
    assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
    assert_string_equal(world->last.failure.flags, "UH");
    world_close(world);
}

static void some_calls_are_dropped_by_configuration(void **state)
{
    struct test_world *world = world_open(
        REVIEWS TRAFFIC_POLICY("  dropOverload: {category: brownout, percent: 50}\n"), NULL);
    unsigned dropped = 0;

    (void)state;
    CHECK_OR_DONE(world);
    for (int i = 0; i < 200; i++) {
        world_get(world, URL);
        if (world->last.error == TULLE_E_NOMEM) {
            goto done;
        }
        dropped += world->last.error == TULLE_E_REFUSED;
    }
    assert_in_range(dropped, 50, 150);
    CHECK(world_metric(world, "tulle_dropped_total{" CLUSTER "}") == dropped);
    assert_int_equal(world_requests(world, NULL), 200 - dropped);
    while (world->last.error == TULLE_OK) {
        world_get(world, URL);
    }
    CHECK_OR_DONE(world->last.error == TULLE_E_REFUSED);
    assert_int_equal(world->last.status, 503);
    assert_string_equal(world->last.failure.flags, "DO");
    assert_string_equal(world->last.failure.layer, "pick");
    assert_non_null(strstr(world->last.failure.text, "brownout"));
    assert_int_equal(world->last.attempts, 0);
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(calls_follow_the_health_of_their_region_and_come_back),
          cmocka_unit_test(without_a_locality_of_its_own_a_client_calls_all_alike),
          cmocka_unit_test(distribute_is_of_localities),
          TEST_OOM(in_panic_all_are_called_and_counted),
          cmocka_unit_test(without_a_healthy_endpoint_the_refusal_says_so),
          TEST_OOM(some_calls_are_dropped_by_configuration))
