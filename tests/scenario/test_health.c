/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks through the whole client, on a virtual clock: who is asked
 * when, and who gets calls. */

#include "scenario/checks.h"

#include <stdio.h>

static bool is_check(const struct script_request *request)
{
    return strstr(request->url, "/healthz") != NULL;
}

/* Checks that an endpoint got, and when the last came. */
static unsigned checks_of(const struct test_world *world, const char *address, int64_t *last)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->script.request_count; i++) {
        const struct script_request *request = world_request(world, i);

        if (is_check(request) && strcmp(request->address, address) == 0) {
            count++;
            *last = request->at;
        }
    }
    return count;
}

/* Until an endpoint was checked `count` times more; from its last check to this one. */
static int64_t next_check(struct test_world *world, const char *address)
{
    int64_t before = 0, last = 0;
    unsigned count = checks_of(world, address, &before);

    for (int i = 0; i < 200000 && checks_of(world, address, &last) == count; i++) {
        world_advance(world, NS_PER_MS);
    }
    return last - before;
}

static void no_call_goes_to_who_has_not_passed_its_first_check(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);
    unsigned counts[3];

    (void)state;
    world_answer(world, SECOND, CHECK_OF, .status = 500);
    share(world, 30, counts);
    assert_int_equal(counts[0] + counts[2], 30);
    assert_int_equal(counts[1], 0);
    assert_true(world_metric(world, HEALTHY) == 2);
    assert_true(world_metric(world, ATTEMPTS) == 3);
    assert_true(world_metric(world, RESULT("passed")) == 2);
    assert_true(world_metric(world, RESULT("failed")) == 1);
    world_close(world);
}

struct seen {
    const char *address;
    char health[16];
};

static void see(const struct tulle_endpoint_state *state, void *user)
{
    struct seen *seen = user;

    if (strcmp(state->address, seen->address) == 0) {
        snprintf(seen->health, sizeof(seen->health), "%s", state->health);
    }
}

static bool health_is(struct test_world *world, const char *address, const char *health)
{
    struct seen seen = { .address = address };

    assert_int_equal(tulle_endpoints(world->mesh, see, &seen), TULLE_OK);
    return strcmp(seen.health, health) == 0;
}

static void an_app_can_see_who_is_healthy(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    assert_true(health_is(world, FIRST, "unhealthy")); /* nobody asked it yet */
    world_answer(world, SECOND, CHECK_OF, .status = 500);
    world_answer(world, THIRD, CHECK_OF, .headers = { "x-envoy-degraded: 1" });
    world_advance(world, NS_PER_S);
    assert_true(health_is(world, FIRST, "healthy"));
    assert_true(health_is(world, SECOND, "unhealthy"));
    assert_true(health_is(world, THIRD, "degraded"));
    world_close(world);
}

static void calls_wait_for_the_first_checks_and_not_longer(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);
    int64_t opened_at = world->now;

    (void)state;
    world_answer(world, FIRST, CHECK_OF, .delay_ns = 300 * NS_PER_MS);
    world_answer(world, SECOND, CHECK_OF, .kind = SCRIPT_HANG);
    world_answer(world, THIRD, CHECK_OF, .kind = SCRIPT_REFUSE);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.error, TULLE_OK);
    assert_string_equal(world->last.endpoint, FIRST);
    assert_in_range(world->last.ended_at - opened_at, NS_PER_S, NS_PER_S + 15 * NS_PER_MS);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
    world_close(world);
}

static void who_waits_for_the_mesh_waits_for_the_first_checks(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    assert_int_equal(tulle_wait_ready(world->mesh, NS_PER_S), TULLE_E_TIMEOUT);
    world_advance(world, 15 * NS_PER_MS);
    assert_int_equal(tulle_wait_ready(world->mesh, NS_PER_S), TULLE_OK);
    world_close(world);
}

static void if_none_passes_calls_are_refused_at_once(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    SAY_ALL(world, CHECK_OF, .status = 500);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
    assert_true(world->last.ended_at - world->last.started_at < 15 * NS_PER_MS);
    assert_true(world_metric(world, HEALTHY) == 0);
    SAY_ALL(world, CHECK_OF, .status = 200);
    world_advance(world, 20 * NS_PER_S);
    SEND(world, .method = "GET");
    assert_int_equal(world->last.error, TULLE_OK);
    world_close(world);
}

