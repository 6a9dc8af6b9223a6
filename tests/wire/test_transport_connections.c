/* SPDX-License-Identifier: Apache-2.0 */

/* Limits, idleness, draining and cancelling. */

#include <stdio.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

enum { MANY = 24 };

struct world_kept {
    struct rig rig;
    struct server *server;
    struct server *second;
    struct pool *pool;
    struct pool *second_pool;
    struct rig_call calls[MANY];
    int descriptors;
};

static int setup(void **state)
{
    static struct world_kept world;

    world.server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    world.second = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    rig_init(&world.rig, NULL);
    world.pool = rig_pool(&world.rig, server_address(world.server), PROTOCOL_HTTP1);
    world.second_pool = rig_pool(&world.rig, server_address(world.second), PROTOCOL_HTTP1);
    world.descriptors = test_descriptors();
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world_kept *world = *state;

    for (int i = 0; i < MANY; i++) {
        rig_call_fini(&world->calls[i]);
    }
    rig_fini(&world->rig);
    server_stop(world->server);
    server_stop(world->second);
    return 0;
}

static void start_many(struct world_kept *world, struct pool *pool, int from, int to, unsigned max,
                       const char *url)
{
    for (int i = from; i < to; i++) {
        rig_call_init(&world->calls[i], &world->rig, url);
        world->calls[i].exchange.connections_max = max;
        rig_start(&world->calls[i], pool);
    }
}

static void assert_ok(const struct world_kept *world, int from, int to)
{
    for (int i = from; i < to; i++) {
        assert_string_equal(world->calls[i].text, "");
        assert_int_equal(world->calls[i].end.error, TULLE_OK);
        assert_int_equal(world->calls[i].ends, 1);
    }
}

static void no_connection_too_many_is_opened(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, MANY, 4, "http://mesh.test/x?delay=20");
    rig_run(&world->rig, 10 * NS_PER_MS);
    assert_int_equal(atomic_load(&world->rig.transport->active), 4);
    assert_int_equal(atomic_load(&world->rig.transport->waiting), MANY - 4);
    rig_wait(&world->rig, world->calls, MANY);
    assert_ok(world, 0, MANY);
    assert_int_equal(server_count(world->server, "open_max"), 4);
    assert_int_equal(server_count(world->server, "opened"), 4);
}

static void who_waits_goes_in_the_order_of_start(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, MANY, 1, "http://mesh.test/x");
    rig_wait(&world->rig, world->calls, MANY);
    assert_ok(world, 0, MANY);
    for (int i = 1; i < MANY; i++) {
        assert_true(world->calls[i].ended_at >= world->calls[i - 1].ended_at);
    }
}

static void an_idle_connection_goes_for_another_endpoint(void **state)
{
    struct world_kept *world = *state;

    for (int i = 0; i < 6; i++) {
        start_many(world, i % 2 ? world->second_pool : world->pool, i, i + 1, 1,
                   "http://mesh.test/x");
        rig_wait(&world->rig, &world->calls[i], 1);
    }
    assert_ok(world, 0, 6);
    assert_int_equal(atomic_load(&world->rig.limit.open), 1);
    assert_int_equal(atomic_load(&world->rig.limit.opened), 6);
}

static void a_busy_connection_is_waited_for_across_endpoints(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, 1, 1, "http://mesh.test/x?delay=50");
    start_many(world, world->second_pool, 1, 2, 1, "http://mesh.test/x");
    start_many(world, world->pool, 2, 3, 1, "http://mesh.test/x");
    rig_wait(&world->rig, world->calls, 3);
    assert_ok(world, 0, 3);
    assert_true(world->rig.wanted > 0);
    assert_int_equal(atomic_load(&world->rig.limit.open), 1);
}

/* libcurl keeps connections by host; one of another host is no use. */
static void another_host_of_the_same_address_gets_room_from_the_first(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, 1, 1, "http://one.test/x");
    rig_wait(&world->rig, world->calls, 1);
    start_many(world, world->pool, 1, 2, 1, "http://two.test/x");
    rig_wait(&world->rig, world->calls, 2);
    assert_ok(world, 0, 2);
    assert_int_equal(server_count(world->server, "open_max"), 1);
}

