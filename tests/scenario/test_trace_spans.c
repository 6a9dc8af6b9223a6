/* SPDX-License-Identifier: Apache-2.0 */

/* Attempts as spans, scopes of threads, and how long a context lives. */

#include "scenario/traces.h"

#include <pthread.h>

/* --- attempts --- */

static void each_attempt_has_a_span_id_of_its_own(void **state)
{
    static const struct tulle_header headers[] = { { "traceparent", "00-" ID "-" PARENT "-01" },
                                                   { "b3", ID "-" PARENT "-1" } };
    static const char expected[] = "x-request-id: " UID "\n"
                                   "traceparent: 00-" ID "-" S16 "-01\n"
                                   "b3: " ID "-" S16 "-1-" PARENT "\n";
    struct spans spans = { .count = 0 };
    struct test_world *world =
        traces_open(ONE RETRIES("attempts: 2, retryOn: 503"), TULLE_TRACE_W3C, &spans);
    struct tulle_context *context = NULL;
    struct seen seen[3];
    size_t i;

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .status = 503, .times = 2);
    CHECK_OK(tulle_context_new(headers, COUNT_OF(headers), &context));
    SEND(world, .context = context);
    CHECK_OK(world->last.error);
    assert_int_equal(world->last.attempts, 3);
    assert_int_equal(spans.count, 3);
    for (i = 0; i < 3; i++) {
        seen[i] = traces_expect(world, i, expected);
        assert_int_equal(strncmp(seen[i].span, seen[i].span + 16, 16), 0);
        assert_int_equal(strncmp(seen[i].span, spans.each[i].span, 16), 0);
        assert_string_equal(seen[i].request, seen[0].request);
        assert_string_equal(spans.each[i].trace, ID);
        assert_string_equal(spans.each[i].parent, PARENT);
        assert_string_equal(spans.each[i].endpoint, FIRST);
        assert_int_equal(spans.each[i].attempt, i + 1);
        assert_int_equal(spans.each[i].status, i < 2 ? 503 : 200);
        assert_int_equal(spans.each[i].error, TULLE_OK);
        assert_int_equal(spans.each[i].sampled, 1);
        assert_int_equal(spans.each[i].end_ns - spans.each[i].start_ns, NS_PER_MS);
    }
    assert_string_not_equal(spans.each[0].span, spans.each[1].span);
    assert_string_not_equal(spans.each[1].span, spans.each[2].span);
    assert_string_equal(spans.each[0].method, "GET");
    assert_string_equal(spans.each[0].authority, "reviews");
    assert_string_equal(spans.each[0].path, "/ratings/7");
    assert_string_equal(spans.each[0].cluster, "outbound|80||reviews.default.svc.cluster.local");
done:
    tulle_context_free(context);
    world_close(world);
}

static void a_span_tells_how_its_attempt_failed(void **state)
{
    struct spans spans = { .count = 0 };
    struct test_world *world = traces_open(
        ONE RETRIES("attempts: 1, perTryTimeout: 0.25s, retryOn: 5xx"), TULLE_TRACE_B3, &spans);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, FIRST, .kind = SCRIPT_HANG, .times = 1);
    world_answer(world, FIRST, .kind = SCRIPT_RESET);
    SEND(world);
    CHECK_OR_DONE(world->last.error != TULLE_E_NOMEM);
    assert_int_equal(world->last.error, TULLE_E_NETWORK);
    assert_int_equal(spans.count, 2);
    assert_int_equal(spans.each[0].error, TULLE_E_TIMEOUT);
    assert_int_equal(spans.each[0].status, 504);
    assert_int_equal(spans.each[0].end_ns - spans.each[0].start_ns, 250 * NS_PER_MS);
    assert_int_equal(spans.each[1].error, TULLE_E_NETWORK);
    assert_int_equal(spans.each[1].status, 503);
    assert_string_equal(spans.each[0].trace, spans.each[1].trace);
    assert_string_equal(spans.each[0].parent, "");
    assert_int_equal(spans.each[0].sampled, -1);
done:
    world_close(world);
}

static void an_attempt_that_found_no_endpoint_is_a_span_without_one(void **state)
{
    struct spans spans = { .count = 0 };
    struct test_world *world =
        traces_open(ONE POOL("http: {http1MaxPendingRequests: 1}, tcp: {maxConnections: 1}"),
                    TULLE_TRACE_W3C, &spans);
    struct world_call calls[3];
    int i;

    (void)state;
    world_answer(world, FIRST, .kind = SCRIPT_HANG);
    for (i = 0; i < 3; i++) {
        assert_true(START(world, &calls[i], .retry = TULLE_RETRY_OFF));
    }
    world_run(world);
    assert_int_equal(spans.count, 1);
    assert_string_equal(spans.each[0].endpoint, "");
    assert_int_equal(spans.each[0].error, TULLE_E_LIMIT);
    assert_int_equal(spans.each[0].attempt, 1);
    for (i = 0; i < 3; i++) {
        world_call_free(&calls[i]);
    }
    assert_int_equal(spans.count, 3);
    world_close(world);
}

/* --- scopes --- */

