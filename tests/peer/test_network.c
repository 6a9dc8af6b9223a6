/* SPDX-License-Identifier: Apache-2.0 */

/* Faults of a network: this program and its servers live in a network namespace
 * of their own, whose routes, links and queues it may break (root). What a proxy
 * can do is in wire/test_faults.c. */

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wire/wire.h"

enum { REPLICAS = 4 };

struct shop {
    struct server *servers[REPLICAS];
    struct tulle *mesh;
};

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fail_msg("%s failed", command);
    }
}

/* Each replica has an address of its own. */
static int network_setup(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0) {
        return -1;
    }
    run("ip link set lo up");
    for (int i = 0; i < REPLICAS; i++) {
        run("ip address add 10.9.%d.1/32 dev lo", i);
    }
    return 0;
}

static void shop_open(struct shop *shop, const char *yaml)
{
    for (int i = 0; i < REPLICAS; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.9.%d.1:0", i);
        shop->servers[i] = server_start(SERVER_HTTP, address, NULL);
    }
    shop->mesh = wire_open(shop->servers, REPLICAS, TULLE_PROTOCOL_HTTP, yaml, NULL);
}

static void shop_close(struct shop *shop)
{
    wire_close(shop->mesh);
    for (int i = 0; i < REPLICAS; i++) {
        server_stop(shop->servers[i]);
    }
}

static const char quick_tries[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: VirtualService\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  hosts: [shop]\n"
    "  http:\n"
    "  - route: [{destination: {host: shop}}]\n"
    "    timeout: 9s\n"
    "    retries: {attempts: 4, perTryTimeout: 1s, retryOn: 5xx}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  host: shop\n"
    "  trafficPolicy:\n"
    "    connectionPool: {tcp: {connectTimeout: 300ms}}\n"
    "    outlierDetection: {consecutive5xxErrors: 3, interval: 500ms, baseEjectionTime: 1s,\n"
    "                       maxEjectionPercent: 50}\n";

/* 3: there is no way to a host. */
static void who_cannot_be_reached_is_passed_over_at_once(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop, NULL);
    run("ip route del local 10.9.0.1 table local && ip route add unreachable 10.9.0.1");
    for (int i = 0; i < 20; i++) {
        struct outcome outcome = wire_get(shop.mesh, "http://shop/");

        assert_int_equal(outcome.error, TULLE_OK);
        assert_in_range(outcome.took_ns, 0, TULLE_S(1));
    }
    assert_int_equal(server_count(shop.servers[0], "requests"), 0);
    shop_close(&shop);
}

/* 7: a link of 2 Mbit/s with a deep queue. */
static void a_full_link_is_the_deadlines_business(void **state)
{
    struct shop shop;
    struct outcome outcome;

    (void)state;
    shop_open(&shop, NULL);
    run("tc qdisc add dev lo root tbf rate 2mbit burst 70kb latency 2s");
    outcome = wire_call(shop.mesh, &(struct tulle_request){ TULLE_REQUEST_INIT,
                                                            .url = "http://shop/?body=4000000",
                                                            .deadline_ns = TULLE_MS(700) });
    assert_int_equal(outcome.error, TULLE_E_TIMEOUT);
    assert_in_range(outcome.took_ns, TULLE_MS(700), TULLE_S(4));
    run("tc qdisc del dev lo root");
    assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
    shop_close(&shop);
}

/* 8: a tenth of all packets is lost. */
static void what_is_lost_costs_no_call(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop, quick_tries);
    run("nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        "add rule inet t in ip daddr 10.9.0.0/16 numgen random mod 10 < 1 drop'");
    for (int i = 0; i < 60; i++) {
        struct outcome outcome = wire_get(shop.mesh, "http://shop/");

        assert_int_equal(outcome.error, TULLE_OK);
        assert_in_range(outcome.took_ns, 0, TULLE_S(9));
    }
    run("nft delete table inet t");
    shop_close(&shop);
}

static bool half_are_out(void *user)
{
    return wire_metric(user, "tulle_endpoints_ejected", "") == 2;
}

static bool all_are_back(void *user)
{
    return wire_metric(user, "tulle_endpoints_ejected", "") == 0;
}

/* 9: half of the endpoints are on the other side of a partition. */
static void the_other_half_carries_on_and_the_first_comes_back(void **state)
{
    struct shop shop;
    struct pacer pacer;

    (void)state;
    shop_open(&shop, quick_tries);
    pacer_start(&pacer, shop.mesh, "http://shop/", 50);
    run("nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        "add rule inet t in ip daddr { 10.9.0.1, 10.9.1.1 } drop; "
        "add rule inet t in ip saddr { 10.9.0.1, 10.9.1.1 } drop'");
    assert_true(test_wait_until(half_are_out, shop.mesh, TULLE_S(20)));
    run("nft delete table inet t");
    assert_true(test_wait_until(all_are_back, shop.mesh, TULLE_S(20)));
    pacer_stop(&pacer);
    assert_string_equal(pacer.tally.first_failure, "");
    shop_close(&shop);
}

#define NETWORK_TEST(test) cmocka_unit_test_setup(test, network_setup)

TEST_MAIN(NETWORK_TEST(who_cannot_be_reached_is_passed_over_at_once),
          NETWORK_TEST(a_full_link_is_the_deadlines_business),
          NETWORK_TEST(what_is_lost_costs_no_call),
          NETWORK_TEST(the_other_half_carries_on_and_the_first_comes_back))
