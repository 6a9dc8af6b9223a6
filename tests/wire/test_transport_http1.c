/* SPDX-License-Identifier: Apache-2.0 */

/* The libcurl transport over HTTP/1.1, against real sockets. */

#include <stdio.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

struct world_http1 {
    struct rig rig;
    struct server *server;
    struct pool *pool;
};

static int setup(void **state)
{
    static struct world_http1 world;

    world.server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    rig_init(&world.rig, NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTP1);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world_http1 *world = *state;

    rig_fini(&world->rig);
    server_stop(world->server);
    return 0;
}

static void a_kept_connection_is_used_again(void **state)
{
    struct world_http1 *world = *state;

    for (int i = 0; i < 20; i++) {
        struct rig_call call;

        rig_call(&call, &world->rig, world->pool, "http://mesh.test/x?text=hello");
        assert_int_equal(call.end.error, TULLE_OK);
        assert_int_equal(call.status, 200);
        assert_int_equal(call.heads, 1);
        assert_false(call.is_http2);
        assert_string_equal(call.body, "hello");
        assert_true((call.exchange.connected_at > 0) == (i == 0));
        rig_call_fini(&call);
    }
    assert_int_equal(server_count(world->server, "opened"), 1);
    assert_int_equal(atomic_load(&world->rig.transport->reused), 19);
    assert_int_equal(atomic_load(&world->rig.transport->idle), 1);
}

static void the_request_is_what_was_asked_for_and_no_more(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    rig_call_init(&call, &world->rig, "http://mesh.test/a/../b%20c?echo");
    call.lines[0] = (struct header_line){ STR("X-One: 1"), 5 };
    call.lines[1] = (struct header_line){ STR("X-Empty:"), 7 };
    call.exchange.header_count = 2;
    rig_start(&call, world->pool);
    rig_wait(&world->rig, &call, 1);
    assert_string_equal(call.body, "GET /a/../b%20c?echo HTTP/1.1\r\nHost: mesh.test\r\n"
                                   "X-One: 1\r\nX-Empty:\r\n\r\n");
    rig_call_fini(&call);
}

static const char *echoed(struct world_http1 *world, struct rig_call *call, const char *method,
                          const char *body)
{
    rig_call_fini(call);
    rig_call_init(call, &world->rig, "http://mesh.test/x?echo");
    call->exchange.method = str_of(method);
    call->exchange.body = body;
    call->exchange.body_size = body ? strlen(body) : 0;
    rig_start(call, world->pool);
    rig_wait(&world->rig, call, 1);
    assert_int_equal(call->end.error, TULLE_OK);
    return call->body ? call->body : "";
}

