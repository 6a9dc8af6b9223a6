/* SPDX-License-Identifier: Apache-2.0 */

/* A guest in a process: what befalls its host. Signals, cancelled threads, exit(),
 * dlclose(), a second copy of the library, a stop, and too little of a processor. */

#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/child.h"
#include "wire/fork_shop.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { BUSY = 8, LOADS = 3 };
#else
enum { BUSY = 50, LOADS = 20 };
#endif

enum { CALLS = 20, SIGNALS_LEAST = 100, PER_S = 50, BODY = 8 << 20 };

/* --- signals --- */

static atomic_int signals;

static void note_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static bool many_signals(void *user)
{
    (void)user;
    return atomic_load(&signals) >= SIGNALS_LEAST;
}

static void a_thousand_signals_a_second_fail_no_call(void **state)
{
    const struct itimerval storm = { { 0, 1000 }, { 0, 1000 } }, calm = { { 0, 0 }, { 0, 0 } };
    const struct sigaction action = { .sa_handler = note_signal }; /* no SA_RESTART */
    struct sigaction before;
    struct shop shop;
    struct pacer pacer;

    (void)state;
    shop_open(&shop);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &storm, NULL), 0);
    pacer_start(&pacer, shop.mesh, "http://shop/?delay=1", PER_S);
    do {
        assert_int_equal(wire_get(shop.mesh, "http://shop/?delay=2").status, 200);
    } while (!many_signals(NULL));
    pacer_stop(&pacer);
    assert_int_equal(setitimer(ITIMER_REAL, &calm, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_string_equal(pacer.tally.first_failure, "");
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* SIGPIPE would end this program. */
static void a_peer_that_goes_while_it_is_written_to_makes_no_signal(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?sink&dropat=1000",
                                     .method = "POST", .body_size = BODY };
    void *body = calloc(1, BODY);
    struct shop shop;

    (void)state;
    shop_open(&shop);
    request.body = body;
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(wire_call(shop.mesh, &request).error, TULLE_E_NETWORK);
    }
    free(body);
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* --- threads that are cancelled --- */

struct cancelled {
    struct tulle *mesh;
    struct outcome outcome;
};

static void *call_and_be_cancelled(void *user)
{
    struct cancelled *cancelled = user;

    cancelled->outcome = wire_get(cancelled->mesh, "http://shop/hold");
    pthread_testcancel();
    return NULL;
}

static void a_caller_is_cancelled_when_his_call_is_over(void **state)
{
    struct cancelled cancelled;
    struct shop shop;
    pthread_t thread;
    void *value;

    (void)state;
    shop_open(&shop);
    cancelled.mesh = shop.mesh;
    assert_int_equal(pthread_create(&thread, NULL, call_and_be_cancelled, &cancelled), 0);
    assert_true(server_wait_count(shop.server, "in_flight", 1));
    assert_int_equal(pthread_cancel(thread), 0);
    server_command(shop.server, "release");
    assert_int_equal(pthread_join(thread, &value), 0);
    assert_ptr_equal(value, PTHREAD_CANCELED);
    assert_int_equal(cancelled.outcome.status, 200);
    shop_close(&shop, 0);
}

/* --- exit() --- */

static void leave(struct tulle_call *call, enum tulle_error error, void *user)
{
    (void)call;
    (void)user;
    exit(error == TULLE_OK ? 0 : 1);
}

static int exits_in_a_callback(void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url_of_shop };
    struct tulle_call *call;

    CHILD_CHECK(tulle_call_start(user, &request, leave, NULL, &call) == TULLE_OK);
    for (;;) {
        pause();
    }
}

static void a_callback_may_exit(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop);
    for (int i = 0; i < CALLS; i++) {
        child_do(exits_in_a_callback, shop.mesh);
    }
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* --- copies of the library --- */

struct copy {
    void *handle;
    enum tulle_error (*open)(const struct tulle_options *options, struct tulle **out);
    enum tulle_error (*get)(struct tulle *mesh, const char *url, struct tulle_reply **out);
    void (*reply_free)(struct tulle_reply *reply);
    enum tulle_error (*close)(struct tulle *mesh);
};

static void *function(struct copy *copy, const char *name)
{
    void *found = dlsym(copy->handle, name);

    assert_non_null(found);
    return found;
}

static void copy_load(struct copy *copy)
{
    copy->handle = dlopen(TULLE_TEST_BUILD_DIR "/libtulle.so", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(copy->handle);
    *(void **)&copy->open = function(copy, "tulle_open");
    *(void **)&copy->get = function(copy, "tulle_get");
    *(void **)&copy->reply_free = function(copy, "tulle_reply_free");
    *(void **)&copy->close = function(copy, "tulle_close");
}

static void write_mesh(const char *folder, const struct server *server)
{
    char yaml[1024];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
             "  endpoints: [{address: 127.0.0.2, ports: {http: %u}}]\n",
             server_port(server));
    test_folder_write(folder, "shop.yaml", yaml);
}

static void copy_use(struct copy *copy, struct tulle *mesh)
{
    struct tulle_reply *reply;

    assert_int_equal(copy->get(mesh, url_of_shop, &reply), TULLE_OK);
    copy->reply_free(reply);
}

