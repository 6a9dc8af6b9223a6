/* SPDX-License-Identifier: Apache-2.0 */

/* Many threads at once: whatever they do to each other, each call ends once,
 * and closing waits for who is inside. */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"
#include "wire/wire.h"

static void pause_ns(int64_t ns)
{
    nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

/* --- a storm --- */

enum { STORMERS = 50, BLOCKERS = 15, CALLS_OF_ONE = 60, DESK = 16 };

/* A handle that is laid on the desk belongs to whoever takes it up. */
struct storm {
    struct tulle *mesh;
    _Atomic(struct tulle_call *) desk[DESK];
    atomic_int ends[STORMERS * CALLS_OF_ONE];
    atomic_int unexpected;
};

struct stormer {
    struct storm *storm;
    unsigned index;
};

static const char *storm_url(unsigned i)
{
    static const char *const urls[] = { "http://shop/", "http://shop/?delay=2",
                                        "http://shop/?body=3000", "http://shop/hang" };

    return urls[i % COUNT_OF(urls)];
}

static void storm_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call;
    (void)error;
    atomic_fetch_add((atomic_int *)user, 1);
}

/* By another thread than the one that started it, most times. */
static void storm_settle(struct tulle_call *call, unsigned i)
{
    if (i % 2 == 0) {
        tulle_call_cancel(call);
    }
    tulle_call_free(call);
}

static void *storm_start(void *user)
{
    struct stormer *self = user;
    struct storm *storm = self->storm;

    for (unsigned i = 0; i < CALLS_OF_ONE; i++) {
        struct tulle_request request = { TULLE_REQUEST_INIT, .url = storm_url(i + self->index) };
        atomic_int *ends = &storm->ends[self->index * CALLS_OF_ONE + i];
        struct tulle_call *call;

        if (tulle_call_start(storm->mesh, &request, storm_done, ends, &call) != TULLE_OK) {
            atomic_fetch_add(&storm->unexpected, 1);
            continue;
        }
        call = atomic_exchange(&storm->desk[(self->index + i) % DESK], call);
        storm_settle(call, i);
    }
    return NULL;
}

static void *storm_block(void *user)
{
    struct stormer *self = user;
    struct storm *storm = self->storm;

    for (unsigned i = 0; i < CALLS_OF_ONE; i++) {
        struct tulle_reply *reply;

        if (tulle_get(storm->mesh, storm_url(i % 3), &reply) != TULLE_OK) {
            atomic_fetch_add(&storm->unexpected, 1);
        }
        tulle_reply_free(reply);
        atomic_fetch_add(&storm->ends[self->index * CALLS_OF_ONE + i], 1);
    }
    return NULL;
}

static bool storm_is_over(void *user)
{
    struct storm *storm = user;

    for (size_t i = 0; i < COUNT_OF(storm->ends); i++) {
        if (atomic_load(&storm->ends[i]) == 0) {
            return false;
        }
    }
    return true;
}

static void storm_on(unsigned loops)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = loops };
    static struct storm storm;
    struct stormer stormers[STORMERS];
    pthread_t threads[STORMERS];

    memset(&storm, 0, sizeof(storm));
    storm.mesh = wire_open(servers, 2, TULLE_PROTOCOL_HTTP, NULL, &options);
    for (unsigned i = 0; i < STORMERS; i++) {
        stormers[i] = (struct stormer){ &storm, i };
        assert_int_equal(pthread_create(&threads[i], NULL, i < BLOCKERS ? storm_block : storm_start,
                                        &stormers[i]),
                         0);
    }
    for (size_t i = 0; i < STORMERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < DESK; i++) {
        tulle_call_free(atomic_load(&storm.desk[i]));
    }
    assert_true(test_wait_until(storm_is_over, &storm, TULLE_S(20)));
    wire_close(storm.mesh);
    assert_int_equal(atomic_load(&storm.unexpected), 0);
    for (size_t i = 0; i < COUNT_OF(storm.ends); i++) {
        assert_int_equal(atomic_load(&storm.ends[i]), 1);
    }
    server_stop(servers[0]);
    server_stop(servers[1]);
}

static void a_storm_on_two_loops_ends_each_call_once(void **state)
{
    (void)state;
    storm_on(2);
}

