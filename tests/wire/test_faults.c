/* SPDX-License-Identifier: Apache-2.0 */

/* What networks do to a client, each with what the library promises. Faults that
 * take a network of their own (routes, lost packets) are in peer/test_network.c;
 * kill -9 and SIGSTOP under load in test_kill.c; GOAWAY in test_http2.c. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "harness/proxy.h"
#include "wire/wire.h"

enum { REPLICAS = 3 };

static const char no_retries[] = "apiVersion: networking.istio.io/v1\n"
                                 "kind: VirtualService\n"
                                 "metadata: {name: shop}\n"
                                 "spec:\n"
                                 "  hosts: [shop]\n"
                                 "  http:\n"
                                 "  - route: [{destination: {host: shop}}]\n"
                                 "    retries: {attempts: 0}\n";

/* Replicas behind a bad network. */
struct shop {
    struct server *servers[REPLICAS];
    struct proxy *proxies[REPLICAS];
    size_t count;
    struct tulle *mesh;
};

/* One loop, so that the connections are those of one pool. */
static void shop_open(struct shop *shop, size_t count, const char *yaml)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    struct tulle_config *config;

    *shop = (struct shop){ .count = count };
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "shop", 80, TULLE_PROTOCOL_HTTP), TULLE_OK);
    for (size_t i = 0; i < count; i++) {
        shop->servers[i] = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
        shop->proxies[i] = proxy_start(server_address(shop->servers[i]));
        assert_int_equal(
            tulle_config_add_endpoint(config, "shop", proxy_address(shop->proxies[i]), NULL, 1),
            TULLE_OK);
    }
    if (yaml != NULL) {
        assert_int_equal(tulle_config_add_yaml(config, "test.yaml", yaml), TULLE_OK);
    }
    options.built = config;
    assert_int_equal(tulle_open(&options, &shop->mesh), TULLE_OK);
    tulle_config_free(config);
}

static void shop_close(struct shop *shop)
{
    wire_close(shop->mesh);
    for (size_t i = 0; i < shop->count; i++) {
        proxy_stop(shop->proxies[i]);
        server_stop(shop->servers[i]);
    }
}

static uint64_t requests_of(struct shop *shop)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < shop->count; i++) {
        sum += server_count(shop->servers[i], "requests");
    }
    return sum;
}

/* 1: an endpoint refuses. */
static void whoever_refuses_is_passed_over_at_once(void **state)
{
    struct shop shop;
    struct outcome outcome;

    (void)state;
    shop_open(&shop, REPLICAS, NULL);
    for (size_t i = 0; i < REPLICAS; i++) {
        proxy_refuses(shop.proxies[i], true);
        for (int call = 0; call < 10 && i + 1 < REPLICAS; call++) {
            outcome = wire_get(shop.mesh, "http://shop/");
            assert_int_equal(outcome.error, TULLE_OK);
            assert_in_range(outcome.attempts, 1, i + 2);
        }
    }
    assert_true(wire_metric(shop.mesh, "tulle_retries_total", "") >= 1);
    outcome = wire_get(shop.mesh, "http://shop/");
    assert_int_equal(outcome.error, TULLE_E_NETWORK);
    assert_int_equal(outcome.failure.progress, TULLE_NOTHING_SENT);
    assert_in_range(outcome.took_ns, 0, TULLE_S(5));
    shop_close(&shop);
}

/* A listener whose queue is full: a SYN to it is never answered. */
struct full_listener {
    int listener, waiting[4];
    char address[32];
};

static void full_open(struct full_listener *full)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000003) };
    socklen_t size = sizeof(at);

    full->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(full->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(full->listener, 0), 0);
    assert_int_equal(getsockname(full->listener, (struct sockaddr *)&at, &size), 0);
    for (size_t i = 0; i < COUNT_OF(full->waiting); i++) {
        full->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(full->waiting[i], (struct sockaddr *)&at, sizeof(at));
    }
    snprintf(full->address, sizeof(full->address), "127.0.0.3:%u", ntohs(at.sin_port));
}