static void thresholds_and_intervals_are_kept(void **state)
{
    struct test_world *world =
        world_open(REVIEWS HTTP(", unhealthyInterval: 7s, unhealthyEdgeInterval: 1s, "
                                "healthyEdgeInterval: 2s"),
                   TOLD);
    unsigned counts[3];

    (void)state;
    share(world, 3, counts);
    assert_int_equal(next_check(world, FIRST), 5 * NS_PER_S + NS_PER_MS);
    world_answer(world, FIRST, CHECK_OF, .kind = SCRIPT_RESET);
    (void)next_check(world, FIRST); /* fails: pending */
    share(world, 30, counts);
    assert_true(counts[0] > 0);
    assert_in_range(next_check(world, FIRST), NS_PER_S, NS_PER_S + 5 * NS_PER_MS); /* the second */
    world_advance(world, NS_PER_MS);
    share(world, 30, counts);
    assert_int_equal(counts[0], 0);
    assert_in_range(next_check(world, FIRST), 7 * NS_PER_S, 7 * NS_PER_S + 5 * NS_PER_MS);
    world_answer(world, FIRST, CHECK_OF, .status = 200);
    (void)next_check(world, FIRST); /* one good */
    assert_in_range(next_check(world, FIRST), 2 * NS_PER_S, 2 * NS_PER_S + 5 * NS_PER_MS);
    assert_true(world_metric(world, HEALTHY) == 2);
    assert_in_range(next_check(world, FIRST), 2 * NS_PER_S, 2 * NS_PER_S + 5 * NS_PER_MS);
    world_advance(world, 2 * NS_PER_MS);
    assert_true(world_metric(world, HEALTHY) == 3);
    share(world, 30, counts);
    assert_true(counts[0] > 0);
    assert_non_null(strstr(world->log, "10.0.0.1:80 is unhealthy"));
    assert_non_null(strstr(world->log, "10.0.0.1:80 is healthy: GET /healthz answered 200"));
    world_close(world);
}

static void a_cluster_without_traffic_is_checked_once_a_minute(void **state)
{
    struct test_world *world =
        world_open(REVIEWS CHECKS("httpHealthCheck: {path: /healthz}"), NULL);

    (void)state;
    world_advance(world, 10 * NS_PER_MS);
    assert_int_equal(next_check(world, FIRST), 60 * NS_PER_S + NS_PER_MS);
    SEND(world, .method = "GET");
    (void)next_check(world, FIRST);
    assert_int_equal(next_check(world, FIRST), 5 * NS_PER_S + NS_PER_MS);
    world_close(world);
}

static void a_check_that_hangs_ends_with_its_timeout(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);

    (void)state;
    SAY_ALL(world, CHECK_OF, .kind = SCRIPT_HANG);
    world_advance(world, NS_PER_S);
    assert_int_equal(world_endpoint(world, FIRST)->active, 1);
    world_advance(world, 11 * NS_PER_MS);
    assert_true(world_metric(world, RESULT("unreached")) == 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_endpoint(world, check_addresses[i])->active, 0);
        assert_int_equal(world_endpoint(world, check_addresses[i])->open, 0);
    }
    world_close(world);
}

#define EJECTING OUTLIER("consecutive5xxErrors: 1, baseEjectionTime: 600s, maxEjectionPercent: 100")

static void a_check_that_passes_ends_an_ejection(void **state)
{
    struct test_world *world = world_open(REVIEWS EJECTING HTTP(""), NULL);
    unsigned counts[3];

    (void)state;
    world_advance(world, NS_PER_S);
    world_answer(world, FIRST, .status = 500, .times = 1, .prefix = "/ratings");
    share(world, 6, counts);
    assert_string_equal(world_gate(world, FIRST), "ejected");
    world_advance(world, 6 * NS_PER_S);
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_close(world);
}

static void checks_end_with_the_mesh_that_asks_for_them(void **state)
{
    struct test_world *world = world_open(REVIEWS HTTP(""), NULL);
    size_t requests;

    (void)state;
    world_advance(world, 7 * NS_PER_S);
    assert_int_equal(world_reopen(world, REVIEWS), TULLE_OK);
    requests = world->script.request_count;
    world_advance(world, 60 * NS_PER_S);
    assert_int_equal(world->script.request_count, requests);
    assert_true(world_metric(world, ATTEMPTS) == 0);
    world_close(world);
}

struct mesh_folder {
    char *path;
    struct test_world *world;
};

static bool folder_open(struct mesh_folder *folder, const char *yaml)
{
    folder->path = test_folder_new();
    test_folder_write(folder->path, "mesh.yaml", yaml);
    folder->world = world_open(
        NULL, &(struct tulle_options){ TULLE_OPTIONS_INIT, .config = folder->path, .loops = 1 });
    return folder->world != NULL;
}

static void edit(struct mesh_folder *folder, const char *yaml)
{
    test_folder_write(folder->path, "mesh.yaml", yaml);
    world_advance(folder->world, 3 * NS_PER_S);
}

static void folder_close(struct mesh_folder *folder)
{
    world_close(folder->world);
    test_folder_free(folder->path);
}

static void a_reload_keeps_what_was_found_out(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;
    unsigned counts[3], before;
    int64_t last;

    (void)state;
    folder_open(&folder, REVIEWS CHECKS(SOON "interval: 30s, noTrafficInterval: 30s, "
                                             "httpHealthCheck: {path: /healthz}"));
    world = folder.world;
    world_answer(world, FIRST, CHECK_OF, .status = 500);
    world_advance(world, NS_PER_S);
    before = checks_of(world, FIRST, &last);
    edit(&folder, REVIEWS CHECKS(SOON "interval: 30s, noTrafficInterval: 30s, "
                                      "httpHealthCheck: {path: /healthz}") TIMEOUT("9s"));
    assert_true(world_metric(world, "tulle_config_generation") == 2);
    share(world, 30, counts);
    assert_int_equal(counts[0], 0);
    assert_int_equal(checks_of(world, FIRST, &last), before);
    folder_close(&folder);
}

