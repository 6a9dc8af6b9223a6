/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks of real servers: their journals say when they were asked,
 * and how often before somebody was believed to be ill or well. */

#include <signal.h>

#include "harness/certs.h"
#include "wire/child.h"
#include "wire/health_shop.h"

static void http_is_asked_at_its_interval_over_one_connection(void **state)
{
    struct checked_shop shop;
    int64_t at[STAMPS_MAX];
    size_t count;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("150ms") HTTP), NULL);
    assert_int_equal(tulle_wait_ready(shop.mesh, PATIENCE_NS), TULLE_OK);
    assert_true(wire_metric(shop.mesh, "tulle_health_check_healthy", "") == 1);
    assert_true(journal_has(&shop, "request * GET /healthz *", 8));
    count = stamps(&shop, "GET /healthz", at);
    for (size_t i = 1; i < count; i++) {
        assert_apart(&at[i - 1], TULLE_MS(150));
    }
    assert_true(server_count(shop.servers[0], "opened") == 1);
    checked_close(&shop);
}

static void without_reuse_each_check_has_its_connection(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("50ms") "reuseConnection: false, " HTTP),
                 NULL);
    assert_true(journal_has(&shop, "request * GET /healthz *", 5));
    assert_true(server_count(shop.servers[0], "opened") >= 5);
    assert_true(server_count(shop.servers[0], "open_max") <= 1);
    checked_close(&shop);
}

static bool has_declined(void *user)
{
    return log_has(user, "is unhealthy: a reply to a call had x-envoy-immediate") == 1;
}

/* From a loop to the control step; then the checks have the word again. */
static void who_declines_with_a_reply_is_left_alone(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 2, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("400ms") HTTP), NULL);
    assert_true(healthy_are(&shop, 2));
    assert_int_equal(
        wire_get(shop.mesh, "http://shop/x?header=x-envoy-immediate-health-check-fail:1").status,
        200);
    assert_true(test_wait_until(has_declined, &shop, PATIENCE_NS));
    assert_true(healthy_are(&shop, 2));
    checked_close(&shop);
}

struct hope {
    struct checked_shop *shop;
    const char *labels;
    double value;
};

static bool metric_is_least(void *user)
{
    const struct hope *hope = user;

    return wire_metric(hope->shop->mesh, "tulle_health_checks_total", hope->labels) >= hope->value;
}

static bool results_come(struct checked_shop *shop, const char *result, double count)
{
    struct hope hope = { shop, result,
                         wire_metric(shop->mesh, "tulle_health_checks_total", result) + count };

    return test_wait_until(metric_is_least, &hope, PATIENCE_NS);
}

/* Somewhere behind the first `from` checks these intervals follow each other. */
static bool intervals_follow(struct checked_shop *shop, size_t from, const int64_t *wanted,
                             size_t size)
{
    int64_t at[STAMPS_MAX];
    size_t count = stamps(shop, "GET /healthz", at);

    for (size_t i = from; i + size < count; i++) {
        size_t fits = 0;

        while (fits < size && at[i + fits + 1] - at[i + fits] >= wanted[fits] - EARLY_NS) {
            fits++;
        }
        if (fits == size) {
            return true;
        }
    }
    return false;
}

/* Each wrong interval would be a shorter one: late is what a test machine is anyway.
 * Two failures change nothing, three do, and it takes two good ones to come back; each
 * stage has an interval of its own. */
