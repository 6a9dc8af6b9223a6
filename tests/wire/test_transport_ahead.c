/* SPDX-License-Identifier: Apache-2.0 */

/* Connections of the libcurl transport that stand before anybody needs them. */

#include <stdio.h>

#include "harness/certs.h"
#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

enum { MANY = 8 };

struct world_ahead {
    struct rig rig;
    struct certs *certs;
    struct server *server;
    struct pool *pool;
    struct rig_call calls[MANY];
    const char *base;
};

static struct world_ahead world;

static void begin(enum protocol protocol, const char *base)
{
    world.base = base;
    rig_init(&world.rig, world.certs ? certs_ca(world.certs) : NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), protocol);
}

static int setup_http1(void **state)
{
    (void)state;
    world = (struct world_ahead){ .server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };
    begin(PROTOCOL_HTTP1, "http://mesh.test");
    return 0;
}

static int setup_http2(void **state)
{
    (void)state;
    world =
        (struct world_ahead){ .server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL) };
    begin(PROTOCOL_HTTP2, "http://mesh.test");
    return 0;
}

static int setup_https(void **state)
{
    const char *cert, *key;

    (void)state;
    world = (struct world_ahead){ .certs = certs_new() };
    certs_issue(world.certs, CERTS_GOOD, "DNS:mesh.test", &cert, &key);
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
    begin(PROTOCOL_HTTPS, "https://mesh.test");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        rig_call_fini(&world.calls[i]);
    }
    rig_fini(&world.rig);
    server_stop(world.server);
    certs_free(world.certs);
    return 0;
}

static struct transport *transport(void)
{
    return world.rig.transport;
}

static struct warm_spec spec_of(unsigned count, unsigned max)
{
    return (struct warm_spec){ .count = count,
                               .per_endpoint = 1000,
                               .connect_timeout_ns = 5 * NS_PER_S,
                               .idle_timeout_ns = 3600 * NS_PER_S,
                               .connections = &world.rig.limit,
                               .connections_max = max };
}

static void warm(struct warm_spec spec)
{
    tulle__curl_transport.warm(world.pool, &spec);
}

/* Runs the loop until the server says so. */
static void wait_for(const char *count, uint64_t wanted)
{
    for (int64_t end = test_now() + 20 * NS_PER_S; server_count(world.server, count) != wanted;) {
        assert_true(test_now() < end);
        rig_run(&world.rig, 10 * NS_PER_MS);
    }
}

static void wait_for_warm(unsigned wanted)
{
    for (int64_t end = test_now() + 20 * NS_PER_S; atomic_load(&transport()->warm) != wanted;) {
        assert_true(test_now() < end);
        rig_run(&world.rig, 10 * NS_PER_MS);
    }
}

static void start(int at, const char *target)
{
    char url[200];

    snprintf(url, sizeof(url), "%s%s", world.base, target);
    rig_call_fini(&world.calls[at]);
    rig_call_init(&world.calls[at], &world.rig, url);
    rig_start(&world.calls[at], world.pool);
}

static void call(int at)
{
    start(at, "/x");
    rig_wait(&world.rig, &world.calls[at], 1);
    assert_string_equal(world.calls[at].text, "");
    assert_int_equal(world.calls[at].status, 200);
}

static void the_first_request_finds_its_connection_open(void **state)
{
    (void)state;
    warm(spec_of(3, LIMIT_NONE));
    wait_for("opened", 3);
    wait_for_warm(3);
    assert_int_equal(server_count(world.server, "requests"), 0);
    assert_int_equal(atomic_load(&transport()->open), 3);
    assert_int_equal(atomic_load(&transport()->idle), 3);
    call(0);
    assert_int_equal(atomic_load(&transport()->warm_used), 1);
    assert_int_equal(atomic_load(&transport()->warm), 2);
    call(1); /* on the one that is kept */
    assert_int_equal(atomic_load(&transport()->warm_used), 1);
    assert_int_equal(atomic_load(&transport()->reused), 1);
    rig_run(&world.rig, 300 * NS_PER_MS);
    assert_int_equal(server_count(world.server, "opened"), 3);
    assert_int_equal(atomic_load(&world.rig.limit.open), 3);
}

static void who_needs_no_connecting_is_told_so(void **state)
{
    (void)state;
    warm(spec_of(1, LIMIT_NONE));
    wait_for_warm(1);
    call(0);
    assert_int_equal(world.calls[0].exchange.connected_at, 0);
}

static void what_the_server_closes_is_opened_again(void **state)
{
    (void)state;
    warm(spec_of(2, LIMIT_NONE));
    wait_for("opened", 2);
    wait_for_warm(2);
    server_command(world.server, "close-all");
    wait_for("opened", 4);
    wait_for_warm(2);
    wait_for("open", 2);
    call(0);
    assert_int_equal(atomic_load(&transport()->warm_used), 1);
}

static void the_limit_holds_and_calls_use_what_is_open(void **state)
{
    (void)state;
    warm(spec_of(5, 2));
    wait_for_warm(2);
    rig_run(&world.rig, 600 * NS_PER_MS);
    assert_int_equal(server_count(world.server, "opened"), 2);
    for (int i = 0; i < MANY; i++) {
        start(i, "/x?delay=5");
        world.calls[i].exchange.connections_max = 2;
    }
    rig_wait(&world.rig, world.calls, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(world.calls[i].status, 200);
    }
    assert_int_equal(server_count(world.server, "open_max"), 2);
    assert_int_equal(server_count(world.server, "opened"), 2);
}

