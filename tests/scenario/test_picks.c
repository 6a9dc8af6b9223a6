/* SPDX-License-Identifier: Apache-2.0 */

/* Picks: the mesh chooses, the program speaks to the endpoint itself. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>
#include <stdlib.h>

#define IN_FLIGHT  "tulle_requests_in_flight{" CLUSTER "}"
#define UNREPORTED "tulle_picks_unreported_total{" CLUSTER "}"

/* A pick under way, and what was heard of it. */
struct taken {
    struct tulle_pick *pick;
    unsigned decisions;
    enum tulle_error error;
};

static void taken_decided(struct tulle_pick *pick, enum tulle_error error, void *user)
{
    struct taken *taken = user;

    (void)pick;
    taken->decisions++;
    taken->error = error;
}

static enum tulle_error take(struct test_world *world, const struct tulle_pick_request *request,
                             struct taken *taken)
{
    enum tulle_error error;

    *taken = (struct taken){ 0 };
    error = tulle_pick_start(world->mesh, request, taken_decided, taken, &taken->pick);
    if (error == TULLE_OK) {
        world_run(world);
    }
    return error;
}

#define TAKE(world, taken, ...)                                                                    \
    take(world,                                                                                    \
         &(struct tulle_pick_request){ .size = sizeof(struct tulle_pick_request), __VA_ARGS__ },   \
         taken)

static void give(struct test_world *world, struct taken *taken, int32_t error, int32_t status)
{
    tulle_pick_done(taken->pick,
                    &(struct tulle_pick_result){ TULLE_PICK_RESULT_INIT, error, status });
    world_run(world);
}

static unsigned in_flight(struct test_world *world)
{
    return (unsigned)world_metric(world, IN_FLIGHT);
}

static void a_pick_has_an_endpoint_until_it_is_reported(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct taken taken = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(TAKE(world, &taken, .url = URL));
    CHECK(taken.decisions == 1);
    CHECK_OK(taken.error);
    CHECK(strcmp(tulle_pick_address(taken.pick), FIRST) == 0);
    CHECK(strcmp(tulle_pick_cluster(taken.pick),
                 "outbound|80||reviews.default.svc.cluster.local") == 0);
    CHECK(tulle_pick_failure(taken.pick) == NULL);
    CHECK(in_flight(world) == 1);
    give(world, &taken, TULLE_OK, 0);
    taken.pick = NULL;
    CHECK(in_flight(world) == 0);
    CHECK(world_requests(world, NULL) == 0);
    CHECK(world_metric(world, UNREPORTED) == 0);
done:
    tulle_pick_done(taken.pick, NULL);
    world_close(world);
}

static void reports_eject_as_answers_do(void **state)
{
    struct test_world *world =
        world_open(REVIEWS OUTLIER("interval: 10s, maxEjectionPercent: 100"), NULL);
    struct taken taken;

    (void)state;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(TAKE(world, &taken, .url = URL), TULLE_OK);
        assert_int_equal(taken.error, TULLE_OK);
        if (strcmp(tulle_pick_address(taken.pick), SECOND) == 0) {
            give(world, &taken, i % 2 ? TULLE_E_NETWORK : TULLE_OK, 503);
        } else {
            give(world, &taken, TULLE_OK, 200);
        }
    }
    assert_string_equal(world_gate(world, SECOND), "ejected");
    assert_string_equal(world_gate(world, FIRST), "ready");
    world_advance(world, TULLE_S(41));
    assert_string_equal(world_gate(world, SECOND), "ready");
    world_close(world);
}

static void what_was_cancelled_is_nobodys_fault(void **state)
{
    struct test_world *world = world_open(ONE OUTLIER("maxEjectionPercent: 100"), NULL);
    struct taken taken;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(TAKE(world, &taken, .url = URL), TULLE_OK);
        give(world, &taken, TULLE_E_CANCELLED, 0);
    }
    assert_string_equal(world_gate(world, FIRST), "ready");
    assert_int_equal(in_flight(world), 0);
    world_close(world);
}

