/* SPDX-License-Identifier: Apache-2.0 */

/* Hedges over real servers: what the loser's server sees, and what no server
 * ever sees twice. */

#include <stdio.h>

#include "wire/wire.h"

enum { SERVERS = 2, WARM = 150, POSTS = 20, TRIES = 50 };

/* Every call pays for a hedge, which is sent when a call takes 30 ms. */
static const char hedged[] = "apiVersion: tulle.dev/v1alpha1\n"
                             "kind: TrafficPolicy\n"
                             "metadata: {name: shop}\n"
                             "spec:\n"
                             "  host: shop\n"
                             "  hedge: {percentile: 50, minDelay: 30ms, budgetPercent: 100}\n";

struct shop {
    struct server *servers[SERVERS];
    struct tulle *mesh;
};

static void shop_open(struct shop *shop, int32_t protocol)
{
    for (size_t i = 0; i < SERVERS; i++) {
        shop->servers[i] = protocol == TULLE_PROTOCOL_HTTP2
                               ? server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL)
                               : server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    }
    shop->mesh = wire_open(shop->servers, SERVERS, protocol, hedged, NULL);
    for (int i = 0; i < WARM; i++) {
        assert_int_equal(wire_get(shop->mesh, "http://shop/warm").status, 200);
    }
}

static void shop_close(struct shop *shop)
{
    wire_close(shop->mesh);
    for (size_t i = 0; i < SERVERS; i++) {
        server_stop(shop->servers[i]);
    }
}

/* A call that was hedged: the first server never answers. Its path. */
static void race(struct shop *shop, char path[32])
{
    struct outcome outcome = { .attempts = 0 };

    server_command(shop->servers[0], "set hang");
    for (int i = 0; i < TRIES && (outcome.error != TULLE_OK || outcome.attempts < 2); i++) {
        char url[64];

        snprintf(path, 32, "/race/%d", i);
        snprintf(url, sizeof(url), "http://shop%s", path);
        outcome = wire_call(shop->mesh,
                            &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url,
                                                     .deadline_ns = TULLE_S(2), .method = "GET" });
    }
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.attempts, 2);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.endpoint, server_address(shop->servers[1]));
}

static size_t seen(struct server *server, const char *pattern, const char *path)
{
    char line[128];

    snprintf(line, sizeof(line), pattern, path);
    return server_log_count(server, line);
}

static void each_saw_it_once(struct shop *shop, const char *path)
{
    for (size_t i = 0; i < SERVERS; i++) {
        server_command(shop->servers[i], "sync");
        assert_int_equal(seen(shop->servers[i], "request * GET %s *", path), 1);
    }
}

struct expected {
    struct server *server;
    char line[128];
};

static bool is_seen(void *user)
{
    struct expected *expected = user;

    server_command(expected->server, "sync");
    return server_log_count(expected->server, expected->line) == 1;
}

static void the_losers_stream_is_reset(void **state)
{
    struct expected expected;
    struct shop shop;
    char path[32];

    (void)state;
    shop_open(&shop, TULLE_PROTOCOL_HTTP2);
    race(&shop, path);
    each_saw_it_once(&shop, path);
    /* 5 is libcurl's code, STREAM_CLOSED (RFC 9113 7). It goes out with the next
     * request of that connection. */
    expected.server = shop.servers[0];
    snprintf(expected.line, sizeof(expected.line), "stream-closed * %s code=5", path);
    server_command(shop.servers[1], "set delay=100");
    assert_int_equal(wire_get(shop.mesh, "http://shop/after").attempts, 2);
    assert_true(test_wait_until(is_seen, &expected, TULLE_S(10)));
    assert_int_equal(seen(shop.servers[1], "stream-closed * %s *", path), 0);
    for (size_t i = 0; i < SERVERS; i++) {
        assert_int_equal(server_log_count(shop.servers[i], "close *"), 0);
    }
    shop_close(&shop);
}

static void the_losers_server_hears_of_it_also_when_nobody_calls_again(void **state)
{
    struct shop shop;
    char path[32];

    (void)state;
    shop_open(&shop, TULLE_PROTOCOL_HTTP2);
    race(&shop, path);
    assert_true(server_wait_exactly(shop.servers[0], "in_flight", 0));
    assert_int_equal(seen(shop.servers[1], "stream-closed * %s *", path), 0);
    shop_close(&shop);
}

/* The connection that brought the request. */
static int connection_of(struct server *server, const char *path)
{
    char line[128];
    int number = 1;

    for (; number < 1000; number++) {
        snprintf(line, sizeof(line), "request %d GET %s *", number, path);
        if (server_log_count(server, line) == 1) {
            break;
        }
    }
    return number;
}

static void the_losers_connection_is_closed(void **state)
{
    struct expected expected;
    struct shop shop;
    char path[32];

    (void)state;
    shop_open(&shop, TULLE_PROTOCOL_HTTP);
    race(&shop, path);
    each_saw_it_once(&shop, path);
    expected.server = shop.servers[0];
    snprintf(expected.line, sizeof(expected.line), "close %d",
             connection_of(shop.servers[0], path));
    assert_true(test_wait_until(is_seen, &expected, TULLE_S(10)));
    shop_close(&shop);
}

