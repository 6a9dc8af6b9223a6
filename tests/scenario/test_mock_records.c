/* SPDX-License-Identifier: Apache-2.0 */

/* What the mock remembers and what it complains of: leftovers, unexpected
 * requests, calls that were not freed; requests, picks, events, metrics. */

#include <stdlib.h>

#include "scenario/mock_help.h"

/* The check's text; it must be wrong, if there is one. */
static char *complaint(struct tulle_mock *mock)
{
    char *text;
    enum tulle_error error = tulle_mock_check(mock, &text);

    assert_non_null(text);
    assert_int_equal(error, text[0] ? TULLE_E_USAGE : TULLE_OK);
    return text;
}

static void assert_complaint(struct tulle_mock *mock, const char *expected)
{
    char *text = complaint(mock);

    assert_string_equal(text, expected);
    tulle_text_free(text);
}

static void answers_that_were_never_given_are_told(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(SAY(mock, A, .status = 503, .times = 2), TULLE_OK);
    assert_int_equal(
        SAY(mock, NULL, .kind = TULLE_MOCK_RESET, .times = 1, .method = "PUT", .prefix = "/x"),
        TULLE_OK);
    assert_int_equal(SAY(mock, B, .status = 200), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_complaint(mock, "left over: 10.0.0.1:9080: 2 x answer 503\n"
                           "left over: *: 1 x reset to PUT /x...\n");
    tulle_mock_unsay(mock, A);
    assert_complaint(mock, "left over: *: 1 x reset to PUT /x...\n");
    tulle_mock_unsay(mock, NULL);
    assert_complaint(mock, "");
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void a_strict_mock_refuses_what_nobody_expected(void **state)
{
    struct tulle_mock *mock =
        mock_with_reviews(&(struct tulle_mock_options){ TULLE_MOCK_OPTIONS_INIT, .strict = 1 });
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/x",
                                           .retry = TULLE_RETRY_OFF };
    struct tulle_mock_request seen = { TULLE_MOCK_REQUEST_INIT };
    struct tulle_reply *reply;
    struct tulle *mesh;
    char *text;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .path = "/", .times = 1), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_E_NETWORK);
    text = complaint(mock);
    assert_int_equal(strncmp(text, "unexpected: 10.0.0.", 19), 0);
    assert_non_null(strstr(text, ": GET http://reviews/x\n"));
    tulle_text_free(text);
    assert_int_equal(tulle_mock_request_at(mock, 1, &seen), TULLE_OK);
    assert_int_equal(seen.unexpected, 1);
    tulle_mock_forget(mock);
    assert_complaint(mock, "");
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void calls_that_nobody_freed_are_told(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle_call *call;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_OK);
    assert_complaint(mock, "not freed: 1 call, reply or pick\n");
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    tulle_close(mesh);
    assert_complaint(mock, "not freed: 2 calls, replies or picks\n");
    tulle_call_free(call);
    tulle_reply_free(reply);
    assert_complaint(mock, "");
    tulle_mock_free(mock);
}

static void requests_are_remembered_as_they_arrived(void **state)
{
    static const struct tulle_header headers[] = { { "X-User", "nina" }, { "Accept", "*/*" } };
    struct tulle_request request = {
        TULLE_REQUEST_INIT, .method = "PUT", .url = "http://reviews/a/../b?c=1",
        .body = "stars=5",  .body_size = 7,  .headers = headers,
        .header_count = 2
    };
    struct tulle_mock_request seen = { TULLE_MOCK_REQUEST_INIT };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    const char *value;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", A), TULLE_OK);
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", B), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_OK);
        tulle_reply_free(reply);
    }
    assert_int_equal(tulle_mock_requests(mock, NULL), 2);
    assert_int_equal(tulle_mock_request_at(mock, 2, &seen), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_request_at(mock, 0, &seen), TULLE_OK);
    assert_string_equal(seen.method, "PUT");
    assert_string_equal(seen.url, "http://reviews/b?c=1");
    assert_string_equal(seen.endpoint, C);
    assert_string_equal(seen.body, "stars=5");
    assert_int_equal(seen.body_size, 7);
    assert_int_equal(seen.at_ns, TULLE_S(1000));
    assert_int_equal(seen.reused, 0);
    assert_non_null(strstr(seen.headers, "X-User: nina\nAccept: */*\n"));
    assert_int_equal(tulle_mock_request_header(mock, 0, "x-user", &value), TULLE_OK);
    assert_string_equal(value, "nina");
    assert_int_equal(tulle_mock_request_header(mock, 0, "x-none", &value), TULLE_OK);
    assert_null(value);
    assert_int_equal(tulle_mock_request_at(mock, 1, &seen), TULLE_OK);
    assert_int_equal(seen.reused, 1);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void assert_why(const struct tulle_mock *mock, size_t pick, const char *address,
                       const char *gate, const char *why)
{
    struct tulle_mock_candidate candidate = { TULLE_MOCK_CANDIDATE_INIT };

    for (size_t i = 0; tulle_mock_candidate_at(mock, pick, i, &candidate) == TULLE_OK; i++) {
        if (strcmp(candidate.address, address) == 0) {
            assert_string_equal(candidate.gate, gate);
            assert_string_equal(candidate.why, why);
            return;
        }
    }
    fail_msg("%s is no candidate", address);
}

