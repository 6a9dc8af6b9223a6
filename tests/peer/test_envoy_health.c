/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks of the library and of a live Envoy, told the same, of
 * servers that fail alike: whether the endpoint goes, and when it is back. Envoy
 * tells in its event log, the library in its own. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "peer/sides.h"

#define INTERVAL (200 * NS_PER_MS)
/* What a loaded machine may be late. */
#define LATE (NS_PER_S / 2)

enum { PATIENCE_S = 25, TEXT_MAX = 4096, GOOD_WANTED = 2 };

/* The library, or Envoy, before a server of its own. */
struct watcher {
    struct server *server;
    struct tulle *mesh;
    struct peer *envoy; /* NULL: this is the library */
    pthread_mutex_t lock;
    int64_t at[EVENTS_MAX]; /* guarded by `lock`, as the rest: out, back, out... */
    size_t count;
    bool is_out;
};

/* Lines that say what is known already do not count. */
static void watcher_hear(struct watcher *side, bool is_out, int64_t at)
{
    if (side->is_out != is_out && side->count < EVENTS_MAX) {
        side->is_out = is_out;
        side->at[side->count++] = at;
    }
}

/* --- the library --- */

static void hear_line(void *user, int32_t level, const char *area, const char *text)
{
    struct watcher *side = user;

    (void)level;
    if (strcmp(area, "health") == 0) {
        pthread_mutex_lock(&side->lock);
        watcher_hear(side, strstr(text, " is unhealthy: "), wall_now());
        pthread_mutex_unlock(&side->lock);
    }
}

static void library_open(struct watcher *side)
{
    static const char yaml[] =
        "apiVersion: tulle.dev/v1alpha1\n"
        "kind: TrafficPolicy\n"
        "metadata: {name: shop}\n"
        "spec: {host: shop, healthChecks: [{interval: 0.2s, noTrafficInterval: 0.2s,\n"
        "  timeout: 0.2s, unhealthyThreshold: 3, healthyThreshold: 2,\n"
        "  httpHealthCheck: {path: /healthz, retriableStatuses: [{start: 503, end: 504}]}}]}\n";
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .log = hear_line,
                                     .log_user = side, .log_level = TULLE_LEVEL_INFO };

    side->mesh = wire_open(&side->server, 1, TULLE_PROTOCOL_HTTP, yaml, &options);
}

/* --- Envoy --- */

static const char bootstrap[] =
    "static_resources:\n"
    "  listeners:\n"
    "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
    "            {virtual_hosts: [{name: shop, domains: ['*'], routes: [{match: {prefix: /}, "
    "route: {cluster: shop}}]}]}\n"
    "  clusters:\n"
    "  - name: shop\n"
    "    type: STATIC\n"
    "    common_lb_config: {healthy_panic_threshold: {value: 0}}\n"
    "    health_checks:\n"
    "    - {interval: 0.2s, no_traffic_interval: 0.2s, timeout: 0.2s, unhealthy_threshold: 3,\n"
    "       healthy_threshold: 2, http_health_check: {path: /healthz,\n"
    "       retriable_statuses: [{start: 503, end: 504}]},\n"
    "       event_logger: [{name: file, typed_config: {'@type': type.googleapis.com/"
    "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink,\n"
    "       event_log_path: '%s'}}]}\n"
    "    load_assignment: {cluster_name: shop, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.2, port_value: %u}}}}]}]}\n";

static void envoy_open(struct watcher *side)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .strict_retries = 1 };
    char events[512], text[TEXT_MAX];

    side->envoy = peer_new();
    snprintf(events, sizeof(events), "%s", peer_path(side->envoy, "events"));
    snprintf(text, sizeof(text), bootstrap, peer_port(side->envoy), events,
             server_port(side->server));
    peer_run_envoy(side->envoy, text);
    side->mesh = peer_open(peer_at(side->envoy), TULLE_PROTOCOL_HTTP, NULL, &options);
}

/* Reads the log anew: whole lines only. */
static void events_look(struct watcher *side)
{
    FILE *file = fopen(peer_path(side->envoy, "events"), "r");
    char line[TEXT_MAX];

    if (!file) {
        return;
    }
    side->count = 0;
    side->is_out = false;
    while (fgets(line, sizeof(line), file) && strchr(line, '\n')) {
        if (strstr(line, "\"eject_unhealthy_event\"")) {
            watcher_hear(side, true, wall_of(line));
        } else if (strstr(line, "\"add_healthy_event\"")) {
            watcher_hear(side, false, wall_of(line));
        }
    }
    fclose(file);
}

/* --- both --- */

static bool it_answers(void *user)
{
    return wire_get(((struct watcher *)user)->mesh, "http://shop/").status == 200;
}