static void an_order_is_never_sent_twice(void **state)
{
    static const int32_t protocols[] = { TULLE_PROTOCOL_HTTP, TULLE_PROTOCOL_HTTP2 };
    const struct tulle_request order = { TULLE_REQUEST_INIT, .method = "POST",
                                         .url = "http://shop/order", .body = "x", .body_size = 1 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        struct shop shop;
        char path[32];
        size_t orders = 0;

        shop_open(&shop, protocols[i]);
        race(&shop, path);
        server_command(shop.servers[0], "set delay=100");
        for (int sent = 0; sent < POSTS; sent++) {
            struct outcome outcome = wire_call(shop.mesh, &order);

            assert_int_equal(outcome.status, 200);
            assert_int_equal(outcome.attempts, 1);
        }
        for (size_t at = 0; at < SERVERS; at++) {
            server_command(shop.servers[at], "sync");
            orders += server_log_count(shop.servers[at], "request * POST /order *");
        }
        assert_int_equal(orders, POSTS);
        shop_close(&shop);
    }
}

/* Both loops, all orders of two answers, and what is under way when the mesh closes. */
static void races_under_load_end_well(void **state)
{
    enum { AT_ONCE = 100, ROUNDS = 5 };
    static const int32_t protocols[] = { TULLE_PROTOCOL_HTTP, TULLE_PROTOCOL_HTTP2 };
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?body=3000" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        struct tally tally;
        struct shop shop;
        char path[32];

        shop_open(&shop, protocols[i]);
        race(&shop, path);
        server_command(shop.servers[0], "set delay=40");
        tally_init(&tally);
        for (int round = 0; round < ROUNDS; round++) {
            server_command(shop.servers[1], "set delay=%d", round * 10);
            for (int started = 0; started < AT_ONCE; started++) {
                assert_int_equal(tally_start(&tally, shop.mesh, &request), TULLE_OK);
            }
            assert_true(tally_wait(&tally, TULLE_S(60)));
        }
        assert_string_equal(tally.first_failure, "");
        assert_int_equal(tally.statuses[200], AT_ONCE * ROUNDS);
        assert_true(wire_metric(shop.mesh, "tulle_hedges_total", "") > 1);
        for (int started = 0; started < AT_ONCE; started++) {
            assert_int_equal(tally_start(&tally, shop.mesh, &request), TULLE_OK);
        }
        shop_close(&shop);
        assert_int_equal(tally_ended(&tally), AT_ONCE * (ROUNDS + 1));
        tally_fini(&tally);
    }
}

struct canceller {
    struct tulle *mesh;
    pthread_t thread;
    atomic_uint started, ended, wrong;
};

static void canceller_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct canceller *canceller = user;

    (void)call;
    if (error != TULLE_OK && error != TULLE_E_CANCELLED) {
        atomic_fetch_add(&canceller->wrong, 1);
    }
    atomic_fetch_add(&canceller->ended, 1);
}

/* A call that waits for its answer is the clock: of the others some have been
 * hedged by then, some are just being hedged or answered. */
static void *canceller_run(void *user)
{
    enum { AT_ONCE = 8, ROUNDS = 30 };
    struct canceller *canceller = user;
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?body=3000" };

    for (int round = 0; round < ROUNDS; round++) {
        struct tulle_call *calls[AT_ONCE];
        char clock[64];

        for (size_t i = 0; i < AT_ONCE; i++) {
            atomic_fetch_add(&canceller->started, 1);
            if (tulle_call_start(canceller->mesh, &request, canceller_done, canceller, &calls[i]) !=
                TULLE_OK) {
                atomic_fetch_add(&canceller->wrong, 1);
                return NULL;
            }
        }
        snprintf(clock, sizeof(clock), "http://shop/?delay=%d", 5 + round % 15 * 4);
        if (wire_get(canceller->mesh, clock).status != 200) {
            atomic_fetch_add(&canceller->wrong, 1);
        }
        for (size_t i = 0; i < AT_ONCE; i++) {
            tulle_call_cancel(calls[i]);
            tulle_call_free(calls[i]);
        }
    }
    return NULL;
}

static bool all_ended(void *user)
{
    struct canceller *canceller = user;

    return atomic_load(&canceller->ended) == atomic_load(&canceller->started);
}

static void races_are_cancelled_from_any_thread(void **state)
{
    enum { THREADS = 2 };
    static const int32_t protocols[] = { TULLE_PROTOCOL_HTTP, TULLE_PROTOCOL_HTTP2 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        struct canceller cancellers[THREADS] = { { .mesh = NULL } };
        struct shop shop;

        shop_open(&shop, protocols[i]);
        server_command(shop.servers[0], "set delay=60");
        server_command(shop.servers[1], "set delay=15");
        for (size_t t = 0; t < THREADS; t++) {
            cancellers[t].mesh = shop.mesh;
            assert_int_equal(
                pthread_create(&cancellers[t].thread, NULL, canceller_run, &cancellers[t]), 0);
        }
        for (size_t t = 0; t < THREADS; t++) {
            assert_int_equal(pthread_join(cancellers[t].thread, NULL), 0);
            assert_true(test_wait_until(all_ended, &cancellers[t], TULLE_S(10)));
            assert_int_equal(atomic_load(&cancellers[t].wrong), 0);
        }
        assert_true(wire_metric(shop.mesh, "tulle_hedges_total", "") > 10);
        assert_true(wire_metric(shop.mesh, "tulle_requests_in_flight", "") == 0);
        shop_close(&shop);
    }
}

TEST_MAIN(cmocka_unit_test(the_losers_stream_is_reset),
          cmocka_unit_test(the_losers_server_hears_of_it_also_when_nobody_calls_again),
          cmocka_unit_test(the_losers_connection_is_closed),
          cmocka_unit_test(an_order_is_never_sent_twice),
          cmocka_unit_test(races_under_load_end_well),
          cmocka_unit_test(races_are_cancelled_from_any_thread))
