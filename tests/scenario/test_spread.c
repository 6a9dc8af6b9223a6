/* SPDX-License-Identifier: Apache-2.0 */

/* From the configuration to who is called: slow start after a reload and after an
 * ejection, zones, and the part of a service that one of many clients knows. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define WARM(more)                                                                                 \
    RULE("  trafficPolicy:\n"                                                                      \
         "    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 60s}}\n" more)
#define EJECTING                                                                                   \
    "    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 10s, "        \
    "maxEjectionPercent: 100}\n"
#define ADDRESSES "{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}"
#define THREE     SERVICE(HTTP_80, ADDRESSES)
#define FOUR      SERVICE(HTTP_80, ADDRESSES ", {address: 10.0.0.4}")
#define LAST      "10.0.0.4:80"

enum { PATIENCE_MS = 60000 };

static unsigned calls_to(struct test_world *world, const char *address, unsigned count)
{
    unsigned before = world_requests(world, address);

    while (count-- > 0) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
        assert_int_equal(world->last.error, TULLE_OK);
    }
    return world_requests(world, address) - before;
}

static void wait_until(struct test_world *world, const char *address, const char *gate)
{
    for (int i = 0; strcmp(world_gate(world, address), gate) != 0; i++) {
        assert_true(i < PATIENCE_MS);
        world_advance(world, NS_PER_MS);
    }
}

/* Beside three that have their whole weight. */
static void expect_slow_start(struct test_world *world, const char *address)
{
    assert_in_range(calls_to(world, address, 310), 8, 12);
    world_advance(world, 30 * NS_PER_S);
    assert_in_range(calls_to(world, address, 350), 47, 54);
    world_advance(world, 30 * NS_PER_S);
    assert_in_range(calls_to(world, address, 400), 99, 101);
}

static void an_endpoint_that_joins_begins_slowly(void **state)
{
    char *folder = test_folder_new();
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = folder };
    struct test_world *world;

    (void)state;
    test_folder_write(folder, "mesh.yaml", THREE WARM(""));
    world = world_open(NULL, &options);
    world_advance(world, 60 * NS_PER_S);
    test_folder_write(folder, "mesh.yaml", FOUR WARM(""));
    wait_until(world, LAST, "ready");
    expect_slow_start(world, LAST);
    world_close(world);
    test_folder_free(folder);
}

static void an_endpoint_that_returns_begins_slowly(void **state)
{
    struct test_world *world = world_open(FOUR WARM(EJECTING), NULL);

    (void)state;
    world_advance(world, 60 * NS_PER_S);
    world_answer(world, LAST, .status = 500, .times = 1);
    while (strcmp(world_gate(world, LAST), "ejected") != 0) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
    }
    assert_int_equal(calls_to(world, LAST, 300), 0);
    wait_until(world, LAST, "ready");
    expect_slow_start(world, LAST);
    world_close(world);
}

/* --- zones --- */

#define ZONES                                                                                      \
    SERVICE(HTTP_80, "{address: 10.0.0.1, locality: r/a}, {address: 10.0.0.2, locality: r/a}, "    \
                     "{address: 10.0.1.1, locality: r/b}, {address: 10.0.1.2, locality: r/b}, "    \
                     "{address: 10.0.1.3, locality: r/b}, {address: 10.0.1.4, locality: r/b}")     \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: ServiceEntry\n"                                                                         \
    "metadata: {name: front}\n"                                                                    \
    "spec:\n"                                                                                      \
    "  hosts: [front]\n"                                                                           \
    "  resolution: STATIC\n"                                                                       \
    "  ports: [" HTTP_80 "]\n"                                                                     \
    "  endpoints: [{address: 10.1.0.1, locality: r/a}, {address: 10.1.1.1, locality: "             \
    "r/b}]\n" TRAFFIC_POLICY("  balancer: {roundRobin: {}}\n"                                      \
                             "  locality: {zoneAware: {localService: front}}\n")

/* Half of the callers are here, and a third of the endpoints: two thirds stay. */
static void calls_stay_in_the_zone_as_far_as_is_fair(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .locality = "r/a" };
    struct test_world *world = world_open(ZONES, &options);
    unsigned here;

    (void)state;
    here = calls_to(world, FIRST, 1500);
    assert_in_range(here, 495, 505);
    assert_int_equal(world_requests(world, SECOND), 1000 - here);
    assert_non_null(strstr(world->last.story, "of priority 0, r/"));
    world_close(world);
    options.locality = "r/b";
    world = world_open(ZONES, &options);
    calls_to(world, FIRST, 100);
    assert_int_equal(world_requests(world, FIRST) + world_requests(world, SECOND), 0);
    world_close(world);
}

/* --- one of many clients --- */

enum { SERVERS = 24, PEERS = 4, SEEN = 12 };

static void list_servers(char *yaml, size_t size)
{
    size_t used = (size_t)snprintf(yaml, size, "%s", SERVICE(HTTP_80, ""));

    used -= strlen("]\n");
    for (int i = 1; i <= SERVERS; i++) {
        used += (size_t)snprintf(yaml + used, size - used, "%s{address: 10.0.0.%d}",
                                 i > 1 ? ", " : "", i);
    }
    snprintf(yaml + used, size - used, "]\n%s",
             TRAFFIC_POLICY("  balancer: {roundRobin: {}}\n  subsetting: {aperture: {}}\n"));
}

/* Adds those whom a client calls, and how often. */
static void see(const char *yaml, uint32_t peer, unsigned *calls)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .peer_index = peer, .peer_count = PEERS };
    struct test_world *world = world_open(yaml, &options);
    unsigned seen = 0;

    calls_to(world, FIRST, SEEN * 10);
    for (int i = 0; i < SERVERS; i++) {
        char address[32];
        unsigned requests;

        snprintf(address, sizeof(address), "10.0.0.%d:80", i + 1);
        requests = world_requests(world, address);
        seen += requests > 0;
        calls[i] += requests;
    }
    assert_int_equal(seen, SEEN);
    world_close(world);
}

static void apertures_of_all_clients_are_fair_to_all_servers(void **state)
{
    unsigned calls[SERVERS] = { 0 };
    char yaml[4096];

    (void)state;
    list_servers(yaml, sizeof(yaml));
    for (uint32_t peer = 0; peer < PEERS; peer++) {
        see(yaml, peer, calls);
    }
    for (int i = 0; i < SERVERS; i++) {
        assert_int_equal(calls[i], PEERS * SEEN * 10 / SERVERS);
    }
}

TEST_MAIN(cmocka_unit_test(an_endpoint_that_joins_begins_slowly),
          cmocka_unit_test(an_endpoint_that_returns_begins_slowly),
          cmocka_unit_test(calls_stay_in_the_zone_as_far_as_is_fair),
          cmocka_unit_test(apertures_of_all_clients_are_fair_to_all_servers))
