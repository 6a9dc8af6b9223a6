/* SPDX-License-Identifier: Apache-2.0 */

/* A folder that is edited while calls run: what changes, what survives. */

#include "harness/world.h"
#include "scenario/reviews.h"

struct mesh_folder {
    char *path;
    struct test_world *world;
};

/* What is written shows up at the next look at the folder, which lies in real
 * time; the rest is virtual. */
static void edit(struct mesh_folder *folder, const char *name, const char *text)
{
    test_folder_write(folder->path, name, text);
    world_advance(folder->world, 3 * NS_PER_S);
}

static bool folder_open(struct mesh_folder *folder, const char *yaml)
{
    folder->path = test_folder_new();
    test_folder_write(folder->path, "mesh.yaml", yaml);
    folder->world = world_open(
        NULL, &(struct tulle_options){ TULLE_OPTIONS_INIT, .config = folder->path, .loops = 1 });
    return folder->world != NULL;
}

static void folder_close(struct mesh_folder *folder)
{
    world_close(folder->world);
    test_folder_free(folder->path);
}

#define SHARES(one, two)                                                                           \
    REVIEWS RULE(SUBSETS)                                                                          \
        ROUTE("  - route:\n"                                                                       \
              "    - {destination: {host: reviews, subset: v1}, weight: " one "}\n"                \
              "    - {destination: {host: reviews, subset: v2}, weight: " two "}\n")

static void an_edit_shifts_the_routes(void **state)
{
    struct mesh_folder folder = { 0 };
    struct test_world *world;

    (void)state;
    CHECK_OR_DONE(folder_open(&folder, SHARES("1", "0")));
    world = folder.world;
    world_get(world, URL);
    CHECK_OK(world->last.error);
    assert_string_not_equal(world->last.endpoint, THIRD);
    edit(&folder, "mesh.yaml", SHARES("0", "1"));
    world_get(world, URL);
    CHECK_OK(world->last.error);
    CHECK(strcmp(world->last.endpoint, THIRD) == 0);
    CHECK(world_metric(world, "tulle_config_loads_total") == 2);
    CHECK(world_metric(world, "tulle_config_errors") == 0);
done:
    folder_close(&folder);
}

static void a_call_keeps_the_mesh_it_began_with(void **state)
{
    struct mesh_folder folder;
    struct world_call call;

    (void)state;
    folder_open(&folder, ONE RETRIES("attempts: 2, retryOn: 5xx, backoff: 20s"));
    world_answer(folder.world, FIRST, .status = 503, .delay_ns = 4 * NS_PER_S);
    assert_true(START(folder.world, &call, .method = "GET", .deadline_ns = TULLE_NONE));
    edit(&folder, "mesh.yaml", ONE RETRIES("attempts: 0"));
    world_finish(&call);
    assert_int_equal(call.result.attempts, 3);
    world_get(folder.world, URL);
    assert_int_equal(folder.world->last.attempts, 1);
    world_call_free(&call);
    folder_close(&folder);
}

#define EJECTING OUTLIER("consecutive5xxErrors: 1, baseEjectionTime: 600s, maxEjectionPercent: 100")

static void ejections_and_connections_survive(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;

    (void)state;
    folder_open(&folder, REVIEWS EJECTING);
    world = folder.world;
    world_answer(world, FIRST, .status = 500, .times = 1);
    for (int i = 0; i < 30; i++) {
        world_get(world, URL);
    }
    assert_string_equal(world_gate(world, FIRST), "ejected");
    edit(&folder, "mesh.yaml", REVIEWS EJECTING TIMEOUT("9s"));
    assert_true(world_metric(world, "tulle_config_generation") == 2);
    assert_string_equal(world_gate(world, FIRST), "ejected");
    for (int i = 0; i < 30; i++) {
        world_get(world, URL);
    }
    assert_int_equal(world_requests(world, FIRST), 1);
    assert_int_equal(world_endpoint(world, SECOND)->opened, 1);
    assert_int_equal(world_endpoint(world, THIRD)->opened, 1);
    folder_close(&folder);
}