static void who_joins_has_to_pass_first_and_who_leaves_is_not_asked(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;
    unsigned counts[3], before;
    int64_t last;

    (void)state;
    folder_open(&folder, SERVICE(HTTP_80, "{address: 10.0.0.1}, {address: 10.0.0.2}") HTTP(""));
    world = folder.world;
    world_answer(world, THIRD, CHECK_OF, .status = 500);
    share(world, 4, counts);
    assert_int_equal(counts[0] + counts[1], 4);
    edit(&folder, SERVICE(HTTP_80, "{address: 10.0.0.2}, {address: 10.0.0.3}") HTTP(""));
    before = checks_of(world, FIRST, &last);
    share(world, 10, counts);
    assert_int_equal(counts[1], 10);
    assert_true(checks_of(world, THIRD, &last) > 0);
    world_advance(world, 30 * NS_PER_S);
    assert_int_equal(checks_of(world, FIRST, &last), before);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
    folder_close(&folder);
}

static void checks_that_are_new_or_gone_take_nobody_out_and_let_all_back(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;
    unsigned counts[3];

    (void)state;
    folder_open(&folder, REVIEWS);
    world = folder.world;
    world_answer(world, FIRST, CHECK_OF, .kind = SCRIPT_HANG);
    share(world, 3, counts);
    edit(&folder, REVIEWS CHECKS("timeout: 60s, httpHealthCheck: {path: /healthz}"));
    share(world, 30, counts);
    assert_true(counts[0] > 0); /* nothing is known against it yet */
    edit(&folder, REVIEWS CHECKS("unhealthyThreshold: 1, httpHealthCheck: {path: /healthz}"));
    share(world, 30, counts);
    assert_int_equal(counts[0], 0);
    edit(&folder, REVIEWS);
    share(world, 30, counts);
    assert_true(counts[0] > 0);
    folder_close(&folder);
}

/* More than may be under way at once; none is forgotten. */
static void many_endpoints_are_checked_a_few_at_a_time(void **state)
{
    enum { MANY = 600 };
    struct test_world *world;
    char endpoints[MANY * 24], yaml[MANY * 24 + 2048];
    size_t size = 0;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        size +=
            (size_t)snprintf(endpoints + size, sizeof(endpoints) - size, "%s{address: 10.1.%d.%d}",
                             i > 0 ? ", " : "", i / 200, i % 200 + 1);
    }
    snprintf(yaml, sizeof(yaml), SERVICE(HTTP_80, "%s") HTTP(", reuseConnection: false"),
             endpoints);
    world = world_open(yaml, NULL);
    for (int i = 0; i < MANY; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.1.%d.%d:80", i / 200, i % 200 + 1);
        world_answer(world, address, .delay_ns = 100 * NS_PER_MS);
    }
    world_advance(world, 500 * NS_PER_MS);
    assert_true(world_metric(world, ATTEMPTS) == MANY);
    assert_true(world_metric(world, HEALTHY) == MANY);
    assert_int_equal(world->script.most_open, 256);
    world_close(world);
}

static void checks_survive_running_out_of_memory(void **state)
{
    struct test_world *world = world_open(REVIEWS EJECTING HTTP(""), NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    world_answer(world, FIRST, CHECK_OF, .status = 500, .times = 2);
    for (int i = 0; i < 3; i++) {
        world_get(world, URL);
        CHECK(world->last.error == TULLE_OK); /* it may wait for a check that cannot be made */
        world_advance(world, 6 * NS_PER_S);
    }
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(no_call_goes_to_who_has_not_passed_its_first_check),
          cmocka_unit_test(an_app_can_see_who_is_healthy),
          cmocka_unit_test(calls_wait_for_the_first_checks_and_not_longer),
          cmocka_unit_test(who_waits_for_the_mesh_waits_for_the_first_checks),
          cmocka_unit_test(if_none_passes_calls_are_refused_at_once),
          cmocka_unit_test(thresholds_and_intervals_are_kept),
          cmocka_unit_test(a_cluster_without_traffic_is_checked_once_a_minute),
          cmocka_unit_test(a_check_that_hangs_ends_with_its_timeout),
          cmocka_unit_test(a_check_that_passes_ends_an_ejection),
          cmocka_unit_test(checks_end_with_the_mesh_that_asks_for_them),
          cmocka_unit_test(a_reload_keeps_what_was_found_out),
          cmocka_unit_test(who_joins_has_to_pass_first_and_who_leaves_is_not_asked),
          cmocka_unit_test(checks_that_are_new_or_gone_take_nobody_out_and_let_all_back),
          cmocka_unit_test(many_endpoints_are_checked_a_few_at_a_time),
          TEST_OOM(checks_survive_running_out_of_memory))
