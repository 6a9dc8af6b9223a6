/* SPDX-License-Identifier: Apache-2.0 */

/* The mock as a product: calls, clock, answers. Written with its public header
 * alone, as a user's tests are. */

#include <stdlib.h>

#include "scenario/mock_help.h"

/* Milliseconds on an idle machine (examples/mock prints them); instrumented, and
 * beside other work, it may take its time. */
#define HOUR_TAKES_MOST (60 * NS_PER_S)

static void a_blocking_call_turns_the_clock_until_it_is_over(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply = NULL;
    struct tulle *mesh = NULL;
    int64_t before;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(SAY(mock, NULL, .delay_ns = TULLE_S(2), .body = "five stars"));
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    before = tulle_mock_now(mock);
    CHECK_OK(tulle_get(mesh, "http://reviews/ratings/7", &reply));
    assert_int_equal(tulle_reply_status(reply), 200);
    assert_string_equal(tulle_reply_body(reply), "five stars");
    assert_int_equal(tulle_mock_now(mock) - before, TULLE_S(2));
done:
    tulle_reply_free(reply);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void note_end(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call;
    *(int *)user = error == TULLE_OK ? 1 : -(int)error;
}

static void what_was_started_runs_when_the_clock_is_turned(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_call *call = NULL;
    struct tulle *mesh = NULL;
    int ended = 0;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(SAY(mock, NULL, .delay_ns = TULLE_MS(10)));
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    CHECK_OK(tulle_call_start(mesh, &request, note_end, &ended, &call));
    assert_int_equal(tulle_mock_run(mock), TULLE_OK);
    assert_int_equal(ended, test_oom_hit() ? ended : 0);
    assert_int_equal(tulle_mock_advance(mock, TULLE_MS(9)), TULLE_OK);
    assert_int_equal(ended, test_oom_hit() ? ended : 0);
    assert_int_equal(tulle_mock_advance(mock, TULLE_MS(1)), TULLE_OK);
    CHECK(ended == 1);
done:
    tulle_call_free(call);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void completions_come_out_of_queues(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_call *call = NULL;
    struct tulle_event event;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_queue_new(&request.queue), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(tulle_call_start(mesh, &request, NULL, mesh, &call), TULLE_OK);
    assert_int_equal(tulle_queue_take(request.queue, &event, 1), 0);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    assert_int_equal(tulle_queue_take(request.queue, &event, 1), 1);
    assert_int_equal(event.kind, TULLE_EVENT_END);
    assert_int_equal(event.error, TULLE_OK);
    assert_ptr_equal(event.user, mesh);
    tulle_call_free(call);
    tulle_queue_free(request.queue);
    tulle_close(mesh);
    mock_must_be_clean(mock);
    tulle_mock_free(mock);
}

static void each_kind_of_endpoint_does_what_it_was_told(void **state)
{
    static const struct {
        int32_t kind;
        enum tulle_error error;
    } kinds[] = {
        { TULLE_MOCK_HANG, TULLE_E_TIMEOUT },
        { TULLE_MOCK_REFUSE, TULLE_E_NETWORK },
        { TULLE_MOCK_CONNECT_HANG, TULLE_E_TIMEOUT },
        { TULLE_MOCK_RESET, TULLE_E_NETWORK },
        { TULLE_MOCK_RESET_BEFORE, TULLE_E_NETWORK },
        { TULLE_MOCK_REFUSED_STREAM, TULLE_E_NETWORK },
        { TULLE_MOCK_BREAK, TULLE_E_NETWORK },
    };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/",
                                               .retry = TULLE_RETRY_OFF };
        assert_int_equal(
            SAY(mock, NULL, .kind = kinds[i].kind, .times = 1, .body_size = 10, .break_at = 5),
            TULLE_OK);
        assert_int_equal(tulle_call(mesh, &request, &reply), kinds[i].error);
    }
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    tulle_close(mesh);
    mock_must_be_clean(mock);
    tulle_mock_free(mock);
}

