/* SPDX-License-Identifier: Apache-2.0 */

#include "base/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

enum { THREADS = 4 };

/* In a child: 0 is good, else a number that says where. */
static int run(int (*work)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        _exit(work());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static unsigned born;

static int is_another(void)
{
    return fork_generation() == born || fork_generation() != fork_generation();
}

static int has_another_child(void)
{
    born = fork_generation();
    return run(is_another) != 0 || fork_generation() != born;
}

static int has_a_family(void)
{
    unsigned mine;

    if (!tulle__fork_begin() || !tulle__fork_begin()) {
        return 1;
    }
    mine = born = fork_generation();
    if (mine < FORK_FIRST || run(is_another) != 0 || run(has_another_child) != 0) {
        return 2;
    }
    return fork_generation() != mine;
}

static void each_process_has_a_generation_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(run(has_a_family), 0);
}

static int lock_is_open(void)
{
    (void)fork_generation();
    return pthread_mutex_trylock(&tulle__fork_lock()->mutex);
}

static int locks_and_forks(void)
{
    if (!tulle__fork_begin() || lock_is_open() != 0) {
        return 1;
    }
    return run(lock_is_open);
}

static void the_lock_is_open_when_a_child_is_born(void **state)
{
    (void)state;
    assert_int_equal(run(locks_and_forks), 0);
}

/* --- descriptors --- */

static int fds[4];

static int descriptors_make(void)
{
    if (!tulle__fork_begin()) {
        return 1;
    }
    for (int i = 0; i < 4; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }
    tulle__fork_own(fds[0]);
    tulle__fork_own(fds[1]);
    tulle__fork_own(fds[2]);
    return tulle__fork_own(-1) != -1;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Ours; ours that another took the number of; ours no more; never ours. */
static int closes_its_own(void)
{
    int taken = eventfd(0, EFD_CLOEXEC);

    if (dup2(taken, fds[1]) != fds[1] || !is_open(fds[0])) {
        return 1;
    }
    (void)fork_generation();
    return is_open(fds[0]) || !is_open(fds[1]) || !is_open(fds[2]) || !is_open(fds[3]) ? 2 : 0;
}

static int owns_and_forks(void)
{
    if (descriptors_make() != 0) {
        return 1;
    }
    tulle__fork_disown(fds[2]);
    if (run(closes_its_own) != 0) {
        return 2;
    }
    return !is_open(fds[0]) || !is_open(fds[1]);
}

static void a_child_closes_what_is_ours_by_number_and_mark(void **state)
{
    (void)state;
    assert_int_equal(run(owns_and_forks), 0);
}

static int keeps_its_own(void)
{
    int mine;

    (void)fork_generation();
    mine = tulle__fork_own(eventfd(0, EFD_CLOEXEC));
    (void)fork_generation();
    if (!is_open(mine)) {
        return 1;
    }
    tulle__fork_close(mine);
    return is_open(mine);
}

static int has_a_child_that_keeps(void)
{
    return descriptors_make() != 0 || run(keeps_its_own) != 0;
}

static void a_child_keeps_what_it_opens_itself(void **state)
{
    (void)state;
    assert_int_equal(run(has_a_child_that_keeps), 0);
}

/* --- threads --- */

static void *thread_run(void *user)
{
    *(unsigned *)user = fork_generation();
    return NULL;
}

static int threads_agree(void)
{
    unsigned seen[THREADS];
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, thread_run, &seen[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        if (seen[i] != fork_generation() || seen[i] == born) {
            return 2;
        }
    }
    return 0;
}

static int has_children_with_threads(void)
{
    if (!tulle__fork_begin()) {
        return 1;
    }
    born = fork_generation();
    for (int i = 0; i < 20; i++) {
        if (run(threads_agree) != 0) {
            return 2;
        }
    }
    return 0;
}

static void threads_that_come_first_at_once_agree(void **state)
{
    (void)state;
    assert_int_equal(run(has_children_with_threads), 0);
}

/* --- a kernel that cannot wipe --- */

/* From here on madvise(MADV_WIPEONFORK) is EINVAL, as on Linux before 4.14. */
static int cannot_wipe(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_WIPEONFORK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = COUNT_OF(filter), .filter = filter };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0;
}

static int lives_without_wiping(void)
{
    if (cannot_wipe() != 0) {
        return 10;
    }
    if (has_a_family() != 0) {
        return 11;
    }
    if (locks_and_forks() != 0) {
        return 12;
    }
    if (owns_and_forks() != 0) {
        return 13;
    }
    return has_children_with_threads() == 0 ? 0 : 14;
}

static void where_nothing_is_wiped_the_number_of_the_process_tells(void **state)
{
    (void)state;
    assert_int_equal(run(lives_without_wiping), 0);
}

static void before_it_begins_all_is_of_the_first_generation(void **state)
{
    (void)state;
    assert_int_equal(fork_generation(), FORK_FIRST);
    assert_int_equal(tulle__fork_own(-1), -1);
    tulle__fork_disown(-1);
}

TEST_MAIN(cmocka_unit_test(before_it_begins_all_is_of_the_first_generation),
          cmocka_unit_test(each_process_has_a_generation_of_its_own),
          cmocka_unit_test(the_lock_is_open_when_a_child_is_born),
          cmocka_unit_test(a_child_closes_what_is_ours_by_number_and_mark),
          cmocka_unit_test(a_child_keeps_what_it_opens_itself),
          cmocka_unit_test(threads_that_come_first_at_once_agree),
          cmocka_unit_test(where_nothing_is_wiped_the_number_of_the_process_tells))
