/* SPDX-License-Identifier: Apache-2.0 */

/* The harness is trusted by all others: each fault it looks for is planted. */

#include "harness/test.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "harness/guard.h"
#include "harness/sweep.h"

static void an_untouched_process_is_good(void **state)
{
    struct guard guard;

    (void)state;
    guard_begin(&guard);
    assert_true(guard_end(&guard));
}

static void output_is_found(void **state)
{
    struct guard guard;

    (void)state;
    test_allow_output();
    guard_begin(&guard);
    printf("x");
    assert_false(guard_end(&guard));
    guard_begin(&guard);
    assert_int_equal(write(STDERR_FILENO, "x", 1), 1);
    assert_false(guard_end(&guard));
    guard_begin(&guard);
    guard.allow_output = true;
    printf("x");
    assert_true(guard_end(&guard));
}

static void a_descriptor_left_open_is_found(void **state)
{
    struct guard guard;
    int fd;

    (void)state;
    test_allow_output();
    guard_begin(&guard);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_false(guard_end(&guard));
    close(fd);
}

static void changed_signals_are_found(void **state)
{
    struct guard guard;
    sigset_t set;
    struct sigaction before;

    (void)state;
    test_allow_output();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    guard_begin(&guard);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert_false(guard_end(&guard));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    guard_begin(&guard);
    sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, &before);
    assert_false(guard_end(&guard));
    sigaction(SIGPIPE, &before, NULL);
}

static void a_changed_environment_and_locale_are_found(void **state)
{
    struct guard guard;

    (void)state;
    test_allow_output();
    guard_begin(&guard);
    setenv("TULLE_TEST_PLANTED", "1", 1);
    assert_false(guard_end(&guard));
    unsetenv("TULLE_TEST_PLANTED");
    guard_begin(&guard);
    setlocale(LC_CTYPE, "C.UTF-8");
    assert_false(guard_end(&guard));
    setlocale(LC_CTYPE, "C");
}

static void a_leak_is_found_and_named(void **state)
{
    struct sweep_mark mark;
    char text[512] = "";
    int pipes[2];
    void *leak;

    (void)state;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    sweep_mark(&mark);
    leak = tulle__alloc(77);
    assert_false(sweep_is_clean(&mark, pipes[1]));
    assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
    assert_non_null(strstr(text, "77 bytes"));
    tulle__free(leak);
    assert_true(sweep_is_clean(&mark, pipes[1]));
    close(pipes[0]);
    close(pipes[1]);
}

/* The writes keep a compiler from jumping there, or from making one of the two. */
static void *allocate_here(void)
{
    char *ptr = tulle__alloc(10);

    if (ptr) {
        *(volatile char *)ptr = 1;
    }
    return ptr;
}

static void *allocate_there(void)
{
    char *ptr = tulle__alloc(10);

    if (ptr) {
        *(volatile char *)ptr = 2;
    }
    return ptr;
}

/* Each run is one call of this, so that a call stack is the same in all. */
static __attribute__((noinline)) void two_places(enum sweep_mode mode, uint64_t stack, void *got[3])
{
    static void *(*volatile places[])(void) = { allocate_here, allocate_there };
    int i;

    sweep_begin(mode, stack);
    for (i = 0; i < 3; i++) {
        got[i] = places[i % 2]();
        tulle__free(got[i]);
    }
    sweep_end();
}

static void each_call_stack_fails_once_and_then_for_good(void **state)
{
    uint64_t stacks[2];
    void *got[3];

    (void)state;
    two_places(SWEEP_RECORD, 0, got);
    assert_int_equal(sweep_recorded(), 2);
    stacks[0] = sweep_stack(0);
    stacks[1] = sweep_stack(1);
    two_places(SWEEP_ONCE, stacks[0], got);
    assert_true(!got[0] && got[1] && got[2]);
    two_places(SWEEP_ONCE, stacks[1], got);
    assert_true(got[0] && !got[1] && got[2]);
    two_places(SWEEP_REST, stacks[1], got);
    assert_true(got[0] && !got[1] && !got[2]);
}

static void other_libraries_may_allocate_here(void **state)
{
    char *text = sweep_strdup("abc");
    char *zero = sweep_calloc(3, 1);

    (void)state;
    text = sweep_realloc(text, 100);
    assert_string_equal(text, "abc");
    assert_memory_equal(zero, "\0\0\0", 3);
    assert_null(sweep_calloc(SIZE_MAX, 2));
    sweep_free(text);
    sweep_free(zero);
    sweep_free(NULL);
    sweep_free(sweep_malloc(0));
}

TEST_MAIN(cmocka_unit_test(an_untouched_process_is_good), cmocka_unit_test(output_is_found),
          cmocka_unit_test(a_descriptor_left_open_is_found),
          cmocka_unit_test(changed_signals_are_found),
          cmocka_unit_test(a_changed_environment_and_locale_are_found),
          cmocka_unit_test(a_leak_is_found_and_named),
          cmocka_unit_test(each_call_stack_fails_once_and_then_for_good),
          cmocka_unit_test(other_libraries_may_allocate_here))