static void a_slow_body_comes_in_pieces_with_headers_before_and_trailers_behind(void **state)
{
    static const struct tulle_header headers[] = { { "X-Stars", "5" } };
    static const struct tulle_header trailers[] = { { "x-sum", "abc" } };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply = NULL;
    struct tulle *mesh = NULL;
    int64_t before;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(SAY(mock, NULL, .body = "0123456789", .chunk_size = 2, .chunk_ns = TULLE_MS(100),
                 .delay_ns = TULLE_NONE, .headers = headers, .header_count = 1,
                 .trailers = trailers, .trailer_count = 1, .close = 1));
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    before = tulle_mock_now(mock);
    CHECK_OK(tulle_get(mesh, "http://reviews/", &reply));
    assert_int_equal(tulle_mock_now(mock) - before, TULLE_MS(500));
    assert_string_equal(tulle_reply_body(reply), "0123456789");
    assert_string_equal(tulle_reply_header(reply, "x-stars"), "5");
    assert_string_equal(tulle_reply_trailer(reply, "X-Sum"), "abc");
done:
    tulle_reply_free(reply);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void answers_are_chosen_by_method_and_path(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .status = 404), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .path = "/ratings/7", .status = 201), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .prefix = "/static/", .status = 202), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .method = "DELETE", .path = "/gone", .status = 204), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/ratings/7?full=1"), 201);
    assert_int_equal(mock_get(mesh, "http://reviews/static/logo"), 202);
    assert_int_equal(mock_get(mesh, "http://reviews/gone"), 404);
    assert_int_equal(tulle_call(mesh,
                                &(struct tulle_request){ TULLE_REQUEST_INIT, .method = "DELETE",
                                                         .url = "http://reviews/gone" },
                                &reply),
                     TULLE_OK);
    assert_int_equal(tulle_reply_status(reply), 204);
    tulle_reply_free(reply);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void an_hour_of_outage_takes_less_than_a_second(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(
        &(struct tulle_mock_options){ TULLE_MOCK_OPTIONS_INIT, .keep_max = TULLE_NONE_COUNT });
    struct tulle *mesh;
    int64_t started = test_now(), took, before;
    unsigned good = 0, failed = 0;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    before = tulle_mock_now(mock);
    assert_int_equal(SAY(mock, NULL, .status = 503), TULLE_OK);
    for (int second = 0; second < 3600; second++) {
        failed += mock_get(mesh, "http://reviews/") == 503;
        assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    }
    assert_true(tulle_mock_now(mock) - before >= TULLE_S(3600));
    assert_int_equal(SAY(mock, NULL, .status = 200), TULLE_OK);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(600)), TULLE_OK);
    for (int second = 0; second < 60; second++) {
        good += mock_get(mesh, "http://reviews/") == 200;
    }
    took = test_now() - started;
    assert_int_equal(failed, 3600);
    assert_int_equal(good, 60);
    assert_in_range(tulle_mock_requests(mock, NULL), 3660, SIZE_MAX);
    assert_in_range(took, 0, HOUR_TAKES_MOST);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void a_call_that_nothing_ends_is_cancelled_after_a_day(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .kind = TULLE_MOCK_HANG), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(
        tulle_call(mesh,
                   &(struct tulle_request){ TULLE_REQUEST_INIT, .url = "http://reviews/",
                                            .deadline_ns = TULLE_NONE },
                   &reply),
        TULLE_E_CANCELLED);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void closing_waits_for_calls_by_the_virtual_clock(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_call *quick, *slow;
    struct tulle *mesh;
    int first = 0, second = 0;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .delay_ns = TULLE_S(1), .times = 1), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .delay_ns = TULLE_S(20), .times = 1), TULLE_OK);
    assert_int_equal(tulle_call_start(mesh, &request, note_end, &first, &quick), TULLE_OK);
    assert_int_equal(tulle_call_start(mesh, &request, note_end, &second, &slow), TULLE_OK);
    tulle_close(mesh);
    assert_int_equal(first, 1);
    assert_int_equal(second, -TULLE_E_CANCELLED);
    tulle_call_free(quick);
    tulle_call_free(slow);
    mock_must_be_clean(mock);
    tulle_mock_free(mock);
}

struct inside {
    struct tulle_mock *mock;
    struct tulle *mesh;
    bool heard;
};

