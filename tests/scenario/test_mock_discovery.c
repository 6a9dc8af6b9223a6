/* SPDX-License-Identifier: Apache-2.0 */

/* The mock's discovery: services and endpoints that come and go, texts, and
 * discovery that fails or goes stale. */

#include <stdio.h>

#include "scenario/mock_help.h"

struct heard {
    char log[4096];
};

static void hear_log(void *user, int32_t level, const char *area, const char *text)
{
    struct heard *heard = user;
    size_t size = strlen(heard->log);

    (void)level;
    snprintf(heard->log + size, sizeof(heard->log) - size, "%s: %s\n", area, text);
}

static void endpoints_come_and_go_while_calls_are_made(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh = NULL;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    CHECK_OK(tulle_mock_remove_endpoint(mock, "reviews", A));
    CHECK_OK(tulle_mock_remove_endpoint(mock, "Reviews", B));
    for (int i = 0; i < 10; i++) {
        CHECK(mock_get(mesh, "http://reviews/") == 200);
    }
    CHECK(tulle_mock_requests(mock, C) == 10);
    CHECK_OK(tulle_mock_add_endpoint(mock, "reviews", "10.0.0.4:9080", "version=v2", 5));
    CHECK_OK(tulle_mock_remove_endpoint(mock, "reviews", C));
    CHECK(mock_get(mesh, "http://reviews/") == 200);
    CHECK(tulle_mock_requests(mock, "10.0.0.4:9080") == 1);
done:
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void services_come_and_go(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .outside = TULLE_OUTSIDE_REFUSE };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, &options, &mesh), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://ratings:8080/"), -TULLE_E_REFUSED);
    assert_int_equal(tulle_mock_add_service(mock, "ratings", 8080, TULLE_PROTOCOL_HTTP2), TULLE_OK);
    assert_int_equal(tulle_mock_add_endpoint(mock, "ratings", A, NULL, 0), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://ratings:8080/"), 200);
    assert_int_equal(tulle_mock_remove_service(mock, "ratings"), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://ratings:8080/"), -TULLE_E_REFUSED);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_add_service(mock, "reviews", 80, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_service(mock, "no host!", 80, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_service(mock, "ratings", 80, 7), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_remove_service(mock, "ratings"), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_endpoint(mock, "ratings", A, NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_endpoint(mock, "reviews", A, NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_endpoint(mock, "reviews", "10.0.0.9", NULL, 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_add_endpoint(mock, "reviews", "10.0.0.9:1", "=", 0), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", "10.0.0.9:1"), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_discovery(mock, 3), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_yaml(mock, "none.yaml", NULL), TULLE_E_USAGE);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(mock_events(mock, TULLE_MOCK_EVENT_PUBLISHED), 1);
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void stale_discovery_keeps_changes_back_until_it_is_fresh(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh = NULL;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    CHECK_OK(tulle_mock_discovery(mock, TULLE_MOCK_STALE));
    CHECK_OK(tulle_mock_remove_service(mock, "reviews"));
    CHECK_OK(tulle_mock_advance(mock, TULLE_S(60)));
    CHECK(mock_get(mesh, "http://reviews/") == 200);
    CHECK(mock_metric(mock, "tulle_config_errors") == 0);
    CHECK_OK(tulle_mock_discovery(mock, TULLE_MOCK_FRESH));
    CHECK(strcmp(tulle_mock_gate(mock, A), "") == 0);
done:
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void discovery_that_fails_keeps_what_is_known_and_says_so(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct heard heard = { "" };
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .log = hear_log,
                                           .log_user = &heard };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_open(mock, &options, &mesh), TULLE_OK);
    assert_int_equal(tulle_mock_discovery(mock, TULLE_MOCK_FAILING), TULLE_OK);
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", A), TULLE_OK);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(60)), TULLE_OK);
    assert_string_equal(tulle_mock_gate(mock, A), "ready");
    assert_int_equal(mock_get(mesh, "http://reviews/"), 200);
    assert_non_null(strstr(heard.log, "config: discovery fails"));
    assert_int_equal(mock_metric(mock, "tulle_config_refused_total"), 2);
    assert_int_equal(tulle_mock_discovery(mock, TULLE_MOCK_FRESH), TULLE_OK);
    assert_string_equal(tulle_mock_gate(mock, A), "");
    assert_string_equal(tulle_mock_gate(mock, B), "ready");
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void a_mesh_that_opens_before_its_endpoints_are_known_waits_for_them(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct tulle_mock_pick pick = { TULLE_MOCK_PICK_INIT };
    struct tulle_mock *mock;
    struct tulle_call *call;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_new(NULL, &mock), TULLE_OK);
    assert_int_equal(tulle_mock_add_service(mock, "reviews", 80, 0), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    assert_int_equal(tulle_mock_pick_at(mock, 0, &pick), TULLE_OK);
    assert_int_equal(pick.result, TULLE_MOCK_WAITS);
    assert_int_equal(tulle_mock_requests(mock, NULL), 0);
    assert_int_equal(tulle_mock_add_endpoint(mock, "reviews", A, NULL, 0), TULLE_OK);
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    assert_int_equal(tulle_reply_status(tulle_call_reply(call)), 200);
    tulle_call_free(call);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

#define RULE                                                                                       \
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n"        \
    "spec:\n  hosts: [reviews]\n  http:\n  - timeout: %s\n    retries: {attempts: 0}\n"            \
    "    route: [{destination: {host: reviews}}]\n"

static void rule_with(char *out, size_t size, const char *timeout)
{
    snprintf(out, size, RULE, timeout);
}

static void texts_come_into_force_at_once_and_bad_ones_keep_the_last_good(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct heard heard = { "" };
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .log = hear_log,
                                           .log_user = &heard };
    struct tulle *mesh;
    char rule[512];
    int64_t before;

    (void)state;
    assert_int_equal(SAY(mock, NULL, .kind = TULLE_MOCK_HANG), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, &options, &mesh), TULLE_OK);
    rule_with(rule, sizeof(rule), "250ms");
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", rule), TULLE_OK);
    before = tulle_mock_now(mock);
    assert_int_equal(mock_get(mesh, "http://reviews/"), -TULLE_E_TIMEOUT);
    assert_int_equal(tulle_mock_now(mock) - before, TULLE_MS(250));
    rule_with(rule, sizeof(rule), "soon");
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", rule), TULLE_E_CONFIG);
    assert_non_null(strstr(heard.log, "rules.yaml:7:14: VirtualService default/reviews: timeout"));
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", "{"), TULLE_E_CONFIG);
    before = tulle_mock_now(mock);
    assert_int_equal(mock_get(mesh, "http://reviews/"), -TULLE_E_TIMEOUT);
    assert_int_equal(tulle_mock_now(mock) - before, TULLE_MS(250));
    assert_int_equal(tulle_mock_yaml(mock, "rules.yaml", NULL), TULLE_OK);
    assert_int_equal(mock_get(mesh, "http://reviews/"), -TULLE_E_TIMEOUT);
    assert_int_equal(tulle_mock_now(mock) - before, TULLE_MS(250) + TULLE_S(30));
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void a_bad_text_fails_the_open(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "bad.yaml", "kind: Nothing\n"), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_E_CONFIG);
    assert_null(mesh);
    tulle_mock_free(mock);
}

#define SCRIPT                                                                                     \
    "apiVersion: tulle.dev/v1alpha1\nkind: MockEndpoint\nmetadata: {name: one}\n"                  \
    "spec:\n  address: \"*\"\n  answers:\n  - {status: 418, times: 1}\n"                           \
    "  - {method: GET, prefix: /r, headers: {x-a: b}, body: hello, delay: 0s}\n"

static void texts_may_hold_the_script(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle_reply *reply = NULL;
    struct tulle *mesh = NULL;

    (void)state;
    CHECK_OR_DONE(mock);
    CHECK_OK(tulle_mock_yaml(mock, "script.yaml", SCRIPT));
    CHECK_OK(tulle_mock_open(mock, NULL, &mesh));
    CHECK(mock_get(mesh, "http://reviews/r") == 418);
    CHECK_OK(tulle_get(mesh, "http://reviews/r", &reply));
    CHECK(strcmp(tulle_reply_body(reply), "hello") == 0);
    CHECK_OK(tulle_mock_yaml(mock, "more.yaml", "# nothing\n"));
    CHECK(mock_get(mesh, "http://reviews/r") == 200);
    CHECK_OK(tulle_mock_yaml(mock, "script.yaml", NULL));
done:
    tulle_reply_free(reply);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void mistakes_in_a_script_have_a_place_and_a_hint(void **state)
{
    static const char bad[] = "apiVersion: tulle.dev/v1alpha1\nkind: MockEndpoint\n"
                              "metadata: {name: one}\nspec:\n  address: nowhere\n  answers:\n"
                              "  - {statsu: 200}\n  - {kind: HUNG}\n  - {body: a, size: 3}\n";
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct heard heard = { "" };
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .log = hear_log,
                                           .log_user = &heard };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "s.yaml", bad), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, &options, &mesh), TULLE_E_CONFIG);
    assert_non_null(strstr(heard.log, "s.yaml:7:6: MockEndpoint default/one: unknown field "
                                      "\"statsu\"; did you mean \"status\"?"));
    assert_non_null(strstr(heard.log, "s.yaml:8:12: MockEndpoint default/one: unknown kind "
                                      "\"HUNG\"; did you mean \"HANG\"?"));
    assert_non_null(strstr(heard.log, "s.yaml:9:5: MockEndpoint default/one: body and size"));
    tulle_mock_free(mock);
}

