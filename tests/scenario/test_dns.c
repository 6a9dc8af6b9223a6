/* SPDX-License-Identifier: Apache-2.0 */

/* Services whose endpoints are names, and names outside the mesh. */

#include "harness/world.h"

#define ENTRY(resolution_)                                                                         \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: ServiceEntry\n"                                                                         \
    "metadata: {name: db, namespace: default}\n"                                                   \
    "spec:\n"                                                                                      \
    "  hosts: [db.example.com]\n"                                                                  \
    "  ports: [{number: 80, name: http, protocol: HTTP}]\n"                                        \
    "  resolution: " resolution_ "\n"
#define TWO_NAMES                                                                                  \
    "  endpoints:\n"                                                                               \
    "  - {address: one.test, labels: {version: v1}, weight: 3}\n"                                  \
    "  - {address: two.test, labels: {version: v2}}\n"                                             \
    "  - {address: 10.9.9.9, labels: {version: v2}}\n"
#define URL    "http://db.example.com/"
#define HOUR   (3600 * NS_PER_S)
#define MINUTE (60 * NS_PER_S)

static unsigned endpoints_count;

static void endpoint_seen(const struct tulle_endpoint_state *state, void *user)
{
    (void)state;
    (void)user;
    endpoints_count++;
}

static unsigned endpoints_of(struct test_world *world)
{
    endpoints_count = 0;
    if (tulle_endpoints(world->mesh, endpoint_seen, NULL) != TULLE_OK) {
        assert_true(test_oom_hit());
    }
    return endpoints_count;
}

/* A world whose names are said before it opens would need a mesh before it: the
 * first answer of a name nobody spoke of is 192.0.2.1, for a minute. */
static struct test_world *open_and_say(const char *yaml, const char *host, const char *addresses)
{
    struct test_world *world = world_open(yaml, NULL);

    if (world) {
        world_name(world, host, .ipv4 = addresses, .ttl_ns = 10 * NS_PER_S);
        world_advance(world, 70 * NS_PER_S);
    }
    return world;
}

