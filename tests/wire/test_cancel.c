/* SPDX-License-Identifier: Apache-2.0 */

/* A cancelled call ends once, whoever cancels it and wherever it is; and no
 * public function hangs in a callback. The harness looks for descriptors and
 * memory that stay. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/wire.h"

static const char retry_5xx[] = "apiVersion: networking.istio.io/v1\n"
                                "kind: VirtualService\n"
                                "metadata: {name: shop}\n"
                                "spec:\n"
                                "  hosts: [shop]\n"
                                "  http:\n"
                                "  - route: [{destination: {host: shop}}]\n"
                                "    timeout: 20s\n"
                                "    retries: {attempts: 20, retryOn: \"5xx\"}\n";

/* One asynchronous call and all that is heard of it. */
struct probe {
    struct tulle *mesh;
    struct tulle_call *call;
    atomic_int completions;
    atomic_int error;
};

static void probe_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct probe *probe = user;

    tulle_call_cancel(call);
    atomic_store(&probe->error, (int)error);
    atomic_fetch_add(&probe->completions, 1);
}

static bool is_done(void *user)
{
    struct probe *probe = user;

    return atomic_load(&probe->completions) > 0;
}

static void probe_start(struct probe *probe, struct tulle *mesh, const char *url)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url };

    *probe = (struct probe){ .mesh = mesh };
    assert_int_equal(tulle_call_start(mesh, &request, probe_done, probe, &probe->call), TULLE_OK);
}

static void expect_cancelled(struct probe *probe)
{
    tulle_call_cancel(probe->call);
    assert_true(test_wait_until(is_done, probe, TULLE_S(5)));
    tulle_call_cancel(probe->call);
    assert_int_equal(atomic_load(&probe->error), TULLE_E_CANCELLED);
    assert_null(tulle_call_reply(probe->call));
    assert_int_equal(tulle_call_failure(probe->call)->error, TULLE_E_CANCELLED);
    tulle_call_free(probe->call);
    assert_int_equal(atomic_load(&probe->completions), 1);
}

static void before_the_head(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct probe probe;

    (void)state;
    probe_start(&probe, mesh, "http://shop/hang");
    assert_true(server_wait_count(server, "in_flight", 1));
    expect_cancelled(&probe);
    assert_true(server_wait_exactly(server, "open", 0));
    wire_close(mesh);
    server_stop(server);
}

static void in_the_body(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct probe probe;
    int64_t start = test_now();

    (void)state;
    probe_start(&probe, mesh, "http://shop/?body=100000&slow=5&piece=10");
    assert_true(server_wait_count(server, "in_flight", 1));
    while (test_now() - start < TULLE_MS(50)) {
        assert_int_equal(server_count(server, "in_flight"), 1);
    }
    expect_cancelled(&probe);
    assert_true(server_wait_exactly(server, "open", 0));
    wire_close(mesh);
    server_stop(server);
}

/* Twenty retries spread over about two seconds: most of that time is backoff. */
static void in_a_backoff(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "status=503", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, retry_5xx, NULL);
    struct probe probe;

    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t before = server_count(server, "answers");

        probe_start(&probe, mesh, "http://shop/");
        assert_true(server_wait_count(server, "answers", before + 3));
        expect_cancelled(&probe);
    }
    wire_close(mesh);
    server_stop(server);
}

static void at_any_moment_from_another_thread(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", "--set", "delay=1", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct probe probe;
        int64_t start = test_now();

        probe_start(&probe, mesh, "http://shop/?body=2000");
        while (test_now() - start < (int64_t)i * 3000) {
        }
        tulle_call_cancel(probe.call);
        assert_true(test_wait_until(is_done, &probe, TULLE_S(5)));
        assert_true(atomic_load(&probe.error) == TULLE_E_CANCELLED ||
                    atomic_load(&probe.error) == TULLE_OK);
        tulle_call_free(probe.call);
    }
    wire_close(mesh);
    server_stop(server);
}

static void freeing_a_call_that_runs_cancels_it(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct probe probe;

    (void)state;
    probe_start(&probe, mesh, "http://shop/hang");
    tulle_call_free(probe.call);
    assert_true(test_wait_until(is_done, &probe, TULLE_S(5)));
    assert_int_equal(atomic_load(&probe.error), TULLE_E_CANCELLED);
    wire_close(mesh);
    server_stop(server);
}

/* --- every public function in every callback --- */

struct inside {
    struct tulle *mesh;
    char *folder;
    atomic_int done, access, endpoints, log; /* visits that ended */
    atomic_int nested;                       /* calls started in callbacks that completed */
    atomic_int nested_started;
    _Atomic(const char *) fault; /* what was not as expected; callbacks must not jump away */
};

#define EXPECT(inside, condition)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            atomic_store(&(inside)->fault, #condition);                                            \
        }                                                                                          \
    } while (0)

static void nested_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct inside *inside = user;

    (void)error;
    tulle_call_free(call);
    atomic_fetch_add(&inside->nested, 1);
}

static void ignore_endpoint(const struct tulle_endpoint_state *state, void *user)
{
    (void)state;
    (void)user;
}

