/* SPDX-License-Identifier: Apache-2.0 */

/* fork() under load, and what a child of it may do with what it has from its parent. */

#include <stdio.h>
#include <unistd.h>

#include "harness/certs.h"
#include "wire/child.h"
#include "wire/wire.h"

/* Under a sanitizer a fork copies many times the memory, page by page. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FORKS = 60 };
#else
enum { FORKS = 1000 };
#endif
enum { AT_ONCE = 8, PER_S = 250, CONNECTIONS = 4, FAILS = 0, REOPENS = 1 };

/* All connections are made beforehand, none is made later and none is given up. */
static const char policy[] = "apiVersion: networking.istio.io/v1\n"
                             "kind: DestinationRule\n"
                             "metadata: {name: shop}\n"
                             "spec:\n"
                             "  host: shop\n"
                             "  trafficPolicy: {connectionPool: {tcp: {maxConnections: 4}}}\n";

static const char *url_of_shop = "http://shop/?text=child";

struct shop {
    struct server *server;
    struct tulle *mesh;
    struct tulle_call *held; /* of the parent, in flight */
};

static struct tulle *open_mesh(struct server *server, int32_t after_fork)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .after_fork = after_fork, .loops = 1 };

    return wire_open(&server, 1, TULLE_PROTOCOL_HTTP, policy, &options);
}

static void shop_open(struct shop *shop, int32_t after_fork)
{
    *shop = (struct shop){ .server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL) };
    shop->mesh = open_mesh(shop->server, after_fork);
}

static void shop_close(struct shop *shop)
{
    wire_close(shop->mesh);
    server_stop(shop->server);
}

/* --- the storm --- */

static void open_all_connections(struct shop *shop)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/hold" };
    struct tally tally;

    tally_init(&tally);
    for (int i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(tally_start(&tally, shop->mesh, &request), TULLE_OK);
    }
    assert_true(server_wait_count(shop->server, "in_flight", CONNECTIONS));
    server_command(shop->server, "release");
    assert_true(tally_wait(&tally, TULLE_S(20)));
    assert_int_equal(tally.ok, CONNECTIONS);
    tally_fini(&tally);
}

/* A blocking caller, who runs the loop while others fork. */
struct caller {
    struct tulle *mesh;
    pthread_t thread;
    atomic_bool stop;
    unsigned calls, failed;
};

static void *caller_run(void *user)
{
    struct caller *caller = user;

    while (!atomic_load(&caller->stop)) {
        caller->failed += wire_get(caller->mesh, "http://shop/?delay=1").status != 200;
        caller->calls++;
    }
    return NULL;
}

static void caller_start(struct caller *caller, struct tulle *mesh)
{
    *caller = (struct caller){ .mesh = mesh };
    assert_int_equal(pthread_create(&caller->thread, NULL, caller_run, caller), 0);
}

static void caller_stop(struct caller *caller)
{
    atomic_store(&caller->stop, true);
    pthread_join(caller->thread, NULL);
    assert_int_equal(caller->failed, 0);
    assert_true(caller->calls > 0);
}

static int is_refused(void *user)
{
    struct tulle_reply *reply;

    CHILD_CHECK(tulle_get(user, "http://shop/", &reply) == TULLE_E_FORKED);
    CHILD_CHECK(reply == NULL);
    return 0;
}

static int is_served(void *user)
{
    struct tulle_reply *reply;

    CHILD_CHECK(tulle_get(user, url_of_shop, &reply) == TULLE_OK);
    CHILD_CHECK(tulle_reply_status(reply) == 200);
    CHILD_CHECK(strcmp(tulle_reply_body(reply), "child") == 0);
    tulle_reply_free(reply);
    return 0;
}

static int is_served_and_closes(void *user)
{
    CHILD_CHECK(is_served(user) == 0);
    CHILD_CHECK(tulle_close(user) == TULLE_OK);
    return 0;
}

/* Half of them with each mesh; of each half, half leave by exit(); of those that
 * open a mesh, half close it. */
static void fork_many(struct shop *shops)
{
    child_fn *const works[2][2] = { { is_refused, is_refused },
                                    { is_served, is_served_and_closes } };
    pid_t children[AT_ONCE] = { 0 };

    for (int i = 0; i < FORKS + AT_ONCE; i++) {
        pid_t *child = &children[i % AT_ONCE];

        if (*child > 0) {
            child_wait(*child);
        }
        *child = i < FORKS ? child_start(works[i & 1][i >> 2 & 1], shops[i & 1].mesh,
                                         i & 2 ? CHILD_EXIT : CHILD__EXIT)
                           : 0;
    }
}

static void expect_connections(struct shop *shop, uint64_t of_children)
{
    assert_int_equal(server_count(shop->server, "opened"), CONNECTIONS + of_children);
    assert_true(server_wait_exactly(shop->server, "open", CONNECTIONS));
}