static void every_address_of_a_name_is_an_endpoint(void **state)
{
    struct test_world *world = open_and_say(ENTRY("DNS"), "db.example.com", "10.0.0.1,10.0.0.2");

    (void)state;
    CHECK_OR_DONE(world);
    for (int i = 0; i < 10; i++) {
        world_get(world, URL);
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    CHECK(world_requests(world, "10.0.0.1:80") > 0);
    CHECK(world_requests(world, "10.0.0.1:80") + world_requests(world, "10.0.0.2:80") == 10);
    CHECK(endpoints_of(world) == 2);
done:
    world_close(world);
}

static void names_and_addresses_stand_together_with_their_labels_and_weights(void **state)
{
    static const char yaml[] = ENTRY("DNS") TWO_NAMES
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: DestinationRule\n"
        "metadata: {name: db, namespace: default}\n"
        "spec: {host: db.example.com, subsets: [{name: v1, labels: {version: v1}}]}\n"
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: VirtualService\n"
        "metadata: {name: db, namespace: default}\n"
        "spec: {hosts: [db.example.com], http: [{match: [{uri: {prefix: /v1}}],\n"
        "  route: [{destination: {host: db.example.com, subset: v1}}]},\n"
        "  {route: [{destination: {host: db.example.com}}]}]}\n";
    struct test_world *world = open_and_say(yaml, "one.test", "10.0.0.1,10.0.0.2");

    (void)state;
    CHECK_OR_DONE(world);
    for (int i = 0; i < 20; i++) {
        world_get(world, URL "v1");
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    CHECK(world_requests(world, "10.0.0.1:80") + world_requests(world, "10.0.0.2:80") == 20);
    for (int i = 0; i < 160; i++) {
        world_get(world, URL);
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    /* Weights 3, 3, 1, 1. */
    CHECK(world_requests(world, "10.9.9.9:80") > 0);
    CHECK(world_requests(world, "10.0.0.1:80") > world_requests(world, "10.9.9.9:80"));
done:
    world_close(world);
}

static void endpoints_come_and_go_and_calls_never_fail(void **state)
{
    static const char *const sets[] = { "10.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.2,10.0.0.3",
                                        "10.0.0.4" };
    struct test_world *world = open_and_say(ENTRY("DNS"), "db.example.com", "10.0.0.1");
    struct world_call slow = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, "10.0.0.1:80", .delay_ns = 25 * NS_PER_S, .times = 1);
    CHECK_OR_DONE(world_start_get(world, URL, &slow));
    for (size_t i = 0; i < 40; i++) {
        world_name(world, "db.example.com", .ipv4 = sets[i % 4], .ttl_ns = 5 * NS_PER_S);
        world_advance(world, 12 * NS_PER_S);
        world_get(world, URL);
        CHECK_OR_DONE(world->last.error == TULLE_OK);
    }
    /* It began on an endpoint that left meanwhile. */
    CHECK(slow.result.status == 200);
    CHECK(world_requests(world, "10.0.0.4:80") > 5);
    CHECK(world_metric(world, "tulle_pool_connections{state=\"open\"}") <= 2);
done:
    if (world) {
        world_call_free(&slow);
    }
    world_close(world);
}

static void an_hour_without_a_name_server_is_not_noticed(void **state)
{
    static const enum dns_fault faults[] = { DNS_NO_NAME, DNS_SERVFAIL, DNS_TIMEOUT, DNS_NO_DATA };
    struct test_world *world = open_and_say(ENTRY("DNS"), "db.example.com", "10.0.0.1,10.0.0.2");

    (void)state;
    assert_non_null(world);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        world_name(world, "db.example.com", .fault = faults[i]);
        for (int minute = 0; minute < 60; minute++) {
            world_advance(world, MINUTE);
            world_get(world, URL);
            assert_int_equal(world->last.status, 200);
        }
    }
    assert_true(world_metric(world, "tulle_dns_failures_total{reason=\"nxdomain\"}") >= 50);
    assert_true(world_metric(world, "tulle_dns_failures_total{reason=\"servfail\"}") >= 100);
    assert_true(world_metric(world, "tulle_dns_failures_total{reason=\"timeout\"}") >= 100);
    assert_true(world_metric(world, "tulle_dns_failures_total{reason=\"nodata\"}") >= 50);
    assert_true(world_metric(world, "tulle_dns_names{state=\"stale\"}") == 1);
    assert_null(strstr(strstr(world->log, "stay\n") + 1, "stay\n"));
    world_name(world, "db.example.com", .ipv4 = "10.0.0.3");
    world_advance(world, 70 * NS_PER_S);
    world_get(world, URL);
    assert_string_equal(world->last.endpoint, "10.0.0.3:80");
    world_close(world);
}

static void a_call_waits_for_the_first_answer(void **state)
{
    struct test_world *world;
    struct world_call call = { 0 };

    (void)state;
    world = world_open(NULL, NULL);
    CHECK_OR_DONE(world);
    world_name(world, "slow.test", .ipv4 = "10.0.0.1", .delay_ns = 3 * NS_PER_S);
    CHECK_OR_DONE(world_start_get(world, "http://slow.test/", &call));
    world_answer(world, "10.0.0.1:80", .body = "here");
    world_finish(&call);
    CHECK_OK(call.result.error);
    assert_string_equal(call.result.body, "here");
    assert_in_range(call.result.ended_at - call.result.started_at, 3 * NS_PER_S,
                    3 * NS_PER_S + 100 * NS_PER_MS);
done:
    if (world) {
        world_call_free(&call);
    }
    world_close(world);
}

static void a_call_waits_no_longer_than_its_deadline(void **state)
{
    struct test_world *world = world_open(NULL, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_name(world, "slow.test", .delay_ns = HOUR);
    world_send(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://slow.test/",
                                               .deadline_ns = TULLE_S(1) });
    CHECK_OR_DONE(world->last.error == TULLE_E_TIMEOUT);
    assert_string_equal(world->last.failure.layer, "deadline");
    assert_int_equal(world->last.failure.progress, TULLE_NOTHING_SENT);
done:
    world_close(world);
}

static void a_name_outside_that_does_not_resolve_says_so(void **state)
{
    struct test_world *world = world_open(NULL, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_name(world, "no.test", .fault = DNS_NO_NAME);
    world_get(world, "http://no.test/");
    CHECK_OR_DONE(world->last.error == TULLE_E_NETWORK);
    assert_string_equal(world->last.failure.flags, "DF");
    assert_string_equal(world->last.failure.layer, "resolve");
    assert_string_equal(world->last.failure.text, "no.test: no such name (NXDOMAIN)");
    assert_int_equal(world->last.failure.progress, TULLE_NOTHING_SENT);
    assert_int_equal(world->last.status, 503);
done:
    world_close(world);
}

static void a_cluster_whose_names_never_resolve_says_why(void **state)
{
    static const char yaml[] = ENTRY("DNS");
    struct test_world *world = world_open(yaml, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    /* Another mesh over the same script, whose names are known to fail by now. */
    world_name(world, "db.example.com", .fault = DNS_SERVFAIL);
    CHECK_OR_DONE(world_reopen(world, yaml) == TULLE_OK);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_E_NO_ENDPOINT);
    CHECK(strcmp(world->last.failure.text, "db.example.com: the name server failed (SERVFAIL)") ==
          0);
    assert_string_equal(world->last.failure.flags, "UH");
    CHECK(tulle_wait_ready(world->mesh, TULLE_S(1)) == TULLE_OK);
done:
    world_close(world);
}

static void a_service_is_ready_when_its_names_were_looked_up(void **state)
{
    static const char yaml[] = ENTRY("DNS");
    struct test_world *world = world_open(yaml, NULL);
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_name(world, "db.example.com", .ipv4 = "10.0.0.1", .delay_ns = 3 * NS_PER_S);
    CHECK_OR_DONE(world_reopen(world, yaml) == TULLE_OK);
    assert_int_equal(tulle_wait_ready(world->mesh, TULLE_S(1)), TULLE_E_TIMEOUT);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    world_advance(world, 2 * NS_PER_S);
    CHECK(!call.result.done);
    world_finish(&call);
    CHECK(call.result.status == 200);
    CHECK(tulle_wait_ready(world->mesh, TULLE_S(1)) == TULLE_OK);
done:
    if (world) {
        world_call_free(&call);
    }
    world_close(world);
}

static void round_robin_is_one_endpoint_that_follows_its_name(void **state)
{
    struct test_world *world =
        open_and_say(ENTRY("DNS_ROUND_ROBIN"), "db.example.com", "10.0.0.1,10.0.0.2");

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, "10.0.0.1:80", .close = true);
    world_answer(world, "10.0.0.2:80", .close = true);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_OK);
    assert_string_equal(world->last.endpoint, "db.example.com:80");
    CHECK(endpoints_of(world) == 1);
    CHECK(world_requests(world, "10.0.0.1:80") == 1);
    world_name(world, "db.example.com", .ipv4 = "10.0.0.2,10.0.0.1", .ttl_ns = 10 * NS_PER_S);
    world_advance(world, 20 * NS_PER_S);
    world_get(world, URL);
    CHECK(world_requests(world, "10.0.0.2:80") == 1);
    world_name(world, "db.example.com", .fault = DNS_NO_NAME);
    world_advance(world, HOUR);
    world_get(world, URL);
    CHECK(world->last.status == 200);
done:
    world_close(world);
}