static void who_waits_for_room_has_the_first_right(void **state)
{
    struct server *other = server_start(SERVER_HTTP, "127.0.0.3:0", NULL);
    struct pool *pool = rig_pool(&world.rig, server_address(other), PROTOCOL_HTTP1);
    struct rig_call *call = &world.calls[0];

    (void)state;
    warm(spec_of(1, 1));
    wait_for_warm(1);
    rig_call_init(call, &world.rig, "http://other.test/");
    call->exchange.connections_max = 1;
    rig_start(call, pool);
    rig_wait(&world.rig, call, 1);
    assert_int_equal(call->status, 200);
    rig_run(&world.rig, 600 * NS_PER_MS);
    assert_int_equal(server_count(world.server, "opened"), 1);
    assert_int_equal(atomic_load(&transport()->warm), 0);
    server_stop(other);
    wait_for_warm(1); /* when there is room again */
}

static void as_many_are_open_as_will_be_needed(void **state)
{
    struct warm_spec spec = spec_of(0, LIMIT_NONE);

    (void)state;
    spec.per_endpoint = 1500;
    warm(spec);
    assert_int_equal(server_count(world.server, "opened"), 0);
    for (int i = 0; i < 4; i++) {
        start(i, "/x?hold");
    }
    wait_for("opened", 6);
    start(4, "/x?hold");
    start(5, "/x?hold");
    wait_for("opened", 9);
    assert_int_equal(atomic_load(&transport()->warm_used), 2);
    server_command(world.server, "release");
    rig_wait(&world.rig, world.calls, 6);
    rig_run(&world.rig, 300 * NS_PER_MS);
    assert_int_equal(server_count(world.server, "opened"), 9);
}

static void none_are_kept_for_whom_nobody_wants_any_more(void **state)
{
    (void)state;
    warm(spec_of(3, LIMIT_NONE));
    wait_for_warm(3);
    call(0);
    warm(spec_of(0, LIMIT_NONE));
    assert_int_equal(atomic_load(&transport()->warm), 0);
    wait_for("open", 1); /* the one that was used is kept */
    rig_run(&world.rig, 300 * NS_PER_MS);
    assert_int_equal(server_count(world.server, "opened"), 3);
}

static void a_drained_pool_closes_them(void **state)
{
    (void)state;
    warm(spec_of(3, LIMIT_NONE));
    wait_for_warm(3);
    tulle__curl_transport.drain(world.pool);
    wait_for("open", 0);
    rig_run(&world.rig, 10 * NS_PER_MS);
    assert_int_equal(world.rig.drained, 1);
    assert_int_equal(atomic_load(&world.rig.limit.open), 0);
    assert_int_equal(world.rig.limit_refs, 0);
}

static void they_are_replaced_when_their_time_is_over(void **state)
{
    struct warm_spec spec = spec_of(1, LIMIT_NONE);

    (void)state;
    spec.idle_timeout_ns = 300 * NS_PER_MS;
    warm(spec);
    wait_for("opened", 3);
    assert_int_equal(server_count(world.server, "open_max"), 1);
}

static void who_refuses_is_asked_ever_more_seldom(void **state)
{
    (void)state;
    server_command(world.server, "listen off");
    warm(spec_of(4, LIMIT_NONE));
    rig_run(&world.rig, 900 * NS_PER_MS);
    assert_in_range(atomic_load(&transport()->warmed), 1, 4);
    assert_int_equal(atomic_load(&world.rig.limit.open), 0);
    server_command(world.server, "listen on");
    wait_for_warm(4);
    call(0);
}

static void those_under_way_go_with_the_transport(void **state)
{
    (void)state;
    server_command(world.server, "accept off");
    warm(spec_of(40, LIMIT_NONE));
    tulle__loop_round(&world.rig.loop, 0); /* and the rest is teardown's to look at */
    assert_true(atomic_load(&transport()->open) > 0);
}

#define HTTP1(test)  cmocka_unit_test_setup_teardown(test, setup_http1, teardown)
#define HTTP2(test)  cmocka_unit_test_setup_teardown(test, setup_http2, teardown)
#define HTTPS(test)  cmocka_unit_test_setup_teardown(test, setup_https, teardown)
#define ON_ALL(test) HTTP1(test), HTTP2(test), HTTPS(test)

TEST_MAIN(ON_ALL(the_first_request_finds_its_connection_open),
          HTTP1(who_needs_no_connecting_is_told_so), HTTP2(who_needs_no_connecting_is_told_so),
          ON_ALL(what_the_server_closes_is_opened_again),
          HTTP1(the_limit_holds_and_calls_use_what_is_open),
          HTTP1(who_waits_for_room_has_the_first_right), HTTP1(as_many_are_open_as_will_be_needed),
          ON_ALL(none_are_kept_for_whom_nobody_wants_any_more), ON_ALL(a_drained_pool_closes_them),
          ON_ALL(they_are_replaced_when_their_time_is_over),
          HTTP1(who_refuses_is_asked_ever_more_seldom),
          HTTP1(those_under_way_go_with_the_transport))
