/* SPDX-License-Identifier: Apache-2.0 */

/* Signals belong to the program: a thread of ours blocks all of them, and does
 * so before its first instruction, by inheriting the mask. */

#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { NAME_SIZE = 16 };

static void *thread_main(void *user)
{
    struct thread *thread = user;

    thread->run(thread->user);
    return NULL;
}

bool tulle__thread_start(struct thread *thread, const char *name, thread_fn *run, void *user)
{
    char short_name[NAME_SIZE];
    sigset_t all, before;

    thread->run = run;
    thread->user = user;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    thread->started = pthread_create(&thread->id, NULL, thread_main, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (thread->started) {
        snprintf(short_name, sizeof(short_name), "%s", name);
        pthread_setname_np(thread->id, short_name);
    }
    return thread->started;
}

void tulle__thread_join(struct thread *thread)
{
    if (thread->started) {
        pthread_join(thread->id, NULL);
        thread->started = false;
    }
}

uint64_t tulle__thread_self(void)
{
    return (uint64_t)pthread_self();
}

int tulle__thread_shield(void)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void tulle__thread_unshield(int before)
{
    pthread_setcancelstate(before, &before);
}

unsigned tulle__thread_cores(void)
{
    cpu_set_t set;
    long online;

    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    /* More cores than the set has room for. */
    online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

bool tulle__mutex_init(struct mutex *mutex)
{
    return pthread_mutex_init(&mutex->mutex, NULL) == 0;
}

void tulle__mutex_fini(struct mutex *mutex)
{
    pthread_mutex_destroy(&mutex->mutex);
}

void tulle__mutex_lock(struct mutex *mutex)
{
    pthread_mutex_lock(&mutex->mutex);
}

void tulle__mutex_unlock(struct mutex *mutex)
{
    pthread_mutex_unlock(&mutex->mutex);
}

bool tulle__cond_init(struct cond *cond)
{
    pthread_condattr_t attributes;
    bool made;

    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&cond->cond, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

void tulle__cond_fini(struct cond *cond)
{
    pthread_cond_destroy(&cond->cond);
}

void tulle__cond_wait(struct cond *cond, struct mutex *mutex, int64_t due)
{
    struct timespec until;

    if (due == NEVER) {
        pthread_cond_wait(&cond->cond, &mutex->mutex);
        return;
    }
    if (due < 0) {
        due = 0;
    }
    until.tv_sec = (time_t)(due / NS_PER_S);
    until.tv_nsec = (long)(due % NS_PER_S);
    pthread_cond_timedwait(&cond->cond, &mutex->mutex, &until);
}

void tulle__cond_signal(struct cond *cond)
{
    pthread_cond_signal(&cond->cond);
}

void tulle__cond_broadcast(struct cond *cond)
{
    pthread_cond_broadcast(&cond->cond);
}
