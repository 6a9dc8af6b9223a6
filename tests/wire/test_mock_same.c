/* SPDX-License-Identifier: Apache-2.0 */

/* The mock picks as the library does: the same short scenario, with the same
 * seed, once on the virtual clock against a script and once on the real clock
 * against real servers at the same addresses, gives the same picks. */

#include <stdio.h>
#include <tulle/mock.h>

#include "core/mesh.h"
#include "harness/server.h"
#include "harness/test.h"

enum { SERVERS = 3, CALLS = 60, FAILURES = 7, SEED = 7, PICKS_SIZE = 8192 };

/* Retries make one draw, waits another: the backoff must not be zero. */
#define RULES                                                                                      \
    "apiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: shop}\n"                \
    "spec:\n  host: shop\n  balancer: {%s}\n---\n"                                                 \
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"           \
    "spec:\n  hosts: [shop]\n  http:\n  - retries: {attempts: 2, retryOn: 5xx}\n"                  \
    "    route: [{destination: {host: shop}}]\n"

struct scenario {
    struct server *servers[SERVERS];
    char rules[512];
};

/* "127.0.0.2:4711 x1" for each call: who answered, and after how many attempts. */
static void picks_make(struct tulle *mesh, char *out)
{
    size_t size = 0;

    for (int i = 0; i < CALLS; i++) {
        struct tulle_reply *reply;
        assert_int_equal(tulle_get(mesh, "http://shop/", &reply), TULLE_OK);
        size += (size_t)snprintf(out + size, PICKS_SIZE - size, "%s x%u\n",
                                 tulle_reply_endpoint(reply), tulle_reply_attempts(reply));
        assert_true(size < PICKS_SIZE);
        tulle_reply_free(reply);
    }
}

static uint64_t real_seed(void *user)
{
    return ++*(uint64_t *)user;
}

static int64_t real_now(void *user)
{
    (void)user;
    return tulle__world.now(tulle__world.user);
}

static int64_t real_wall(void *user)
{
    (void)user;
    return tulle__world.wall(tulle__world.user);
}

static void real_run(const struct scenario *scenario, char *out)
{
    uint64_t seed = SEED;
    const struct world world = { real_now, real_wall, real_seed, &seed };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT };
    struct tulle_config *config;
    struct tulle *mesh;

    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "shop", 80, 0), TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(config, "rules.yaml", scenario->rules), TULLE_OK);
    for (int i = 0; i < SERVERS; i++) {
        const char *address = server_address(scenario->servers[i]);
        assert_int_equal(tulle_config_add_endpoint(config, "shop", address, NULL, 0), TULLE_OK);
    }
    server_command(scenario->servers[0], "next %d status=503", FAILURES);
    options.built = config;
    assert_int_equal(tulle__open_in(&options, &world, &tulle__curl_transport, &mesh), TULLE_OK);
    picks_make(mesh, out);
    assert_int_equal(tulle_close(mesh), TULLE_OK);
    tulle_config_free(config);
}

static void mock_run(const struct scenario *scenario, char *out)
{
    const struct tulle_mock_options options = { TULLE_MOCK_OPTIONS_INIT, .seed = SEED };
    struct tulle_mock *mock;
    struct tulle *mesh;

    assert_int_equal(tulle_mock_new(&options, &mock), TULLE_OK);
    assert_int_equal(tulle_mock_add_service(mock, "shop", 80, 0), TULLE_OK);
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", scenario->rules), TULLE_OK);
    for (int i = 0; i < SERVERS; i++) {
        const char *address = server_address(scenario->servers[i]);
        assert_int_equal(tulle_mock_add_endpoint(mock, "shop", address, NULL, 0), TULLE_OK);
    }
    assert_int_equal(
        tulle_mock_answer(mock, server_address(scenario->servers[0]),
                          &(struct tulle_mock_answer){ TULLE_MOCK_ANSWER_INIT, .status = 503,
                                                       .times = FAILURES }),
        TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    picks_make(mesh, out);
    assert_int_equal(tulle_close(mesh), TULLE_OK);
    tulle_mock_free(mock);
}

static void picks_are_the_same_with(const char *balancer)
{
    char real[PICKS_SIZE], mocked[PICKS_SIZE], again[PICKS_SIZE];
    struct scenario scenario;

    for (int i = 0; i < SERVERS; i++) {
        char address[32];
        snprintf(address, sizeof(address), "127.0.0.%d:0", i + 2);
        scenario.servers[i] = server_start(SERVER_HTTP, address, NULL);
    }
    snprintf(scenario.rules, sizeof(scenario.rules), RULES, balancer);
    real_run(&scenario, real);
    mock_run(&scenario, mocked);
    mock_run(&scenario, again);
    assert_string_equal(mocked, real);
    assert_string_equal(mocked, again);
    assert_non_null(strstr(mocked, " x2\n"));
    for (int i = 0; i < SERVERS; i++) {
        server_stop(scenario.servers[i]);
    }
}

static void least_request_picks_in_the_mock_as_in_the_real_world(void **state)
{
    (void)state;
    picks_are_the_same_with("leastRequest: {}");
}

static void random_picks_in_the_mock_as_in_the_real_world(void **state)
{
    (void)state;
    picks_are_the_same_with("random: {}");
}

static void round_robin_picks_in_the_mock_as_in_the_real_world(void **state)
{
    (void)state;
    picks_are_the_same_with("roundRobin: {}");
}

TEST_MAIN(cmocka_unit_test(least_request_picks_in_the_mock_as_in_the_real_world),
          cmocka_unit_test(random_picks_in_the_mock_as_in_the_real_world),
          cmocka_unit_test(round_robin_picks_in_the_mock_as_in_the_real_world))