static void picks_tell_who_was_considered_and_why(void **state)
{
    struct tulle_mock_pick first = { TULLE_MOCK_PICK_INIT }, second = { TULLE_MOCK_PICK_INIT };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "retries.yaml", RETRIES), TULLE_OK);
    assert_int_equal(SAY(mock, NULL, .status = 503, .times = 1), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    assert_int_equal(tulle_mock_picks(mock), 2);
    assert_int_equal(tulle_mock_pick_at(mock, 0, &first), TULLE_OK);
    assert_int_equal(tulle_mock_pick_at(mock, 1, &second), TULLE_OK);
    assert_int_equal(tulle_mock_pick_at(mock, 2, &second), TULLE_E_USAGE);
    assert_string_equal(first.cluster, REVIEWS);
    assert_int_equal(first.attempt, 1);
    assert_int_equal(second.attempt, 2);
    assert_int_equal(first.candidate_count, 3);
    assert_string_not_equal(first.endpoint, second.endpoint);
    assert_why(mock, 0, first.endpoint, "ready", "picked");
    assert_why(mock, 0, second.endpoint, "ready", "");
    assert_why(mock, 1, first.endpoint, "ready", "tried already");
    tulle_close(mesh);
    tulle_mock_free(mock);
}

#define OUTLIERS                                                                                   \
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\n"       \
    "spec:\n  host: reviews\n  trafficPolicy:\n    outlierDetection: {consecutive5xxErrors: 3, "   \
    "interval: 1s, baseEjectionTime: 30s, maxEjectionPercent: 100}\n"

static void an_ejection_and_the_return_are_seen_everywhere(void **state)
{
    struct tulle_mock_event event = { TULLE_MOCK_EVENT_INIT };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;
    size_t last;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", OUTLIERS), TULLE_OK);
    assert_int_equal(tulle_mock_yaml(mock, "retries.yaml", RETRIES), TULLE_OK);
    assert_int_equal(SAY(mock, A, .status = 503, .times = 3), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    }
    assert_string_equal(tulle_mock_gate(mock, A), "ejected");
    assert_int_equal(mock_events(mock, TULLE_MOCK_EVENT_EJECTED), 1);
    assert_int_equal(mock_metric(mock, "tulle_ejections_total{cluster=\"" REVIEWS "\"}"), 1);
    assert_int_equal(mock_metric(mock, "tulle_ejections_total{kind=\"none\"}"), 0);
    assert_int_equal(mock_metric(mock, "tulle_retries_total"), 3);
    last = tulle_mock_picks(mock) - 1;
    assert_why(mock, last, A, "ejected", "ejected");
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(31)), TULLE_OK);
    assert_string_equal(tulle_mock_gate(mock, A), "ready");
    assert_int_equal(tulle_mock_event_at(mock, tulle_mock_events(mock) - 1, &event), TULLE_OK);
    assert_int_equal(event.kind, TULLE_MOCK_EVENT_BACK);
    assert_string_equal(event.endpoint, A);
    assert_string_equal(event.text, REVIEWS ": " A " is back");
    tulle_close(mesh);
    mock_must_be_clean(mock);
    tulle_mock_free(mock);
}

static void note_access(void *user, const struct tulle_access *access)
{
    *(int *)user += access->status;
}

