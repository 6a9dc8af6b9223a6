/* SPDX-License-Identifier: Apache-2.0 */

/* fork() in a callback. The child may do there what it likes; and if it returns, it
 * does not go on with what its parent is about. */

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/child.h"
#include "wire/fork_shop.h"

struct forker {
    struct shop shop;
    atomic_int child; /* of the callback; 0: none yet */
    bool is_child;
};

/* Once. True: this is the child. */
static bool fork_here(struct forker *forker)
{
    pid_t pid;

    if (atomic_load(&forker->child) != 0) {
        return false;
    }
    pid = fork();
    if (pid == 0) {
        child_begin();
        forker->is_child = true;
    }
    atomic_store(&forker->child, pid == 0 ? -1 : pid);
    return pid == 0;
}

static bool has_child(void *user)
{
    return atomic_load(&((struct forker *)user)->child) != 0;
}

static void forker_join(struct forker *forker)
{
    assert_true(test_wait_until(has_child, forker, TULLE_S(20)));
    child_wait(atomic_load(&forker->child));
}

/* The rest of a child that came back: everything works. */
static void child_leave(struct forker *forker, enum tulle_error error)
{
    if (error != TULLE_E_FORKED) {
        child_say(__FILE__, __LINE__, tulle_error_text(error));
        _exit(1);
    }
    if (!is_served(forker->shop.mesh) || tulle_close(forker->shop.mesh) != TULLE_OK) {
        child_say(__FILE__, __LINE__, "it is not served");
        _exit(1);
    }
    _exit(0);
}

static void fork_in_log(void *user, int32_t level, const char *area, const char *text)
{
    (void)level;
    (void)area;
    (void)text;
    fork_here(user);
}

static void fork_in_access(void *user, const struct tulle_access *access)
{
    (void)access;
    fork_here(user);
}

static void forker_open(struct forker *forker, tulle_access_fn *access, uint32_t threads)
{
    *forker = (struct forker){ .is_child = false };
    shop_init(&forker->shop);
    forker->shop.options.access = access;
    forker->shop.options.access_user = forker;
    forker->shop.options.threads = threads;
    forker->shop.mesh =
        wire_open(&forker->shop.server, 1, TULLE_PROTOCOL_HTTP, NULL, &forker->shop.options);
}

static void forker_close(struct forker *forker)
{
    assert_int_equal(wire_get(forker->shop.mesh, url_of_shop).status, 200);
    wire_close(forker->shop.mesh);
    server_stop(forker->shop.server);
}

/* --- on the app's thread --- */

static void a_blocking_call_ends_in_the_child_and_goes_on_in_the_parent(void **state)
{
    struct forker forker;
    struct tulle_reply *reply;
    enum tulle_error error;

    (void)state;
    forker_open(&forker, fork_in_access, 0);
    error = tulle_get(forker.shop.mesh, url_of_shop, &reply);
    if (forker.is_child) {
        child_leave(&forker, error);
    }
    assert_int_equal(error, TULLE_OK);
    tulle_reply_free(reply);
    forker_join(&forker);
    assert_int_equal(wire_get(forker.shop.mesh, url_of_shop).status, 200);
    assert_int_equal(server_count(forker.shop.server, "opened"), 2);
    forker_close(&forker);
}

static void so_does_a_run_of_the_apps_own_loop(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url_of_shop };
    struct tulle_call *call;
    struct forker forker;
    enum tulle_error error = TULLE_OK;

    (void)state;
    forker_open(&forker, fork_in_access, TULLE_NONE_COUNT);
    assert_int_equal(tulle_call_start(forker.shop.mesh, &request, NULL, NULL, &call), TULLE_OK);
    while (!has_child(&forker)) {
        error = tulle_run(forker.shop.mesh);
    }
    if (forker.is_child) {
        child_leave(&forker, error);
    }
    assert_int_equal(error, TULLE_OK);
    assert_int_equal(tulle_call_error(call), TULLE_OK);
    tulle_call_free(call);
    forker_join(&forker);
    forker_close(&forker);
}

