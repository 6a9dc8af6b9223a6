/* SPDX-License-Identifier: Apache-2.0 */

/* Threads, mutexes and conditions, so that nobody else names pthreads. */

#ifndef TULLE_BASE_THREAD_H
#define TULLE_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef void thread_fn(void *user);

/* Stays where it is while it runs. */
struct thread {
    pthread_t id;
    bool started;
    thread_fn *run;
    void *user;
};

/* Runs `run(user)` on a thread named `name` (15 bytes) with all signals blocked.
 * False: no thread could be made. */
bool tulle__thread_start(struct thread *thread, const char *name, thread_fn *run, void *user);
void tulle__thread_join(struct thread *thread); /* no-op when never started */
uint64_t tulle__thread_self(void);              /* never 0 */
int tulle__thread_shield(void); /* from pthread_cancel(); gives what to unshield with */
void tulle__thread_unshield(int before);
unsigned tulle__thread_cores(void); /* that this process may run on; at least 1 */

struct mutex {
    pthread_mutex_t mutex;
};

bool tulle__mutex_init(struct mutex *mutex);
void tulle__mutex_fini(struct mutex *mutex);
void tulle__mutex_lock(struct mutex *mutex);
void tulle__mutex_unlock(struct mutex *mutex);

/* Waits on the monotonic clock. */
struct cond {
    pthread_cond_t cond;
};

bool tulle__cond_init(struct cond *cond);
void tulle__cond_fini(struct cond *cond);
/* Until signalled, woken for no reason, or `due` (monotonic ns, NEVER: for ever). */
void tulle__cond_wait(struct cond *cond, struct mutex *mutex, int64_t due);
void tulle__cond_signal(struct cond *cond);
void tulle__cond_broadcast(struct cond *cond);

#endif
