/* SPDX-License-Identifier: Apache-2.0 */

/* The demo's promise, held to: replicas die and hang under 500 calls a second,
 * and nobody who called notices. */

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "wire/wire.h"

enum { REPLICAS = 3, PER_S = 500, SECONDS = 20, KILLED = 0, STOPPED = 1 };

static const char policy[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  host: shop\n"
    "  trafficPolicy:\n"
    "    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 3s,\n"
    "                       maxEjectionPercent: 100}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\n"
    "kind: VirtualService\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  hosts: [shop]\n"
    "  http:\n"
    "  - route: [{destination: {host: shop}}]\n"
    "    timeout: 1s\n"
    "    retries: {attempts: 2, perTryTimeout: 0.25s,\n"
    "              retryOn: \"connect-failure,refused-stream,reset\"}\n";

struct shop {
    struct server *servers[REPLICAS];
    struct tulle *mesh;
    int64_t start;
};

static bool is_ready(struct shop *shop, int replica)
{
    struct tulle_endpoint_state state = { TULLE_ENDPOINT_STATE_INIT };

    assert_true(wire_endpoint(shop->mesh, server_address(shop->servers[replica]), &state));
    return strcmp(state.gate, "ready") == 0;
}

static uint32_t ejections(struct shop *shop, int replica)
{
    struct tulle_endpoint_state state = { TULLE_ENDPOINT_STATE_INIT };

    assert_true(wire_endpoint(shop->mesh, server_address(shop->servers[replica]), &state));
    return state.ejections;
}

static bool both_are_back(void *user)
{
    return is_ready(user, KILLED) && is_ready(user, STOPPED);
}

static void until(struct shop *shop, int64_t at_ns)
{
    int64_t at = shop->start + at_ns;
    struct timespec due = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {
    }
}

static void play(struct shop *shop)
{
    until(shop, TULLE_S(2));
    server_kill(shop->servers[KILLED], SIGKILL);
    until(shop, TULLE_S(6));
    server_restart(shop->servers[KILLED]);
    server_command(shop->servers[KILLED], "set delay=2");
    until(shop, TULLE_S(11));
    server_kill(shop->servers[STOPPED], SIGSTOP);
    until(shop, TULLE_S(13));
    server_kill(shop->servers[STOPPED], SIGCONT);
    until(shop, TULLE_S(SECONDS));
}

static void expect_metrics(struct shop *shop, const struct tally *tally)
{
    double calls = wire_metric(shop->mesh, "istio_requests_total", "");
    double good = wire_metric(shop->mesh, "istio_requests_total", "response_code=\"200\"");
    double durations = wire_metric(shop->mesh, "istio_request_duration_milliseconds_count", "");
    double retries = wire_metric(shop->mesh, "tulle_retries_total", "");

    assert_true(calls == (double)tally->ended);
    assert_true(good == (double)tally->statuses[200]);
    assert_true(durations == calls);
    assert_true(retries == (double)(tally->attempts - tally->ended));
    assert_true(retries >= 1);
    assert_true(retries <= 0.2 * calls + 10.0 * SECONDS);
}

static void replicas_die_and_hang_and_no_call_fails(void **state)
{
    struct shop shop = { 0 };
    struct pacer pacer;

    (void)state;
    for (int i = 0; i < REPLICAS; i++) {
        char address[32];

        snprintf(address, sizeof(address), "127.0.0.%d:0", i + 2);
        shop.servers[i] = server_start(SERVER_HTTP, address, "--quiet", "--set", "delay=2", NULL);
    }
    shop.mesh = wire_open(shop.servers, REPLICAS, TULLE_PROTOCOL_HTTP, policy, NULL);
    shop.start = test_now();
    pacer_start(&pacer, shop.mesh, "http://shop/", PER_S);
    play(&shop);
    pacer_stop(&pacer);
    assert_true(test_wait_until(both_are_back, &shop, TULLE_S(15)));
    assert_string_equal(pacer.tally.first_failure, "");
    assert_int_equal(pacer.tally.statuses[200], pacer.tally.ended);
    assert_true(pacer.tally.ended >= PER_S * SECONDS * 9 / 10);
    assert_in_range(pacer.tally.slowest_ns, 0, TULLE_S(1));
    assert_true(ejections(&shop, KILLED) >= 1);
    assert_true(ejections(&shop, STOPPED) >= 1);
    assert_int_equal(ejections(&shop, 2), 0);
    expect_metrics(&shop, &pacer.tally);
    wire_close(shop.mesh);
    for (int i = 0; i < REPLICAS; i++) {
        server_stop(shop.servers[i]);
    }
}

TEST_MAIN(cmocka_unit_test(replicas_die_and_hang_and_no_call_fails))