static void connections_of_endpoints_that_leave_are_closed_within_a_second(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;
    unsigned generation = 1;

    (void)state;
    folder_open(&folder, REVIEWS);
    world = folder.world;
    for (int i = 0; i < 30; i++) {
        world_get(world, URL);
    }
    assert_int_equal(world->script.open, 3);
    test_folder_write(folder.path, "mesh.yaml", ONE);
    while (world_metric(world, "tulle_config_generation") < generation + 1) {
        world_advance(world, 10 * NS_PER_MS);
    }
    world_advance(world, NS_PER_S);
    assert_int_equal(world_endpoint(world, FIRST)->open, 1);
    assert_int_equal(world_endpoint(world, SECOND)->open, 0);
    assert_int_equal(world_endpoint(world, THIRD)->open, 0);
    assert_string_equal(world_gate(world, SECOND), "");
    world_get(world, URL);
    assert_string_equal(world->last.endpoint, FIRST);
    folder_close(&folder);
}

static void an_exchange_on_an_endpoint_that_leaves_ends_well(void **state)
{
    struct mesh_folder folder;
    struct world_call call;

    (void)state;
    folder_open(&folder, SERVICE(HTTP_80, "{address: 10.0.0.2}"));
    world_answer(folder.world, SECOND, .delay_ns = 20 * NS_PER_S);
    assert_true(world_start_get(folder.world, URL, &call));
    world_run(folder.world);
    edit(&folder, "mesh.yaml", ONE);
    assert_int_equal(world_endpoint(folder.world, SECOND)->open, 1);
    world_finish(&call);
    assert_int_equal(call.result.status, 200);
    world_advance(folder.world, NS_PER_S);
    assert_int_equal(world_endpoint(folder.world, SECOND)->open, 0);
    world_call_free(&call);
    folder_close(&folder);
}

static void a_service_that_leaves_is_gone_with_all_it_had(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;

    (void)state;
    folder_open(&folder, ONE);
    world = folder.world;
    world_get(world, URL);
    edit(&folder, "mesh.yaml", "");
    world_advance(world, NS_PER_S);
    assert_int_equal(world->script.open, 0);
    world_answer(world, "reviews:80", .body = "outside");
    world_get(world, URL);
    assert_string_equal(world->last.body, "outside");
    edit(&folder, "mesh.yaml", ONE);
    world_get(world, URL);
    assert_string_equal(world->last.endpoint, FIRST);
    folder_close(&folder);
}

static void the_first_endpoint_lets_those_go_who_wait_for_one(void **state)
{
    struct mesh_folder folder;
    struct world_call calls[3];

    (void)state;
    folder_open(&folder, SERVICE(HTTP_80, ""));
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(world_start_get(folder.world, URL, &calls[i]));
    }
    world_advance(folder.world, NS_PER_S);
    edit(&folder, "mesh.yaml", ONE);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(calls[i].result.done);
        assert_int_equal(calls[i].result.error, TULLE_OK);
        assert_string_equal(calls[i].result.endpoint, FIRST);
        world_call_free(&calls[i]);
    }
    folder_close(&folder);
}

static void a_bad_edit_keeps_the_last_good_and_is_told(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;

    (void)state;
    folder_open(&folder, ONE TIMEOUT("2s"));
    world = folder.world;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    edit(&folder, "mesh.yaml", ONE ROUTE(TO_REVIEWS "    timeouts: 1s\n"));
    world_get(world, URL);
    assert_int_equal(world->last.ended_at - world->last.started_at, 2 * NS_PER_S);
    if (!strstr(world->log, "mesh.yaml:18:5: ") || !strstr(world->log, "timeouts")) {
        fail_msg("%s", world->log);
    }
    assert_true(world_metric(world, "tulle_config_refused_total") == 1);
    assert_true(world_metric(world, "tulle_config_errors") == 1);
    edit(&folder, "mesh.yaml", ONE TIMEOUT("3s"));
    world_get(world, URL);
    assert_int_equal(world->last.ended_at - world->last.started_at, 3 * NS_PER_S);
    assert_true(world_metric(world, "tulle_config_errors") == 0);
    folder_close(&folder);
}