static void calls_are_events_and_the_apps_access_log_still_hears(void **state)
{
    int heard = 0;
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .access = note_access,
                                           .access_user = &heard };
    struct tulle_mock_event event = { TULLE_MOCK_EVENT_INIT };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .status = 404), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, &options, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/ratings?x=1"), 404);
    assert_int_equal(heard, 404);
    assert_int_equal(tulle_mock_event_at(mock, 1, &event), TULLE_OK);
    assert_int_equal(event.kind, TULLE_MOCK_EVENT_CALL);
    assert_int_equal(event.status, 404);
    assert_int_equal(event.attempts, 1);
    assert_int_equal(event.duration_ns, TULLE_MS(1));
    assert_string_equal(event.authority, "reviews");
    assert_string_equal(event.path, "/ratings?x=1");
    assert_string_equal(event.cluster, REVIEWS);
    assert_int_equal(tulle_mock_event_at(mock, 0, &event), TULLE_OK);
    assert_int_equal(event.kind, TULLE_MOCK_EVENT_PUBLISHED);
    assert_int_equal(event.generation, 1);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void records_are_bounded_and_the_check_says_so(void **state)
{
    struct tulle_mock *mock =
        mock_with_reviews(&(struct tulle_mock_options){ TULLE_MOCK_OPTIONS_INIT, .keep_max = 2 });
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    }
    assert_int_equal(tulle_mock_requests(mock, NULL), 5);
    assert_int_equal(tulle_mock_picks(mock), 2);
    assert_complaint(mock, "not recorded: 3 requests, 3 picks, 4 events\n");
    tulle_mock_forget(mock);
    assert_complaint(mock, "");
    assert_int_equal(tulle_mock_requests(mock, NULL), 0);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void a_killed_endpoint_refuses_until_it_is_revived(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/",
                                           .retry = TULLE_RETRY_OFF };
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", B), TULLE_OK);
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", C), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    assert_int_equal(tulle_mock_kill(mock, A), TULLE_OK);
    assert_int_equal(tulle_call(mesh, &request, &reply), TULLE_E_NETWORK);
    tulle_mock_revive(mock, A);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

/* Every function, with whatever memory there is. */
static void a_test_survives_running_out_of_memory(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_mock_request seen = { TULLE_MOCK_REQUEST_INIT };
    struct tulle *mesh = NULL;
    const char *value;
    double number;
    char *text = NULL;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(tulle_mock_yaml(mock, "rules.yaml", OUTLIERS));
    CHECK_OK(tulle_mock_yaml(mock, "retries.yaml", RETRIES));
    CHECK_OK(SAY(mock, A, .status = 503, .body = "no", .times = 3));
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    for (int i = 0; i < 12; i++) {
        CHECK(mock_get(mesh, "http://reviews/") == 200);
    }
    CHECK_OK(tulle_mock_kill(mock, B));
    CHECK_OK(tulle_mock_advance(mock, TULLE_S(40)));
    CHECK(mock_get(mesh, "http://reviews/") == 200);
    if (tulle_mock_request_at(mock, 0, &seen) == TULLE_OK) {
        CHECK_OK(tulle_mock_request_header(mock, 0, "host", &value));
    }
    CHECK_OK(tulle_mock_metric(mock, "tulle_retries_total", &number));
    CHECK(tulle_mock_gate(mock, C)[0]);
    CHECK(tulle_mock_check(mock, &text) == TULLE_OK);
done:
    tulle_text_free(text);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

TEST_MAIN(cmocka_unit_test(answers_that_were_never_given_are_told),
          cmocka_unit_test(a_strict_mock_refuses_what_nobody_expected),
          cmocka_unit_test(calls_that_nobody_freed_are_told),
          cmocka_unit_test(requests_are_remembered_as_they_arrived),
          cmocka_unit_test(picks_tell_who_was_considered_and_why),
          cmocka_unit_test(an_ejection_and_the_return_are_seen_everywhere),
          cmocka_unit_test(calls_are_events_and_the_apps_access_log_still_hears),
          cmocka_unit_test(records_are_bounded_and_the_check_says_so),
          cmocka_unit_test(a_killed_endpoint_refuses_until_it_is_revived),
          TEST_OOM(a_test_survives_running_out_of_memory))