/* Every hundredth of ten thousand is forgotten. */
static void the_forgotten_count_as_failed_and_are_named_once(void **state)
{
    enum { PICKS = 10000, EACH = 100, AT_ONCE = 50 };
    struct test_world *world = world_open(REVIEWS, NULL);
    struct taken forgotten[PICKS / EACH], taken[AT_ONCE];
    unsigned shares[3] = { 0 }, count = 0;
    char *first;

    (void)state;
    for (int i = 0; i < PICKS; i++) {
        struct taken *each = &taken[i % AT_ONCE];

        if (i >= AT_ONCE && each->pick) {
            give(world, each, TULLE_OK, 200);
        }
        assert_int_equal(
            TAKE(world, each, .url = URL, .deadline_ns = TULLE_S(1), .place = "shop.c:12"),
            TULLE_OK);
        assert_int_equal(each->error, TULLE_OK);
        shares[tulle_pick_address(each->pick)[7] - '1']++;
        if (i % EACH == 0) {
            forgotten[count++] = *each;
            each->pick = NULL;
        }
        if (i % 10 == 0) {
            world_advance(world, TULLE_MS(1));
        }
    }
    for (int i = 0; i < AT_ONCE; i++) {
        if (taken[i].pick) {
            give(world, &taken[i], TULLE_OK, 200);
        }
    }
    world_advance(world, TULLE_S(1));
    assert_int_equal(in_flight(world), 0);
    assert_int_equal((unsigned)world_metric(world, UNREPORTED), PICKS / EACH);
    for (int i = 0; i < 3; i++) {
        assert_in_range(shares[i], PICKS / 3 - PICKS / 20, PICKS / 3 + PICKS / 20);
    }
    first = strstr(world->log, "shop.c:12");
    assert_non_null(first);
    assert_null(strstr(first + 1, "shop.c:12"));
    for (unsigned i = 0; i < count; i++) {
        tulle_pick_done(forgotten[i].pick, NULL);
    }
    world_close(world);
}

static void a_limit_refuses_and_names_itself(void **state)
{
    struct test_world *world = world_open(ONE POOL("http: {http2MaxRequests: 1}"), NULL);
    struct taken one = { 0 }, two = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(TAKE(world, &one, .url = URL));
    CHECK_OK(one.error);
    CHECK_OK(TAKE(world, &two, .url = URL));
    CHECK(two.error == TULLE_E_LIMIT);
    CHECK(tulle_pick_failure(two.pick) && strcmp(tulle_pick_failure(two.pick)->flags, "UO") == 0);
    CHECK(strcmp(tulle_pick_address(two.pick), "") == 0);
done:
    tulle_pick_done(one.pick, NULL);
    tulle_pick_done(two.pick, NULL);
    world_close(world);
}

static void one_that_waits_is_decided_when_another_is_reported(void **state)
{
    struct test_world *world =
        world_open(ONE POOL("tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}"), NULL);
    struct taken one, two, three;

    (void)state;
    assert_int_equal(TAKE(world, &one, .url = URL), TULLE_OK);
    assert_int_equal(TAKE(world, &two, .url = URL), TULLE_OK);
    assert_int_equal(two.decisions, 0);
    assert_string_equal(tulle_pick_address(two.pick), "");
    assert_int_equal(TAKE(world, &three, .url = URL), TULLE_OK);
    assert_int_equal(three.error, TULLE_E_LIMIT);
    give(world, &one, TULLE_OK, 0);
    assert_int_equal(two.decisions, 1);
    assert_int_equal(two.error, TULLE_OK);
    give(world, &two, TULLE_OK, 0);
    tulle_pick_done(three.pick, NULL);
    assert_int_equal(in_flight(world), 0);
    world_close(world);
}

