/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "policy/retry_condition.h"

enum {
    ISTIO = RETRY_ON_CONNECT_FAILURE | RETRY_ON_REFUSED_STREAM | RETRY_ON_UNAVAILABLE |
            RETRY_ON_CANCELLED,
    OURS = ISTIO | RETRY_ON_IDEMPOTENT_RESET | RETRY_ON_NOTHING_SENT,
    ANSWER = 1, /* ends, below */
    CONNECT,
    RESET_SENT,
    RESET_UNSENT,
    REFUSED,
    TRY_TIMEOUT,
    BAD_PEER,
    BAD_TLS,
    HERE
};

struct row {
    unsigned on;
    int end;
    int status;
    const char *method;
    int grpc;
    bool ratelimited;
    bool wanted;
    bool has_header;
};

static struct outcome outcome_of(const struct row *row)
{
    switch (row->end) {
    case ANSWER: return (struct outcome){ .status = row->status, .progress = TULLE_ANSWERED };
    case CONNECT:
        return (struct outcome){ .error = TULLE_E_NETWORK,
                                 .origin = ORIGIN_TRANSPORT,
                                 .connect_failure = true };
    case RESET_SENT:
        return (struct outcome){ .error = TULLE_E_NETWORK,
                                 .origin = ORIGIN_TRANSPORT,
                                 .progress = TULLE_PERHAPS_EXECUTED };
    case RESET_UNSENT:
        return (struct outcome){ .error = TULLE_E_NETWORK, .origin = ORIGIN_TRANSPORT };
    case REFUSED:
        return (struct outcome){ .error = TULLE_E_NETWORK,
                                 .origin = ORIGIN_TRANSPORT,
                                 .progress = TULLE_REFUSED_UNPROCESSED,
                                 .refused_stream = true };
    case TRY_TIMEOUT:
        return (struct outcome){ .error = TULLE_E_TIMEOUT,
                                 .origin = ORIGIN_TIMEOUT,
                                 .progress = TULLE_PERHAPS_EXECUTED };
    case BAD_PEER:
        return (struct outcome){ .error = TULLE_E_PEER,
                                 .origin = ORIGIN_PEER,
                                 .progress = TULLE_PERHAPS_EXECUTED };
    case BAD_TLS: return (struct outcome){ .error = TULLE_E_TLS, .origin = ORIGIN_TRANSPORT };
    default: return (struct outcome){ .error = TULLE_E_LIMIT, .origin = ORIGIN_HERE };
    }
}

static void check_rows(const struct row *rows, size_t count)
{
    static const uint16_t statuses[] = { 418, 503 };

    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct retry_config config = { .on = row->on, .statuses = statuses, .status_count = 2 };
        struct outcome outcome = outcome_of(row);
        struct attempt_end end = {
            .outcome = &outcome,
            .grpc_status = row->grpc ? row->grpc : -1,
            .is_ratelimited = row->ratelimited,
            .has_header = row->has_header,
            .is_idempotent = tulle__method_is_idempotent(str_of(row->method)),
        };

        if (tulle__retry_wanted(&config, &end) != row->wanted) {
            fail_msg("row %zu is decided wrongly", i);
        }
    }
}

