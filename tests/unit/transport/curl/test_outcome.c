/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "transport/curl/internal.h"

static struct exchange_end end;
static char text[OUTCOME_TEXT_SIZE];

static void judge(struct outcome outcome)
{
    if (!outcome.text) {
        outcome.text = "";
    }
    outcome.url = STR("https://shop.test:8443/cart?x=1");
    tulle__outcome_end(&outcome, &end, text);
}

static void success_says_nothing(void **state)
{
    (void)state;
    judge((struct outcome){ .code = CURLE_OK, .sent = true, .head = true });
    assert_int_equal(end.error, TULLE_OK);
    assert_int_equal(end.progress, TULLE_ANSWERED);
    assert_string_equal(end.text, "");
}

static void what_never_had_a_connection_is_a_connect_failure(void **state)
{
    (void)state;
    judge((struct outcome){ .code = CURLE_COULDNT_CONNECT, .address = STR("10.0.0.1:80") });
    assert_int_equal(end.error, TULLE_E_NETWORK);
    assert_int_equal(end.progress, TULLE_NOTHING_SENT);
    assert_true(end.connect_failure);
    judge((struct outcome){ .code = CURLE_OPERATION_TIMEDOUT,
                            .address = STR("10.0.0.1:80"),
                            .connect_timeout_ns = 10 * NS_PER_S });
    assert_string_equal(end.text, "connecting to 10.0.0.1:80 took over 10 s");
    judge((struct outcome){ .code = CURLE_COULDNT_RESOLVE_HOST, .text = "no such host" });
    assert_string_equal(end.text, "no connection to shop.test:8443: no such host");
}

static void sent_bytes_make_it_perhaps_executed(void **state)
{
    struct outcome lost = { .code = CURLE_GOT_NOTHING, .sent = true, .sent_bytes = 1 };

    (void)state;
    judge(lost);
    assert_int_equal(end.progress, TULLE_PERHAPS_EXECUTED);
    lost.sent_bytes = 0;
    judge(lost);
    assert_int_equal(end.progress, TULLE_NOTHING_SENT);
    assert_false(end.connect_failure);
    lost.answered = true;
    judge(lost);
    assert_int_equal(end.progress, TULLE_PERHAPS_EXECUTED);
}

static void a_body_that_we_refuse_says_why(void **state)
{
    struct outcome refused = { .code = CURLE_ABORTED_BY_CALLBACK,
                               .sent = true,
                               .sent_bytes = 100,
                               .refusal = TULLE_E_CANCELLED,
                               .refusal_text = "the request's body was given up" };

    (void)state;
    judge(refused);
    assert_int_equal(end.error, TULLE_E_CANCELLED);
    assert_int_equal(end.progress, TULLE_PERHAPS_EXECUTED);
    assert_string_equal(end.text, "the request's body was given up");
    refused.head = true;
    judge(refused);
    assert_int_equal(end.progress, TULLE_ANSWERED);
    assert_false(end.truncated);
}

/* Each condition alone must keep a POST from being executed twice. */
static void unprocessed_needs_every_sign_of_it(void **state)
{
    const struct outcome refused = { .code = CURLE_COULDNT_CONNECT,
                                     .sent = true,
                                     .sent_bytes = 100,
                                     .again = true,
                                     .silent = true,
                                     .standing = true,
                                     .is_http2 = true };
    struct outcome other[5] = { refused, refused, refused, refused, refused };

    (void)state;
    judge(refused);
    assert_int_equal(end.progress, TULLE_REFUSED_UNPROCESSED);
    assert_true(end.refused_stream);
    other[0].again = false;
    other[1].silent = false;
    other[2].standing = false;
    other[3].is_http2 = false;
    other[4].answered = true;
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        judge(other[i]);
        assert_int_equal(end.progress, TULLE_PERHAPS_EXECUTED);
        assert_false(end.refused_stream);
    }
}

static void a_head_that_came_makes_it_truncated(void **state)
{
    (void)state;
    judge((struct outcome){ .code = CURLE_PARTIAL_FILE, .sent = true, .head = true });
    assert_int_equal(end.error, TULLE_E_NETWORK);
    assert_int_equal(end.progress, TULLE_ANSWERED);
    assert_true(end.truncated);
    judge((struct outcome){
        .code = CURLE_WRITE_ERROR, .sent = true, .head = true, .too_large = true });
    assert_int_equal(end.error, TULLE_E_TOO_LARGE);
    assert_false(end.truncated);
}

static void each_code_has_its_class(void **state)
{
    static const struct {
        struct outcome outcome;
        enum tulle_error error;
    } cases[] = {
        { { .code = CURLE_OUT_OF_MEMORY }, TULLE_E_NOMEM },
        { { .code = CURLE_COULDNT_CONNECT, .no_memory = true }, TULLE_E_NOMEM },
        { { .code = CURLE_COULDNT_CONNECT, .no_descriptor = true }, TULLE_E_INTERNAL },
        { { .code = CURLE_TOO_LARGE, .sent = true }, TULLE_E_TOO_LARGE },
        { { .code = CURLE_WEIRD_SERVER_REPLY, .sent = true }, TULLE_E_PEER },
        { { .code = CURLE_UNSUPPORTED_PROTOCOL, .sent = true }, TULLE_E_PEER },
        { { .code = CURLE_RECV_ERROR, .sent = true, .text = "bad chunk" }, TULLE_E_PEER },
        { { .code = CURLE_RECV_ERROR, .sent = true, .text = "reset" }, TULLE_E_NETWORK },
        { { .code = CURLE_PEER_FAILED_VERIFICATION }, TULLE_E_TLS },
        { { .code = CURLE_SSL_CACERT_BADFILE }, TULLE_E_TLS },
        { { .code = CURLE_SSL_CONNECT_ERROR, .text = "no shared cipher" }, TULLE_E_TLS },
        { { .code = CURLE_SSL_CONNECT_ERROR, .text = "SSL_ERROR_SYSCALL" }, TULLE_E_NETWORK },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        judge(cases[i].outcome);
        assert_int_equal(end.error, cases[i].error);
    }
}

static void a_refused_certificate_names_host_and_reason(void **state)
{
    (void)state;
    judge((struct outcome){ .code = CURLE_PEER_FAILED_VERIFICATION,
                            .text = "SSL certificate problem: certificate has expired" });
    assert_string_equal(end.text, "the certificate for shop.test:8443 was refused: it has expired");
    assert_int_equal(end.progress, TULLE_NOTHING_SENT);
    judge((struct outcome){ .code = CURLE_PEER_FAILED_VERIFICATION, .text = "odd" });
    assert_string_equal(end.text, "no TLS with shop.test:8443: odd");
}

TEST_MAIN(cmocka_unit_test(a_body_that_we_refuse_says_why), cmocka_unit_test(success_says_nothing),
          cmocka_unit_test(what_never_had_a_connection_is_a_connect_failure),
          cmocka_unit_test(sent_bytes_make_it_perhaps_executed),
          cmocka_unit_test(unprocessed_needs_every_sign_of_it),
          cmocka_unit_test(a_head_that_came_makes_it_truncated),
          cmocka_unit_test(each_code_has_its_class),
          cmocka_unit_test(a_refused_certificate_names_host_and_reason))