static void full_close(struct full_listener *full)
{
    for (size_t i = 0; i < COUNT_OF(full->waiting); i++) {
        close(full->waiting[i]);
    }
    close(full->listener);
}

/* 2: a SYN is never answered. */
static void who_never_answers_a_connection_costs_its_timeout_and_no_more(void **state)
{
    static const char quick[] = "apiVersion: networking.istio.io/v1\n"
                                "kind: DestinationRule\n"
                                "metadata: {name: hole}\n"
                                "spec:\n"
                                "  host: hole\n"
                                "  trafficPolicy:\n"
                                "    loadBalancer: {simple: ROUND_ROBIN}\n"
                                "    connectionPool: {tcp: {connectTimeout: 250ms}}\n";
    struct full_listener full;
    struct shop shop = { .count = 1 };
    struct tulle_options options = { TULLE_OPTIONS_INIT };

    (void)state;
    full_open(&full);
    shop.servers[0] = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    assert_int_equal(tulle_config_new(&options.built), TULLE_OK);
    assert_int_equal(tulle_config_add_service(options.built, "hole", 80, TULLE_PROTOCOL_HTTP),
                     TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(options.built, "hole", full.address, NULL, 1),
                     TULLE_OK);
    assert_int_equal(
        tulle_config_add_endpoint(options.built, "hole", server_address(shop.servers[0]), NULL, 1),
        TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(options.built, "test.yaml", quick), TULLE_OK);
    assert_int_equal(tulle_open(&options, &shop.mesh), TULLE_OK);
    tulle_config_free(options.built);
    for (int i = 0; i < 4; i++) {
        struct outcome outcome = wire_get(shop.mesh, "http://hole/");

        assert_int_equal(outcome.error, TULLE_OK);
        assert_in_range(outcome.took_ns, 0, TULLE_S(2));
    }
    assert_true(wire_metric(shop.mesh, "tulle_retries_total", "") >= 2);
    wire_close(shop.mesh);
    server_stop(shop.servers[0]);
    full_close(&full);
}

/* 4: the connection dies behind each byte of the answer. */
static const struct tulle_request a_post = {
    TULLE_REQUEST_INIT, .method = "POST", .url = "http://shop/", .body = "x", .body_size = 1,
};

static size_t answer_size(void)
{
    struct shop shop;
    size_t size;

    shop_open(&shop, 1, NULL);
    assert_int_equal(wire_call(shop.mesh, &a_post).error, TULLE_OK);
    size = proxy_passed(shop.proxies[0]);
    shop_close(&shop);
    return size;
}

static void break_each_byte(enum proxy_end end)
{
    size_t size = answer_size();
    struct shop shop;

    assert_in_range(size, 60, 2000);
    shop_open(&shop, 1, NULL);
    for (size_t after = 0; after < size; after++) {
        uint64_t before = requests_of(&shop);
        struct outcome outcome;

        proxy_plan(shop.proxies[0], (struct proxy_plan){ .after = (int64_t)after, .end = end });
        outcome = wire_call(shop.mesh, &a_post);
        assert_int_not_equal(outcome.error, TULLE_OK);
        assert_true(outcome.failure.progress == TULLE_PERHAPS_EXECUTED ||
                    outcome.failure.progress == TULLE_ANSWERED);
        assert_int_equal(requests_of(&shop), before + 1);
    }
    shop_close(&shop);
}

static void a_post_whose_answer_breaks_off_is_executed_once_and_no_success(void **state)
{
    (void)state;
    break_each_byte(PROXY_FIN);
    break_each_byte(PROXY_RST);
}

static void a_get_whose_answer_does_not_begin_is_sent_again(void **state)
{
    struct shop shop;
    struct outcome outcome;

    (void)state;
    shop_open(&shop, 2, NULL);
    for (int i = 0; i < 50; i++) {
        proxy_plan(shop.proxies[0],
                   (struct proxy_plan){ .after = i % 10, .end = i % 2 ? PROXY_RST : PROXY_FIN });
        outcome = wire_get(shop.mesh, "http://shop/?text=whole");
        assert_int_equal(outcome.error, TULLE_OK);
        assert_string_equal(outcome.body, "whole");
    }
    assert_true(wire_metric(shop.mesh, "tulle_retries_total", "") >= 1);
    shop_close(&shop);
}