static void expect_usage(struct inside *inside)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_reply *reply;

    EXPECT(inside, tulle_get(inside->mesh, "http://shop/", &reply) == TULLE_E_USAGE);
    EXPECT(inside, reply == NULL);
    EXPECT(inside, tulle_call(inside->mesh, &request, &reply) == TULLE_E_USAGE);
    EXPECT(inside, tulle_wait_ready(inside->mesh, TULLE_S(1)) == TULLE_E_USAGE);
    EXPECT(inside, tulle_close(inside->mesh) == TULLE_E_USAGE);
}

static void expect_answers(struct inside *inside)
{
    char *text = NULL;

    EXPECT(inside, tulle_metrics(inside->mesh, NULL, &text) == TULLE_OK);
    tulle_text_free(text);
    EXPECT(inside, tulle_endpoints(inside->mesh, ignore_endpoint, NULL) == TULLE_OK);
    EXPECT(inside, tulle_version() != NULL);
    EXPECT(inside, tulle_error_text(TULLE_E_USAGE) != NULL);
}

/* Four of them: a call that is started in a callback ends in callbacks as well. */
static void start_and_cancel(struct inside *inside)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/nested" };
    struct tulle_call *call;

    if (atomic_fetch_add(&inside->nested_started, 1) >= 4) {
        atomic_fetch_sub(&inside->nested_started, 1);
        return;
    }
    EXPECT(inside,
           tulle_call_start(inside->mesh, &request, nested_done, inside, &call) == TULLE_OK);
    tulle_call_cancel(call);
}

static void inside_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct inside *inside = user;

    EXPECT(inside, error == TULLE_OK);
    expect_usage(inside);
    expect_answers(inside);
    start_and_cancel(inside);
    tulle_call_cancel(call);
    EXPECT(inside, tulle_call_reply(call) != NULL);
    EXPECT(inside, tulle_call_failure(call) == NULL);
    tulle_call_free(call);
    atomic_fetch_add(&inside->done, 1);
}

static void inside_access(void *user, const struct tulle_access *access)
{
    struct inside *inside = user;

    (void)access;
    expect_usage(inside);
    expect_answers(inside);
    start_and_cancel(inside);
    atomic_fetch_add(&inside->access, 1);
}

static void inside_log(void *user, int32_t level, const char *area, const char *text)
{
    struct inside *inside = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_call *call;

    (void)level;
    (void)area;
    (void)text;
    if (inside->mesh == NULL) {
        return;
    }
    expect_usage(inside);
    if (tulle_call_start(inside->mesh, &request, nested_done, inside, &call) == TULLE_OK) {
        atomic_fetch_add(&inside->nested_started, 1);
    }
    atomic_fetch_add(&inside->log, 1);
}

/* On the app's own thread, where blocking is fine. */
static void inside_endpoint(const struct tulle_endpoint_state *state, void *user)
{
    struct inside *inside = user;

    EXPECT(inside, state->address[0] != '\0');
    EXPECT(inside, wire_get(inside->mesh, "http://shop/").status == 200);
    expect_answers(inside);
    atomic_fetch_add(&inside->endpoints, 1);
}

static struct tulle *open_inside(struct inside *inside, const struct server *server)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT,      .config = inside->folder,
                                     .access = inside_access, .access_user = inside,
                                     .log = inside_log,       .log_user = inside };
    struct tulle *mesh;
    char yaml[1024];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP, targetPort: %u}]\n"
             "  endpoints: [{address: 127.0.0.2}]\n",
             server_port(server));
    test_folder_write(inside->folder, "shop.yaml", yaml);
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    return mesh;
}

static bool all_were_inside(void *user)
{
    struct inside *inside = user;

    return atomic_load(&inside->done) == 1 && atomic_load(&inside->access) >= 1 &&
           atomic_load(&inside->log) >= 1 &&
           atomic_load(&inside->nested) == atomic_load(&inside->nested_started);
}

static void no_public_function_hangs_in_a_callback(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct inside inside = { .folder = test_folder_new() };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle *mesh = open_inside(&inside, server);
    struct tulle_call *call;

    (void)state;
    inside.mesh = mesh;
    assert_int_equal(tulle_call_start(mesh, &request, inside_done, &inside, &call), TULLE_OK);
    test_folder_write(inside.folder, "bad.yaml", "kind: [\n");
    assert_true(test_wait_until(all_were_inside, &inside, TULLE_S(10)));
    assert_int_equal(tulle_endpoints(mesh, inside_endpoint, &inside), TULLE_OK);
    assert_int_equal(atomic_load(&inside.endpoints), 1);
    if (atomic_load(&inside.fault) != NULL) {
        fail_msg("%s", atomic_load(&inside.fault));
    }
    wire_close(mesh);
    test_folder_free(inside.folder);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(before_the_head), cmocka_unit_test(in_the_body),
          cmocka_unit_test(in_a_backoff), cmocka_unit_test(at_any_moment_from_another_thread),
          cmocka_unit_test(freeing_a_call_that_runs_cancels_it),
          cmocka_unit_test(no_public_function_hangs_in_a_callback))