static void sides_open(struct watcher *sides)
{
    for (int i = 0; i < 2; i++) {
        sides[i] = (struct watcher){ .server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };
        pthread_mutex_init(&sides[i].lock, NULL);
        if (i == 0) {
            library_open(&sides[i]);
        } else {
            envoy_open(&sides[i]);
        }
        assert_true(test_wait_until(it_answers, &sides[i], PATIENCE_S * NS_PER_S));
    }
}

static void sides_close(struct watcher *sides)
{
    for (int i = 0; i < 2; i++) {
        wire_close(sides[i].mesh);
        peer_free(sides[i].envoy);
        server_stop(sides[i].server);
        pthread_mutex_destroy(&sides[i].lock);
    }
}

static void sides_say(struct watcher *sides, const char *command)
{
    for (int i = 0; i < 2; i++) {
        server_command(sides[i].server, "%s", command);
    }
}

struct hope {
    struct watcher *sides;
    size_t count;
};

static bool events_are_there(void *user)
{
    const struct hope *hope = user;
    size_t least = SIZE_MAX;

    events_look(&hope->sides[1]);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&hope->sides[i].lock);
        least = hope->sides[i].count < least ? hope->sides[i].count : least;
        pthread_mutex_unlock(&hope->sides[i].lock);
    }
    return least >= hope->count;
}

static void events_await(struct watcher *sides, size_t count)
{
    struct hope hope = { sides, count };

    if (!test_wait_until(events_are_there, &hope, PATIENCE_S * NS_PER_S)) {
        fail_msg("%zu events here and %zu of Envoy, %zu awaited", sides[0].count, sides[1].count,
                 count);
    }
}

/* Out at about the same time, and back after as many good checks. */
static void check_out_and_back(struct watcher *sides)
{
    int64_t stays[2];

    events_await(sides, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sides[i].count, 2);
        stays[i] = sides[i].at[1] - sides[i].at[0];
        assert_in_range(stays[i], (GOOD_WANTED - 1) * INTERVAL, GOOD_WANTED * INTERVAL + LATE);
    }
    assert_in_range(llabs(sides[0].at[0] - sides[1].at[0]), 0, INTERVAL + LATE);
}

static void nobody_goes(struct watcher *sides, unsigned checks)
{
    for (int i = 0; i < 2; i++) {
        assert_true(server_wait_count(sides[i].server, "requests",
                                      server_count(sides[i].server, "requests") + checks));
    }
    events_look(&sides[1]);
    assert_int_equal(sides[0].count, 0);
    assert_int_equal(sides[1].count, 0);
}

static void failures_count_to_the_threshold_as_in_envoy(void **state)
{
    static const char *const fails[] = { "status=503", "delay=1000" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fails); i++) {
        struct watcher sides[2];
        char command[64];

        sides_open(sides);
        snprintf(command, sizeof(command), "next 2 %s", fails[i]);
        sides_say(sides, command);
        nobody_goes(sides, 5);
        snprintf(command, sizeof(command), "next 3 %s", fails[i]);
        sides_say(sides, command);
        check_out_and_back(sides);
        sides_close(sides);
    }
}

static void an_answer_that_is_none_of_these_is_enough_as_in_envoy(void **state)
{
    struct watcher sides[2];

    (void)state;
    sides_open(sides);
    sides_say(sides, "next 1 status=500");
    check_out_and_back(sides);
    sides_close(sides);
}

static void a_good_answer_is_one_whatever_its_header_says(void **state)
{
    struct watcher sides[2];

    (void)state;
    sides_open(sides);
    sides_say(sides, "next 3 header=x-envoy-immediate-health-check-fail:1");
    nobody_goes(sides, 5);
    sides_close(sides);
}

static void that_header_in_the_reply_to_a_call_is_enough_as_in_envoy(void **state)
{
    struct watcher sides[2];

    (void)state;
    sides_open(sides);
    for (int i = 0; i < 2; i++) {
        struct outcome outcome =
            wire_get(sides[i].mesh, "http://shop/x?header=x-envoy-immediate-health-check-fail:1");

        assert_int_equal(outcome.status, 200);
    }
    check_out_and_back(sides);
    sides_close(sides);
}

static void who_refuses_connections_goes_and_comes_back_as_in_envoy(void **state)
{
    struct watcher sides[2];

    (void)state;
    sides_open(sides);
    sides_say(sides, "listen off");
    sides_say(sides, "close-all");
    events_await(sides, 1);
    sides_say(sides, "listen on");
    events_await(sides, 2);
    sides_close(sides);
}

TEST_MAIN(cmocka_unit_test(failures_count_to_the_threshold_as_in_envoy),
          cmocka_unit_test(an_answer_that_is_none_of_these_is_enough_as_in_envoy),
          cmocka_unit_test(a_good_answer_is_one_whatever_its_header_says),
          cmocka_unit_test(that_header_in_the_reply_to_a_call_is_enough_as_in_envoy),
          cmocka_unit_test(who_refuses_connections_goes_and_comes_back_as_in_envoy))