static void what_is_shed_goes_at_once_and_its_descriptor_soon(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, 4, 4, "http://mesh.test/x?delay=5");
    rig_wait(&world->rig, world->calls, 4);
    while (tulle__curl_transport.shed(world->rig.transport, &world->rig.limit)) {
    }
    assert_int_equal(atomic_load(&world->rig.limit.open), 0);
    assert_true(server_wait_exactly(world->server, "open", 0));
    rig_run(&world->rig, 2200 * NS_PER_MS);
    assert_int_equal(test_descriptors(), world->descriptors);
}

static void an_idle_connection_ends_with_its_time(void **state)
{
    struct world_kept *world = *state;

    rig_call_init(&world->calls[0], &world->rig, "http://mesh.test/x");
    world->calls[0].exchange.idle_timeout_ns = 300 * NS_PER_MS;
    rig_start(&world->calls[0], world->pool);
    rig_wait(&world->rig, world->calls, 1);
    rig_run(&world->rig, 200 * NS_PER_MS);
    assert_int_equal(server_count(world->server, "open"), 1);
    rig_run(&world->rig, 400 * NS_PER_MS);
    assert_int_equal(server_count(world->server, "open"), 0);
    rig_run(&world->rig, 2200 * NS_PER_MS);
    assert_int_equal(test_descriptors(), world->descriptors);
}

static void a_drained_pool_goes_with_its_last_exchange(void **state)
{
    struct world_kept *world = *state;
    struct pool *pool = rig_pool(&world->rig, server_address(world->server), PROTOCOL_HTTP1);

    start_many(world, pool, 0, 3, LIMIT_NONE, "http://mesh.test/x");
    rig_wait(&world->rig, world->calls, 3);
    start_many(world, pool, 0, 1, LIMIT_NONE, "http://mesh.test/x?delay=100");
    rig_run(&world->rig, 10 * NS_PER_MS);
    tulle__curl_transport.drain(pool);
    rig_run(&world->rig, 20 * NS_PER_MS);
    assert_int_equal(world->rig.drained, 0);
    assert_true(server_wait_exactly(world->server, "open", 1));
    rig_wait(&world->rig, world->calls, 1);
    assert_ok(world, 0, 1);
    rig_run(&world->rig, 20 * NS_PER_MS);
    assert_int_equal(world->rig.drained, 1);
    assert_true(server_wait_exactly(world->server, "open", 0));
    rig_run(&world->rig, 2200 * NS_PER_MS);
    assert_int_equal(test_descriptors(), world->descriptors);
}

static void an_idle_pool_drains_at_once(void **state)
{
    struct world_kept *world = *state;
    struct pool *pool = rig_pool(&world->rig, server_address(world->server), PROTOCOL_HTTP1);

    start_many(world, pool, 0, 3, LIMIT_NONE, "http://mesh.test/x");
    rig_wait(&world->rig, world->calls, 3);
    tulle__curl_transport.drain(pool);
    assert_int_equal(world->rig.drained, 0);
    rig_run(&world->rig, 5 * NS_PER_MS);
    assert_int_equal(world->rig.drained, 1);
    assert_true(server_wait_exactly(world->server, "open", 0));
}

static void cancel_it(struct rig_call *call)
{
    tulle__curl_transport.cancel(&call->exchange);
    if (call->other) {
        tulle__curl_transport.cancel(&call->other->exchange);
    }
}

