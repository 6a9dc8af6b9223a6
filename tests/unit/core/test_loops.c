/* SPDX-License-Identifier: Apache-2.0 */

/* Loops with real threads and the real clock, against a script: blocking
 * callers who run a loop themselves, sleep, or are handed one, and the loop's
 * own thread. The mesh has one loop, whose owner alone touches the script. */

#include "harness/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <tulle/tulle.h>

#include "core/mesh.h"
#include "harness/script.h"

#define URL "http://reviews/"

enum { CALLERS = 8, CALLS = 40 };

struct rig {
    struct script script; /* first: the transport finds it as the world's `user` */
    struct world world;
    struct tulle *mesh;
};

static struct tulle_config *rig_config(void)
{
    struct tulle_config *config;

    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "reviews", 80, TULLE_PROTOCOL_HTTP),
                     TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(config, "reviews", "10.0.0.1:80", NULL, 1),
                     TULLE_OK);
    return config;
}

static struct rig *rig_open(int64_t close_timeout_ns)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct tulle_config *config = rig_config();
    struct tulle_options options = {
        TULLE_OPTIONS_INIT,
        .built = config,
        .loops = 1,
        .close_timeout_ns = close_timeout_ns,
    };

    assert_non_null(rig);
    script_init(&rig->script);
    rig->world = tulle__world;
    rig->world.user = rig;
    assert_int_equal(tulle__open_in(&options, &rig->world, &rig->script.type, &rig->mesh),
                     TULLE_OK);
    tulle_config_free(config);
    return rig;
}

static void rig_close(struct rig *rig)
{
    assert_int_equal(tulle_close(rig->mesh), TULLE_OK);
    script_fini(&rig->script);
    free(rig);
}

#define SAY(rig, ...)                                                                              \
    script_say(&(rig)->script, script_endpoint(&(rig)->script, "10.0.0.1:80"),                     \
               &(struct script_line){ __VA_ARGS__ })

static void a_lonely_caller_runs_the_loop_himself(void **state)
{
    struct rig *rig = rig_open(0);
    struct tulle_reply *reply;

    (void)state;
    SAY(rig, .body = "hello");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tulle_get(rig->mesh, URL, &reply), TULLE_OK);
        assert_int_equal(tulle_reply_status(reply), 200);
        assert_string_equal(tulle_reply_body(reply), "hello");
        assert_int_equal(tulle_reply_attempts(reply), 1);
        assert_string_equal(tulle_reply_endpoint(reply), "10.0.0.1:80");
        tulle_reply_free(reply);
    }
    assert_false(rig->mesh->loops.each[0].worker.started);
    rig_close(rig);
}

static void a_failure_is_told_to_the_caller(void **state)
{
    struct rig *rig = rig_open(0);
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL, .method = "POST",
                                     .deadline_ns = TULLE_MS(20), .failure = &failure };
    struct tulle_reply *reply;

    (void)state;
    SAY(rig, .kind = SCRIPT_HANG);
    assert_int_equal(tulle_call(rig->mesh, &request, &reply), TULLE_E_TIMEOUT);
    assert_null(reply);
    assert_int_equal(failure.status, 504);
    assert_string_equal(failure.flags, "DT");
    request.url = "nowhere";
    assert_int_equal(tulle_call(rig->mesh, &request, &reply), TULLE_E_USAGE);
    assert_string_equal(failure.layer, "request");
    tulle_reply_free(NULL);
    rig_close(rig);
}

static void *call_many(void *user)
{
    struct rig *rig = user;
    struct tulle_reply *reply;

    for (int i = 0; i < CALLS; i++) {
        if (tulle_get(rig->mesh, URL, &reply) != TULLE_OK) {
            return user;
        }
        tulle_reply_free(reply);
    }
    return NULL;
}

static void run_callers(struct rig *rig)
{
    pthread_t threads[CALLERS];
    void *failed;

    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, rig), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void many_callers_pass_one_loop_on(void **state)
{
    struct rig *rig = rig_open(0);

    (void)state;
    run_callers(rig);
    assert_int_equal(script_endpoint(&rig->script, "10.0.0.1:80")->requests, CALLERS * CALLS);
    assert_in_range(rig->script.most_open, 1, CALLERS);
    rig_close(rig);
}

