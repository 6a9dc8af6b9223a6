/* SPDX-License-Identifier: Apache-2.0 */

/* The libcurl transport over HTTP/2: with prior knowledge and by ALPN. */

#include <stdio.h>
#include <stdlib.h>

#include "harness/certs.h"
#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

enum { MANY = 1000 };

struct world_http2 {
    struct rig rig;
    struct certs *certs;
    struct server *server;
    struct pool *pool;
    struct rig_call *calls;
    const char *base;
};

static struct world_http2 world;

static int setup_calls(void **state)
{
    world.calls = calloc(MANY, sizeof(*world.calls));
    *state = &world;
    return 0;
}

static int setup_plain(void **state)
{
    world.certs = NULL;
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", "--streams", "2000", NULL);
    world.base = "http://mesh.test";
    rig_init(&world.rig, NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTP2);
    return setup_calls(state);
}

static int setup_tls(void **state)
{
    const char *cert, *key;

    world.certs = certs_new();
    certs_issue(world.certs, CERTS_GOOD, "DNS:mesh.test", &cert, &key);
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key,
                                "--streams", "2000", NULL);
    world.base = "https://mesh.test";
    rig_init(&world.rig, certs_ca(world.certs));
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTPS);
    return setup_calls(state);
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

static void init_call(struct rig_call *call, const char *target)
{
    char url[200];

    snprintf(url, sizeof(url), "%s%s", world.base, target);
    rig_call_init(call, &world.rig, url);
}

static void call_one(struct rig_call *call, const char *target)
{
    init_call(call, target);
    rig_start(call, world.pool);
    rig_wait(&world.rig, call, 1);
}

static void warm(void)
{
    call_one(&world.calls[0], "/warm");
    assert_string_equal(world.calls[0].text, "");
    assert_true(world.calls[0].is_http2);
    rig_call_fini(&world.calls[0]);
}

static void a_kept_connection_carries_the_next_request(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        warm();
    }
    assert_int_equal(server_count(world.server, "opened"), 1);
    assert_int_equal(atomic_load(&world.rig.transport->reused), 4);
}

static void a_thousand_requests_share_one_connection(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        init_call(&world.calls[i], i == 0 ? "/x" : "/x?hold");
        world.calls[i].exchange.connections_max = 1;
        rig_start(&world.calls[i], world.pool);
    }
    for (int i = 0; i < 500 && server_count(world.server, "in_flight") < MANY - 1; i++) {
        rig_run(&world.rig, 10 * NS_PER_MS);
    }
    server_command(world.server, "release");
    rig_wait(&world.rig, world.calls, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_string_equal(world.calls[i].text, "");
        assert_int_equal(world.calls[i].status, 200);
    }
    assert_int_equal(server_count(world.server, "opened"), 1);
    assert_int_equal(server_count(world.server, "in_flight_max"), MANY - 1);
}

static void start_posts(int count, const char *target)
{
    for (int i = 0; i < count; i++) {
        init_call(&world.calls[i], target);
        world.calls[i].exchange.method = STR("POST");
        world.calls[i].exchange.body = "x";
        world.calls[i].exchange.body_size = 1;
        rig_start(&world.calls[i], world.pool);
    }
}

static void assert_refused(const struct rig_call *call)
{
    assert_int_equal(call->end.error, TULLE_E_NETWORK);
    assert_int_equal(call->end.progress, TULLE_REFUSED_UNPROCESSED);
    assert_true(call->end.refused_stream);
}

static void a_refused_stream_is_unprocessed(void **state)
{
    (void)state;
    start_posts(1, "/x?refuse"); /* on a new connection */
    rig_wait(&world.rig, world.calls, 1);
    assert_refused(&world.calls[0]);
    warm();
    start_posts(1, "/x?refuse"); /* on a kept one */
    rig_wait(&world.rig, world.calls, 1);
    assert_refused(&world.calls[0]);
    assert_true(server_log_count(world.server, "request * POST *") <= 2);
}

static void a_refused_stream_among_others_is_unprocessed(void **state)
{
    (void)state;
    warm();
    server_command(world.server, "next 1 refuse");
    start_posts(20, "/x?delay=50");
    rig_wait(&world.rig, world.calls, 20);
    assert_refused(&world.calls[0]);
    for (int i = 1; i < 20; i++) {
        assert_string_equal(world.calls[i].text, "");
    }
    assert_int_equal(server_log_count(world.server, "request * POST *"), 20);
}

