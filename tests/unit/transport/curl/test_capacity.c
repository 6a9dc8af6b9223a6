/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "transport/curl/internal.h"

enum { HERE = 1, ELSEWHERE = 2 };

struct desk {
    struct pool pool;
    struct connection connections[3];
};

static void desk_init(struct desk *desk, size_t count)
{
    *desk = (struct desk){ .pool = { .spoken = POOL_HTTP2 } };
    list_init(&desk->pool.connections);
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = &desk->connections[i];

        connection->pool = &desk->pool;
        connection->host = HERE;
        connection->joinable = true;
        connection->capacity = UINT_MAX;
        list_init(&connection->in_pool);
        list_add_last(&desk->pool.connections, &connection->in_pool);
    }
}

static void what_nobody_has_refused_is_room(void **state)
{
    struct desk desk;

    (void)state;
    desk_init(&desk, 0);
    assert_false(tulle__capacity_has(&desk.pool, HERE));
    desk_init(&desk, 1);
    desk.connections[0].streams = 1000;
    assert_true(tulle__capacity_has(&desk.pool, HERE));
    assert_false(tulle__capacity_has(&desk.pool, ELSEWHERE));
    desk.connections[0].joinable = false;
    assert_false(tulle__capacity_has(&desk.pool, HERE));
}

static void a_refusal_tells_what_each_takes(void **state)
{
    struct desk desk;

    (void)state;
    desk_init(&desk, 3);
    desk.connections[0].streams = 10;
    desk.connections[1].streams = 4; /* it has said GOAWAY */
    desk.connections[2].host = ELSEWHERE;
    assert_true(tulle__capacity_learn(&desk.pool, HERE));
    assert_int_equal(desk.pool.stream_limit, 10);
    assert_false(tulle__capacity_has(&desk.pool, HERE));
    assert_true(tulle__capacity_has(&desk.pool, ELSEWHERE));
    desk.connections[0].streams = 8;
    assert_true(tulle__capacity_has(&desk.pool, HERE));
    desk.pool.joining = 2; /* these have it already */
    assert_false(tulle__capacity_has(&desk.pool, HERE));
}

static void one_request_each_is_no_proof_of_http2(void **state)
{
    struct desk desk;

    (void)state;
    desk_init(&desk, 2);
    desk.connections[0].streams = desk.connections[1].streams = 1;
    assert_false(tulle__capacity_learn(&desk.pool, HERE));
    assert_false(tulle__capacity_has(&desk.pool, HERE));
}

static void as_many_connect_as_are_needed(void **state)
{
    struct desk desk;

    (void)state;
    desk_init(&desk, 1);
    desk.pool.waiting_count = 90;
    assert_int_equal(tulle__capacity_connections(&desk.pool), 1);
    desk.pool.stream_limit = 10;
    assert_int_equal(tulle__capacity_connections(&desk.pool), 9);
    desk.pool.connecting = 1;
    assert_int_equal(tulle__capacity_connections(&desk.pool), 10);
}

TEST_MAIN(cmocka_unit_test(what_nobody_has_refused_is_room),
          cmocka_unit_test(a_refusal_tells_what_each_takes),
          cmocka_unit_test(one_request_each_is_no_proof_of_http2),
          cmocka_unit_test(as_many_connect_as_are_needed))
