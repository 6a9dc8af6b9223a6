/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/child.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "harness/test.h"

enum { SECONDS = 60, TEXT_SIZE = 512 };

static bool is_child;
static char *said; /* shared with the children */

/* Asked by LeakSanitizer at exit. What a child has inherited it leaves. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_child;
}

void child_say(const char *file, int line, const char *text)
{
    snprintf(said, TEXT_SIZE, "%s:%d: %s", file, line, text);
}

/* ThreadSanitizer does not forget the parent's threads, and dies when one of ours has
 * the address of one of theirs: that of its stack, which libc uses again if it fits. */
static void stacks_grow(void)
{
#ifdef __SANITIZE_THREAD__
    pthread_attr_t attributes;
    size_t size;

    pthread_getattr_default_np(&attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_setstacksize(&attributes, size * 2);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
#endif
}

/* The counting allocator has a lock, which a thread of the parent may hold; and
 * who frees a block of it from now on does not get far. */
void child_begin(void)
{
    is_child = true;
    stacks_grow();
    tulle__alloc_set_hook(NULL);
    alarm(SECONDS);
}

void child_prepare(void)
{
    if (!said) {
        said = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
}

pid_t child_start(child_fn *work, void *user, enum child_end end)
{
    pid_t pid;
    int status;

    child_prepare();
    pid = fork();
    if (pid != 0) {
        return pid;
    }
    child_begin();
    status = work(user);
    if (end == CHILD_EXIT) {
        exit(status);
    }
    _exit(status);
}

bool child_is_good(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    if (WIFSIGNALED(status)) {
        snprintf(said, TEXT_SIZE, "it died of signal %d", WTERMSIG(status));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void child_wait(pid_t pid)
{
    if (!child_is_good(pid)) {
        fail_msg("a child: %s", said);
    }
}

void child_do(child_fn *work, void *user)
{
    child_wait(child_start(work, user, CHILD__EXIT));
}
