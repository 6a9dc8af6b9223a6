/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh without threads, run by hand: with poll(), by blocking functions, by
 * closing it; and what other threads may do meanwhile. */

#include "wire/own_loop.h"

#include <poll.h>
#include <stdio.h>

static struct tulle *open_threadless(struct server *server, int64_t close_timeout_ns)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT,
                                     .close_timeout_ns = close_timeout_ns };

    return wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
}

/* True: the mesh had something to do within `most_ms`, and did it. */
static bool turn(struct tulle *mesh, int most_ms)
{
    struct pollfd poller = { .fd = tulle_fd(mesh), .events = POLLIN };
    int64_t due = tulle_due(mesh);
    int ms =
        due < TULLE_MS(most_ms) ? (int)(due / TULLE_MS(1)) + (due % TULLE_MS(1) != 0) : most_ms;

    if (poll(&poller, 1, ms) == 0 && tulle_due(mesh) > 0) {
        return false;
    }
    assert_int_equal(tulle_run(mesh), TULLE_OK);
    return true;
}

static void poll_runs_a_mesh_without_threads(void **state)
{
    struct own_loop own;

    (void)state;
    own_loop_open(&own);
    while (!own_loop_tick(&own)) {
        turn(own.mesh, 5);
    }
    own_loop_close(&own);
}

static void it_wants_one_loop_and_knows_no_other_number_of_threads(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT, .loops = 2 };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    options.threads = options.loops = 1;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    options.threads = TULLE_NONE_COUNT;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    wire_close(mesh);
}

static void a_mesh_with_threads_is_not_run_by_the_app(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    assert_int_equal(tulle_fd(mesh), -1);
    assert_true(tulle_due(mesh) == TULLE_NONE);
    assert_int_equal(tulle_run(mesh), TULLE_E_USAGE);
    wire_close(mesh);
}

static void blocking_calls_run_the_mesh_themselves(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int threads = wire_threads();
    struct tulle *mesh = open_threadless(server, 0);
    struct tulle_request hanging = { TULLE_REQUEST_INIT, .url = "http://shop/hang",
                                     .deadline_ns = TULLE_MS(100) };

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    }
    assert_int_equal(wire_call(mesh, &hanging).error, TULLE_E_TIMEOUT);
    assert_int_equal(tulle_wait_ready(mesh, 0), TULLE_OK);
    assert_int_equal(wire_threads(), threads);
    wire_close(mesh);
    server_stop(server);
}

/* The app may have asked when the mesh is due before the call, and sleep that long. */
static void after_a_blocking_call_the_descriptor_asks_for_a_run(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_threadless(server, 0);
    struct pollfd poller = { .fd = tulle_fd(mesh), .events = POLLIN };

    (void)state;
    while (turn(mesh, 0)) {
    }
    assert_int_equal(poll(&poller, 1, 0), 0);
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    assert_int_equal(poll(&poller, 1, 0), 1);
    wire_close(mesh);
    server_stop(server);
}

/* Connections are open, and their idle limit is an hour away. */
static void with_nothing_to_do_it_is_hardly_ever_run(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_threadless(server, 0);
    int64_t end;
    int runs = 0;

    (void)state;
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    for (end = test_now() + TULLE_MS(500); test_now() < end;) {
        turn(mesh, 10);
    }
    for (end = test_now() + TULLE_S(1); test_now() < end;) {
        runs += turn(mesh, 1000);
    }
    assert_in_range(runs, 0, 10);
    wire_close(mesh);
    server_stop(server);
}

static void closing_runs_what_is_in_flight(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_threadless(server, TULLE_MS(200));
    struct tulle_request quick = { TULLE_REQUEST_INIT, .url = "http://shop/?delay=20" };
    struct tulle_request slow = { TULLE_REQUEST_INIT, .url = "http://shop/hang" };
    struct tally tallies[2];

    (void)state;
    tally_init(&tallies[0]);
    tally_init(&tallies[1]);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tally_start(&tallies[0], mesh, &quick), TULLE_OK);
    }
    wire_close(mesh);
    assert_int_equal(tallies[0].statuses[200], 20);
    mesh = open_threadless(server, TULLE_MS(200));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tally_start(&tallies[1], mesh, &slow), TULLE_OK);
    }
    wire_close(mesh);
    assert_int_equal(tallies[1].cancelled, 20);
    tally_fini(&tallies[0]);
    tally_fini(&tallies[1]);
    server_stop(server);
}