static void copies_come_and_go_beside_each_other(void **state)
{
    char *folder = test_folder_new();
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = folder };
    int threads = wire_threads();
    struct shop shop;

    (void)state;
    shop_open(&shop);
    write_mesh(folder, shop.server);
    for (int i = 0; i < LOADS; i++) {
        struct tulle *mesh;
        struct copy copy;

        copy_load(&copy);
        assert_int_equal(copy.open(&options, &mesh), TULLE_OK);
        copy_use(&copy, mesh);
        assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
        assert_int_equal(copy.close(mesh), TULLE_OK);
        assert_int_equal(dlclose(copy.handle), 0);
    }
    wire_close(shop.mesh);
    assert_true(wire_threads_are(threads));
    server_stop(shop.server);
    test_folder_free(folder);
}

/* --- a stop --- */

/* Deadlines go by while it stands; so do the answers, which count. */
static int calls_and_is_stopped(void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/hold",
                                     .deadline_ns = TULLE_S(2) };
    struct tulle_endpoint_state state = { TULLE_ENDPOINT_STATE_INIT };
    struct tulle_call *calls[CALLS];
    struct shop *shop = user;
    int32_t ready;

    for (int i = 0; i < CALLS; i++) {
        CHILD_CHECK(tulle_call_start(shop->mesh, &request, NULL, NULL, &calls[i]) == TULLE_OK);
    }
    for (int i = 0; i < CALLS; i++) {
        CHILD_CHECK(tulle_call_wait(calls[i], TULLE_EVENT_END, 0, &ready) == TULLE_OK);
        CHILD_CHECK(tulle_call_error(calls[i]) == TULLE_OK);
        CHILD_CHECK(tulle_reply_attempts(tulle_call_reply(calls[i])) == 1);
        tulle_call_free(calls[i]);
    }
    CHILD_CHECK(wire_endpoint(shop->mesh, server_address(shop->server), &state));
    CHILD_CHECK(state.failures == 0 && state.ejections == 0);
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

static void a_client_that_was_stopped_takes_the_answers_that_came(void **state)
{
    struct shop shop;
    pid_t child;

    (void)state;
    shop_open(&shop);
    child = child_start(calls_and_is_stopped, &shop, CHILD__EXIT);
    assert_true(server_wait_count(shop.server, "in_flight", CALLS));
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
    server_command(shop.server, "release");
    assert_true(server_wait_count(shop.server, "answers", CALLS + 1));
    sleep(3);
    assert_int_equal(kill(child, SIGCONT), 0);
    child_wait(child);
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* --- a busy machine --- */

static void *be_busy(void *user)
{
    while (!atomic_load((atomic_bool *)user)) {
    }
    return NULL;
}

static int calls_on_one_busy_processor(void *user)
{
    struct tulle_endpoint_state state = { TULLE_ENDPOINT_STATE_INIT };
    struct shop *shop = user;
    pthread_t threads[BUSY];
    atomic_bool stop = false;
    struct pacer pacer;
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    CHILD_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
    for (int i = 0; i < BUSY; i++) {
        CHILD_CHECK(pthread_create(&threads[i], NULL, be_busy, &stop) == 0);
    }
    pacer_start(&pacer, shop->mesh, url_of_shop, PER_S);
    sleep(3);
    atomic_store(&stop, true);
    for (int i = 0; i < BUSY; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&pacer.stop, true);
    pthread_join(pacer.thread, NULL);
    CHILD_CHECK(tally_wait(&pacer.tally, TULLE_S(20)));
    CHILD_CHECK(pacer.tally.ok == pacer.tally.ended && pacer.tally.ok > 0);
    CHILD_CHECK(wire_endpoint(shop->mesh, server_address(shop->server), &state));
    CHILD_CHECK(state.failures == 0 && state.ejections == 0);
    return 0;
}

static const char impatient[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: shop}\n"
    "spec:\n"
    "  host: shop\n"
    "  trafficPolicy:\n"
    "    outlierDetection: {consecutive5xxErrors: 2, consecutiveGatewayErrors: 2,\n"
    "                       interval: 0.1s, maxEjectionPercent: 100}\n";

static void too_little_of_a_processor_ejects_nobody(void **state)
{
    struct shop shop;

    (void)state;
    shop_init(&shop);
    shop.mesh = wire_open(&shop.server, 1, TULLE_PROTOCOL_HTTP, impatient, &shop.options);
    child_do(calls_on_one_busy_processor, &shop);
    wire_close(shop.mesh);
    server_stop(shop.server);
}

TEST_MAIN(cmocka_unit_test(a_thousand_signals_a_second_fail_no_call),
          cmocka_unit_test(a_peer_that_goes_while_it_is_written_to_makes_no_signal),
          cmocka_unit_test(a_caller_is_cancelled_when_his_call_is_over),
          cmocka_unit_test(a_callback_may_exit),
          cmocka_unit_test(copies_come_and_go_beside_each_other),
          cmocka_unit_test(a_client_that_was_stopped_takes_the_answers_that_came),
          cmocka_unit_test(too_little_of_a_processor_ejects_nobody))