static void only_a_mock_reads_a_script(void **state)
{
    struct tulle_config *config;
    struct tulle *mesh;
    struct heard heard = { "" };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .log = hear_log, .log_user = &heard };

    (void)state;
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(config, "s.yaml", SCRIPT), TULLE_OK);
    options.built = config;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_CONFIG);
    assert_non_null(strstr(heard.log, "s.yaml:2:7: MockEndpoint default/one: only a mock reads"));
    tulle_config_free(config);
}

static void two_meshes_share_endpoints_and_clock(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *one, *two;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "script.yaml", SCRIPT), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &one), TULLE_OK);
    assert_int_equal(tulle_mock_open(mock, NULL, &two), TULLE_OK);
    assert_int_equal(mock_get(one, "http://reviews/r"), 418);
    assert_int_equal(mock_get(two, "http://reviews/r"), 200);
    assert_int_equal(tulle_close(one), TULLE_OK);
    assert_int_equal(mock_get(two, "http://reviews/r"), 200);
    assert_int_equal(tulle_mock_requests(mock, NULL), 3);
    assert_int_equal(tulle_close(two), TULLE_OK);
    mock_must_be_clean(mock);
    tulle_mock_free(mock);
}

TEST_MAIN(TEST_OOM(endpoints_come_and_go_while_calls_are_made),
          cmocka_unit_test(services_come_and_go),
          cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
          TEST_OOM(stale_discovery_keeps_changes_back_until_it_is_fresh),
          cmocka_unit_test(discovery_that_fails_keeps_what_is_known_and_says_so),
          cmocka_unit_test(a_mesh_that_opens_before_its_endpoints_are_known_waits_for_them),
          cmocka_unit_test(texts_come_into_force_at_once_and_bad_ones_keep_the_last_good),
          cmocka_unit_test(a_bad_text_fails_the_open), TEST_OOM(texts_may_hold_the_script),
          cmocka_unit_test(mistakes_in_a_script_have_a_place_and_a_hint),
          cmocka_unit_test(only_a_mock_reads_a_script),
          cmocka_unit_test(two_meshes_share_endpoints_and_clock))
