/* SPDX-License-Identifier: Apache-2.0 */

/* What was perhaps executed is not sent again, unless sending it twice does no
 * harm. The servers' journals are the judges. */

#include <stdio.h>

#include "wire/wire.h"

static struct outcome post(struct tulle *mesh, const char *url, const char *key)
{
    return wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "POST",
                                                    .url = url, .body = "order 1", .body_size = 7,
                                                    .idempotency_key = key });
}

/* A kept connection lies ready, so that the next call goes over it. */
static struct tulle *open_warm(struct server *server)
{
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);

    assert_int_equal(wire_get(mesh, "http://shop/warm").status, 200);
    assert_int_equal(server_count(server, "open"), 1);
    return mesh;
}

static void a_post_that_was_read_and_not_answered_is_executed_once(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_warm(server);
    struct outcome outcome;

    (void)state;
    server_command(server, "next 1 drop");
    outcome = post(mesh, "http://shop/order", NULL);
    assert_int_equal(outcome.error, TULLE_E_NETWORK);
    assert_int_equal(outcome.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(outcome.attempts, 1);
    assert_int_equal(server_log_count(server, "request 1 POST /order *"), 1);
    assert_int_equal(server_log_count(server, "request * POST *"), 1);
    assert_int_equal(server_count(server, "opened"), 1);
    wire_close(mesh);
    server_stop(server);
}

static void the_same_with_a_reset(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_warm(server);
    struct outcome outcome;

    (void)state;
    server_command(server, "next 1 reset");
    outcome = post(mesh, "http://shop/order", NULL);
    assert_int_equal(outcome.error, TULLE_E_NETWORK);
    assert_int_equal(outcome.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(server_log_count(server, "request * POST *"), 1);
    wire_close(mesh);
    server_stop(server);
}

static void a_get_in_its_place_is_retried_once_and_counted(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_warm(server);
    struct outcome outcome;

    (void)state;
    server_command(server, "next 1 drop");
    outcome = wire_get(mesh, "http://shop/stock");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.status, 200);
    assert_int_equal(outcome.attempts, 2);
    assert_int_equal(server_log_count(server, "request * GET /stock *"), 2);
    assert_true(wire_metric(mesh, "tulle_retries_total", "") == 1);
    wire_close(mesh);
    server_stop(server);
}

static void a_post_with_an_idempotency_key_is_retried_with_the_same_key(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_warm(server);
    struct outcome outcome;

    (void)state;
    server_command(server, "next 1 drop");
    outcome = post(mesh, "http://shop/order", "order-1");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.attempts, 2);
    assert_int_equal(server_log_count(server, "request * POST /order key=order-1 *"), 2);
    wire_close(mesh);
    server_stop(server);
}

/* Often enough that the close is met at every point of the sending. */
static void a_connection_closed_before_the_request_was_sent_costs_no_call(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_warm(server);

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct outcome outcome;
        char url[64];

        snprintf(url, sizeof(url), "http://shop/order/%d", i);
        server_command(server, "close-idle");
        outcome = i % 2 == 0 ? post(mesh, url, NULL) : wire_get(mesh, url);
        assert_int_equal(outcome.error, TULLE_OK);
        assert_int_equal(outcome.status, 200);
        snprintf(url, sizeof(url), "request * /order/%d *", i);
        assert_int_equal(server_log_count(server, url), 1);
    }
    wire_close(mesh);
    server_stop(server);
}

static void a_post_to_a_closed_port_is_retried_elsewhere(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct tulle *mesh = wire_open(servers, 2, TULLE_PROTOCOL_HTTP, NULL, NULL);

    (void)state;
    server_command(servers[0], "listen off");
    for (int i = 0; i < 20; i++) {
        struct outcome outcome = post(mesh, "http://shop/order", NULL);

        assert_int_equal(outcome.error, TULLE_OK);
        assert_string_equal(outcome.endpoint, server_address(servers[1]));
    }
    assert_int_equal(server_count(servers[1], "requests"), 20);
    wire_close(mesh);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

TEST_MAIN(cmocka_unit_test(a_post_that_was_read_and_not_answered_is_executed_once),
          cmocka_unit_test(the_same_with_a_reset),
          cmocka_unit_test(a_get_in_its_place_is_retried_once_and_counted),
          cmocka_unit_test(a_post_with_an_idempotency_key_is_retried_with_the_same_key),
          cmocka_unit_test(a_connection_closed_before_the_request_was_sent_costs_no_call),
          cmocka_unit_test(a_post_to_a_closed_port_is_retried_elsewhere))