/* The rest of the folder goes on. */
static void only_the_bad_resource_stays_behind(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;

    (void)state;
    folder_open(&folder, REVIEWS);
    world = folder.world;
    edit(&folder, "bad.yaml", "apiVersion: v1\nkind: [");
    edit(&folder, "rule.yaml", POOL("tcp: {maxConnections: 1}"));
    assert_true(world_metric(world, "tulle_config_errors") == 1);
    for (int i = 0; i < 9; i++) {
        world_get(world, URL);
        assert_int_equal(world->last.status, 200);
    }
    assert_int_equal(world->script.most_open, 1);
    folder_close(&folder);
}

static void limits_may_change_under_calls_that_wait(void **state)
{
    struct mesh_folder folder;
    struct world_call calls[6];

    (void)state;
    folder_open(&folder, ONE POOL("tcp: {maxConnections: 1}"));
    world_answer(folder.world, FIRST, .delay_ns = 4 * NS_PER_S);
    for (size_t i = 0; i < 3; i++) {
        assert_true(world_start_get(folder.world, URL, &calls[i]));
    }
    edit(&folder, "mesh.yaml", ONE POOL("tcp: {maxConnections: 4}"));
    for (size_t i = 3; i < COUNT_OF(calls); i++) {
        assert_true(world_start_get(folder.world, URL, &calls[i]));
    }
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_finish(&calls[i]);
        assert_int_equal(calls[i].result.error, TULLE_OK);
        world_call_free(&calls[i]);
    }
    assert_in_range(world_endpoint(folder.world, FIRST)->most_open, 2, 4);
    folder_close(&folder);
}

static void the_end_of_outlier_detection_lets_everybody_back(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;

    (void)state;
    folder_open(&folder, ONE EJECTING);
    world = folder.world;
    world_answer(world, FIRST, .status = 500, .times = 1);
    world_get(world, URL);
    world_get(world, URL);
    assert_int_equal(world->last.error, TULLE_E_NO_ENDPOINT);
    edit(&folder, "mesh.yaml", ONE);
    world_get(world, URL);
    assert_int_equal(world->last.status, 200);
    folder_close(&folder);
}

/* One who waited under the old limits meets what came in under the new. */
static void one_who_waited_may_be_refused_when_his_turn_comes(void **state)
{
    struct mesh_folder folder;
    struct world_call calls[3];

    (void)state;
    folder_open(&folder, ONE POOL("tcp: {maxConnections: 1}, http: {http2MaxRequests: 1}"));
    world_answer(folder.world, FIRST, .delay_ns = 10 * NS_PER_S);
    assert_true(world_start_get(folder.world, URL, &calls[0]));
    assert_true(world_start_get(folder.world, URL, &calls[1]));
    edit(&folder, "mesh.yaml", ONE);
    assert_true(world_start_get(folder.world, URL, &calls[2]));
    world_finish(&calls[1]);
    assert_int_equal(calls[0].result.error, TULLE_OK);
    assert_int_equal(calls[1].result.error, TULLE_E_LIMIT);
    assert_string_equal(calls[1].result.failure.text, "http2MaxRequests of 1 is reached");
    assert_string_equal(calls[1].result.failure.flags, "UO");
    world_finish(&calls[2]);
    assert_int_equal(calls[2].result.error, TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        world_call_free(&calls[i]);
    }
    folder_close(&folder);
}

#define STRICT_FOR_LONG                                                                            \
    OUTLIER("consecutive5xxErrors: 1, interval: 1000s, baseEjectionTime: 1000s, "                  \
            "maxEjectionPercent: 100")