static void count_end(struct tulle_call *call, enum tulle_error error, void *user)
{
    atomic_uint *ends = user;

    (void)call;
    atomic_fetch_add(ends, error == TULLE_OK || error == TULLE_E_CANCELLED ? 1 : 1000);
}

static bool all_ended(void *user)
{
    return atomic_load((atomic_uint *)user) == CALLS;
}

static void start_many(struct rig *rig, struct tulle_call *calls[CALLS], atomic_uint *ends)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };

    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(tulle_call_start(rig->mesh, &request, count_end, ends, &calls[i]),
                         TULLE_OK);
    }
}

static void free_many(struct tulle_call *calls[CALLS])
{
    for (size_t i = 0; i < CALLS; i++) {
        tulle_call_free(calls[i]);
    }
}

static void asynchronous_calls_have_the_loops_own_thread(void **state)
{
    struct rig *rig = rig_open(0);
    struct tulle_call *calls[CALLS];
    atomic_uint ends = 0;

    (void)state;
    start_many(rig, calls, &ends);
    assert_true(test_wait_until(all_ended, &ends, 10 * NS_PER_S));
    assert_true(rig->mesh->loops.each[0].worker.started);
    free_many(calls);
    rig_close(rig);
}

static void both_kinds_get_along(void **state)
{
    struct rig *rig = rig_open(0);
    struct tulle_call *calls[CALLS];
    atomic_uint ends = 0;

    (void)state;
    SAY(rig, .delay_ns = 3 * NS_PER_MS);
    start_many(rig, calls, &ends);
    run_callers(rig);
    assert_true(test_wait_until(all_ended, &ends, 10 * NS_PER_S));
    free_many(calls);
    rig_close(rig);
}

static void closing_waits_for_those_in_flight(void **state)
{
    struct rig *rig = rig_open(10 * NS_PER_S);
    struct tulle_call *calls[CALLS];
    atomic_uint ends = 0;

    (void)state;
    SAY(rig, .delay_ns = 50 * NS_PER_MS);
    start_many(rig, calls, &ends);
    rig_close(rig);
    assert_int_equal(atomic_load(&ends), CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(tulle_reply_status(tulle_call_reply(calls[i])), 200);
    }
    free_many(calls);
}

static void and_cancels_them_when_its_time_is_over(void **state)
{
    struct rig *rig = rig_open(20 * NS_PER_MS);
    struct tulle_call *calls[CALLS];
    atomic_uint ends = 0;

    (void)state;
    SAY(rig, .kind = SCRIPT_HANG);
    start_many(rig, calls, &ends);
    rig_close(rig);
    assert_int_equal(atomic_load(&ends), CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(tulle_call_failure(calls[i])->error, TULLE_E_CANCELLED);
    }
    free_many(calls);
}

struct closer {
    struct rig *rig;
    enum tulle_error error;
};

static void call_in_completion(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct closer *closer = user;
    struct tulle_reply *reply;

    (void)error;
    closer->error = tulle_get(closer->rig->mesh, URL, &reply);
    tulle_call_free(call);
}

static void a_blocking_call_in_a_callback_is_refused(void **state)
{
    struct rig *rig = rig_open(0);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL };
    struct closer closer = { .rig = rig, .error = TULLE_OK };
    struct tulle_call *call;

    (void)state;
    assert_int_equal(tulle_call_start(rig->mesh, &request, call_in_completion, &closer, &call),
                     TULLE_OK);
    rig_close(rig);
    assert_int_equal(closer.error, TULLE_E_USAGE);
}

TEST_MAIN(cmocka_unit_test(a_lonely_caller_runs_the_loop_himself),
          cmocka_unit_test(a_failure_is_told_to_the_caller),
          cmocka_unit_test(many_callers_pass_one_loop_on),
          cmocka_unit_test(asynchronous_calls_have_the_loops_own_thread),
          cmocka_unit_test(both_kinds_get_along),
          cmocka_unit_test(closing_waits_for_those_in_flight),
          cmocka_unit_test(and_cancels_them_when_its_time_is_over),
          cmocka_unit_test(a_blocking_call_in_a_callback_is_refused))
