/* SPDX-License-Identifier: Apache-2.0 */

/* Children that do more than call: daemons, those with threads or a loop of their own. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/child.h"
#include "wire/fork_shop.h"

enum { THREADS = 8, DESCRIPTORS = 64 };

/* --- descriptors --- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int opens_what_daemons_open(int i)
{
    switch (i % 4) {
    case 0: return open("/dev/null", O_RDONLY | O_CLOEXEC);
    case 1: return eventfd(0, EFD_CLOEXEC);
    case 2: return epoll_create1(EPOLL_CLOEXEC);
    default: return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
}

static int lives_as_a_daemon(void *user)
{
    struct shop *shop = user;
    int mine[DESCRIPTORS];

    CHILD_CHECK(chdir("/") == 0);
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
    for (int i = 0; i < DESCRIPTORS; i++) {
        mine[i] = opens_what_daemons_open(i);
        CHILD_CHECK(mine[i] == 3 + i);
    }
    CHILD_CHECK(is_served(shop->mesh));
    for (int i = 0; i < DESCRIPTORS; i++) {
        CHILD_CHECK(is_open(mine[i]));
    }
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

static void a_daemon_that_closed_all_keeps_what_it_opened(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop);
    child_do(lives_as_a_daemon, &shop);
    shop_close(&shop, 1);
}

/* Connections, epolls and inotifies; of eventfds libcurl's stay, which nobody names. */
static int count_inherited(void)
{
    char link[64], target[128];
    int count = 0;

    for (int fd = 3; fd < 1024; fd++) {
        ssize_t size;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        size = readlink(link, target, sizeof(target) - 1);
        target[size > 0 ? size : 0] = '\0';
        count += strncmp(target, "socket:", 7) == 0 || strstr(target, "eventpoll") != NULL ||
                 strstr(target, "inotify") != NULL;
    }
    return count;
}

static int closes_what_it_inherits(void *user)
{
    struct shop *shop = user;
    int before = count_inherited(), dup_of_queue;
    struct tulle_queue *queue;

    CHILD_CHECK(before >= 3);
    CHILD_CHECK(tulle_queue_new(&queue) == TULLE_OK);
    dup_of_queue = dup(tulle_queue_fd(queue));
    CHILD_CHECK(count_inherited() <= before - 3); /* two loops and a connection */
    CHILD_CHECK(is_open(dup_of_queue));
    tulle_queue_free(queue);
    return tulle_close(shop->mesh) != TULLE_OK;
}

static void the_first_function_of_a_child_closes_what_it_inherits(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop);
    child_do(closes_what_it_inherits, &shop);
    shop_close(&shop, 0);
}

