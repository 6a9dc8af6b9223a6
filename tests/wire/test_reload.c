/* SPDX-License-Identifier: Apache-2.0 */

/* A new configuration under load: nobody notices but those it is about. */

#include <stdio.h>
#include <time.h>

#include "wire/wire.h"

enum { RELOADS = 100 };

static void write_shop(const char *folder, struct server *const servers[2], int weight,
                       int generation)
{
    char yaml[4096];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
             "  endpoints:\n"
             "  - {address: 127.0.0.2, ports: {http: %u}, labels: {version: v1}}\n"
             "  - {address: 127.0.0.3, ports: {http: %u}, labels: {version: v2}}\n"
             "---\n"
             "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"
             "spec:\n  host: shop\n  subsets:\n"
             "  - {name: v1, labels: {version: v1}}\n  - {name: v2, labels: {version: v2}}\n"
             "---\n"
             "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop]\n  http:\n"
             "  - name: generation-%d\n"
             "    route:\n"
             "    - {destination: {host: shop, subset: v1}, weight: %d}\n"
             "    - {destination: {host: shop, subset: v2}, weight: %d}\n",
             server_port(servers[0]), server_port(servers[1]), generation, weight, 100 - weight);
    test_folder_write(folder, "shop.yaml", yaml);
}

struct route_seen {
    pthread_mutex_t lock; /* guards the name */
    char route[64];
};

static void see_route(void *user, const struct tulle_access *access)
{
    struct route_seen *seen = user;

    pthread_mutex_lock(&seen->lock);
    snprintf(seen->route, sizeof(seen->route), "%s", access->route);
    pthread_mutex_unlock(&seen->lock);
}

struct generation_wait {
    struct route_seen *seen;
    char wanted[64];
};

static bool is_seen(void *user)
{
    struct generation_wait *wait = user;
    bool same;

    pthread_mutex_lock(&wait->seen->lock);
    same = strcmp(wait->seen->route, wait->wanted) == 0;
    pthread_mutex_unlock(&wait->seen->lock);
    return same;
}

static struct tulle *open_folder(const char *folder, struct route_seen *seen)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = folder, .access = see_route,
                                     .access_user = seen };
    struct tulle *mesh;

    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    return mesh;
}

static void a_hundred_reloads_cost_no_call_and_no_connection(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", "--quiet", NULL) };
    struct route_seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
    char *folder = test_folder_new();
    struct tulle *mesh;
    struct pacer pacer;

    (void)state;
    write_shop(folder, servers, 50, 0);
    mesh = open_folder(folder, &seen);
    pacer_start(&pacer, mesh, "http://shop/?delay=1", 500);
    for (int i = 1; i <= RELOADS; i++) {
        struct generation_wait wait = { .seen = &seen };

        snprintf(wait.wanted, sizeof(wait.wanted), "generation-%d", i);
        write_shop(folder, servers, i % 2 == 0 ? 50 : 20, i);
        assert_true(test_wait_until(is_seen, &wait, TULLE_S(10)));
    }
    pacer_stop(&pacer);
    assert_string_equal(pacer.tally.first_failure, "");
    assert_int_equal(pacer.tally.statuses[200], pacer.tally.ended);
    assert_int_equal(pacer.tally.attempts, pacer.tally.ended);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(server_log_count(servers[i], "close *"), 0);
        assert_true(server_count(servers[i], "requests") > 0);
    }
    wire_close(mesh);
    test_folder_free(folder);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

/* Endpoint 2 leaves; its idle connections are shut down, those of 1 stay. */
static void an_endpoint_that_leaves_loses_its_idle_connections(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.3:0", NULL) };
    struct route_seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
    char *folder = test_folder_new();
    struct tulle *mesh;
    char yaml[1024];
    int64_t left;

    (void)state;
    write_shop(folder, servers, 50, 0);
    mesh = open_folder(folder, &seen);
    while (server_count(servers[0], "open") == 0 || server_count(servers[1], "open") == 0) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    }
    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP, targetPort: %u}]\n"
             "  endpoints: [{address: 127.0.0.2, labels: {version: v1}}]\n",
             server_port(servers[0]));
    test_folder_write(folder, "shop.yaml", yaml);
    left = test_now();
    assert_true(server_wait_exactly(servers[1], "open", 0));
    assert_in_range(test_now() - left, 0, TULLE_S(3));
    assert_int_equal(server_log_count(servers[0], "close *"), 0);
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    wire_close(mesh);
    test_folder_free(folder);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

TEST_MAIN(cmocka_unit_test(a_hundred_reloads_cost_no_call_and_no_connection),
          cmocka_unit_test(an_endpoint_that_leaves_loses_its_idle_connections))
