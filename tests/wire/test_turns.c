/* SPDX-License-Identifier: Apache-2.0 */

/* Callers on several loops who need the same few connections: each gets its
 * turn, whoever holds them, and whatever changes meanwhile. */

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"
#include "wire/wire.h"

static void pause_ns(int64_t ns)
{
    nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

struct caller {
    struct tulle *mesh;
    pthread_t thread;
    unsigned calls, seed;
    int64_t pause_ns; /* the longest between two calls */
    int64_t slowest_ns;
    atomic_bool *stop; /* NULL: after `calls` */
    unsigned failed;
    char why[512];
};

static void caller_fail(struct caller *self, const struct tulle_failure *failure)
{
    self->failed++;
    if (failure->error == TULLE_E_TIMEOUT || self->failed == 1) {
        snprintf(self->why, sizeof(self->why), "%s: %s (%s, %u attempts, to %s)", failure->layer,
                 failure->text, failure->flags, failure->attempts, failure->endpoint);
    }
}

static void *caller_run(void *user)
{
    struct caller *self = user;

    for (unsigned i = 0; self->stop ? !atomic_load(self->stop) : i < self->calls; i++) {
        struct tulle_failure failure = { TULLE_FAILURE_INIT };
        struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                         .deadline_ns = TULLE_S(10), .failure = &failure };
        struct tulle_reply *reply;
        int64_t start = test_now();

        if (tulle_call(self->mesh, &request, &reply) != TULLE_OK) {
            caller_fail(self, &failure);
        }
        tulle_reply_free(reply);
        if (test_now() - start > self->slowest_ns) {
            self->slowest_ns = test_now() - start;
        }
        if (self->pause_ns > 0) {
            self->seed = self->seed * 1103515245u + 12345u;
            pause_ns(self->pause_ns * (self->seed >> 16 & 0xff) / 255);
        }
    }
    return NULL;
}

static void caller_start(struct caller *caller)
{
    assert_int_equal(pthread_create(&caller->thread, NULL, caller_run, caller), 0);
}

static void caller_join(const struct caller *caller)
{
    pthread_join(caller->thread, NULL);
    if (caller->failed > 0) {
        fail_msg("%u calls failed: %s", caller->failed, caller->why);
    }
}

static const char connections_yaml[] = "apiVersion: networking.istio.io/v1\n"
                                       "kind: DestinationRule\n"
                                       "metadata: {name: shop}\n"
                                       "spec:\n"
                                       "  host: shop\n"
                                       "  trafficPolicy:\n"
                                       "    loadBalancer: {simple: ROUND_ROBIN}\n"
                                       "    connectionPool:\n"
                                       "      tcp: {maxConnections: %u}\n";

/* Room is nearly always held by an idle connection of another loop, or to
 * another endpoint. The pauses make quiet moments, in which nothing else would
 * wake who waits. */