/* 5: nothing comes any more, and nobody says so. */
static void a_connection_that_stalls_is_not_used_again(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                           .deadline_ns = TULLE_MS(300) };
    struct shop shop;
    struct outcome outcome;
    unsigned taken;

    (void)state;
    shop_open(&shop, 1, no_retries);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
    taken = proxy_taken(shop.proxies[0]);
    proxy_stalls(shop.proxies[0], true);
    outcome = wire_call(shop.mesh, &request);
    assert_int_equal(outcome.error, TULLE_E_TIMEOUT);
    assert_in_range(outcome.took_ns, TULLE_MS(300), TULLE_S(3));
    proxy_stalls(shop.proxies[0], false);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
    assert_int_equal(proxy_taken(shop.proxies[0]), taken + 1);
    shop_close(&shop);
}

/* 6: the server ends its side while the next request is on its way. */
static void a_half_close_while_idle_costs_no_call(void **state)
{
    static const char budget[] = "apiVersion: tulle.dev/v1alpha1\n"
                                 "kind: TrafficPolicy\n"
                                 "metadata: {name: shop}\n"
                                 "spec: {host: shop, retryBudget: {percent: 100}}\n";
    struct shop shop;

    (void)state;
    shop_open(&shop, 1, budget);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
        proxy_half_close(shop.proxies[0]);
    }
    assert_int_equal(wire_metric(shop.mesh, "istio_requests_total", "response_code=\"200\""), 200);
    shop_close(&shop);
}

/* 7: a slow link. */
static void a_slow_link_is_the_deadlines_business(void **state)
{
    struct shop shop;
    struct outcome outcome;

    (void)state;
    shop_open(&shop, 1, NULL);
    proxy_plan(shop.proxies[0], (struct proxy_plan){ .after = PROXY_NEVER, .bytes_per_s = 100000 });
    outcome = wire_call(shop.mesh, &(struct tulle_request){ TULLE_REQUEST_INIT,
                                                            .url = "http://shop/?body=1000000",
                                                            .deadline_ns = TULLE_MS(500) });
    assert_int_equal(outcome.error, TULLE_E_TIMEOUT);
    assert_in_range(outcome.took_ns, TULLE_MS(500), TULLE_S(3));
    outcome = wire_get(shop.mesh, "http://shop/?body=50000");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_true(outcome.took_ns >= TULLE_MS(300));
    shop_close(&shop);
}

/* 8: delay and jitter, and a link that now and then loses all. */
static void what_is_late_is_bounded_by_the_try(void **state)
{
    static const char tries[] = "apiVersion: networking.istio.io/v1\n"
                                "kind: VirtualService\n"
                                "metadata: {name: shop}\n"
                                "spec:\n"
                                "  hosts: [shop]\n"
                                "  http:\n"
                                "  - route: [{destination: {host: shop}}]\n"
                                "    timeout: 8s\n"
                                "    retries: {attempts: 3, perTryTimeout: 1s, retryOn: 5xx}\n";
    struct shop shop;
    struct outcome outcome;
    int64_t slowest = 0;

    (void)state;
    shop_open(&shop, REPLICAS, tries);
    proxy_plan(shop.proxies[0],
               (struct proxy_plan){ .after = PROXY_NEVER, .delay_ms = 10, .jitter_ms = 30 });
    proxy_plan(shop.proxies[1], (struct proxy_plan){ .after = 0, .end = PROXY_STALL });
    for (int i = 0; i < 15; i++) {
        outcome = wire_get(shop.mesh, "http://shop/");
        assert_int_equal(outcome.error, TULLE_OK);
        slowest = outcome.took_ns > slowest ? outcome.took_ns : slowest;
    }
    assert_in_range(slowest, TULLE_MS(10), TULLE_S(8));
    shop_close(&shop);
}

