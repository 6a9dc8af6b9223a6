/* SPDX-License-Identifier: Apache-2.0 */

/* Cancel and free, wherever a call stands: each completes exactly once. */

#include "harness/world.h"
#include "scenario/reviews.h"

#define IN_FLIGHT "tulle_requests_in_flight{" CLUSTER "}"

static void was_cancelled_once(const struct world_call *call, int progress)
{
    assert_true(call->result.done);
    assert_int_equal(call->result.completions, 1);
    assert_int_equal(call->result.error, TULLE_E_CANCELLED);
    assert_int_equal(call->result.status, 499);
    assert_int_equal(call->result.failure.progress, progress);
    assert_string_equal(call->result.failure.flags, "DC");
    assert_string_equal(call->result.failure.text, "the app cancelled it");
}

static void nothing_is_left(struct test_world *world)
{
    world_advance(world, NS_PER_S);
    assert_true(world_metric(world, IN_FLIGHT) == 0);
    assert_true(world_metric(world, "tulle_pending{" CLUSTER "}") == 0);
    assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 0);
}

static void before_it_began(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    tulle_call_cancel(call.call);
    assert_false(call.result.done);
    world_run(world);
    CHECK_OR_DONE(call.result.error == TULLE_E_CANCELLED);
    assert_int_equal(call.result.completions, 1);
    assert_int_equal(world_requests(world, NULL), 0);
done:
    world_call_free(&call);
    world_close(world);
}

static void before_the_head(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    world_advance(world, NS_PER_S);
    CHECK_OR_DONE(!call.result.done);
    tulle_call_cancel(call.call);
    world_run(world);
    CHECK_OR_DONE(call.result.error == TULLE_E_CANCELLED);
    was_cancelled_once(&call, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
done:
    world_call_free(&call);
    world_close(world);
}

static void while_it_connects(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .connect_ns = 5 * NS_PER_S);
    assert_true(world_start_get(world, URL, &call));
    world_advance(world, NS_PER_S);
    tulle_call_cancel(call.call);
    world_run(world);
    assert_int_equal(call.result.error, TULLE_E_CANCELLED);
    assert_int_equal(world_requests(world, NULL), 0);
    nothing_is_left(world);
    world_call_free(&call);
    world_close(world);
}

static void in_the_body(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call = { 0 };

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .body_size = 1000, .chunk_size = 10, .chunk_ns = NS_PER_S);
    CHECK_OR_DONE(world_start_get(world, URL, &call));
    world_advance(world, 5 * NS_PER_S);
    CHECK_OR_DONE(!call.result.done);
    tulle_call_cancel(call.call);
    world_run(world);
    CHECK_OR_DONE(call.result.error == TULLE_E_CANCELLED);
    was_cancelled_once(&call, TULLE_ANSWERED);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
done:
    world_call_free(&call);
    world_close(world);
}

static void in_a_backoff(void **state)
{
    struct test_world *world =
        world_open(ONE RETRIES("attempts: 1, backoff: 1000s, retryOn: reset"), NULL);
    struct world_call call;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    assert_true(START(world, &call, .method = "GET", .deadline_ns = TULLE_NONE));
    world_advance(world, 10 * NS_PER_MS);
    assert_true(world_metric(world, "tulle_retries_in_flight{" CLUSTER "}") == 1);
    tulle_call_cancel(call.call);
    world_run(world);
    was_cancelled_once(&call, TULLE_PERHAPS_EXECUTED);
    assert_int_equal(call.result.attempts, 1);
    nothing_is_left(world);
    world_call_free(&call);
    world_close(world);
}

static void while_it_waits_in_line(void **state)
{
    struct test_world *world =
        world_open(ONE POOL("tcp: {maxConnections: 1}"),
                   &(struct tulle_options){ TULLE_OPTIONS_INIT, .loops = 1 });
    struct world_call calls[4];

    (void)state;
    world_answer(world, FIRST, .delay_ns = NS_PER_S);
    for (size_t i = 0; i < 4; i++) {
        assert_true(world_start_get(world, URL, &calls[i]));
    }
    world_advance(world, 10 * NS_PER_MS);
    tulle_call_cancel(calls[1].call);
    tulle_call_cancel(calls[3].call);
    world_run(world);
    was_cancelled_once(&calls[1], TULLE_NOTHING_SENT);
    was_cancelled_once(&calls[3], TULLE_NOTHING_SENT);
    world_finish(&calls[0]);
    world_finish(&calls[2]);
    assert_int_equal(calls[2].result.error, TULLE_OK);
    assert_int_equal(world_requests(world, NULL), 2);
    nothing_is_left(world);
    for (size_t i = 0; i < 4; i++) {
        world_call_free(&calls[i]);
    }
    world_close(world);
}

static void while_it_waits_for_an_endpoint(void **state)
{
    struct test_world *world = world_open(SERVICE(HTTP_80, ""), NULL);
    struct world_call call;

    (void)state;
    assert_true(world_start_get(world, URL, &call));
    world_advance(world, NS_PER_S);
    tulle_call_cancel(call.call);
    world_run(world);
    was_cancelled_once(&call, TULLE_NOTHING_SENT);
    nothing_is_left(world);
    world_call_free(&call);
    world_close(world);
}