static void use_it_from_inside(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct inside *inside = user;
    struct tulle_reply *reply;

    (void)call;
    assert_int_equal(error, TULLE_OK);
    assert_int_equal(tulle_get(inside->mesh, "http://reviews/", &reply), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_run(inside->mock), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_kill(inside->mock, A), TULLE_E_USAGE);
    assert_int_equal(tulle_close(inside->mesh), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_endpoint(inside->mock, "reviews", "10.0.0.9:80", NULL, 0),
                     TULLE_OK);
    inside->heard = true;
}

static void what_waits_is_refused_in_a_callback_and_what_changes_is_not(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct inside inside = { .mock = mock_with_reviews(NULL) };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_mock_open(inside.mock, NULL, &inside.mesh), TULLE_OK);
    assert_int_equal(tulle_call_start(inside.mesh, &request, use_it_from_inside, &inside, &call),
                     TULLE_OK);
    assert_int_equal(tulle_mock_advance(inside.mock, TULLE_S(1)), TULLE_OK);
    assert_true(inside.heard);
    assert_string_equal(tulle_mock_gate(inside.mock, "10.0.0.9:80"), "ready");
    tulle_call_free(call);
    tulle_close(inside.mesh);
    tulle_mock_free(inside.mock);
}

static void a_mesh_and_its_replies_outlive_the_mock(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    tulle_mock_free(mock);
    assert_int_equal(tulle_get(mesh, "http://reviews/", &reply), TULLE_OK);
    tulle_close(mesh);
    assert_int_equal(tulle_reply_status(reply), 200);
    tulle_reply_free(reply);
}

static void a_streamed_call_and_a_pick_turn_the_clock_as_well(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/",
                                           .stream = TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY };
    const struct tulle_pick_request wanted = { TULLE_PICK_INIT, .url = "http://reviews/" };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_mock_request seen = { TULLE_MOCK_REQUEST_INIT };
    struct tulle_call *call;
    struct tulle_pick *pick;
    struct tulle *mesh;
    char data[8];
    int32_t ready;
    size_t size;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .body = "abc", .delay_ns = TULLE_S(1)), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_call_write(call, "five", 4, &size), TULLE_OK);
    assert_int_equal(tulle_call_write_end(call, NULL, 0), TULLE_OK);
    assert_int_equal(tulle_call_wait(call, TULLE_EVENT_READABLE, 0, &ready), TULLE_OK);
    assert_int_equal(tulle_call_read(call, data, sizeof(data), &size), TULLE_OK);
    assert_memory_equal(data, "abc", 3);
    tulle_call_free(call);
    assert_int_equal(tulle_mock_request_at(mock, 0, &seen), TULLE_OK);
    assert_string_equal(seen.body, "five");
    assert_int_equal(tulle_pick(mesh, &wanted, &pick), TULLE_OK);
    tulle_pick_done(pick, NULL);
    assert_int_equal(tulle_mock_run(mock), TULLE_OK);
    assert_int_equal(tulle_mock_picks(mock), 2);
    mock_must_be_clean(mock);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

TEST_MAIN(TEST_OOM(a_blocking_call_turns_the_clock_until_it_is_over),
          TEST_OOM(what_was_started_runs_when_the_clock_is_turned),
          cmocka_unit_test(completions_come_out_of_queues),
          cmocka_unit_test(each_kind_of_endpoint_does_what_it_was_told),
          TEST_OOM(a_slow_body_comes_in_pieces_with_headers_before_and_trailers_behind),
          cmocka_unit_test(answers_are_chosen_by_method_and_path),
          cmocka_unit_test(an_hour_of_outage_takes_less_than_a_second),
          cmocka_unit_test(a_call_that_nothing_ends_is_cancelled_after_a_day),
          cmocka_unit_test(closing_waits_for_calls_by_the_virtual_clock),
          cmocka_unit_test(what_waits_is_refused_in_a_callback_and_what_changes_is_not),
          cmocka_unit_test(a_mesh_and_its_replies_outlive_the_mock),
          cmocka_unit_test(a_streamed_call_and_a_pick_turn_the_clock_as_well))
