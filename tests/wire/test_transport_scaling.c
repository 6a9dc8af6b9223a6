/* SPDX-License-Identifier: Apache-2.0 */

/* The libcurl transport over HTTP/2 to a server that takes ten requests at once on
 * a connection: as many connections as the requests need, and none waits for
 * another to end. */

#include <stdio.h>
#include <stdlib.h>

#include "harness/certs.h"
#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

enum { MANY = 100 };

struct world_scaling {
    struct rig rig;
    struct certs *certs;
    struct server *server;
    struct pool *pool;
    struct rig_call *calls;
    const char *base;
};

static struct world_scaling world;

static void begin(enum protocol protocol, const char *base)
{
    world.base = base;
    world.calls = calloc(MANY, sizeof(*world.calls));
    rig_init(&world.rig, world.certs ? certs_ca(world.certs) : NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), protocol);
}

static int setup_plain(void **state)
{
    (void)state;
    world = (struct world_scaling){ .server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c",
                                                           "--streams", "10", NULL) };
    begin(PROTOCOL_HTTP2, "http://mesh.test");
    return 0;
}

static int setup_tls(void **state)
{
    const char *cert, *key;

    (void)state;
    world = (struct world_scaling){ .certs = certs_new() };
    certs_issue(world.certs, CERTS_GOOD, "DNS:mesh.test", &cert, &key);
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key,
                                "--streams", "10", NULL);
    begin(PROTOCOL_HTTPS, "https://mesh.test");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        rig_call_fini(&world.calls[i]);
    }
    free(world.calls);
    rig_fini(&world.rig);
    server_stop(world.server);
    certs_free(world.certs);
    return 0;
}

static void start(int from, int to, const char *target, unsigned max)
{
    for (int i = from; i < to; i++) {
        char url[200];

        snprintf(url, sizeof(url), "%s%s", world.base, target);
        rig_call_fini(&world.calls[i]);
        rig_call_init(&world.calls[i], &world.rig, url);
        world.calls[i].exchange.connections_max = max;
        rig_start(&world.calls[i], world.pool);
    }
}

static void assert_all_ok(int count)
{
    rig_wait(&world.rig, world.calls, (size_t)count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(world.calls[i].text, "");
        assert_int_equal(world.calls[i].status, 200);
    }
}

static void wait_in_flight(uint64_t wanted)
{
    for (int64_t end = test_now() + 20 * NS_PER_S;
         server_count(world.server, "in_flight") != wanted;) {
        assert_true(test_now() < end);
        rig_run(&world.rig, 10 * NS_PER_MS);
    }
}

/* No reply comes before all of them are there. */
static void all_are_under_way_at_once(void **state)
{
    (void)state;
    start(0, 1, "/first", LIMIT_NONE);
    assert_all_ok(1);
    start(0, MANY, "/x?hold", LIMIT_NONE);
    wait_in_flight(MANY);
    server_command(world.server, "release");
    assert_all_ok(MANY);
}

static void ten_connections_carry_a_hundred_requests(void **state)
{
    uint64_t opened;

    all_are_under_way_at_once(state);
    opened = server_count(world.server, "opened");
    assert_in_range(opened, 10, 12);
}

/* In the clear libcurl joins no connection before its first reply. */
static void what_was_opened_is_enough_for_the_next(void **state)
{
    uint64_t opened;

    all_are_under_way_at_once(state);
    opened = server_count(world.server, "opened");
    start(0, MANY, "/x?delay=20", LIMIT_NONE);
    assert_all_ok(MANY);
    assert_int_equal(server_count(world.server, "opened"), opened);
}

static void cold_no_request_is_refused(void **state)
{
    (void)state;
    start(0, MANY, "/x?delay=100", LIMIT_NONE);
    assert_all_ok(MANY);
}

static void the_limit_of_connections_holds(void **state)
{
    (void)state;
    start(0, MANY, "/x?delay=5", 4);
    assert_all_ok(MANY);
    assert_in_range(server_count(world.server, "open_max"), 2, 4);
    assert_true(server_count(world.server, "in_flight_max") <= 40);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup_plain, teardown)
#define TLS(test)   cmocka_unit_test_setup_teardown(test, setup_tls, teardown)
#define BOTH(test)  PLAIN(test), TLS(test)

TEST_MAIN(PLAIN(all_are_under_way_at_once), TLS(ten_connections_carry_a_hundred_requests),
          BOTH(what_was_opened_is_enough_for_the_next), BOTH(cold_no_request_is_refused),
          BOTH(the_limit_of_connections_holds))