static void thresholds_are_kept_and_edges_have_their_intervals(void **state)
{
    static const int64_t edges[] = {
        TULLE_MS(300), TULLE_MS(300), /* failures one and two: pending */
        TULLE_MS(100), TULLE_MS(100), /* three has made it unhealthy, four finds it so */
        TULLE_MS(200),                /* a good one: pending */
    };
    struct checked_shop shop;
    size_t before;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP,
                 CHECKS(EVERY("30ms") "unhealthyThreshold: 3, healthyThreshold: 2, "
                                      "unhealthyEdgeInterval: 300ms, unhealthyInterval: 100ms, "
                                      "healthyEdgeInterval: 200ms, " HTTP),
                 NULL);
    assert_int_equal(tulle_wait_ready(shop.mesh, PATIENCE_NS), TULLE_OK);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").error, TULLE_OK);
    server_command(shop.servers[0], "next 2 status=503");
    assert_true(results_come(&shop, "result=\"failed\"", 2));
    assert_true(results_come(&shop, "result=\"passed\"", 2));
    assert_int_equal(log_has(&shop, "is unhealthy"), 0);

    before = server_log_count(shop.servers[0], "request * GET /healthz *");
    server_command(shop.servers[0], "next 4 status=503");
    assert_true(healthy_are(&shop, 0));
    assert_true(healthy_are(&shop, 1));
    assert_true(wire_metric(shop.mesh, "tulle_health_checks_total", "result=\"failed\"") == 6);
    assert_int_equal(log_has(&shop, "is unhealthy: GET /healthz answered 503"), 1);
    assert_int_equal(log_has(&shop, "is healthy: GET /healthz answered 200"), 1);
    assert_true(intervals_follow(&shop, before, edges, COUNT_OF(edges)));
    checked_close(&shop);
}

/* Whom calls find, while one of two is ill. */
static void no_call_goes_to_who_is_unhealthy(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 2, NULL);
    server_command(shop.servers[0], "set status=500");
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("50ms") HTTP), NULL);
    for (int i = 0; i < 50; i++) {
        struct outcome outcome = wire_get(shop.mesh, "http://shop/ratings");

        assert_int_equal(outcome.status, 200);
        assert_string_equal(outcome.endpoint, server_address(shop.servers[1]));
    }
    server_command(shop.servers[0], "set");
    assert_true(healthy_are(&shop, 2));
    for (int i = 0; server_log_count(shop.servers[0], "request * /ratings *") == 0; i++) {
        assert_true(i < 1000);
        assert_int_equal(wire_get(shop.mesh, "http://shop/ratings").status, 200);
    }
    checked_close(&shop);
}

static void a_server_that_died_is_missed_and_found_again(void **state)
{
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 2, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("50ms") HTTP), NULL);
    assert_true(healthy_are(&shop, 2));
    server_kill(shop.servers[0], SIGKILL);
    assert_true(healthy_are(&shop, 1));
    assert_true(wire_metric(shop.mesh, "tulle_health_checks_total", "result=\"unreached\"") >= 2);
    server_restart(shop.servers[0]);
    assert_true(healthy_are(&shop, 2));
    checked_close(&shop);
}

static void http2_and_tls_are_asked_as_calls_are(void **state)
{
    struct certs *certs = certs_new();
    const char *cert, *key;
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 1, "--h2c");
    checked_open(&shop, TULLE_PROTOCOL_HTTP2, CHECKS(EVERY("50ms") HTTP), NULL);
    assert_true(healthy_are(&shop, 1));
    assert_true(journal_has(&shop, "request * GET /healthz *", 3));
    checked_close(&shop);

    certs_issue(certs, CERTS_GOOD, "DNS:shop,DNS:shop.default.svc.cluster.local", &cert, &key);
    checked_start(&shop, 0, NULL);
    shop.servers[shop.count++] =
        server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTPS, CHECKS(EVERY("50ms") HTTP), &options);
    assert_true(healthy_are(&shop, 1));
    assert_true(journal_has(&shop, "request * GET /healthz *", 3));
    checked_close(&shop);
    certs_free(certs);
}

/* --- servers that are no help --- */

static void what_hangs_trickles_or_floods_is_bounded(void **state)
{
    static const struct {
        const char *does;
        double healthy;
    } cases[] = {
        { "set hang", 0 },
        { "set slow=20 body=100000", 0 },
        { "set body=1000000", 1 },
        { "set headbytes=30000", 0 },
        { "set drop", 0 },
        { "set reset", 0 },
        { "set break=10 body=100", 0 },
        { "set status=204", 0 },
    };
    struct checked_shop shop;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP,
                 CHECKS(EVERY("50ms") "timeout: 200ms, httpHealthCheck: {path: /healthz}"), NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        server_command(shop.servers[0], "set");
        assert_true(healthy_are(&shop, 1));
        server_command(shop.servers[0], "%s", cases[i].does);
        assert_true(journal_has(&shop, "request *",
                                (double)server_log_count(shop.servers[0], "request *") + 3));
        assert_true(healthy_are(&shop, cases[i].healthy));
    }
    assert_true(server_count(shop.servers[0], "open") <= 2);
    checked_close(&shop);
}

