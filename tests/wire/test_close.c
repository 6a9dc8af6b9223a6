/* SPDX-License-Identifier: Apache-2.0 */

/* Leaving the mesh: idle, a thousand times, and in the middle of the work. */

#include <stdio.h>

#include "wire/wire.h"

static void a_thousand_times_open_and_close_leave_nothing(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int descriptors = test_descriptors();
    int threads = 0, now;
    size_t bytes = test_memory_bytes();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);

        if (i % 10 == 0) {
            assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
        }
        wire_close(mesh);
        /* A sanitizer has a thread of its own from the first one on; and one that was
         * joined is listed for a moment more. */
        now = wire_threads();
        threads = i == 0 || now < threads ? now : threads;
    }
    assert_int_equal(test_descriptors(), descriptors);
    assert_true(wire_threads_are(threads));
    assert_int_equal(test_memory_bytes(), bytes);
    assert_true(server_wait_exactly(server, "open", 0));
    server_stop(server);
}

static void calls_in_flight_end_before_the_mesh_does(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "delay=300", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tally tally;

    (void)state;
    tally_init(&tally);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    wire_close(mesh);
    assert_int_equal(tally_ended(&tally), 100);
    assert_string_equal(tally.first_failure, "");
    assert_int_equal(tally.statuses[200], 100);
    tally_fini(&tally);
    server_stop(server);
}

static void what_does_not_end_in_time_is_cancelled_once(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "hang", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = TULLE_MS(200) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tally tally;
    int64_t start;

    (void)state;
    tally_init(&tally);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    assert_true(server_wait_exactly(server, "in_flight", 100));
    start = test_now();
    wire_close(mesh);
    assert_in_range(test_now() - start, TULLE_MS(150), TULLE_S(3));
    assert_int_equal(tally_ended(&tally), 100);
    assert_int_equal(tally.cancelled, 100);
    tally_fini(&tally);
    server_stop(server);
}

/* Half of the calls are quick, half never end; closing comes in between. */
static void closing_under_load_ends_each_call_once(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = TULLE_MS(300) };

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
        struct tally tally;

        tally_init(&tally);
        for (int i = 0; i < 200; i++) {
            struct tulle_request request = { TULLE_REQUEST_INIT, .url = i % 2 == 0
                                                                            ? "http://shop/?delay=2"
                                                                            : "http://shop/hang" };

            assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
        }
        wire_close(mesh);
        assert_int_equal(tally_ended(&tally), 200);
        assert_int_equal(tally.statuses[200], 100);
        assert_int_equal(tally.cancelled, 100);
        tally_fini(&tally);
    }
    server_stop(server);
}

struct late_caller {
    struct tulle *mesh;
    enum tulle_error error;
};

static void *call_and_hang(void *user)
{
    struct late_caller *caller = user;
    struct tulle_reply *reply;

    caller->error = tulle_get(caller->mesh, "http://shop/hang", &reply);
    tulle_reply_free(reply);
    return NULL;
}

static void a_blocking_caller_is_let_go(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = TULLE_MS(200) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    struct late_caller callers[8];
    pthread_t threads[8];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        callers[i] = (struct late_caller){ .mesh = mesh };
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_hang, &callers[i]), 0);
    }
    assert_true(server_wait_exactly(server, "in_flight", 8));
    wire_close(mesh);
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].error, TULLE_E_CANCELLED);
    }
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(a_thousand_times_open_and_close_leave_nothing),
          cmocka_unit_test(calls_in_flight_end_before_the_mesh_does),
          cmocka_unit_test(what_does_not_end_in_time_is_cancelled_once),
          cmocka_unit_test(closing_under_load_ends_each_call_once),
          cmocka_unit_test(a_blocking_caller_is_let_go))