static void a_scope_carries_on_what_names_no_context(void **state)
{
    static const struct tulle_header outer_headers[] = { { "b3", ID "-" PARENT "-1" } };
    static const struct tulle_header inner_headers[] = {
        { "b3", "0000000000000000000000000000000a-000000000000000b-0" }
    };
    struct test_world *world = traces_open(ONE, TULLE_TRACE_OFF, NULL);
    struct tulle_context *outer = NULL, *inner = NULL, *before = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(outer_headers, 1, &outer));
    CHECK_OK(tulle_context_new(inner_headers, 1, &inner));
    assert_null(tulle_scope_enter(outer));
    SEND(world);
    before = tulle_scope_enter(inner);
    assert_ptr_equal(before, outer);
    SEND(world);
    SEND(world, .context = outer);
    assert_ptr_equal(tulle_scope_enter(before), inner);
    SEND(world);
    assert_ptr_equal(tulle_scope_enter(NULL), outer);
    SEND(world);
    CHECK_OR_DONE(!test_oom_hit());
    traces_expect(world, 0, "b3: " ID "-" S16 "-1-" PARENT "\n");
    traces_expect(world, 1, "b3: 0000000000000000000000000000000a-" S16 "-0-000000000000000b\n");
    traces_expect(world, 2, "b3: " ID "-" S16 "-1-" PARENT "\n");
    traces_expect(world, 3, "b3: " ID "-" S16 "-1-" PARENT "\n");
    traces_expect(world, 4, "");
done:
    tulle_scope_enter(NULL);
    tulle_context_free(outer);
    tulle_context_free(inner);
    world_close(world);
}

static void *scope_of_another_thread(void *user)
{
    *(struct tulle_context **)user = tulle_scope_enter(NULL);
    return NULL;
}

static void a_scope_is_its_threads_alone(void **state)
{
    struct tulle_context *context = NULL, *theirs;
    pthread_t thread;

    (void)state;
    CHECK_OK(tulle_context_new(NULL, 0, &context));
    theirs = context;
    tulle_scope_enter(context);
    assert_int_equal(pthread_create(&thread, NULL, scope_of_another_thread, &theirs), 0);
    pthread_join(thread, NULL);
    assert_null(theirs);
    assert_ptr_equal(tulle_scope_enter(NULL), context);
done:
    tulle_context_free(context);
}

static void scope_look(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call, (void)error;
    *(struct tulle_context **)user = tulle_scope_enter(NULL);
}

/* The thread that happens to run the loop may be serving another request. */
static void a_completion_runs_in_no_scope(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_context *context = NULL, *there;
    struct tulle_call *call = NULL;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(NULL, 0, &context));
    there = context;
    CHECK_OK(tulle_call_start(world->mesh, &request, scope_look, &there, &call));
    tulle_scope_enter(context);
    world_advance(world, NS_PER_S);
    assert_ptr_equal(tulle_scope_enter(NULL), context);
    assert_null(there);
done:
    tulle_scope_enter(NULL);
    tulle_call_free(call);
    tulle_context_free(context);
    world_close(world);
}

/* --- lives --- */

static void a_call_outlives_the_apps_reference(void **state)
{
    static const struct tulle_header headers[] = { { "traceparent", "00-" ID "-" PARENT "-01" },
                                                   { "tracestate", "a=1" } };
    struct test_world *world = world_open(ONE, NULL);
    struct tulle_context *context = NULL;
    struct world_call call;

    (void)state;
    CHECK_OR_DONE(world);
    CHECK_OK(tulle_context_new(headers, COUNT_OF(headers), &context));
    assert_string_equal(tulle_context_trace_id(context), ID);
    CHECK_OR_DONE(START(world, &call, .context = context));
    tulle_context_free(context);
    context = NULL;
    world_finish(&call);
    CHECK(call.result.error == TULLE_OK);
    if (!test_oom_hit()) {
        traces_expect(world, 0,
                      NEW_REQUEST_ID "traceparent: 00-" ID "-" S16 "-01\ntracestate: a=1\n");
        assert_non_null(strstr(call.result.story, ID ", which goes on"));
    }
    world_call_free(&call);
done:
    tulle_context_free(context);
    world_close(world);
}

static void odd_arguments_do_no_harm(void **state)
{
    static const struct tulle_header odd[] = { { NULL, NULL }, { "b3", NULL }, { NULL, "b3" } };
    struct tulle_context *context = NULL;

    (void)state;
    assert_int_equal(tulle_context_new(NULL, 1, &context), TULLE_E_USAGE);
    assert_null(context);
    assert_int_equal(tulle_context_new(odd, COUNT_OF(odd), &context), TULLE_OK);
    assert_string_equal(tulle_context_trace_id(context), "");
    tulle_context_free(context);
    tulle_context_free(NULL);
}

TEST_MAIN(TEST_OOM(each_attempt_has_a_span_id_of_its_own),
          TEST_OOM(a_span_tells_how_its_attempt_failed),
          cmocka_unit_test(an_attempt_that_found_no_endpoint_is_a_span_without_one),
          TEST_OOM(a_scope_carries_on_what_names_no_context),
          TEST_OOM(a_scope_is_its_threads_alone), TEST_OOM(a_completion_runs_in_no_scope),
          TEST_OOM(a_call_outlives_the_apps_reference), cmocka_unit_test(odd_arguments_do_no_harm))
