/* SPDX-License-Identifier: Apache-2.0 */

/* connectionPool, counted over the whole process, as a server sees it. */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/macros.h"
#include "wire/wire.h"

enum { STARTERS = 50, CALLS_EACH = 2, TAKEN = 12, REFUSED = 88 };

static const char four_and_eight[] = "apiVersion: networking.istio.io/v1\n"
                                     "kind: DestinationRule\n"
                                     "metadata: {name: shop}\n"
                                     "spec:\n"
                                     "  host: shop\n"
                                     "  trafficPolicy:\n"
                                     "    connectionPool:\n"
                                     "      tcp: {maxConnections: 4}\n"
                                     "      http: {http1MaxPendingRequests: 8}\n";

struct crowd {
    struct tulle *mesh;
    pthread_barrier_t gate;
    pthread_mutex_t lock; /* guards the counts */
    unsigned ok, refused, other;
    struct tulle_failure refusal; /* the last one */
    sem_t turns;
};

static void crowd_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct crowd *crowd = user;

    pthread_mutex_lock(&crowd->lock);
    if (error == TULLE_OK && tulle_reply_status(tulle_call_reply(call)) == 200) {
        crowd->ok++;
    } else if (error == TULLE_E_LIMIT) {
        crowd->refused++;
        crowd->refusal = *tulle_call_failure(call);
    } else {
        crowd->other++;
    }
    pthread_mutex_unlock(&crowd->lock);
    tulle_call_free(call);
}

static void *start_two(void *user)
{
    struct crowd *crowd = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_call *call;

    pthread_barrier_wait(&crowd->gate);
    for (int i = 0; i < CALLS_EACH; i++) {
        if (tulle_call_start(crowd->mesh, &request, crowd_done, crowd, &call) != TULLE_OK) {
            return user;
        }
    }
    return NULL;
}

static unsigned crowd_count(struct crowd *crowd, const unsigned *count)
{
    unsigned value;

    pthread_mutex_lock(&crowd->lock);
    value = *count;
    pthread_mutex_unlock(&crowd->lock);
    return value;
}

static bool all_are_refused(void *user)
{
    struct crowd *crowd = user;

    return crowd_count(crowd, &crowd->refused) == REFUSED;
}

static bool all_are_over(void *user)
{
    struct crowd *crowd = user;

    return crowd_count(crowd, &crowd->ok) + crowd_count(crowd, &crowd->refused) +
               crowd_count(crowd, &crowd->other) ==
           TAKEN + REFUSED;
}

static void a_hundred_calls_at_once_meet_twelve_places(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "hold", NULL);
    struct crowd crowd = { .mesh =
                               wire_open(&server, 1, TULLE_PROTOCOL_HTTP, four_and_eight, NULL) };
    pthread_t threads[STARTERS];
    void *bad = NULL;

    (void)state;
    pthread_barrier_init(&crowd.gate, NULL, STARTERS);
    pthread_mutex_init(&crowd.lock, NULL);
    for (size_t i = 0; i < STARTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_two, &crowd), 0);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_true(test_wait_until(all_are_refused, &crowd, TULLE_S(5)));
    assert_true(server_wait_count(server, "in_flight", 4));
    assert_int_equal(crowd_count(&crowd, &crowd.ok), 0);
    server_command(server, "set");
    server_command(server, "release");
    assert_true(test_wait_until(all_are_over, &crowd, TULLE_S(5)));
    assert_int_equal(crowd.ok, TAKEN);
    assert_int_equal(crowd.refused, REFUSED);
    assert_int_equal(server_count(server, "open_max"), 4);
    assert_int_equal(server_count(server, "requests"), TAKEN);
    assert_string_equal(crowd.refusal.flags, "UO");
    assert_string_equal(crowd.refusal.layer, "admit");
    assert_int_equal(crowd.refusal.status, 503);
    assert_int_equal(crowd.refusal.progress, TULLE_NOTHING_SENT);
    assert_non_null(strstr(crowd.refusal.text, "http1MaxPendingRequests"));
    assert_true(wire_metric(crowd.mesh, "tulle_overflow_total", "") == REFUSED);
    wire_close(crowd.mesh);
    pthread_mutex_destroy(&crowd.lock);
    pthread_barrier_destroy(&crowd.gate);
    server_stop(server);
}