struct misuse {
    struct tulle *mesh;
    enum tulle_error run, call, close;
    atomic_bool done;
};

static void misuse_in_callback(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct misuse *misuse = user;
    struct tulle_reply *reply;

    assert_int_equal(error, TULLE_OK);
    misuse->run = tulle_run(misuse->mesh);
    misuse->call = tulle_get(misuse->mesh, "http://shop/", &reply);
    misuse->close = tulle_close(misuse->mesh);
    atomic_store(&misuse->done, true);
    tulle_call_free(call);
}

static void from_a_callback_nothing_blocks_or_runs(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct misuse misuse = { .mesh = open_threadless(server, 0) };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(misuse.mesh, &request, misuse_in_callback, &misuse, &call),
                     TULLE_OK);
    while (!atomic_load(&misuse.done)) {
        turn(misuse.mesh, 1000);
    }
    assert_int_equal(misuse.run, TULLE_E_USAGE);
    assert_int_equal(misuse.call, TULLE_E_USAGE);
    assert_int_equal(misuse.close, TULLE_E_USAGE);
    wire_close(misuse.mesh);
    server_stop(server);
}

struct chain {
    struct tulle *mesh;
    int links;
};

static void next_link(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct chain *chain = user;

    assert_int_equal(error, TULLE_OK);
    tulle_call_free(call);
    if (++chain->links < 20) {
        assert_int_equal(tulle_call_start(chain->mesh, &request, next_link, chain, &call),
                         TULLE_OK);
    }
}

/* What a completion starts is told by the descriptor as well: the wait is a minute. */
static void a_completion_starts_the_next_call(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct chain chain = { .mesh = open_threadless(server, 0) };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(chain.mesh, &request, next_link, &chain, &call), TULLE_OK);
    while (chain.links < 20) {
        turn(chain.mesh, 60000);
    }
    wire_close(chain.mesh);
    server_stop(server);
}

enum { OTHERS = 4, EACH = 50 };

struct others {
    struct tulle *mesh;
    struct tally tally;
    atomic_int finished;
};

static void nothing_more(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call;
    (void)error;
    atomic_fetch_add((atomic_int *)user, 1);
}

/* Every other call is cancelled or given back at once. */
static void *start_and_cancel(void *user)
{
    struct others *others = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_request hanging = { TULLE_REQUEST_INIT, .url = "http://shop/hang" };
    atomic_int ends = 0;
    struct tulle_call *call;

    for (int i = 0; i < EACH; i++) {
        assert_int_equal(tally_start(&others->tally, others->mesh, &request), TULLE_OK);
        assert_int_equal(tulle_call_start(others->mesh, &hanging, nothing_more, &ends, &call),
                         TULLE_OK);
        if (i % 2 == 0) {
            tulle_call_cancel(call);
        }
        tulle_call_free(call);
    }
    while (atomic_load(&ends) < EACH) {
        poll(NULL, 0, 1);
    }
    assert_true(tally_wait(&others->tally, TULLE_S(60)));
    atomic_fetch_add(&others->finished, 1);
    return NULL;
}

/* The one that runs the mesh waits for its descriptor alone, for a minute. */
static void other_threads_start_and_cancel_and_the_descriptor_tells(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL);
    struct others others = { .mesh = open_threadless(server, 0) };
    pthread_t threads[OTHERS];

    (void)state;
    tally_init(&others.tally);
    for (int i = 0; i < OTHERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_and_cancel, &others), 0);
    }
    while (atomic_load(&others.finished) < OTHERS) {
        turn(others.mesh, tally_ended(&others.tally) < OTHERS * EACH ? 60000 : 10);
    }
    for (int i = 0; i < OTHERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(others.tally.statuses[200], OTHERS * EACH);
    wire_close(others.mesh);
    tally_fini(&others.tally);
    server_stop(server);
}

static void *call_and_hang(void *mesh)
{
    assert_int_equal(wire_get(mesh, "http://shop/hang").error, TULLE_E_CANCELLED);
    return NULL;
}

