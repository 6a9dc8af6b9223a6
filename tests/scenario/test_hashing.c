/* SPDX-License-Identifier: Apache-2.0 */

/* A call that is hashed goes where its key says, whatever its attempts are. */

#include <stdio.h>

#include "harness/world.h"

#define ENTRY                                                                                      \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: ServiceEntry\n"                                                                         \
    "metadata: {name: shop}\n"                                                                     \
    "spec:\n"                                                                                      \
    "  hosts: [shop]\n"                                                                            \
    "  ports: [{number: 80, name: http, protocol: HTTP}]\n"                                        \
    "  resolution: STATIC\n"                                                                       \
    "  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}, "                \
    "{address: 10.0.0.4}, {address: 10.0.0.5}]\n"

#define POLICY(hash)                                                                               \
    "---\n"                                                                                        \
    "apiVersion: tulle.dev/v1alpha1\n"                                                             \
    "kind: TrafficPolicy\n"                                                                        \
    "metadata: {name: shop}\n"                                                                     \
    "spec:\n"                                                                                      \
    "  host: shop\n"                                                                               \
    "  balancer: {maglev: {}}\n"                                                                   \
    "  hashPolicy: [" hash "]\n"

#define RETRIES                                                                                    \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: VirtualService\n"                                                                       \
    "metadata: {name: shop}\n"                                                                     \
    "spec:\n"                                                                                      \
    "  hosts: [shop]\n"                                                                            \
    "  http: [{route: [{destination: {host: shop}}], retries: {attempts: 3, retryOn: 5xx}}]\n"

static const struct world_result *get_with(struct test_world *world, const char *name,
                                           const char *value)
{
    const struct tulle_header header = { name, value };
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                           .headers = &header, .header_count = 1 };

    return world_send(world, &request);
}

static void a_key_has_its_endpoint(void **state)
{
    struct test_world *world = world_open(ENTRY POLICY("{header: {headerName: x-key}}"), NULL);
    char first[64], key[16];
    unsigned used = 0;

    (void)state;
    for (int k = 0; k < 40; k++) {
        snprintf(key, sizeof(key), "key-%d", k);
        snprintf(first, sizeof(first), "%s", get_with(world, "x-key", key)->endpoint);
        for (int i = 0; i < 3; i++) {
            assert_string_equal(get_with(world, "X-Key", key)->endpoint, first);
        }
    }
    for (int i = 1; i <= 5; i++) {
        snprintf(key, sizeof(key), "10.0.0.%d:80", i);
        used += world_requests(world, key) > 0;
    }
    assert_int_equal(used, 5);
    world_close(world);
}

static void a_retry_goes_to_another_endpoint_and_the_same_one_each_time(void **state)
{
    struct test_world *world =
        world_open(ENTRY RETRIES POLICY("{header: {headerName: x-key}}"), NULL);
    char home[64], second[64];

    (void)state;
    snprintf(home, sizeof(home), "%s", get_with(world, "x-key", "k")->endpoint);
    world_answer(world, home, .status = 503);
    snprintf(second, sizeof(second), "%s", get_with(world, "x-key", "k")->endpoint);
    assert_int_equal(world->last.status, 200);
    assert_int_equal(world->last.attempts, 2);
    assert_string_not_equal(second, home);
    assert_string_equal(get_with(world, "x-key", "k")->endpoint, second);
    world_close(world);
}

/* Who asks without a cookie is given one; who brings it back comes to the same. */
static void a_cookie_is_given_and_leads_back(void **state)
{
    struct test_world *world =
        world_open(ENTRY POLICY("{cookie: {name: sid, ttl: 60s, path: /}}"), NULL);
    char endpoint[64], cookie[64] = "sid=";
    struct world_call call;
    const char *given;

    (void)state;
    assert_true(world_start_get(world, "http://shop/", &call));
    world_finish(&call);
    assert_int_equal(call.result.status, 200);
    given = tulle_reply_header(tulle_call_reply(call.call), "Set-Cookie");
    assert_non_null(given);
    assert_non_null(strstr(given, "\"; Max-Age=60; Path=/; HttpOnly"));
    snprintf(cookie + 4, 17, "%s", given + 5);
    snprintf(endpoint, sizeof(endpoint), "%s", call.result.endpoint);
    world_call_free(&call);
    for (int i = 0; i < 10; i++) {
        assert_string_equal(get_with(world, "cookie", cookie)->endpoint, endpoint);
    }
    world_close(world);
}

static void a_source_has_its_endpoint(void **state)
{
    struct test_world *world = world_open(ENTRY POLICY("{source: {}}"), NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    char first[64], source[16];

    (void)state;
    for (int k = 0; k < 20; k++) {
        snprintf(source, sizeof(source), "10.1.0.%d", k);
        request.source = source;
        snprintf(first, sizeof(first), "%s", world_send(world, &request)->endpoint);
        assert_string_equal(world_send(world, &request)->endpoint, first);
    }
    world_close(world);
}

static void nothing(struct tulle_pick *pick, enum tulle_error error, void *user)
{
    (void)pick, (void)user;
    assert_int_equal(error, TULLE_OK);
}

static const char *picked(struct test_world *world, const char *key, char text[64])
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://shop/", .hash_key = key };
    struct tulle_pick *pick;

    assert_int_equal(tulle_pick_start(world->mesh, &request, nothing, NULL, &pick), TULLE_OK);
    world_run(world);
    snprintf(text, 64, "%s", tulle_pick_address(pick));
    tulle_pick_done(pick, NULL);
    world_run(world);
    return text;
}

static void a_pick_goes_where_a_call_of_its_key_goes(void **state)
{
    struct test_world *world = world_open(ENTRY POLICY("{header: {headerName: x-key}}"), NULL);
    char key[16], text[64];

    (void)state;
    for (int k = 0; k < 20; k++) {
        snprintf(key, sizeof(key), "shard-%d", k);
        assert_string_equal(get_with(world, "x-key", key)->endpoint, picked(world, key, text));
    }
    world_close(world);
}

static void it_survives_running_out_of_memory(void **state)
{
    struct test_world *world =
        world_open(ENTRY POLICY("{source: {}}, {cookie: {name: sid, ttl: 60s}}"), NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/", .source = "ann",
                                     .explain = 1 };

    (void)state;
    CHECK_OR_DONE(world != NULL);
    CHECK(world_send(world, &request)->status == 200);
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(a_key_has_its_endpoint),
          cmocka_unit_test(a_retry_goes_to_another_endpoint_and_the_same_one_each_time),
          cmocka_unit_test(a_cookie_is_given_and_leads_back),
          cmocka_unit_test(a_source_has_its_endpoint),
          cmocka_unit_test(a_pick_goes_where_a_call_of_its_key_goes),
          TEST_OOM(it_survives_running_out_of_memory))