static void one_that_is_given_back_before_its_decision_is_cancelled(void **state)
{
    struct test_world *world =
        world_open(ONE POOL("tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}"), NULL);
    struct taken one, two;

    (void)state;
    assert_int_equal(TAKE(world, &one, .url = URL), TULLE_OK);
    assert_int_equal(TAKE(world, &two, .url = URL), TULLE_OK);
    tulle_pick_done(two.pick, NULL);
    world_run(world);
    assert_int_equal(two.decisions, 1);
    assert_int_equal(two.error, TULLE_E_CANCELLED);
    give(world, &one, TULLE_OK, 0);
    assert_int_equal(in_flight(world), 0);
    world_close(world);
}

static void a_name_outside_the_mesh_is_refused(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct taken taken;

    (void)state;
    assert_int_equal(TAKE(world, &taken, .url = "http://elsewhere.example/"), TULLE_OK);
    assert_int_equal(taken.error, TULLE_E_REFUSED);
    assert_non_null(strstr(tulle_pick_failure(taken.pick)->text, "nothing to pick"));
    tulle_pick_done(taken.pick, NULL);
    world_close(world);
}

static void a_queue_takes_the_decision(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_queue *queue = NULL;
    struct tulle_pick *pick = NULL;
    struct tulle_event event;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_queue_new(&queue));
    CHECK_OK(tulle_pick_start(
        world->mesh, &(struct tulle_pick_request){ TULLE_PICK_INIT, .url = URL, .queue = queue },
        NULL, world, &pick));
    world_run(world);
    CHECK(tulle_queue_take(queue, &event, 1) == 1);
    CHECK(event.pick == pick && event.call == NULL && event.user == world);
    CHECK(event.kind == TULLE_EVENT_END);
    CHECK_OK((enum tulle_error)event.error);
    CHECK(strcmp(tulle_pick_address(pick), FIRST) == 0);
done:
    tulle_pick_done(pick, NULL);
    tulle_queue_free(queue);
    world_close(world);
}

static void who_hears_of_it_is_said_once(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_queue *queue = NULL;
    struct taken taken;
    struct tulle_pick *pick;

    (void)state;
    assert_int_equal(tulle_queue_new(&queue), TULLE_OK);
    assert_int_equal(TAKE(world, &taken, .url = URL, .queue = queue), TULLE_E_USAGE);
    assert_null(taken.pick);
    assert_int_equal(tulle_pick_start(world->mesh,
                                      &(struct tulle_pick_request){ TULLE_PICK_INIT, .url = URL },
                                      NULL, NULL, &pick),
                     TULLE_E_USAGE);
    assert_int_equal(TAKE(world, &taken, .url = "reviews"), TULLE_E_USAGE);
    tulle_queue_free(queue);
    world_close(world);
}

/* The handle outlives the mesh. */
static void closing_gives_up_what_was_not_reported(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct taken taken;

    (void)state;
    assert_int_equal(TAKE(world, &taken, .url = URL, .deadline_ns = TULLE_NONE), TULLE_OK);
    world_close(world);
    assert_string_equal(tulle_pick_address(taken.pick), FIRST);
    tulle_pick_done(taken.pick, NULL);
}

TEST_MAIN(TEST_OOM(a_pick_has_an_endpoint_until_it_is_reported),
          cmocka_unit_test(reports_eject_as_answers_do),
          cmocka_unit_test(what_was_cancelled_is_nobodys_fault),
          cmocka_unit_test(the_forgotten_count_as_failed_and_are_named_once),
          TEST_OOM(a_limit_refuses_and_names_itself),
          cmocka_unit_test(one_that_waits_is_decided_when_another_is_reported),
          cmocka_unit_test(one_that_is_given_back_before_its_decision_is_cancelled),
          cmocka_unit_test(a_name_outside_the_mesh_is_refused),
          TEST_OOM(a_queue_takes_the_decision), cmocka_unit_test(who_hears_of_it_is_said_once),
          cmocka_unit_test(closing_gives_up_what_was_not_reported))