static void a_storm_on_four_loops_ends_each_call_once(void **state)
{
    (void)state;
    storm_on(4);
}

/* --- closing --- */

struct leaving {
    struct tulle *mesh;
    sem_t ended;
    struct tulle_call *call;
    enum tulle_error error;
    atomic_int completions;
};

static void leaving_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct leaving *leaving = user;

    (void)call;
    (void)error;
    atomic_fetch_add(&leaving->completions, 1);
    sem_post(&leaving->ended);
}

static void *leaving_start(void *user)
{
    struct leaving *leaving = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };

    leaving->error =
        tulle_call_start(leaving->mesh, &request, leaving_done, leaving, &leaving->call);
    return NULL;
}

/* The completion may come before the function that started the call is back. */
static void closing_waits_for_who_is_still_starting(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct leaving leaving = { .mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL) };
        pthread_t thread;

        sem_init(&leaving.ended, 0, 0);
        assert_int_equal(pthread_create(&thread, NULL, leaving_start, &leaving), 0);
        sem_wait(&leaving.ended);
        wire_close(leaving.mesh);
        pthread_join(thread, NULL);
        assert_int_equal(leaving.error, TULLE_OK);
        tulle_call_free(leaving.call);
        assert_int_equal(atomic_load(&leaving.completions), 1);
        sem_destroy(&leaving.ended);
    }
    server_stop(server);
}

static void *leaving_cancel(void *user)
{
    struct leaving *leaving = user;

    sem_wait(&leaving->ended);
    tulle_call_cancel(leaving->call);
    return NULL;
}

/* The handles are the app's, whatever the mesh does meanwhile. */
static void closing_and_cancelling_may_meet(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = 1 };

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct leaving leaving = { .mesh =
                                       wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options) };
        pthread_t thread;

        sem_init(&leaving.ended, 0, 0);
        leaving_start(&leaving);
        assert_int_equal(leaving.error, TULLE_OK);
        assert_int_equal(pthread_create(&thread, NULL, leaving_cancel, &leaving), 0);
        pause_ns(i % 10 * 30000);
        sem_post(&leaving.ended);
        wire_close(leaving.mesh);
        assert_int_equal(atomic_load(&leaving.completions), 1);
        pthread_join(thread, NULL);
        tulle_call_free(leaving.call);
        sem_destroy(&leaving.ended);
    }
    server_stop(server);
}

enum { INSIDE = 6 };

static void *leaving_call(void *user)
{
    struct leaving *leaving = user;
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/hang",
                                     .failure = &failure };
    struct tulle_reply *reply;

    leaving->error = tulle_call(leaving->mesh, &request, &reply);
    if (failure.error != (int32_t)leaving->error) {
        leaving->error = TULLE_E_INTERNAL;
    }
    tulle_reply_free(reply);
    return NULL;
}

static void closing_lets_go_of_callers_of_both_kinds(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = TULLE_MS(5) };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?delay=5" };

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct leaving callers[INSIDE];
        pthread_t threads[INSIDE];
        struct tulle *mesh;
        struct tally tally;

        options.loops = 1 + (uint32_t)round % 4;
        mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
        tally_init(&tally);
        for (size_t i = 0; i < INSIDE; i++) {
            callers[i] = (struct leaving){ .mesh = mesh };
            assert_int_equal(pthread_create(&threads[i], NULL, leaving_call, &callers[i]), 0);
        }
        assert_true(server_wait_exactly(server, "in_flight", INSIDE));
        for (int i = 0; i < 30; i++) {
            assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
        }
        wire_close(mesh);
        assert_int_equal(tally_ended(&tally), 30);
        for (size_t i = 0; i < INSIDE; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(callers[i].error, TULLE_E_CANCELLED);
        }
        tally_fini(&tally);
        assert_true(server_wait_exactly(server, "in_flight", 0));
    }
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(a_storm_on_two_loops_ends_each_call_once),
          cmocka_unit_test(a_storm_on_four_loops_ends_each_call_once),
          cmocka_unit_test(closing_waits_for_who_is_still_starting),
          cmocka_unit_test(closing_and_cancelling_may_meet),
          cmocka_unit_test(closing_lets_go_of_callers_of_both_kinds))