static void a_pick_while_another_thread_runs_it_is_refused_and_says_so(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = open_threadless(server, TULLE_MS(1));
    struct tulle_failure failure = { .size = sizeof(failure) };
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://shop/",
                                          .failure = &failure };
    struct tulle_pick *pick;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, call_and_hang, mesh), 0);
    assert_true(server_wait_exactly(server, "in_flight", 1));
    assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_E_USAGE);
    assert_int_equal(failure.error, TULLE_E_USAGE);
    assert_string_equal(failure.layer, "pick");
    wire_close(mesh);
    pthread_join(thread, NULL);
    server_stop(server);
}

/* Comes and goes, and runs the mesh each time. */
static void *wait_in_slices(void *user)
{
    int32_t ready;

    while (tulle_call_wait(user, TULLE_EVENT_END, TULLE_MS(1) / 100, &ready) == TULLE_E_TIMEOUT) {
    }
    return NULL;
}

static void closing_lets_those_pass_who_wait_for_a_call(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_request hanging = { TULLE_REQUEST_INIT, .url = "http://shop/hang" };

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct tulle *mesh = open_threadless(server, TULLE_MS(20));
        struct tulle_call *calls[OTHERS];
        pthread_t threads[OTHERS];

        for (int i = 0; i < OTHERS; i++) {
            assert_int_equal(tulle_call_start(mesh, &hanging, NULL, NULL, &calls[i]), TULLE_OK);
            assert_int_equal(pthread_create(&threads[i], NULL, wait_in_slices, calls[i]), 0);
        }
        assert_true(server_wait_exactly(server, "in_flight", OTHERS));
        wire_close(mesh);
        for (int i = 0; i < OTHERS; i++) {
            assert_int_equal(tulle_call_error(calls[i]), TULLE_E_CANCELLED);
            pthread_join(threads[i], NULL);
            tulle_call_free(calls[i]);
        }
        assert_true(server_wait_exactly(server, "in_flight", 0));
    }
    server_stop(server);
}

struct borrower {
    struct tulle *mesh;
    atomic_bool done;
};

static void *call_and_call(void *user)
{
    struct borrower *borrower = user;

    for (int i = 0; i < 200; i++) {
        assert_int_equal(wire_get(borrower->mesh, "http://shop/").status, 200);
    }
    atomic_store(&borrower->done, true);
    return NULL;
}

/* Meanwhile the descriptor tells, and what is due is the business of who runs it. */
static void while_another_thread_runs_it_one_may_ask_when_it_is_due(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct borrower borrower = { .mesh = open_threadless(server, 0) };
    enum tulle_error error;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, call_and_call, &borrower), 0);
    while (!atomic_load(&borrower.done)) {
        assert_true(tulle_due(borrower.mesh) >= 0);
        error = tulle_run(borrower.mesh);
        assert_true(error == TULLE_OK || error == TULLE_E_USAGE);
        poll(NULL, 0, 1);
    }
    pthread_join(thread, NULL);
    wire_close(borrower.mesh);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(poll_runs_a_mesh_without_threads),
          cmocka_unit_test(it_wants_one_loop_and_knows_no_other_number_of_threads),
          cmocka_unit_test(a_mesh_with_threads_is_not_run_by_the_app),
          cmocka_unit_test(blocking_calls_run_the_mesh_themselves),
          cmocka_unit_test(after_a_blocking_call_the_descriptor_asks_for_a_run),
          cmocka_unit_test(with_nothing_to_do_it_is_hardly_ever_run),
          cmocka_unit_test(closing_runs_what_is_in_flight),
          cmocka_unit_test(from_a_callback_nothing_blocks_or_runs),
          cmocka_unit_test(a_completion_starts_the_next_call),
          cmocka_unit_test(other_threads_start_and_cancel_and_the_descriptor_tells),
          cmocka_unit_test(while_another_thread_runs_it_one_may_ask_when_it_is_due),
          cmocka_unit_test(a_pick_while_another_thread_runs_it_is_refused_and_says_so),
          cmocka_unit_test(closing_lets_those_pass_who_wait_for_a_call))