static void a_mesh_is_closed_in_the_midst_of_checks(void **state)
{
    static const char *const checks[] = {
        CHECKS(EVERY("10ms") "httpHealthCheck: {path: /hang}"),
        CHECKS(EVERY("10ms") "tcpHealthCheck: {receive: [{text: '00'}]}"),
        CHECKS(EVERY("10ms") "tcpHealthCheck: {}"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        struct checked_shop shop;

        checked_start(&shop, 2, NULL);
        checked_open(&shop, TULLE_PROTOCOL_HTTP, checks[i], NULL);
        assert_true(journal_has(&shop, "open *", 1));
        checked_close(&shop);
    }
}

/* --- whose thread it is --- */

static bool eight_checks_came(struct checked_shop *shop)
{
    return server_log_count(shop->servers[0], "request * GET /healthz *") >= 8;
}

static void without_threads_the_app_runs_the_checks(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT };
    int threads = wire_threads();
    struct checked_shop shop;
    int64_t end = test_now() + PATIENCE_NS;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("20ms") HTTP), &options);
    assert_int_equal(tulle_wait_ready(shop.mesh, PATIENCE_NS), TULLE_OK);
    while (!eight_checks_came(&shop)) {
        assert_true(test_now() < end);
        assert_int_equal(tulle_run(shop.mesh), TULLE_OK);
        assert_true(tulle_due(shop.mesh) <= TULLE_MS(1500));
    }
    assert_int_equal(wire_threads(), threads);
    checked_close(&shop);
}

static int child_calls(void *user)
{
    struct checked_shop *shop = user;

    CHILD_CHECK(wire_get(shop->mesh, "http://shop/child").status == 200);
    CHILD_CHECK(wire_metric(shop->mesh, "tulle_health_check_healthy", "") == 1);
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

static void a_child_has_checks_of_its_own_and_its_parent_goes_on(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .after_fork = TULLE_AFTER_FORK_REOPEN };
    struct checked_shop shop;
    double seen;

    (void)state;
    checked_start(&shop, 1, NULL);
    checked_open(&shop, TULLE_PROTOCOL_HTTP, CHECKS(EVERY("20ms") HTTP), &options);
    assert_true(healthy_are(&shop, 1));
    child_do(child_calls, &shop);
    seen = wire_metric(shop.mesh, "tulle_health_checks_total", "result=\"passed\"");
    assert_true(
        journal_has(&shop, "request * GET /healthz *",
                    (double)server_log_count(shop.servers[0], "request * GET /healthz *") + 5));
    assert_true(wire_metric(shop.mesh, "tulle_health_checks_total", "result=\"passed\"") > seen);
    checked_close(&shop);
}

TEST_MAIN(cmocka_unit_test(http_is_asked_at_its_interval_over_one_connection),
          cmocka_unit_test(without_reuse_each_check_has_its_connection),
          cmocka_unit_test(who_declines_with_a_reply_is_left_alone),
          cmocka_unit_test(thresholds_are_kept_and_edges_have_their_intervals),
          cmocka_unit_test(no_call_goes_to_who_is_unhealthy),
          cmocka_unit_test(a_server_that_died_is_missed_and_found_again),
          cmocka_unit_test(http2_and_tls_are_asked_as_calls_are),
          cmocka_unit_test(what_hangs_trickles_or_floods_is_bounded),
          cmocka_unit_test(a_mesh_is_closed_in_the_midst_of_checks),
          cmocka_unit_test(without_threads_the_app_runs_the_checks),
          cmocka_unit_test(a_child_has_checks_of_its_own_and_its_parent_goes_on))
