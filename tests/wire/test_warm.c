/* SPDX-License-Identifier: Apache-2.0 */

/* Warm pools of a whole mesh, as servers see them. */

#include <poll.h>

#include "base/clock.h"

#include "wire/wire.h"

#define POLICY(spec)                                                                               \
    "apiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: shop}\n"                \
    "spec: {host: shop, " spec "}\n"

#define EJECTS "outlierDetection: {consecutive5xx: 1, maxEjectionPercent: 100, interval: 1h}"

enum { SERVERS = 2 };

static struct server *servers[SERVERS];

static int setup(void **state)
{
    (void)state;
    servers[0] = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    servers[1] = server_start(SERVER_HTTP, "127.0.0.3:0", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) {
        server_stop(servers[i]);
    }
    return 0;
}

static void assert_opened(int at, uint64_t count)
{
    assert_true(server_wait_exactly(servers[at], "opened", count));
}

static void wait_for(struct tulle *mesh, const char *metric, const char *labels, double least)
{
    int64_t end = test_now() + 20 * NS_PER_S;

    while (wire_metric(mesh, metric, labels) < least) {
        assert_true(test_now() < end);
        poll(NULL, 0, 10);
    }
}

static void each_endpoint_has_its_connections_before_the_first_call(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 2 };
    struct tulle *mesh =
        wire_open(servers, SERVERS, TULLE_PROTOCOL_HTTP, POLICY("preconnect: {warm: 3}"), &options);
    struct outcome outcome;

    (void)state;
    assert_opened(0, 3);
    assert_opened(1, 3);
    wait_for(mesh, "tulle_pool_connections", "warm", 6);
    assert_int_equal(server_count(servers[0], "requests"), 0);
    outcome = wire_get(mesh, "http://shop/");
    assert_int_equal(outcome.status, 200);
    assert_true(wire_metric(mesh, "tulle_pool_warm_used_total", "") == 1);
    assert_true(wire_metric(mesh, "tulle_connections", "shop") == 6);
    assert_int_equal(server_count(servers[0], "opened") + server_count(servers[1], "opened"), 6);
    wire_close(mesh);
    assert_true(server_wait_exactly(servers[0], "open", 0));
}

static void the_limit_of_the_service_holds(void **state)
{
    struct tulle *mesh =
        wire_open(servers, SERVERS, TULLE_PROTOCOL_HTTP,
                  POLICY("preconnect: {warm: 8}, limits: {maxConnections: 3}"), NULL);

    (void)state;
    wait_for(mesh, "tulle_connections", "shop", 3);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    }
    assert_true(server_count(servers[0], "open_max") <= 3);
    assert_true(server_count(servers[1], "open_max") <= 3);
    assert_true(wire_metric(mesh, "tulle_connections", "shop") <= 3);
    wire_close(mesh);
}

static void who_is_ejected_loses_his_and_gets_no_others(void **state)
{
    struct tulle *mesh = wire_open(servers, SERVERS, TULLE_PROTOCOL_HTTP,
                                   POLICY("preconnect: {warm: 2}, " EJECTS), &wire_one_loop);

    (void)state;
    server_command(servers[1], "set status=500");
    assert_opened(0, 2);
    assert_opened(1, 2);
    for (int i = 0; i < 1000 && server_count(servers[1], "requests") == 0; i++) {
        (void)wire_get(mesh, "http://shop/");
    }
    assert_true(server_wait_exactly(servers[1], "open", 1)); /* that it was used on */
    server_command(servers[1], "close-all");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
        poll(NULL, 0, 10);
    }
    assert_int_equal(server_count(servers[1], "opened"), 2);
    assert_int_equal(server_count(servers[0], "opened"), 2);
    wire_close(mesh);
}

static void a_mesh_on_the_app_s_loop_warms_too(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT };
    struct tulle *mesh =
        wire_open(servers, 1, TULLE_PROTOCOL_HTTP, POLICY("preconnect: {warm: 2}"), &options);

    int64_t end = test_now() + 20 * NS_PER_S;

    (void)state;
    while (wire_metric(mesh, "tulle_pool_connections", "warm") < 2) {
        struct pollfd fd = { .fd = tulle_fd(mesh), .events = POLLIN };

        assert_true(test_now() < end);
        poll(&fd, 1, 10);
        assert_int_equal(tulle_run(mesh), TULLE_OK);
    }
    assert_opened(0, 2);
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    assert_true(wire_metric(mesh, "tulle_pool_warm_used_total", "") == 1);
    wire_close(mesh);
}

static void without_the_policy_nothing_is_opened(void **state)
{
    struct tulle *mesh = wire_open(servers, 1, TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);

    (void)state;
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    assert_true(wire_metric(mesh, "tulle_pool_connections_warmed_total", "") == 0);
    assert_int_equal(server_count(servers[0], "opened"), 1);
    wire_close(mesh);
}

#define WARM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(WARM(each_endpoint_has_its_connections_before_the_first_call),
          WARM(the_limit_of_the_service_holds), WARM(who_is_ejected_loses_his_and_gets_no_others),
          WARM(a_mesh_on_the_app_s_loop_warms_too), WARM(without_the_policy_nothing_is_opened))
