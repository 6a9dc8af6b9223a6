/* SPDX-License-Identifier: Apache-2.0 */

/* Completions as events, and the app's own loop, on a virtual clock. */

#include "harness/world.h"
#include "scenario/reviews.h"

static const struct tulle_options threadless = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT };

static enum tulle_error start(struct test_world *world, struct tulle_queue *queue, void *user,
                              struct tulle_call **out)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL, .queue = queue };

    return tulle_call_start(world->mesh, &request, NULL, user, out);
}

static void the_end_of_a_call_is_an_event(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_queue *queue = NULL;
    struct tulle_call *call = NULL;
    struct tulle_event event;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_queue_new(&queue));
    CHECK_OK(start(world, queue, &world, &call));
    assert_int_equal(tulle_queue_take(queue, &event, 1), 0);
    world_advance(world, NS_PER_S);
    assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
    assert_ptr_equal(event.call, call);
    assert_ptr_equal(event.user, &world);
    assert_int_equal(event.kind, TULLE_EVENT_END);
    CHECK_OK(event.error);
    assert_int_equal(tulle_reply_status(tulle_call_reply(call)), 200);
done:
    tulle_call_free(call);
    if (world) {
        world_close(world);
    }
    tulle_queue_free(queue);
}

static void whoever_is_freed_first_the_others_go_on(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_call *calls[3] = { NULL };
    struct tulle_queue *queue = NULL;
    struct tulle_event event;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_queue_new(&queue));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(start(world, queue, NULL, &calls[i]));
    }
    tulle_call_free(calls[0]);
    calls[0] = NULL;
    world_advance(world, NS_PER_S);
    assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
    assert_true(event.call == calls[1] || event.call == calls[2]);
    tulle_queue_free(queue);
    queue = NULL;
    CHECK(tulle_call_reply(calls[2]) != NULL);
done:
    for (int i = 0; i < 3; i++) {
        tulle_call_free(calls[i]);
    }
    if (world) {
        world_close(world);
    }
    tulle_queue_free(queue);
}

static void closing_ends_what_is_in_flight_with_an_event(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_queue *queue = NULL;
    struct tulle_call *call = NULL;
    struct tulle_event event;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_queue_new(&queue));
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    CHECK_OK(start(world, queue, NULL, &call));
    world_advance(world, NS_PER_S);
    world_close(world);
    world = NULL;
    assert_int_equal(tulle_queue_take(queue, &event, 1), 1);
    CHECK(event.error == TULLE_E_CANCELLED);
done:
    tulle_call_free(call);
    if (world) {
        world_close(world);
    }
    tulle_queue_free(queue);
}

/* Nothing but tulle_due() says how far to turn the clock, nothing but tulle_run() runs. */
static void the_app_turns_the_clock_and_runs_the_mesh(void **state)
{
    struct test_world *world = world_open(ONE, &threadless);
    struct tulle_queue *queue = NULL;
    struct tulle_call *call = NULL;
    struct tulle_event event = { .kind = 0 };

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_queue_new(&queue));
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    CHECK_OK(start(world, queue, NULL, &call));
    assert_int_equal(tulle_fd(world->mesh), -1);
    for (int64_t from = world->now; tulle_queue_take(queue, &event, 1) == 0;) {
        assert_true(world->now - from < 40 * NS_PER_S);
        world->now += tulle_due(world->mesh);
        assert_int_equal(tulle_run(world->mesh), TULLE_OK);
    }
    CHECK_OK(event.error);
done:
    tulle_call_free(call);
    if (world) {
        world_close(world);
    }
    tulle_queue_free(queue);
}

TEST_MAIN(TEST_OOM(the_end_of_a_call_is_an_event),
          TEST_OOM(whoever_is_freed_first_the_others_go_on),
          TEST_OOM(closing_ends_what_is_in_flight_with_an_event),
          TEST_OOM(the_app_turns_the_clock_and_runs_the_mesh))
