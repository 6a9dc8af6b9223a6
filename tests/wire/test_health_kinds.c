/* SPDX-License-Identifier: Apache-2.0 */

/* TCP and gRPC checks of real servers, as test_health.c has those of HTTP. */

#include "wire/health_shop.h"

#define SERVING       "hex=00000000020801 trailer=grpc-status:0"
#define NOT_SERVING   "hex=00000000020802 trailer=grpc-status:0"
#define UNIMPLEMENTED "header=grpc-status:12"

/* --- TCP --- */

static void tcp_is_healthy_while_connections_are_taken(void **state)
{
    struct checked_shop shop;
    int64_t at[STAMPS_MAX];
    size_t count;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("100ms") "tcpHealthCheck: {}"), NULL);
    assert_true(healthy_are(&shop, 1));
    assert_true(journal_has(&shop, "open *", 12));
    count = stamps(&shop, " open ", at);
    /* A connection stands before its server looks: the first may be seen late. */
    assert_true(at[count - 1] - at[0] >= TULLE_MS(500));
    assert_true(server_count(shop.servers[0], "requests") == 0);
    server_command(shop.servers[0], "listen off");
    assert_true(healthy_are(&shop, 0));
    assert_int_equal(log_has(&shop, "is unhealthy: connecting: Connection refused"), 1);
    server_command(shop.servers[0], "listen on");
    assert_true(healthy_are(&shop, 1));
    checked_close(&shop);
}

/* "GET / HTTP/1.0", an empty line, and "HTTP/1.1 200" */
#define ASKS                                                                                       \
    "tcpHealthCheck: {send: {text: 474554202f20485454502f312e300d0a0d0a}, "                        \
    "receive: [{text: 485454502f312e3120323030}]}"

static void tcp_sends_bytes_and_waits_for_bytes(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("50ms") ASKS), NULL);
    assert_true(healthy_are(&shop, 1));
    assert_true(journal_has(&shop, "request * GET / *", 3));
    server_command(shop.servers[0], "set status=404");
    assert_true(healthy_are(&shop, 0));
    server_command(shop.servers[0], "set");
    assert_true(healthy_are(&shop, 1));
    server_command(shop.servers[0], "set status=404 body=1000000");
    assert_true(healthy_are(&shop, 0));
    assert_int_equal(log_has(&shop, "64 KiB came without"), 1);
    checked_close(&shop);
}

/* --- gRPC --- */

static void grpc_is_healthy_while_it_serves(void **state)
{
    struct checked_shop shop;
    int64_t at[STAMPS_MAX];
    size_t count;

    (void)state;
    checked_start(&shop, 1, "--h2c");
    server_command(shop.servers[0], "set " SERVING);
    checked_open(&shop, TULLE_PROTOCOL_HTTP2,
                 CHECKS(EVERY("100ms") "grpcHealthCheck: {serviceName: shop.Cart}"), NULL);
    assert_true(healthy_are(&shop, 1));
    assert_true(journal_has(&shop, "request * POST /grpc.health.v1.Health/Check * body=16", 5));
    count = stamps(&shop, " POST /grpc.health.v1.Health/Check", at);
    for (size_t i = 1; i < count; i++) {
        assert_apart(&at[i - 1], TULLE_MS(100));
    }
    assert_true(server_count(shop.servers[0], "opened") == 1);
    server_command(shop.servers[0], "set " NOT_SERVING);
    assert_true(healthy_are(&shop, 0));
    assert_int_equal(log_has(&shop, "is unhealthy: gRPC answered NOT_SERVING"), 1);
    server_command(shop.servers[0], "set " SERVING);
    assert_true(healthy_are(&shop, 1));
    server_command(shop.servers[0], "set " UNIMPLEMENTED);
    assert_true(healthy_are(&shop, 0));
    assert_int_equal(log_has(&shop, "is unhealthy: gRPC ended with status 12"), 1);
    checked_close(&shop);
}

/* The calls of this cluster are HTTP/1.1. */
static void grpc_is_http2_whatever_calls_are(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 1, "--h2c");
    server_command(shop.servers[0], "set " SERVING);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("50ms") "grpcHealthCheck: {}"), NULL);
    assert_true(healthy_are(&shop, 1));
    checked_close(&shop);
}

TEST_MAIN(cmocka_unit_test(tcp_is_healthy_while_connections_are_taken),
          cmocka_unit_test(tcp_sends_bytes_and_waits_for_bytes),
          cmocka_unit_test(grpc_is_healthy_while_it_serves),
          cmocka_unit_test(grpc_is_http2_whatever_calls_are))