/* A completion that outlives the handle of its call. */
struct completion {
    unsigned count;
    enum tulle_error error;
};

static void note_completion(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct completion *completion = user;

    assert_non_null(call);
    completion->count++;
    completion->error = error;
}

static void freeing_it_before_the_end_cancels(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct completion completion = { 0 };
    struct tulle_call *call;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    CHECK_OK(tulle_call_start(world->mesh, &request, note_completion, &completion, &call));
    world_advance(world, NS_PER_S);
    tulle_call_free(call);
    world_advance(world, NS_PER_S);
    assert_int_equal(completion.count, 1);
    CHECK(completion.error == TULLE_E_CANCELLED);
    assert_int_equal(world_endpoint(world, FIRST)->open, 0);
done:
    world_close(world);
}

static void free_in_completion(struct tulle_call *call, enum tulle_error error, void *user)
{
    note_completion(call, error, user);
    tulle_call_cancel(call);
    tulle_call_free(call);
}

static void it_may_be_freed_in_its_own_completion(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct completion completion = { 0 };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(
        tulle_call_start(world->mesh, &request, free_in_completion, &completion, &call), TULLE_OK);
    world_advance(world, NS_PER_S);
    assert_int_equal(completion.count, 1);
    assert_int_equal(completion.error, TULLE_OK);
    world_close(world);
}

static void after_the_end_it_does_nothing(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    assert_true(world_start_get(world, URL, &call));
    world_finish(&call);
    tulle_call_cancel(call.call);
    tulle_call_cancel(call.call);
    world_advance(world, NS_PER_S);
    assert_int_equal(call.result.completions, 1);
    assert_int_equal(call.result.error, TULLE_OK);
    assert_int_equal(world_endpoint(world, FIRST)->open, 1);
    assert_int_equal(tulle_reply_status(tulle_call_reply(call.call)), 200);
    assert_null(tulle_call_failure(call.call));
    world_call_free(&call);
    world_close(world);
}

static void closing_the_mesh_cancels_what_is_in_flight(void **state)
{
    struct test_world *world = world_open(ONE POOL("tcp: {maxConnections: 2}"), NULL);
    struct world_call calls[6];

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_true(START(world, &calls[i], .method = "GET", .deadline_ns = TULLE_NONE));
    }
    world_advance(world, NS_PER_S);
    assert_int_equal(tulle_close(world->mesh), TULLE_OK);
    world->mesh = NULL;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_int_equal(calls[i].result.completions, 1);
        assert_int_equal(calls[i].result.error, TULLE_E_CANCELLED);
        assert_string_equal(calls[i].result.failure.text, "the mesh was closed");
        assert_int_equal(tulle_call_failure(calls[i].call)->status, 499);
        world_call_free(&calls[i]);
    }
    world_close(world);
}

/* Where a call has just started when the mesh closes. */
static void closing_the_mesh_ends_those_that_have_not_begun(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct world_call call;

    (void)state;
    assert_true(world_start_get(world, URL, &call));
    assert_int_equal(tulle_close(world->mesh), TULLE_OK);
    world->mesh = NULL;
    assert_int_equal(call.result.completions, 1);
    assert_int_equal(call.result.error, TULLE_E_CANCELLED);
    world_call_free(&call);
    world_close(world);
}

struct chain {
    struct test_world *world;
    struct tulle_call *next;
    enum tulle_error started;
    unsigned ends;
};

static void end_of_chain(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct chain *chain = user;

    (void)error;
    chain->ends++;
    tulle_call_free(call);
}

static void start_another(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct chain *chain = user;

    (void)error;
    chain->started =
        tulle_call_start(chain->world->mesh, &request, end_of_chain, chain, &chain->next);
    tulle_call_free(call);
}

static void a_completion_may_start_the_next_call_but_not_while_the_mesh_closes(void **state)
{
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct chain chain = { .world = world };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(world->mesh, &request, start_another, &chain, &call),
                     TULLE_OK);
    world_advance(world, NS_PER_S);
    assert_int_equal(chain.started, TULLE_OK);
    assert_int_equal(chain.ends, 1);
    assert_int_equal(tulle_call_start(world->mesh, &request, start_another, &chain, &call),
                     TULLE_OK);
    assert_int_equal(tulle_close(world->mesh), TULLE_OK);
    world->mesh = NULL;
    assert_int_equal(chain.started, TULLE_E_CLOSED);
    assert_null(chain.next);
    world_close(world);
}

TEST_MAIN(TEST_OOM(before_it_began), TEST_OOM(before_the_head), cmocka_unit_test(while_it_connects),
          TEST_OOM(in_the_body), cmocka_unit_test(in_a_backoff),
          cmocka_unit_test(while_it_waits_in_line),
          cmocka_unit_test(while_it_waits_for_an_endpoint),
          TEST_OOM(freeing_it_before_the_end_cancels),
          cmocka_unit_test(it_may_be_freed_in_its_own_completion),
          cmocka_unit_test(after_the_end_it_does_nothing),
          cmocka_unit_test(closing_the_mesh_cancels_what_is_in_flight),
          cmocka_unit_test(closing_the_mesh_ends_those_that_have_not_begun),
          cmocka_unit_test(a_completion_may_start_the_next_call_but_not_while_the_mesh_closes))