static void a_change_builds_no_other_cluster_anew(void **state)
{
    static const char yaml[] = ENTRY("DNS") "---\n"
                                            "apiVersion: networking.istio.io/v1\n"
                                            "kind: ServiceEntry\n"
                                            "metadata: {name: b, namespace: default}\n"
                                            "spec: {hosts: [b.example.com], resolution: STATIC,\n"
                                            "  ports: [{number: 80, name: http, protocol: HTTP}],\n"
                                            "  endpoints: [{address: 10.1.0.1}]}\n";
    struct test_world *world = open_and_say(yaml, "db.example.com", "10.0.0.1");
    double opened, generation;

    (void)state;
    assert_non_null(world);
    world_get(world, "http://b.example.com/");
    generation = world_metric(world, "tulle_config_generation");
    opened = world_metric(world, "tulle_pool_connections_opened_total");
    world_advance(world, HOUR / 12);
    assert_true(world_metric(world, "tulle_config_generation") == generation);
    world_name(world, "db.example.com", .ipv4 = "10.0.0.2", .ttl_ns = 10 * NS_PER_S);
    world_advance(world, 12 * NS_PER_S);
    assert_true(world_metric(world, "tulle_config_generation") == generation + 1);
    world_get(world, "http://b.example.com/");
    assert_true(world_metric(world, "tulle_pool_connections_opened_total") == opened);
    world_close(world);
}

TEST_MAIN(TEST_OOM(every_address_of_a_name_is_an_endpoint),
          cmocka_unit_test(names_and_addresses_stand_together_with_their_labels_and_weights),
          cmocka_unit_test(endpoints_come_and_go_and_calls_never_fail),
          cmocka_unit_test(an_hour_without_a_name_server_is_not_noticed),
          TEST_OOM(a_call_waits_for_the_first_answer),
          cmocka_unit_test(a_call_waits_no_longer_than_its_deadline),
          TEST_OOM(a_name_outside_that_does_not_resolve_says_so),
          TEST_OOM(a_cluster_whose_names_never_resolve_says_why),
          cmocka_unit_test(a_service_is_ready_when_its_names_were_looked_up),
          TEST_OOM(round_robin_is_one_endpoint_that_follows_its_name),
          cmocka_unit_test(a_change_builds_no_other_cluster_anew))