/* 11: an endpoint that comes and goes ten times a second. */
static void who_flaps_is_not_stormed(void **state)
{
    struct shop shop;
    struct pacer pacer;
    int64_t began = test_now();
    unsigned before;

    (void)state;
    shop_open(&shop, 2, NULL);
    before = proxy_taken(shop.proxies[0]);
    pacer_start(&pacer, shop.mesh, "http://shop/", 200);
    for (int i = 0; i < 20; i++) {
        proxy_refuses(shop.proxies[0], i % 2 == 0);
        usleep(100000);
    }
    proxy_refuses(shop.proxies[0], false);
    pacer_stop(&pacer);
    assert_string_equal(pacer.tally.first_failure, "");
    /* As many connections as there are calls at a time when it comes back, not a storm. */
    assert_in_range(proxy_taken(shop.proxies[0]) - before, 1, 10 * 50);
    assert_true(wire_metric(shop.mesh, "tulle_retries_total", "") <=
                0.2 * (double)pacer.tally.ended + 10.0 * (1 + (double)(test_now() - began) / 1e9) +
                    100);
    shop_close(&shop);
}

/* 16: a sinkhole: an endpoint that fails fast must not look fast. */
static void who_fails_fast_gets_no_more_than_its_share(void **state)
{
    static const char ewma[] = "apiVersion: tulle.dev/v1alpha1\n"
                               "kind: TrafficPolicy\n"
                               "metadata: {name: shop}\n"
                               "spec: {host: shop, balancer: {peakEwma: {}}}\n";
    enum { CALLS = 600 };
    struct shop shop;

    (void)state;
    shop_open(&shop, REPLICAS, ewma);
    server_command(shop.servers[0], "set status=500");
    server_command(shop.servers[1], "set delay=2");
    server_command(shop.servers[2], "set delay=2");
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
    }
    assert_true(server_count(shop.servers[0], "requests") <= CALLS / REPLICAS + CALLS / 10);
    shop_close(&shop);
}

/* 19: one byte after the other. */
static void a_trickle_ends_with_the_deadline(void **state)
{
    struct shop shop;
    struct outcome outcome;

    (void)state;
    shop_open(&shop, 1, NULL);
    proxy_plan(shop.proxies[0], (struct proxy_plan){ .after = PROXY_NEVER, .bytes_per_s = 100 });
    for (int i = 0; i < 2; i++) { /* in the head, and in the body */
        outcome =
            wire_call(shop.mesh, &(struct tulle_request){ TULLE_REQUEST_INIT,
                                                          .url = i == 0 ? "http://shop/?heads=100"
                                                                        : "http://shop/?body=10000",
                                                          .deadline_ns = TULLE_MS(400) });
        assert_int_equal(outcome.error, TULLE_E_TIMEOUT);
        assert_in_range(outcome.took_ns, TULLE_MS(400), TULLE_S(3));
    }
    shop_close(&shop);
}

TEST_MAIN(cmocka_unit_test(whoever_refuses_is_passed_over_at_once),
          cmocka_unit_test(who_never_answers_a_connection_costs_its_timeout_and_no_more),
          cmocka_unit_test(a_post_whose_answer_breaks_off_is_executed_once_and_no_success),
          cmocka_unit_test(a_get_whose_answer_does_not_begin_is_sent_again),
          cmocka_unit_test(a_connection_that_stalls_is_not_used_again),
          cmocka_unit_test(a_half_close_while_idle_costs_no_call),
          cmocka_unit_test(a_slow_link_is_the_deadlines_business),
          cmocka_unit_test(what_is_late_is_bounded_by_the_try),
          cmocka_unit_test(who_flaps_is_not_stormed),
          cmocka_unit_test(who_fails_fast_gets_no_more_than_its_share),
          cmocka_unit_test(a_trickle_ends_with_the_deadline))
