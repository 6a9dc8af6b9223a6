/* SPDX-License-Identifier: Apache-2.0 */

/* What the app does in a callback is answered and hangs nowhere, also when the
 * mesh is being closed (test_cancel.c has the quiet case). */

#include <stdatomic.h>
#include <stdio.h>

#include "wire/wire.h"

struct host {
    _Atomic(struct tulle *) mesh; /* set while the log is on */
    atomic_int logs, accesses, completions, looks;
    _Atomic(const char *) fault; /* callbacks must not jump away */
};

static void expect(struct host *host, bool holds, const char *what)
{
    if (!holds) {
        atomic_store(&host->fault, what);
    }
}

static void look_deeper(const struct tulle_endpoint_state *state, void *user)
{
    (void)state;
    atomic_fetch_add(&((struct host *)user)->looks, 1);
}

static void look_around(struct host *host)
{
    char *text;

    expect(host, tulle_metrics(host->mesh, NULL, &text) == TULLE_OK, "metrics");
    tulle_text_free(text);
    expect(host, tulle_endpoints(host->mesh, look_deeper, host) == TULLE_OK, "endpoints");
}

static void block(struct host *host)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://shop/" };
    struct tulle_reply *reply;
    struct tulle_pick *pick;

    expect(host, tulle_get(host->mesh, "http://shop/", &reply) == TULLE_E_USAGE, "get");
    expect(host, tulle_pick(host->mesh, &request, &pick) == TULLE_E_USAGE, "pick");
    expect(host, tulle_run(host->mesh) == TULLE_E_USAGE, "run");
    expect(host, tulle_fd(host->mesh) == -1, "fd");
    expect(host, tulle_due(host->mesh) == TULLE_NONE, "due");
    expect(host, tulle_wait_ready(host->mesh, 0) == TULLE_E_USAGE, "wait_ready");
    expect(host, tulle_close(host->mesh) == TULLE_E_USAGE, "close");
}

static void host_log(void *user, int32_t level, const char *area, const char *text)
{
    struct host *host = user;

    (void)level;
    (void)area;
    (void)text;
    if (host->mesh != NULL) {
        look_around(host);
        block(host);
        atomic_fetch_add(&host->logs, 1);
    }
}

static void host_access(void *user, const struct tulle_access *access)
{
    (void)access;
    look_around(user);
    block(user);
    atomic_fetch_add(&((struct host *)user)->accesses, 1);
}

static void host_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct host *host = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_call *late;

    look_around(host);
    block(host);
    tulle_call_cancel(call);
    if (error == TULLE_E_CANCELLED) {
        expect(host,
               tulle_call_start(host->mesh, &request, host_done, host, &late) == TULLE_E_CLOSED,
               "start");
        expect(host, late == NULL, "a handle of no call");
    }
    expect(host, (tulle_call_failure(call) == NULL) == (error == TULLE_OK), "failure");
    tulle_call_free(call);
    atomic_fetch_add(&host->completions, 1);
}

static void host_start(struct host *host, const char *url)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url };
    struct tulle_call *call;

    assert_int_equal(tulle_call_start(host->mesh, &request, host_done, host, &call), TULLE_OK);
}

static void expect_no_fault(const struct host *host)
{
    if (atomic_load(&host->fault) != NULL) {
        fail_msg("%s", atomic_load(&host->fault));
    }
}

static void callbacks_that_come_while_closing_may_call_anything(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct host host = { 0 };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 2,
                                     .close_timeout_ns = TULLE_MS(50), .access = host_access,
                                     .access_user = &host };

    (void)state;
    host.mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    for (int i = 0; i < 20; i++) {
        host_start(&host, i % 2 == 0 ? "http://shop/" : "http://shop/hang");
    }
    wire_close(host.mesh);
    expect_no_fault(&host);
    assert_int_equal(atomic_load(&host.completions), 20);
    assert_int_equal(atomic_load(&host.accesses), 20);
    server_stop(server);
}

static const char ejects_at_once[] = "apiVersion: networking.istio.io/v1\n"
                                     "kind: DestinationRule\n"
                                     "metadata: {name: shop}\n"
                                     "spec:\n"
                                     "  host: shop\n"
                                     "  trafficPolicy:\n"
                                     "    outlierDetection: {consecutive5xxErrors: 1,\n"
                                     "      interval: 10ms, baseEjectionTime: 10ms,\n"
                                     "      maxEjectionPercent: 100}\n";

static bool host_has_logged(void *user)
{
    return atomic_load(&((struct host *)user)->logs) >= 3;
}

/* Of loops and of the control step, in the middle of a sweep. */
static void the_log_may_look_at_the_mesh(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "status=500", NULL);
    struct host host = { 0 };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .log = host_log, .log_user = &host,
                                     .log_level = TULLE_LEVEL_DEBUG };
    struct tulle *mesh;

    (void)state;
    mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, ejects_at_once, &options);
    host.mesh = mesh;
    for (int i = 0; i < 50 && !host_has_logged(&host); i++) {
        (void)wire_get(mesh, "http://shop/");
        test_wait_until(host_has_logged, &host, TULLE_MS(40));
    }
    assert_true(host_has_logged(&host));
    wire_close(mesh);
    expect_no_fault(&host);
    server_stop(server);
}

static void look_and_call(const struct tulle_endpoint_state *state, void *user)
{
    struct host *host = user;

    (void)state;
    look_around(host);
    expect(host, wire_get(host->mesh, "http://shop/").error == TULLE_OK, "a call of each endpoint");
}

static void whoever_is_shown_an_endpoint_may_call_it(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct host host = { .mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL) };

    (void)state;
    assert_int_equal(tulle_endpoints(host.mesh, look_and_call, &host), TULLE_OK);
    assert_int_equal(atomic_load(&host.looks), 1);
    expect_no_fault(&host);
    wire_close(host.mesh);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(callbacks_that_come_while_closing_may_call_anything),
          cmocka_unit_test(the_log_may_look_at_the_mesh),
          cmocka_unit_test(whoever_is_shown_an_endpoint_may_call_it))