static void cancel_from_inside_each_callback_is_heard_no_more(void **state)
{
    struct world_kept *world = *state;

    for (enum rig_moment moment = RIG_HEADER; moment <= RIG_END; moment++) {
        struct rig_call *call = &world->calls[moment];
        struct rig_call *other = &world->calls[moment + 10];

        rig_call_init(other, &world->rig, "http://mesh.test/x?hang");
        rig_call_init(call, &world->rig, "http://mesh.test/x?body=100000");
        call->act_at = moment;
        call->act = cancel_it;
        call->other = other;
        rig_start(other, world->pool);
        rig_start(call, world->pool);
        rig_run(&world->rig, 150 * NS_PER_MS);
        assert_int_equal(call->ends, moment == RIG_END ? 1 : 0);
        assert_int_equal(call->heads, moment >= RIG_HEAD ? 1 : 0);
        assert_int_equal(other->ends, 0);
        memset(&other->exchange, 0xA5, sizeof(other->exchange)); /* its owner may free it */
        assert_int_equal(atomic_load(&world->rig.transport->active), 0);
    }
    assert_true(server_wait_exactly(world->server, "open", 1));
}

static void cancel_before_it_began_sends_nothing(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, 5, 1, "http://mesh.test/x");
    for (int i = 1; i < 5; i += 2) {
        tulle__curl_transport.cancel(&world->calls[i].exchange);
        tulle__curl_transport.cancel(&world->calls[i].exchange);
    }
    rig_wait(&world->rig, &world->calls[0], 1);
    rig_wait(&world->rig, &world->calls[2], 1);
    rig_wait(&world->rig, &world->calls[4], 1);
    rig_run(&world->rig, 50 * NS_PER_MS);
    assert_int_equal(world->calls[1].ends + world->calls[3].ends, 0);
    assert_int_equal(server_count(world->server, "requests"), 3);
}

static void a_cancelled_wait_hands_on_its_turn(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, 1, 1, "http://mesh.test/x?hang");
    start_many(world, world->second_pool, 1, 3, 1, "http://mesh.test/x");
    rig_run(&world->rig, 50 * NS_PER_MS);
    tulle__curl_transport.cancel(&world->calls[1].exchange);
    tulle__curl_transport.cancel(&world->calls[0].exchange);
    rig_wait(&world->rig, &world->calls[2], 1);
    assert_ok(world, 2, 3);
}

static void start_other(struct rig_call *call)
{
    rig_start(call->other, call->pool);
}

static void start_from_inside_each_callback_works(void **state)
{
    struct world_kept *world = *state;

    for (enum rig_moment moment = RIG_HEADER; moment <= RIG_END; moment++) {
        struct rig_call *call = &world->calls[moment];

        rig_call_init(&world->calls[moment + 10], &world->rig, "http://mesh.test/x?text=other");
        rig_call_init(call, &world->rig, "http://mesh.test/x?body=100000");
        call->act_at = moment;
        call->act = start_other;
        call->other = &world->calls[moment + 10];
        rig_start(call, world->pool);
        rig_wait(&world->rig, call, 1);
        rig_wait(&world->rig, call->other, 1);
        assert_int_equal(call->end.error, TULLE_OK);
        assert_string_equal(call->other->body, "other");
    }
}

static void the_transport_may_close_with_connections_kept(void **state)
{
    struct world_kept *world = *state;

    start_many(world, world->pool, 0, MANY, LIMIT_NONE, "http://mesh.test/x?delay=5");
    rig_wait(&world->rig, world->calls, MANY);
    assert_ok(world, 0, MANY);
}

#define KEPT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(KEPT(no_connection_too_many_is_opened), KEPT(who_waits_goes_in_the_order_of_start),
          KEPT(an_idle_connection_goes_for_another_endpoint),
          KEPT(a_busy_connection_is_waited_for_across_endpoints),
          KEPT(another_host_of_the_same_address_gets_room_from_the_first),
          KEPT(what_is_shed_goes_at_once_and_its_descriptor_soon),
          KEPT(an_idle_connection_ends_with_its_time),
          KEPT(a_drained_pool_goes_with_its_last_exchange), KEPT(an_idle_pool_drains_at_once),
          KEPT(cancel_from_inside_each_callback_is_heard_no_more),
          KEPT(cancel_before_it_began_sends_nothing), KEPT(a_cancelled_wait_hands_on_its_turn),
          KEPT(start_from_inside_each_callback_works),
          KEPT(the_transport_may_close_with_connections_kept))
