/* SPDX-License-Identifier: Apache-2.0 */

/* Many calls over one connection, and what HTTP/2 has to say "go away" with. */

#include <stdlib.h>

#include "harness/certs.h"
#include "wire/wire.h"

enum { MANY = 1000 };

struct h2_world {
    struct certs *certs;
    struct server *server;
    struct tulle *mesh;
    struct tally tally;
};

/* h2 by ALPN; a loop has its own connections, so there is one. */
static int h2_open(void **state)
{
    static struct h2_world world;
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    const char *cert;
    const char *key;

    world = (struct h2_world){ .certs = certs_new() };
    certs_issue(world.certs, CERTS_GOOD, "DNS:shop", &cert, &key);
    world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
    options.ca_file = certs_ca(world.certs);
    world.mesh = wire_open(&world.server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    tally_init(&world.tally);
    *state = &world;
    return 0;
}

static int h2_close(void **state)
{
    struct h2_world *world = *state;

    wire_close(world->mesh);
    tally_fini(&world->tally);
    server_stop(world->server);
    certs_free(world->certs);
    return 0;
}

static void start_many(struct h2_world *world, const char *url, int count)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url };

    for (int i = 0; i < count; i++) {
        assert_int_equal(tally_start(&world->tally, world->mesh, &request), TULLE_OK);
    }
}

static void expect_all_well(struct h2_world *world, uint64_t count)
{
    assert_true(tally_wait(&world->tally, TULLE_S(30)));
    assert_string_equal(world->tally.first_failure, "");
    assert_int_equal(world->tally.statuses[200], count);
}

static void a_thousand_calls_are_in_flight_over_one_connection(void **state)
{
    struct h2_world *world = *state;

    start_many(world, "https://shop/hold", MANY);
    assert_true(server_wait_exactly(world->server, "in_flight", MANY));
    assert_int_equal(server_count(world->server, "opened"), 1);
    server_command(world->server, "release");
    expect_all_well(world, MANY);
    assert_int_equal(server_count(world->server, "opened"), 1);
}

static void a_goaway_leaves_those_in_flight_alone(void **state)
{
    struct h2_world *world = *state;

    start_many(world, "https://shop/hold", 100);
    assert_true(server_wait_exactly(world->server, "in_flight", 100));
    server_command(world->server, "goaway 0");
    start_many(world, "https://shop/", 10);
    server_command(world->server, "release");
    expect_all_well(world, 110);
    assert_int_equal(server_log_count(world->server, "request * GET /hold *"), 100);
}

static void streams_above_a_goaway_are_sent_again(void **state)
{
    struct h2_world *world = *state;

    start_many(world, "https://shop/hold", 20);
    assert_true(server_wait_exactly(world->server, "in_flight", 20));
    server_command(world->server, "goaway 5");
    assert_true(server_wait_count(world->server, "requests", 25));
    server_command(world->server, "release");
    expect_all_well(world, 20);
    assert_int_equal(world->tally.attempts, 25);
}

static void no_call_fails_under_load_while_connections_go_away(void **state)
{
    struct h2_world *world = *state;

    server_command(world->server, "quiet");
    server_command(world->server, "goaway-every 97");
    for (int i = 0; i < 30; i++) {
        start_many(world, "https://shop/?delay=2", 100);
        assert_true(tally_wait(&world->tally, TULLE_S(20)));
    }
    expect_all_well(world, 3000);
    assert_true(server_log_count(world->server, "goaway *") >= 10);
}

static void a_refused_stream_is_sent_again(void **state)
{
    struct h2_world *world = *state;
    struct outcome outcome;

    server_command(world->server, "next 1 refuse");
    outcome = wire_get(world->mesh, "https://shop/");
    assert_string_equal(outcome.failure.text, "");
    assert_int_equal(outcome.attempts, 2);
}

static void a_refused_stream_is_sent_again_also_for_a_post(void **state)
{
    struct h2_world *world = *state;
    struct outcome outcome = wire_get(world->mesh, "https://shop/first");

    assert_int_equal(outcome.status, 200);
    server_command(world->server, "next 1 refuse");
    outcome = wire_call(world->mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "POST",
                                                              .url = "https://shop/order",
                                                              .body = "x", .body_size = 1 });
    assert_string_equal(outcome.failure.text, "");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.attempts, 2);
}

static void another_reset_of_a_post_is_perhaps_executed(void **state)
{
    struct h2_world *world = *state;
    struct outcome outcome;

    server_command(world->server, "next 1 rst=2");
    outcome = wire_call(world->mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "POST",
                                                              .url = "https://shop/order",
                                                              .body = "x", .body_size = 1 });
    assert_int_not_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.failure.progress, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(outcome.attempts, 1);
    assert_int_equal(server_count(world->server, "requests"), 1);
}

static void bodies_go_both_ways_whole(void **state)
{
    enum { SIZE = 3000000 };
    struct h2_world *world = *state;
    char *body = malloc(SIZE);
    struct tulle_reply *reply;
    struct tulle_request request = { TULLE_REQUEST_INIT, .method = "POST",
                                     .url = "https://shop/echobody", .body = body,
                                     .body_size = SIZE };

    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char)(i * 31 >> 3);
    }
    assert_int_equal(tulle_call(world->mesh, &request, &reply), TULLE_OK);
    assert_int_equal(tulle_reply_body_size(reply), SIZE);
    assert_memory_equal(tulle_reply_body(reply), body, SIZE);
    tulle_reply_free(reply);
    free(body);
}

static void prior_knowledge_does_without_tls(void **state)
{
    struct server *server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP2, NULL, NULL);

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    }
    wire_close(mesh);
    server_stop(server);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, h2_open, h2_close)

TEST_MAIN(H2_TEST(a_thousand_calls_are_in_flight_over_one_connection),
          H2_TEST(a_goaway_leaves_those_in_flight_alone),
          H2_TEST(streams_above_a_goaway_are_sent_again),
          H2_TEST(no_call_fails_under_load_while_connections_go_away),
          H2_TEST(a_refused_stream_is_sent_again),
          H2_TEST(a_refused_stream_is_sent_again_also_for_a_post),
          H2_TEST(another_reset_of_a_post_is_perhaps_executed), H2_TEST(bodies_go_both_ways_whole),
          cmocka_unit_test(prior_knowledge_does_without_tls))