static void all_descriptors_close_on_exec(void **state)
{
    bool before[1024];
    struct tulle_queue *queue;
    struct shop shop;

    (void)state;
    shop_init(&shop);
    for (int fd = 0; fd < 1024; fd++) {
        before[fd] = is_open(fd);
    }
    shop.mesh = wire_open(&shop.server, 1, TULLE_PROTOCOL_HTTP, NULL, &shop.options);
    assert_int_equal(tulle_queue_new(&queue), TULLE_OK);
    assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
    for (int fd = 0; fd < 1024; fd++) {
        if (!before[fd] && is_open(fd)) {
            assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
    }
    tulle_queue_free(queue);
    shop_close(&shop, 0);
}

/* --- threads --- */

struct race {
    struct shop *shop;
    pthread_barrier_t start;
    atomic_int served;
};

static void *race_run(void *user)
{
    struct race *race = user;

    pthread_barrier_wait(&race->start);
    atomic_fetch_add(&race->served, is_served(race->shop->mesh));
    return NULL;
}

static int races(void *user)
{
    struct race race = { .shop = user };
    pthread_t threads[THREADS];

    atomic_store(&race.shop->openings, 0);
    pthread_barrier_init(&race.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHILD_CHECK(pthread_create(&threads[i], NULL, race_run, &race) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHILD_CHECK(atomic_load(&race.served) == THREADS);
    CHILD_CHECK(atomic_load(&race.shop->openings) == 1);
    CHILD_CHECK(tulle_close(race.shop->mesh) == TULLE_OK);
    return 0;
}

static void of_threads_that_come_first_at_once_one_opens(void **state)
{
    struct shop shop;

    (void)state;
    shop_open(&shop);
    for (int i = 0; i < 10; i++) {
        child_do(races, &shop);
    }
    assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
    assert_true(server_wait_exactly(shop.server, "open", 1));
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* Locks of ours are taken and given back all the time: those that a child inherits
 * closed stay closed. */
struct meddler {
    struct tulle *mesh;
    pthread_t thread;
    atomic_bool stop;
};

static void *meddle(void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url_of_shop };
    struct meddler *meddler = user;

    while (!atomic_load(&meddler->stop)) {
        struct tulle_call *call;

        (void)wire_metric(meddler->mesh, "istio_requests_total", "");
        if (tulle_call_start(meddler->mesh, &request, NULL, NULL, &call) == TULLE_OK) {
            tulle_call_free(call);
        }
    }
    return NULL;
}

static int uses_all_that_locks(void *user)
{
    struct shop *shop = user;
    char *text;

    CHILD_CHECK(tulle_metrics(shop->mesh, NULL, &text) == TULLE_OK);
    CHILD_CHECK(strstr(text, "source_workload=\"meddled\"") == NULL);
    tulle_text_free(text);
    CHILD_CHECK(is_served(shop->mesh));
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

static void locks_that_are_held_at_fork_hold_nobody(void **state)
{
    struct meddler meddlers[2];
    struct shop shop;

    (void)state;
    shop_open(&shop);
    for (int i = 0; i < 2 && CHILD_UNDER_LOAD; i++) {
        meddlers[i] = (struct meddler){ .mesh = shop.mesh };
        assert_int_equal(pthread_create(&meddlers[i].thread, NULL, meddle, &meddlers[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        child_do(uses_all_that_locks, &shop);
    }
    for (int i = 0; i < 2 && CHILD_UNDER_LOAD; i++) {
        atomic_store(&meddlers[i].stop, true);
        pthread_join(meddlers[i].thread, NULL);
    }
    assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
    wire_close(shop.mesh);
    server_stop(shop.server);
}

/* --- without threads --- */

static int runs_its_own_loop(void *user)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url_of_shop };
    struct shop *shop = user;
    struct tulle_call *call;

    CHILD_CHECK(tulle_fd(shop->mesh) >= 0);
    CHILD_CHECK(tulle_call_start(shop->mesh, &request, NULL, NULL, &call) == TULLE_OK);
    while (tulle_call_error(call) == TULLE_E_AGAIN) {
        CHILD_CHECK(tulle_run(shop->mesh) == TULLE_OK);
    }
    CHILD_CHECK(tulle_call_error(call) == TULLE_OK);
    tulle_call_free(call);
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

static void a_child_runs_the_mesh_on_its_own_loop(void **state)
{
    struct shop shop;

    (void)state;
    shop_init(&shop);
    shop.options.threads = TULLE_NONE_COUNT;
    shop.mesh = wire_open(&shop.server, 1, TULLE_PROTOCOL_HTTP, NULL, &shop.options);
    assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
    child_do(runs_its_own_loop, &shop);
    shop_close(&shop, 1);
}

/* --- options --- */

static int calls_by_its_options(void *user)
{
    struct shop *shop = user;
    char *text;

    CHILD_CHECK(chdir("/") == 0);
    atomic_store(&shop->calls, 0);
    CHILD_CHECK(is_served(shop->mesh));
    CHILD_CHECK(atomic_load(&shop->calls) == 1);
    CHILD_CHECK(tulle_metrics(shop->mesh, NULL, &text) == TULLE_OK);
    CHILD_CHECK(strstr(text, "source_workload=\"front\"") != NULL);
    CHILD_CHECK(strstr(text, "shop.prod.svc.example.org") != NULL);
    tulle_text_free(text);
    return 0;
}

static void write_shop(const char *folder, const struct server *server)
{
    char yaml[1024];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
             "metadata: {name: shop, namespace: prod}\n"
             "spec:\n  hosts: [shop.prod.svc.example.org]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
             "  endpoints: [{address: 127.0.0.2, ports: {http: %u}}]\n"
             "---\n"
             "apiVersion: example.org/v1\nkind: Oddity\nmetadata: {name: odd}\n",
             server_port(server));
    test_folder_write(folder, "mesh/shop.yaml", yaml);
}

static int is_told_of_the_folder(void *user)
{
    struct shop *shop = user;
    struct tulle_reply *reply;

    CHILD_CHECK(tulle_get(shop->mesh, url_of_shop, &reply) == TULLE_E_CONFIG);
    CHILD_CHECK(tulle_close(shop->mesh) == TULLE_OK);
    return 0;
}

/* The texts of the options go before the child comes to need them. */
static struct tulle *open_folder(struct shop *shop)
{
    char texts[][32] = { "mesh", "prod", "example.org", "front", "Oddity" };
    const char *kinds[] = { texts[4], NULL };
    struct tulle *mesh;

    shop->options.config = texts[0];
    shop->options.name_space = texts[1];
    shop->options.domain = texts[2];
    shop->options.workload = texts[3];
    shop->options.ignore_kinds = kinds;
    assert_int_equal(tulle_open(&shop->options, &mesh), TULLE_OK);
    memset(texts, 'x', sizeof(texts));
    kinds[0] = NULL;
    return mesh;
}

static void a_child_has_the_options_wherever_it_goes(void **state)
{
    char *folder = test_folder_new();
    char *before = getcwd(NULL, 0);
    char gone[512];
    struct shop shop;

    (void)state;
    shop_init(&shop);
    write_shop(folder, shop.server);
    assert_int_equal(chdir(folder), 0);
    shop.mesh = open_folder(&shop);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(wire_get(shop.mesh, url_of_shop).status, 200);
    child_do(calls_by_its_options, &shop);
    snprintf(gone, sizeof(gone), "%s/mesh/shop.yaml", folder);
    test_folder_write(folder, "mesh/shop.yaml", "not: [a, mesh");
    child_do(is_told_of_the_folder, &shop);
    shop_close(&shop, 1);
    free(before);
    test_folder_free(folder);
}

TEST_MAIN(cmocka_unit_test(a_daemon_that_closed_all_keeps_what_it_opened),
          cmocka_unit_test(the_first_function_of_a_child_closes_what_it_inherits),
          cmocka_unit_test(all_descriptors_close_on_exec),
          cmocka_unit_test(of_threads_that_come_first_at_once_one_opens),
          cmocka_unit_test(locks_that_are_held_at_fork_hold_nobody),
          cmocka_unit_test(a_child_runs_the_mesh_on_its_own_loop),
          cmocka_unit_test(a_child_has_the_options_wherever_it_goes))