static void who_needs_room_gets_an_idle_connection_of_another_loop(unsigned loops, unsigned room)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = loops };
    struct caller callers[8];
    struct tulle *mesh;
    char yaml[512];

    snprintf(yaml, sizeof(yaml), connections_yaml, room);
    mesh = wire_open(servers, 2, TULLE_PROTOCOL_HTTP, yaml, &options);
    for (unsigned i = 0; i < COUNT_OF(callers); i++) {
        callers[i] = (struct caller){ .mesh = mesh, .calls = 150, .seed = i, .pause_ns = 4000000 };
        caller_start(&callers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        caller_join(&callers[i]);
        assert_true(callers[i].slowest_ns < TULLE_S(2));
    }
    assert_in_range(server_count(servers[0], "open_max"), 1, room);
    assert_in_range(server_count(servers[1], "open_max"), 1, room);
    wire_close(mesh);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

static void room_goes_round_two_loops_and_two_endpoints(void **state)
{
    (void)state;
    who_needs_room_gets_an_idle_connection_of_another_loop(2, 2);
}

static void room_goes_round_four_loops_and_two_endpoints(void **state)
{
    (void)state;
    who_needs_room_gets_an_idle_connection_of_another_loop(4, 3);
}

/* A caller that comes back at once would find the slot free each time, before
 * the one who sleeps on another loop is awake. */
static void who_waits_is_not_overtaken_for_ever(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 2 };
    atomic_bool stop = false;
    struct caller hot, other;
    char yaml[512];

    (void)state;
    snprintf(yaml, sizeof(yaml), connections_yaml, 1);
    hot.mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, yaml, &options);
    other = (struct caller){ .mesh = hot.mesh, .calls = 100 };
    hot = (struct caller){ .mesh = hot.mesh, .stop = &stop };
    caller_start(&hot);
    caller_start(&other);
    caller_join(&other);
    atomic_store(&stop, true);
    caller_join(&hot);
    if (other.slowest_ns >= TULLE_MS(500)) {
        fail_msg("waited for %.3f s", (double)other.slowest_ns / 1e9);
    }
    wire_close(hot.mesh);
    server_stop(server);
}

/* --- all at once --- */

static void write_mesh(const char *folder, struct server *const *servers, unsigned turn)
{
    char yaml[2048];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n  endpoints:\n"
             "  - {address: 127.0.0.2, ports: {http: %u}}\n"
             "%s{address: 127.0.0.3, ports: {http: %u}}\n"
             "---\n"
             "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
             "metadata: {name: shop}\nspec:\n  host: shop.default.svc.cluster.local\n"
             "  trafficPolicy:\n"
             "    loadBalancer: {simple: %s}\n"
             "    connectionPool: {tcp: {maxConnections: %u}}\n"
             "    outlierDetection: {consecutive5xxErrors: 2, interval: 10ms,\n"
             "      baseEjectionTime: 20ms, maxEjectionPercent: %u}\n",
             server_port(servers[0]), turn % 3 == 0 ? "  # - " : "  - ", server_port(servers[1]),
             turn % 2 == 0 ? "ROUND_ROBIN" : "RANDOM", 2 + turn % 3, turn % 5 == 0 ? 100u : 50u);
    test_folder_write(folder, "shop.yaml", yaml);
}

static void limits_reloads_and_ejections_at_once(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    char *folder = test_folder_new();
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 3, .config = folder };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?delay=1" };
    atomic_bool stop = false;
    struct caller callers[8];
    struct tulle *mesh;
    struct tally tally;
    int64_t end = test_now() + TULLE_S(3);

    (void)state;
    write_mesh(folder, servers, 0);
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tally_init(&tally);
    for (unsigned i = 0; i < COUNT_OF(callers); i++) {
        callers[i] = (struct caller){ .mesh = mesh, .seed = i, .pause_ns = 1000000, .stop = &stop };
        caller_start(&callers[i]);
    }
    for (unsigned turn = 1; test_now() < end; turn++) {
        write_mesh(folder, servers, turn);
        server_command(servers[turn % 2], turn % 4 < 2 ? "next 20 status=503" : "next 3 drop");
        for (int i = 0; i < 10; i++) {
            assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
        }
        pause_ns(20000000);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        if (callers[i].slowest_ns >= TULLE_S(5)) {
            fail_msg("a call took %.1f s; %s", (double)callers[i].slowest_ns / 1e9, callers[i].why);
        }
    }
    assert_true(tally_wait(&tally, TULLE_S(5)));
    assert_in_range(tally.statuses[200], 1, tally.ended);
    wire_close(mesh);
    tally_fini(&tally);
    test_folder_free(folder);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

TEST_MAIN(cmocka_unit_test(room_goes_round_two_loops_and_two_endpoints),
          cmocka_unit_test(room_goes_round_four_loops_and_two_endpoints),
          cmocka_unit_test(who_waits_is_not_overtaken_for_ever),
          cmocka_unit_test(limits_reloads_and_ejections_at_once))