static void answers_are_judged_by_status(void **state)
{
    static const struct row rows[] = {
        { RETRY_ON_5XX, ANSWER, 500, "POST", 0, false, true },
        { RETRY_ON_5XX, ANSWER, 499, "GET", 0, false, false },
        { RETRY_ON_GATEWAY_ERROR, ANSWER, 503, "GET", 0, false, true },
        { RETRY_ON_GATEWAY_ERROR, ANSWER, 500, "GET", 0, false, false },
        { RETRY_ON_GATEWAY_ERROR, ANSWER, 505, "GET", 0, false, false },
        { RETRY_ON_RATELIMITED, ANSWER, 429, "GET", 0, true, true },
        { RETRY_ON_RATELIMITED, ANSWER, 429, "GET", 0, false, false },
        { RETRY_ON_RETRIABLE_4XX, ANSWER, 409, "GET", 0, false, true },
        { RETRY_ON_RETRIABLE_4XX, ANSWER, 404, "GET", 0, false, false },
        { RETRY_ON_STATUS_CODES, ANSWER, 418, "GET", 0, false, true },
        { RETRY_ON_STATUS_CODES, ANSWER, 419, "GET", 0, false, false },
        { RETRY_ON_HEADERS, ANSWER, 200, "POST", 0, false, true, .has_header = true },
        { RETRY_ON_HEADERS, ANSWER, 503, "GET", 0, false, false },
        { RETRY_ON_HEADERS, ANSWER, 503, "GET", 0, true, false, .has_header = true },
        { RETRY_ON_5XX, ANSWER, 200, "GET", 0, false, false, .has_header = true },
        { RETRY_ON_HTTP3_POST_CONNECT, ANSWER, 503, "GET", 0, false, false },
        { RETRY_ON_RESET, ANSWER, 503, "GET", 0, false, false },
        { OURS, ANSWER, 503, "GET", 0, false, false },
        { RETRY_ON_5XX, ANSWER, 503, "GET", 0, true, false },
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

static void grpc_answers_are_judged_by_the_status_in_the_head(void **state)
{
    static const struct row rows[] = {
        { ISTIO, ANSWER, 200, "POST", 14, false, true },
        { ISTIO, ANSWER, 200, "POST", 1, false, true },
        { ISTIO, ANSWER, 200, "POST", 13, false, false },
        { RETRY_ON_INTERNAL, ANSWER, 200, "POST", 13, false, true },
        { RETRY_ON_DEADLINE_EXCEEDED, ANSWER, 200, "POST", 4, false, true },
        { RETRY_ON_RESOURCE_EXHAUSTED, ANSWER, 200, "POST", 8, false, true },
        { RETRY_ON_RESOURCE_EXHAUSTED, ANSWER, 200, "POST", 8, true, false },
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

static void losses_are_judged_by_how_far_the_request_got(void **state)
{
    static const struct row rows[] = {
        { ISTIO, CONNECT, 0, "POST", 0, false, true },
        { ISTIO, RESET_SENT, 0, "GET", 0, false, false },
        { OURS, RESET_SENT, 0, "GET", 0, false, true },
        { OURS, RESET_SENT, 0, "PUT", 0, false, true },
        { OURS, RESET_SENT, 0, "POST", 0, false, false },
        { OURS, RESET_SENT, 0, "PATCH", 0, false, false },
        { OURS, RESET_UNSENT, 0, "POST", 0, false, true },
        { ISTIO, RESET_UNSENT, 0, "POST", 0, false, false },
        { ISTIO, REFUSED, 0, "POST", 0, false, true },
        { RETRY_ON_RESET, RESET_SENT, 0, "POST", 0, false, true },
        { RETRY_ON_RESET, TRY_TIMEOUT, 0, "POST", 0, false, true },
        { RETRY_ON_5XX, TRY_TIMEOUT, 0, "GET", 0, false, true },
        { RETRY_ON_CONNECT_FAILURE, TRY_TIMEOUT, 0, "GET", 0, false, false },
        { OURS, BAD_PEER, 0, "GET", 0, false, true },
        { OURS | RETRY_ON_5XX, BAD_TLS, 0, "GET", 0, false, false },
        { RETRY_ON_RESET_BEFORE_REQUEST, RESET_UNSENT, 0, "POST", 0, false, true },
        { RETRY_ON_RESET_BEFORE_REQUEST, RESET_SENT, 0, "GET", 0, false, false },
        { RETRY_ON_HTTP3_POST_CONNECT, RESET_SENT, 0, "GET", 0, false, false },
        { OURS | RETRY_ON_5XX, HERE, 0, "GET", 0, false, false },
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

TEST_MAIN(cmocka_unit_test(answers_are_judged_by_status),
          cmocka_unit_test(grpc_answers_are_judged_by_the_status_in_the_head),
          cmocka_unit_test(losses_are_judged_by_how_far_the_request_got))
