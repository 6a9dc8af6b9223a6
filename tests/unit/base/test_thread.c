/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/thread.h"

struct meeting {
    struct mutex mutex;
    struct cond cond;
    bool arrived; /* guarded by mutex */
    bool all_blocked;
    uint64_t id;
};

static void arrive(void *user)
{
    struct meeting *meeting = user;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    tulle__mutex_lock(&meeting->mutex);
    meeting->all_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
    meeting->id = tulle__thread_self();
    meeting->arrived = true;
    tulle__cond_broadcast(&meeting->cond);
    tulle__mutex_unlock(&meeting->mutex);
}

static void meeting_init(struct meeting *meeting)
{
    *meeting = (struct meeting){ .arrived = false };
    assert_true(tulle__mutex_init(&meeting->mutex));
    assert_true(tulle__cond_init(&meeting->cond));
}

static void meeting_fini(struct meeting *meeting)
{
    tulle__cond_fini(&meeting->cond);
    tulle__mutex_fini(&meeting->mutex);
}

static void a_thread_runs_with_all_signals_blocked(void **state)
{
    struct thread thread = { 0 };
    struct meeting meeting;

    (void)state;
    meeting_init(&meeting);
    assert_true(tulle__thread_start(&thread, "tulle-with-a-long-name", arrive, &meeting));
    tulle__mutex_lock(&meeting.mutex);
    while (!meeting.arrived) {
        tulle__cond_wait(&meeting.cond, &meeting.mutex, NEVER);
    }
    tulle__mutex_unlock(&meeting.mutex);
    tulle__thread_join(&thread);
    assert_true(meeting.all_blocked);
    assert_true(meeting.id != 0 && meeting.id != tulle__thread_self());
    meeting_fini(&meeting);
}

static bool is_named(void *user)
{
    struct thread *thread = user;
    char name[16];

    return pthread_getname_np(thread->id, name, sizeof(name)) == 0 &&
           strcmp(name, "tulle-with-a-lo") == 0;
}

static void wait_for_word(void *user)
{
    struct meeting *meeting = user;

    tulle__mutex_lock(&meeting->mutex);
    while (!meeting->arrived) {
        tulle__cond_wait(&meeting->cond, &meeting->mutex, NEVER);
    }
    tulle__mutex_unlock(&meeting->mutex);
}

static void a_thread_is_named_with_what_fits(void **state)
{
    struct thread thread = { 0 };
    struct meeting meeting;

    (void)state;
    meeting_init(&meeting);
    assert_true(tulle__thread_start(&thread, "tulle-with-a-long-name", wait_for_word, &meeting));
    assert_true(test_wait_until(is_named, &thread, NS_PER_S));
    tulle__mutex_lock(&meeting.mutex);
    meeting.arrived = true;
    tulle__cond_signal(&meeting.cond);
    tulle__mutex_unlock(&meeting.mutex);
    tulle__thread_join(&thread);
    meeting_fini(&meeting);
}

static void joining_what_never_started_does_nothing(void **state)
{
    struct thread thread = { 0 };

    (void)state;
    tulle__thread_join(&thread);
}

static void a_wait_ends_when_it_is_due(void **state)
{
    struct meeting meeting;
    int64_t before = test_now();

    (void)state;
    meeting_init(&meeting);
    tulle__mutex_lock(&meeting.mutex);
    while (test_now() < before + 5 * NS_PER_MS) {
        tulle__cond_wait(&meeting.cond, &meeting.mutex, before + 5 * NS_PER_MS);
    }
    tulle__cond_wait(&meeting.cond, &meeting.mutex, -1);
    tulle__mutex_unlock(&meeting.mutex);
    assert_true(test_now() - before < NS_PER_S);
    meeting_fini(&meeting);
}

static void there_is_at_least_one_core(void **state)
{
    (void)state;
    assert_in_range(tulle__thread_cores(), 1, 100000);
}

TEST_MAIN(cmocka_unit_test(a_thread_runs_with_all_signals_blocked),
          cmocka_unit_test(a_thread_is_named_with_what_fits),
          cmocka_unit_test(joining_what_never_started_does_nothing),
          cmocka_unit_test(a_wait_ends_when_it_is_due),
          cmocka_unit_test(there_is_at_least_one_core))
