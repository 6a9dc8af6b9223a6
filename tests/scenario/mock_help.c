/* SPDX-License-Identifier: Apache-2.0 */

#include "scenario/mock_help.h"

static enum tulle_error reviews_add(struct tulle_mock *mock)
{
    static const char *const addresses[] = { A, B, C };
    enum tulle_error error = tulle_mock_add_service(mock, "reviews", 80, TULLE_PROTOCOL_HTTP);

    for (size_t i = 0; error == TULLE_OK && i < COUNT_OF(addresses); i++) {
        error = tulle_mock_add_endpoint(mock, "reviews", addresses[i], NULL, 0);
    }
    return error;
}

struct tulle_mock *mock_with_reviews(const struct tulle_mock_options *options)
{
    struct tulle_mock *mock;
    enum tulle_error error = tulle_mock_new(options, &mock);

    if (error == TULLE_OK) {
        error = reviews_add(mock);
    }
    if (error == TULLE_E_NOMEM && test_oom_hit()) {
        tulle_mock_free(mock);
        return NULL;
    }
    assert_int_equal(error, TULLE_OK);
    return mock;
}

int mock_get(struct tulle *mesh, const char *url)
{
    struct tulle_reply *reply;
    enum tulle_error error = tulle_get(mesh, url, &reply);
    int status = error == TULLE_OK ? tulle_reply_status(reply) : -(int)error;

    tulle_reply_free(reply);
    return status;
}

double mock_metric(struct tulle_mock *mock, const char *selector)
{
    double value;

    enum tulle_error error = tulle_mock_metric(mock, selector, &value);

    assert_true(error == TULLE_OK || test_oom_hit());
    return value;
}

void mock_must_be_clean(struct tulle_mock *mock)
{
    char *text;
    enum tulle_error error = tulle_mock_check(mock, &text);

    if (error != TULLE_OK && !test_oom_hit()) {
        fail_msg("%s", text);
    }
    tulle_text_free(text);
}

size_t mock_events(const struct tulle_mock *mock, int32_t kind)
{
    size_t count = 0;

    for (size_t i = 0; i < tulle_mock_events(mock); i++) {
        struct tulle_mock_event event = { TULLE_MOCK_EVENT_INIT };
        assert_int_equal(tulle_mock_event_at(mock, i, &event), TULLE_OK);
        count += event.kind == kind;
    }
    return count;
}