static void what_is_above_the_last_stream_of_a_goaway_is_unprocessed(void **state)
{
    int refused = 0;

    (void)state;
    warm();
    start_posts(20, "/x?delay=200");
    assert_false(server_wait_count(world.server, "requests", 0) == 0);
    rig_run(&world.rig, 60 * NS_PER_MS);
    server_command(world.server, "goaway 5");
    rig_wait(&world.rig, world.calls, 20);
    for (int i = 0; i < 20; i++) {
        if (world.calls[i].end.error != TULLE_OK) {
            assert_refused(&world.calls[i]);
            refused++;
        }
    }
    assert_int_equal(refused, 5);
    assert_int_equal(server_log_count(world.server, "request * POST *"), 20);
    warm();
    assert_int_equal(server_count(world.server, "opened"), 2);
}

static void a_stream_that_is_reset_is_perhaps_executed(void **state)
{
    (void)state;
    warm();
    start_posts(1, "/x?rst=2");
    rig_wait(&world.rig, world.calls, 1);
    assert_int_equal(world.calls[0].end.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(server_log_count(world.server, "request * POST *"), 1);
}

static void a_connection_that_is_lost_is_perhaps_executed(const char *how)
{
    for (int round = 0; round < 2; round++) {
        warm();
        start_posts(20, "/x?hang");
        rig_run(&world.rig, 60 * NS_PER_MS);
        server_command(world.server, "%s", how);
        rig_wait(&world.rig, world.calls, 20);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(world.calls[i].end.error, TULLE_E_NETWORK);
            assert_int_equal(world.calls[i].end.progress, TULLE_PERHAPS_EXECUTED);
            assert_false(world.calls[i].end.refused_stream);
        }
        assert_int_equal(server_log_count(world.server, "request * POST *"),
                         (size_t)(round + 1) * 20);
    }
}

static void a_connection_that_ends_is_perhaps_executed(void **state)
{
    (void)state;
    a_connection_that_is_lost_is_perhaps_executed("close-all");
}

static void a_connection_that_is_reset_is_perhaps_executed(void **state)
{
    (void)state;
    a_connection_that_is_lost_is_perhaps_executed("close-all reset");
}

static void a_cancelled_stream_leaves_the_connection(void **state)
{
    (void)state;
    warm();
    start_posts(1, "/x?hang");
    rig_run(&world.rig, 30 * NS_PER_MS);
    tulle__curl_transport.cancel(&world.calls[0].exchange);
    warm();
    assert_int_equal(server_count(world.server, "opened"), 1);
}

static void an_idle_connection_that_says_goaway_is_not_used(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        warm();
        server_command(world.server, "goaway 0");
        if (i == 0) {
            rig_run(&world.rig, 1500 * NS_PER_MS);
        }
        warm();
    }
    rig_run(&world.rig, 2500 * NS_PER_MS);
}

static void an_idle_connection_that_ends_is_not_used(void **state)
{
    (void)state;
    warm();
    server_command(world.server, "close-idle");
    rig_run(&world.rig, 50 * NS_PER_MS);
    assert_int_equal(atomic_load(&world.rig.limit.open), 0);
    warm();
}

/* What is refused is said to be; what crosses the end of the connection is
 * perhaps executed, and a GET may be tried again after either. */
static void goaway_under_load_fails_nothing_that_may_not_be_tried_again(void **state)
{
    (void)state;
    server_command(world.server, "goaway-every 100");
    for (int i = 0; i < MANY; i++) {
        init_call(&world.calls[i], "/x?delay=5");
        rig_start(&world.calls[i], world.pool);
    }
    rig_wait(&world.rig, world.calls, MANY);
    for (int i = 0; i < MANY; i++) {
        const struct rig_call *call = &world.calls[i];

        if (call->end.error != TULLE_OK) {
            assert_int_equal(call->end.error, TULLE_E_NETWORK);
            assert_int_equal(call->heads, 0);
            assert_false(call->end.connect_failure);
        }
    }
}