static void a_thousand_forks_under_load_cost_the_parent_nothing(void **state)
{
    struct shop shops[2];
    struct pacer pacers[2];
    struct caller caller;
    int descriptors;

    (void)state;
    shop_open(&shops[FAILS], TULLE_AFTER_FORK_FAIL);
    shop_open(&shops[REOPENS], TULLE_AFTER_FORK_REOPEN);
    open_all_connections(&shops[FAILS]);
    open_all_connections(&shops[REOPENS]);
    descriptors = test_descriptors();
    if (CHILD_UNDER_LOAD) {
        pacer_start(&pacers[FAILS], shops[FAILS].mesh, "http://shop/", PER_S);
        pacer_start(&pacers[REOPENS], shops[REOPENS].mesh, "http://shop/", PER_S);
        caller_start(&caller, shops[REOPENS].mesh);
    }
    fork_many(shops);
    if (CHILD_UNDER_LOAD) {
        caller_stop(&caller);
    }
    for (int i = 0; i < 2 && CHILD_UNDER_LOAD; i++) {
        pacer_stop(&pacers[i]);
        assert_string_equal(pacers[i].tally.first_failure, "");
        assert_int_equal(pacers[i].tally.statuses[200], pacers[i].tally.ended);
        assert_int_equal(pacers[i].tally.attempts, pacers[i].tally.ended);
    }
    expect_connections(&shops[FAILS], 0);
    expect_connections(&shops[REOPENS], FORKS / 2);
    assert_int_equal(test_descriptors(), descriptors);
    shop_close(&shops[FAILS]);
    shop_close(&shops[REOPENS]);
}

/* --- every function --- */

static int mesh_is_forked(struct tulle *mesh)
{
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                     .failure = &failure };
    struct tulle_pick_request wanted = { TULLE_PICK_INIT, .url = "http://shop/" };
    struct tulle_reply *reply;
    struct tulle_call *call;
    struct tulle_pick *pick;
    char *text;

    CHILD_CHECK(tulle_call(mesh, &request, &reply) == TULLE_E_FORKED);
    CHILD_CHECK(failure.error == TULLE_E_FORKED && failure.attempts == 0);
    CHILD_CHECK(strcmp(failure.text, tulle_error_text(TULLE_E_FORKED)) == 0);
    CHILD_CHECK(tulle_call_start(mesh, &request, NULL, NULL, &call) == TULLE_E_FORKED && !call);
    CHILD_CHECK(tulle_pick(mesh, &wanted, &pick) == TULLE_E_FORKED && !pick);
    CHILD_CHECK(tulle_pick_start(mesh, &wanted, NULL, NULL, &pick) == TULLE_E_FORKED && !pick);
    CHILD_CHECK(tulle_metrics(mesh, NULL, &text) == TULLE_E_FORKED && !text);
    CHILD_CHECK(tulle_endpoints(mesh, NULL, NULL) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_wait_ready(mesh, 0) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_run(mesh) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_fd(mesh) == -1 && tulle_due(mesh) == TULLE_NONE);
    CHILD_CHECK(tulle_close(mesh) == TULLE_E_FORKED);
    return 0;
}

static int call_is_forked(struct tulle_call *call)
{
    int32_t ready;
    char byte = 0;
    size_t size;

    CHILD_CHECK(tulle_call_error(call) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_call_write(call, &byte, 1, &size) == TULLE_E_FORKED && size == 0);
    CHILD_CHECK(tulle_call_write_end(call, NULL, 0) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_call_read(call, &byte, 1, &size) == TULLE_E_FORKED && size == 0);
    CHILD_CHECK(tulle_call_wait(call, TULLE_EVENT_END, 0, &ready) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_call_reply(call) == NULL && tulle_call_failure(call) == NULL);
    tulle_call_cancel(call);
    tulle_call_free(call);
    return 0;
}

static int nothing_works(void *user)
{
    struct shop *shop = user;

    CHILD_CHECK(mesh_is_forked(shop->mesh) == 0);
    CHILD_CHECK(call_is_forked(shop->held) == 0);
    shop->mesh = open_mesh(shop->server, TULLE_AFTER_FORK_FAIL);
    return is_served_and_closes(shop->mesh);
}

static void what_a_child_inherits_says_so_and_it_may_open_its_own(void **state)
{
    struct shop shop;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/hold" };

    (void)state;
    shop_open(&shop, TULLE_AFTER_FORK_DEFAULT);
    assert_int_equal(tulle_call_start(shop.mesh, &request, NULL, NULL, &shop.held), TULLE_OK);
    assert_true(server_wait_count(shop.server, "in_flight", 1));
    child_do(nothing_works, &shop);
    assert_int_equal(tulle_call_error(shop.held), TULLE_E_AGAIN);
    server_command(shop.server, "release");
    int32_t ready;
    assert_int_equal(tulle_call_wait(shop.held, TULLE_EVENT_END, 0, &ready), TULLE_OK);
    assert_int_equal(tulle_call_error(shop.held), TULLE_OK);
    tulle_call_free(shop.held);
    shop_close(&shop);
}

struct queued {
    struct tulle *mesh;
    struct tulle_queue *queue;
};