static void every_method_goes_out_as_it_is(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call = { 0 };

    assert_string_equal(echoed(world, &call, "POST", "ab"),
                        "POST /x?echo HTTP/1.1\r\n"
                        "Host: mesh.test\r\nContent-Length: 2\r\n\r\n");
    assert_string_equal(echoed(world, &call, "HEAD", NULL), "");
    assert_string_equal(echoed(world, &call, "POST", NULL),
                        "POST /x?echo HTTP/1.1\r\n"
                        "Host: mesh.test\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(echoed(world, &call, "DELETE", NULL),
                        "DELETE /x?echo HTTP/1.1\r\nHost: mesh.test\r\n\r\n");
    assert_string_equal(echoed(world, &call, "GET", NULL),
                        "GET /x?echo HTTP/1.1\r\nHost: mesh.test\r\n\r\n");
    assert_string_equal(echoed(world, &call, "PUT", NULL),
                        "PUT /x?echo HTTP/1.1\r\n"
                        "Host: mesh.test\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(echoed(world, &call, "HEAD", NULL), "");
    assert_string_equal(echoed(world, &call, "BREW", "x"),
                        "BREW /x?echo HTTP/1.1\r\n"
                        "Host: mesh.test\r\nContent-Length: 1\r\n\r\n");
    assert_string_equal(echoed(world, &call, "GET", "q"),
                        "GET /x?echo HTTP/1.1\r\n"
                        "Host: mesh.test\r\nContent-Length: 1\r\n\r\n");
    assert_string_equal(echoed(world, &call, "OPTIONS", NULL),
                        "OPTIONS /x?echo HTTP/1.1\r\nHost: mesh.test\r\n\r\n");
    assert_int_equal(server_count(world->server, "opened"), 1);
    rig_call_fini(&call);
}

static void a_large_body_goes_and_comes(void **state)
{
    struct world_http1 *world = *state;
    static char body[3000000];
    struct rig_call call;

    memset(body, 'y', sizeof(body));
    rig_call_init(&call, &world->rig, "http://mesh.test/x?echobody");
    call.exchange.method = STR("POST");
    call.exchange.body = body;
    call.exchange.body_size = 60000;
    rig_start(&call, world->pool);
    rig_wait(&world->rig, &call, 1);
    assert_int_equal(call.body_size, 60000);
    assert_memory_equal(call.body, body, 60000);
    rig_call_fini(&call);
    rig_call(&call, &world->rig, world->pool, "http://mesh.test/x?body=3000000");
    assert_int_equal(call.body_size, 3000000);
    rig_call_fini(&call);
}

/* A first request warms the connection; the second meets its fate on it. */
static void second_call(struct world_http1 *world, struct rig_call *call, const char *method,
                        const char *fate)
{
    rig_call(call, &world->rig, world->pool, "http://mesh.test/warm");
    rig_call_fini(call);
    rig_call_init(call, &world->rig, "http://mesh.test/second?");
    snprintf(call->url, sizeof(call->url), "http://mesh.test/second?%s", fate);
    call->exchange.method = str_of(method);
    call->exchange.body = "x";
    call->exchange.body_size = 1;
    rig_start(call, world->pool);
    rig_wait(&world->rig, call, 1);
    rig_run(&world->rig, 50 * NS_PER_MS);
}

static void what_was_read_and_not_answered_is_never_sent_again(void **state)
{
    struct world_http1 *world = *state;
    static const char *const fates[] = { "drop", "reset" };
    struct rig_call call;

    for (size_t i = 0; i < 2; i++) {
        second_call(world, &call, "POST", fates[i]);
        assert_int_equal(call.end.error, TULLE_E_NETWORK);
        assert_int_equal(call.end.progress, TULLE_PERHAPS_EXECUTED);
        assert_false(call.end.connect_failure);
        assert_int_equal(call.heads, 0);
        assert_int_equal(server_log_count(world->server, "request * POST *"), i + 1);
        rig_call_fini(&call);
    }
    assert_int_equal(server_count(world->server, "opened"), 2);
}

static void a_connection_that_was_closed_while_idle_is_not_used(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    for (int i = 0; i < 2; i++) {
        rig_call(&call, &world->rig, world->pool, "http://mesh.test/warm");
        server_command(world->server, i == 0 ? "close-idle" : "close-idle reset");
        rig_run(&world->rig, 50 * NS_PER_MS);
        assert_int_equal(atomic_load(&world->rig.transport->idle), 0);
        assert_int_equal(atomic_load(&world->rig.limit.open), 0);
        rig_call(&call, &world->rig, world->pool, "http://mesh.test/next");
        assert_int_equal(call.end.error, TULLE_OK);
        rig_call_fini(&call);
    }
}

/* The loop did not run meanwhile, so libcurl itself finds it dead. */
static void a_connection_that_was_closed_a_moment_ago_is_not_used(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    rig_call(&call, &world->rig, world->pool, "http://mesh.test/warm");
    server_command(world->server, "close-idle");
    rig_call(&call, &world->rig, world->pool, "http://mesh.test/next");
    assert_int_equal(call.end.error, TULLE_OK);
    rig_call_fini(&call);
}

static void a_body_that_breaks_off_is_no_success(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    rig_call(&call, &world->rig, world->pool, "http://mesh.test/x?body=100&break=10");
    assert_int_equal(call.end.error, TULLE_E_NETWORK);
    assert_int_equal(call.end.progress, TULLE_ANSWERED);
    assert_true(call.end.truncated);
    assert_int_equal(call.heads, 1);
    rig_call_fini(&call);
    rig_call(&call, &world->rig, world->pool, "http://mesh.test/x?body=100&chunked&break=10");
    assert_true(call.end.truncated);
    rig_call_fini(&call);
}

static void a_refused_connection_is_a_connect_failure(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    server_command(world->server, "listen off");
    rig_call(&call, &world->rig, world->pool, "http://mesh.test/x");
    assert_int_equal(call.end.error, TULLE_E_NETWORK);
    assert_int_equal(call.end.progress, TULLE_NOTHING_SENT);
    assert_true(call.end.connect_failure);
    assert_non_null(strstr(call.text, server_address(world->server)));
    rig_call_fini(&call);
}

static void connecting_has_its_own_timeout(void **state)
{
    struct world_http1 *world = *state;
    /* RFC 5737: nobody is there; where there is no route it fails at once. */
    struct pool *pool = rig_pool(&world->rig, "192.0.2.1:80", PROTOCOL_HTTP1);
    struct rig_call call;
    int64_t began = test_now();

    rig_call_init(&call, &world->rig, "http://mesh.test/x");
    call.exchange.connect_timeout_ns = 300 * NS_PER_MS;
    rig_start(&call, pool);
    rig_wait(&world->rig, &call, 1);
    assert_int_equal(call.end.error, TULLE_E_NETWORK);
    assert_true(call.end.connect_failure);
    assert_int_equal(call.end.progress, TULLE_NOTHING_SENT);
    assert_true(test_now() - began < 2 * NS_PER_S);
}

static void too_much_is_refused_by_the_listener(void **state)
{
    struct world_http1 *world = *state;
    struct rig_call call;

    rig_call_init(&call, &world->rig, "http://mesh.test/x?body=100000");
    call.body_max = 1000;
    rig_start(&call, world->pool);
    rig_wait(&world->rig, &call, 1);
    assert_int_equal(call.end.error, TULLE_E_TOO_LARGE);
    assert_int_equal(call.end.progress, TULLE_ANSWERED);
    rig_call_fini(&call);
    rig_call_init(&call, &world->rig, "http://mesh.test/x?heads=50");
    call.headers_max = 200;
    rig_start(&call, world->pool);
    rig_wait(&world->rig, &call, 1);
    assert_int_equal(call.end.error, TULLE_E_TOO_LARGE);
    assert_int_equal(call.heads, 0);
    rig_call_fini(&call);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(a_kept_connection_is_used_again, setup, teardown),
          cmocka_unit_test_setup_teardown(the_request_is_what_was_asked_for_and_no_more, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(every_method_goes_out_as_it_is, setup, teardown),
          cmocka_unit_test_setup_teardown(a_large_body_goes_and_comes, setup, teardown),
          cmocka_unit_test_setup_teardown(what_was_read_and_not_answered_is_never_sent_again, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(a_connection_that_was_closed_while_idle_is_not_used,
                                          setup, teardown),
          cmocka_unit_test_setup_teardown(a_connection_that_was_closed_a_moment_ago_is_not_used,
                                          setup, teardown),
          cmocka_unit_test_setup_teardown(a_body_that_breaks_off_is_no_success, setup, teardown),
          cmocka_unit_test_setup_teardown(a_refused_connection_is_a_connect_failure, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(connecting_has_its_own_timeout, setup, teardown),
          cmocka_unit_test_setup_teardown(too_much_is_refused_by_the_listener, setup, teardown))