static int setup_few_streams(void **state)
{
    world.certs = NULL;
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", "--streams", "10", NULL);
    world.base = "http://mesh.test";
    rig_init(&world.rig, NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTP2);
    return setup_calls(state);
}

static int setup_only_http1(void **state)
{
    const char *cert, *key;

    world.certs = certs_new();
    certs_issue(world.certs, CERTS_GOOD, "DNS:mesh.test", &cert, &key);
    world.server =
        server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, "--no-h2", NULL);
    world.base = "https://mesh.test";
    rig_init(&world.rig, certs_ca(world.certs));
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTPS);
    return setup_calls(state);
}

static void start_gets(int count, unsigned connections_max, const char *target)
{
    for (int i = 0; i < count; i++) {
        init_call(&world.calls[i], target);
        world.calls[i].exchange.connections_max = connections_max;
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

static void more_than_the_streams_of_a_connection_wait(void **state)
{
    (void)state;
    start_gets(100, 1, "/x?delay=2");
    assert_all_ok(100);
    assert_int_equal(server_count(world.server, "opened"), 1);
    assert_true(server_count(world.server, "in_flight_max") <= 10);
}

static void more_than_the_streams_of_a_connection_open_another(void **state)
{
    (void)state;
    start_gets(100, 4, "/x?delay=20");
    assert_all_ok(100);
    assert_in_range(server_count(world.server, "open_max"), 2, 4);
}

static void a_server_without_http2_gets_a_connection_each(void **state)
{
    (void)state;
    start_gets(20, 5, "/x?delay=10");
    assert_all_ok(20);
    assert_false(world.calls[0].is_http2);
    assert_in_range(server_count(world.server, "open_max"), 2, 5);
    start_gets(20, LIMIT_NONE, "/x?delay=500");
    assert_all_ok(20);
    assert_int_equal(server_count(world.server, "in_flight_max"), 20);
}

static void a_first_reply_that_is_late_holds_nobody_up_for_long(void **state)
{
    int64_t began;

    (void)state;
    init_call(&world.calls[0], "/x?hang");
    rig_start(&world.calls[0], world.pool);
    rig_run(&world.rig, 20 * NS_PER_MS);
    began = test_now();
    for (int i = 1; i < 20; i++) {
        init_call(&world.calls[i], "/x");
        rig_start(&world.calls[i], world.pool);
    }
    rig_wait(&world.rig, &world.calls[1], 19);
    assert_true(test_now() - began < NS_PER_S);
    tulle__curl_transport.cancel(&world.calls[0].exchange);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup_plain, teardown)
#define TLS(test)   cmocka_unit_test_setup_teardown(test, setup_tls, teardown)
#define BOTH(test)  PLAIN(test), TLS(test)

TEST_MAIN(BOTH(a_kept_connection_carries_the_next_request),
          BOTH(a_thousand_requests_share_one_connection), BOTH(a_refused_stream_is_unprocessed),
          BOTH(a_refused_stream_among_others_is_unprocessed),
          BOTH(what_is_above_the_last_stream_of_a_goaway_is_unprocessed),
          BOTH(a_stream_that_is_reset_is_perhaps_executed),
          BOTH(a_connection_that_ends_is_perhaps_executed),
          BOTH(a_connection_that_is_reset_is_perhaps_executed),
          BOTH(a_cancelled_stream_leaves_the_connection),
          BOTH(an_idle_connection_that_says_goaway_is_not_used),
          BOTH(an_idle_connection_that_ends_is_not_used),
          cmocka_unit_test_setup_teardown(more_than_the_streams_of_a_connection_wait,
                                          setup_few_streams, teardown),
          cmocka_unit_test_setup_teardown(more_than_the_streams_of_a_connection_open_another,
                                          setup_few_streams, teardown),
          cmocka_unit_test_setup_teardown(a_server_without_http2_gets_a_connection_each,
                                          setup_only_http1, teardown),
          cmocka_unit_test_setup_teardown(a_first_reply_that_is_late_holds_nobody_up_for_long,
                                          setup_only_http1, teardown),
          BOTH(a_first_reply_that_is_late_holds_nobody_up_for_long),
          BOTH(goaway_under_load_fails_nothing_that_may_not_be_tried_again))