static int queue_is_forked(void *user)
{
    struct queued *queued = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                     .queue = queued->queue };
    struct tulle_pick_request wanted = { TULLE_PICK_INIT, .url = "http://shop/",
                                         .queue = queued->queue };
    struct tulle_event event;
    struct tulle_call *call;
    struct tulle_pick *pick;

    CHILD_CHECK(tulle_queue_take(queued->queue, &event, 1) == 0);
    CHILD_CHECK(tulle_queue_fd(queued->queue) == -1);
    CHILD_CHECK(tulle_call_start(queued->mesh, &request, NULL, NULL, &call) == TULLE_E_FORKED);
    CHILD_CHECK(tulle_pick_start(queued->mesh, &wanted, NULL, NULL, &pick) == TULLE_E_FORKED);
    tulle_queue_free(queued->queue);
    CHILD_CHECK(tulle_queue_new(&queued->queue) == TULLE_OK);
    request.queue = queued->queue;
    CHILD_CHECK(tulle_call_start(queued->mesh, &request, NULL, NULL, &call) == TULLE_OK);
    while (tulle_queue_take(queued->queue, &event, 1) == 0) {
        usleep(1000);
    }
    CHILD_CHECK(event.call == call && event.error == TULLE_OK);
    tulle_call_free(call);
    tulle_queue_free(queued->queue);
    return 0;
}

static void a_child_makes_its_own_queue(void **state)
{
    struct queued queued;
    struct shop shop;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/" };
    struct tulle_event event;
    struct tulle_call *call;

    (void)state;
    shop_open(&shop, TULLE_AFTER_FORK_REOPEN);
    queued.mesh = shop.mesh;
    assert_int_equal(tulle_queue_new(&queued.queue), TULLE_OK);
    request.queue = queued.queue;
    assert_int_equal(tulle_call_start(shop.mesh, &request, NULL, NULL, &call), TULLE_OK);
    while (tulle_call_error(call) == TULLE_E_AGAIN) {
        usleep(1000);
    }
    child_do(queue_is_forked, &queued);
    while (tulle_queue_take(queued.queue, &event, 1) == 0) {
        usleep(1000);
    }
    assert_ptr_equal(event.call, call);
    tulle_call_free(call);
    tulle_queue_free(queued.queue);
    shop_close(&shop);
}

/* --- generations --- */

static int has_served_children(void *user)
{
    pid_t before = child_start(is_served, user, CHILD__EXIT);
    pid_t after;

    CHILD_CHECK(is_served(user) == 0);
    after = child_start(is_served_and_closes, user, CHILD_EXIT);
    CHILD_CHECK(child_is_good(before));
    CHILD_CHECK(child_is_good(after));
    return is_served_and_closes(user);
}

static void children_of_a_child_have_meshes_of_their_own(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop, TULLE_AFTER_FORK_REOPEN);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").status, 200);
    child_do(has_served_children, shop.mesh);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").status, 200);
    assert_int_equal(server_count(shop.server, "opened"), 4);
    assert_true(server_wait_exactly(shop.server, "open", 1));
    shop_close(&shop);
}

static int closes_nothing(void *user)
{
    CHILD_CHECK(tulle_close(user) == TULLE_OK);
    return 0;
}

static void a_child_that_closes_first_opens_nothing(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop, TULLE_AFTER_FORK_REOPEN);
    child_do(closes_nothing, shop.mesh);
    assert_int_equal(wire_get(shop.mesh, "http://shop/").status, 200);
    assert_int_equal(server_count(shop.server, "opened"), 1);
    shop_close(&shop);
}

static void a_child_is_served_over_tls(void **state)
{
    struct certs *certs = certs_new();
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs), .loops = 1,
                                     .after_fork = TULLE_AFTER_FORK_REOPEN };
    const char *cert, *key;
    struct server *server;
    struct tulle *mesh;

    (void)state;
    certs_issue(certs, CERTS_GOOD, "DNS:shop.default.svc.cluster.local,DNS:shop", &cert, &key);
    server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
    mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    assert_int_equal(wire_get(mesh, "https://shop/").status, 200);
    url_of_shop = "https://shop/?text=child";
    for (int i = 0; i < 4; i++) {
        child_fn *works[] = { is_served, is_served_and_closes };

        child_wait(child_start(works[i & 1], mesh, i & 2 ? CHILD_EXIT : CHILD__EXIT));
        assert_int_equal(wire_get(mesh, "https://shop/").status, 200);
    }
    url_of_shop = "http://shop/?text=child";
    assert_int_equal(server_count(server, "handshakes"), 5);
    assert_true(server_wait_exactly(server, "open", 1));
    wire_close(mesh);
    server_stop(server);
    certs_free(certs);
}

TEST_MAIN(cmocka_unit_test(a_thousand_forks_under_load_cost_the_parent_nothing),
          cmocka_unit_test(what_a_child_inherits_says_so_and_it_may_open_its_own),
          cmocka_unit_test(a_child_makes_its_own_queue),
          cmocka_unit_test(children_of_a_child_have_meshes_of_their_own),
          cmocka_unit_test(a_child_that_closes_first_opens_nothing),
          cmocka_unit_test(a_child_is_served_over_tls))