/* As a host does that Envoy is told of again, even while an old call is still on it. */
static void an_endpoint_that_left_comes_back_as_a_new_one(void **state)
{
    struct mesh_folder folder;
    struct world_call hangs, waits;

    (void)state;
    folder_open(&folder, ONE STRICT_FOR_LONG);
    world_answer(folder.world, FIRST, .kind = SCRIPT_HANG, .times = 1);
    world_answer(folder.world, FIRST, .status = 500);
    assert_true(START(folder.world, &hangs, .method = "GET", .deadline_ns = TULLE_NONE));
    world_run(folder.world);
    world_get(folder.world, URL);
    assert_string_equal(world_gate(folder.world, FIRST), "ejected");
    edit(&folder, "mesh.yaml", SERVICE(HTTP_80, "") STRICT_FOR_LONG);
    assert_true(world_start_get(folder.world, URL, &waits));
    world_run(folder.world);
    assert_false(waits.result.done);
    edit(&folder, "mesh.yaml", ONE STRICT_FOR_LONG);
    world_advance(folder.world, NS_PER_S);
    assert_true(waits.result.done);
    assert_int_equal(waits.result.status, 500);
    assert_false(hangs.result.done);
    assert_int_equal(world_requests(folder.world, FIRST), 3);
    assert_string_equal(world_gate(folder.world, FIRST), "ejected");
    world_call_free(&hangs);
    world_call_free(&waits);
    folder_close(&folder);
}

/* Each in turn: two weights, a subset more, an endpoint less. */
static const char *const VERSIONS[] = {
    SHARES("90", "10"),
    SHARES("50", "50"),
    REVIEWS EJECTING,
    ONE,
    REVIEWS POOL("tcp: {maxConnections: 7}"),
};

static void a_hundred_reloads_fail_no_call_and_leave_nothing(void **state)
{
    struct mesh_folder folder;
    struct test_world *world;
    size_t blocks = 0;

    (void)state;
    folder_open(&folder, VERSIONS[0]);
    world = folder.world;
    for (size_t i = 1; i <= 100; i++) {
        test_folder_write(folder.path, "mesh.yaml", VERSIONS[i % COUNT_OF(VERSIONS)]);
        for (int j = 0; j < 10; j++) {
            world_advance(world, 100 * NS_PER_MS);
            world_get(world, URL);
            assert_int_equal(world->last.status, 200);
            assert_int_equal(world->last.attempts, 1);
        }
        if (i % COUNT_OF(VERSIONS) != 0) {
            continue;
        }
        world_advance(world, 2 * NS_PER_S);
        assert_true(i < 20 || test_memory_blocks() <= blocks + 4);
        blocks = i == 15 ? test_memory_blocks() : blocks;
    }
    assert_true(world_metric(world, "tulle_config_generation") == 101);
    assert_int_equal(world_endpoint(world, FIRST)->opened, 1);
    folder_close(&folder);
}

TEST_MAIN(TEST_OOM(an_edit_shifts_the_routes),
          cmocka_unit_test(a_call_keeps_the_mesh_it_began_with),
          cmocka_unit_test(ejections_and_connections_survive),
          cmocka_unit_test(connections_of_endpoints_that_leave_are_closed_within_a_second),
          cmocka_unit_test(an_exchange_on_an_endpoint_that_leaves_ends_well),
          cmocka_unit_test(a_service_that_leaves_is_gone_with_all_it_had),
          cmocka_unit_test(the_first_endpoint_lets_those_go_who_wait_for_one),
          cmocka_unit_test(a_bad_edit_keeps_the_last_good_and_is_told),
          cmocka_unit_test(only_the_bad_resource_stays_behind),
          cmocka_unit_test(limits_may_change_under_calls_that_wait),
          cmocka_unit_test(the_end_of_outlier_detection_lets_everybody_back),
          cmocka_unit_test(one_who_waited_may_be_refused_when_his_turn_comes),
          cmocka_unit_test(an_endpoint_that_left_comes_back_as_a_new_one),
          cmocka_unit_test(a_hundred_reloads_fail_no_call_and_leave_nothing))