static void an_opening_ends_in_the_child_and_goes_on_in_the_parent(void **state)
{
    struct forker forker = { .is_child = false };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .log = fork_in_log, .log_user = &forker,
                                     .log_level = TULLE_LEVEL_INFO };
    struct tulle *mesh;
    enum tulle_error error;

    (void)state;
    child_prepare();
    assert_int_equal(tulle_config_new(&options.built), TULLE_OK);
    error = tulle_open(&options, &mesh);
    if (forker.is_child) {
        _exit(error != TULLE_E_FORKED || mesh != NULL);
    }
    assert_int_equal(error, TULLE_OK);
    tulle_config_free(options.built);
    forker_join(&forker);
    wire_close(mesh);
}

/* --- on the library's threads --- */

static void work_and_leave(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct forker *forker = user;

    if (fork_here(forker)) {
        child_leave(forker, error == TULLE_OK ? TULLE_E_FORKED : error);
    }
    tulle_call_free(call);
}

static void a_child_of_a_callback_may_work_and_leave(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url_of_shop };
    struct tulle_call *call;
    struct forker forker;

    (void)state;
    forker_open(&forker, NULL, 0);
    assert_int_equal(tulle_call_start(forker.shop.mesh, &request, work_and_leave, &forker, &call),
                     TULLE_OK);
    forker_join(&forker);
    forker_close(&forker);
}

/* ThreadSanitizer has no memory to give to exit handlers (OpenSSL's) that run on a
 * thread which has ended: as the last of a process does. */
static void leave_at_once(void)
{
#ifdef __SANITIZE_THREAD__
    syscall(SYS_exit_group, 0);
#endif
}

static void fork_in_event(struct tulle_call *call, int32_t kind, void *user)
{
    (void)call;
    if (kind == TULLE_EVENT_HEAD && fork_here(user)) {
        atexit(leave_at_once);
    }
}

static bool is_over(void *user)
{
    return tulle_call_error(user) != TULLE_E_AGAIN;
}

static void read_all(struct tulle_call *call, size_t wanted)
{
    char data[4096];
    size_t got, all = 0;
    enum tulle_error error;

    do {
        error = tulle_call_read(call, data, sizeof(data), &got);
        all += got;
        if (error == TULLE_E_AGAIN) {
            usleep(1000);
        }
    } while (error == TULLE_E_AGAIN || got > 0);
    assert_int_equal(error, TULLE_OK);
    assert_int_equal(all, wanted);
}

/* It would return into libcurl, which reads the rest of the body from a socket that
 * its parent reads as well. */
static void one_that_returns_to_a_thread_of_the_library_ends(void **state)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/?body=300000",
                                     .stream = TULLE_STREAM_REPLY, .event = fork_in_event };
    struct tulle_call *call;
    struct forker forker;

    (void)state;
    forker_open(&forker, NULL, 0);
    assert_int_equal(tulle_call_start(forker.shop.mesh, &request, NULL, &forker, &call), TULLE_OK);
    forker_join(&forker);
    read_all(call, 300000);
    assert_true(test_wait_until(is_over, call, TULLE_S(20)));
    tulle_call_free(call);
    assert_int_equal(server_count(forker.shop.server, "opened"), 1);
    forker_close(&forker);
}

TEST_MAIN(cmocka_unit_test(a_blocking_call_ends_in_the_child_and_goes_on_in_the_parent),
          cmocka_unit_test(so_does_a_run_of_the_apps_own_loop),
          cmocka_unit_test(an_opening_ends_in_the_child_and_goes_on_in_the_parent),
          cmocka_unit_test(a_child_of_a_callback_may_work_and_leave),
          cmocka_unit_test(one_that_returns_to_a_thread_of_the_library_ends))