enum { CALLERS = 200, TURNS = 8, CALLS_OF_EACH = 10 };

static void *call_in_turn(void *user)
{
    struct crowd *crowd = user;

    for (int i = 0; i < CALLS_OF_EACH; i++) {
        struct tulle_reply *reply;
        enum tulle_error error;

        sem_wait(&crowd->turns);
        error = tulle_get(crowd->mesh, "http://shop/", &reply);
        sem_post(&crowd->turns);
        tulle_reply_free(reply);
        if (error != TULLE_OK) {
            return user;
        }
    }
    return NULL;
}

static void connections_follow_the_calls_at_a_time_and_not_the_threads(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct crowd crowd = { .mesh = wire_open(servers, 2, TULLE_PROTOCOL_HTTP, NULL, NULL) };
    pthread_t threads[CALLERS];
    void *bad = NULL;

    (void)state;
    sem_init(&crowd.turns, 0, TURNS);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_in_turn, &crowd), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(server_count(servers[0], "requests") + server_count(servers[1], "requests"),
                     CALLERS * CALLS_OF_EACH);
    assert_in_range(server_count(servers[0], "open_max"), 1, TURNS);
    assert_in_range(server_count(servers[1], "open_max"), 1, TURNS);
    wire_close(crowd.mesh);
    sem_destroy(&crowd.turns);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

static const char two_connections[] = "apiVersion: networking.istio.io/v1\n"
                                      "kind: DestinationRule\n"
                                      "metadata: {name: shop}\n"
                                      "spec:\n"
                                      "  host: shop\n"
                                      "  trafficPolicy:\n"
                                      "    connectionPool:\n"
                                      "      tcp: {maxConnections: 2}\n";

/* Idle connections lie on whichever loop made them; a loop that has none must
 * still get its turn. */
static void connections_of_one_loop_do_not_starve_another(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 4 };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, two_connections, &options);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?delay=1" };
    struct tally tally;

    (void)state;
    tally_init(&tally);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    assert_true(tally_wait(&tally, TULLE_S(20)));
    assert_string_equal(tally.first_failure, "");
    assert_int_equal(tally.statuses[200], 500);
    assert_in_range(server_count(server, "open_max"), 1, 2);
    tally_fini(&tally);
    wire_close(mesh);
    server_stop(server);
}

static const char two_to_each[] = "apiVersion: tulle.dev/v1alpha1\n"
                                  "kind: TrafficPolicy\n"
                                  "metadata: {name: shop}\n"
                                  "spec:\n"
                                  "  host: shop\n"
                                  "  limits: {perEndpointConnections: 2}\n";

static void no_server_sees_more_connections_than_an_endpoint_may_have(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 2 };
    struct tulle *mesh = wire_open(servers, 2, TULLE_PROTOCOL_HTTP, two_to_each, &options);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?delay=1" };
    struct tally tally;

    (void)state;
    tally_init(&tally);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    assert_true(tally_wait(&tally, TULLE_S(20)));
    assert_string_equal(tally.first_failure, "");
    assert_int_equal(tally.statuses[200], 400);
    for (size_t i = 0; i < 2; i++) {
        /* The third: a loop that has none may always open one. */
        assert_in_range(server_count(servers[i], "open_max"), 2, 3);
        assert_in_range(server_count(servers[i], "in_flight_max"), 1, 2);
        assert_true(server_count(servers[i], "requests") > 0);
    }
    tally_fini(&tally);
    wire_close(mesh);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

TEST_MAIN(cmocka_unit_test(a_hundred_calls_at_once_meet_twelve_places),
          cmocka_unit_test(connections_follow_the_calls_at_a_time_and_not_the_threads),
          cmocka_unit_test(connections_of_one_loop_do_not_starve_another),
          cmocka_unit_test(no_server_sees_more_connections_than_an_endpoint_may_have))
