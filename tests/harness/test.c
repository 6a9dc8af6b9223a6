/* SPDX-License-Identifier: Apache-2.0 */

/* Each test is handed to cmocka as a copy whose functions are ours. The guard
 * stands around everything: begin in our setup, end in our teardown, which
 * cmocka also calls after an assertion has jumped out of the test. */

#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/guard.h"
#include "harness/sweep.h"

char test_takes_part;

/* Of the test that runs now. */
static struct {
    const struct CMUnitTest *test;
    void *state;
    struct guard guard;
    struct sweep_mark mark;
    bool running;  /* the test's own setup went well, its teardown is still to come */
    bool finished; /* nothing jumped out */
} now;

static struct {
    bool on;
    int64_t due;
    size_t planned, runs, hits; /* a run may miss, where threads race */
} oom;

bool test_oom_hit(void)
{
    return sweep_hit();
}

bool test_oom_on(void)
{
    return oom.on;
}

void test_allow_output(void)
{
    now.guard.allow_output = true;
}

void test_allow_descriptors(void)
{
    now.guard.allow_descriptors = true;
}

void test_hook_again(void)
{
    sweep_hook();
}

static struct sweep_mark memory_now(void)
{
    struct sweep_mark mark;

    sweep_mark(&mark);
    return mark;
}

size_t test_memory_blocks(void)
{
    return memory_now().blocks;
}

size_t test_memory_bytes(void)
{
    return memory_now().bytes;
}

uint64_t test_allocations(void)
{
    return memory_now().serial;
}

static void *initial_state(const struct CMUnitTest *test)
{
    return test->initial_state == &test_takes_part ? NULL : test->initial_state;
}

/* Setup, test and teardown, once. */
static void run_once(void)
{
    const struct CMUnitTest *test = now.test;

    now.state = initial_state(test);
    if (test->setup_func && test->setup_func(&now.state) != 0) {
        assert_true(sweep_hit() && "the setup failed");
        return;
    }
    now.running = true;
    test->test_func(&now.state);
    now.running = false;
    if (test->teardown_func && test->teardown_func(&now.state) != 0) {
        assert_true(sweep_hit() && "the teardown failed");
    }
}

static __attribute__((noinline)) void run_mode(enum sweep_mode mode, uint64_t stack)
{
    sweep_begin(mode, stack);
    run_once();
    assert_true(sweep_is_clean(&now.mark, guard_stderr(&now.guard)));
    if (mode != SWEEP_RECORD) {
        oom.runs++;
        oom.hits += sweep_hit();
    }
    sweep_end();
}

static void run_sweep(void)
{
    uint64_t *stacks;
    size_t count, i;

    run_mode(SWEEP_RECORD, 0);
    count = sweep_recorded();
    stacks = calloc(count + 1, sizeof(*stacks));
    assert_non_null(stacks);
    for (i = 0; i < count; i++) {
        stacks[i] = sweep_stack(i);
    }
    for (i = 0; i < count && test_now() < oom.due; i++) {
        run_mode(SWEEP_ONCE, stacks[i]);
        run_mode(SWEEP_REST, stacks[i]);
    }
    oom.planned += count * 2;
    free(stacks);
}

static int guarded_setup(void **state)
{
    now.test = *state;
    now.running = now.finished = false;
    sweep_mark(&now.mark);
    guard_begin(&now.guard);
    return 0;
}

static void guarded_test(void **state)
{
    (void)state;
    if (oom.on && now.test->initial_state == &test_takes_part) {
        run_sweep();
    } else {
        run_once();
    }
    now.finished = true;
}

static int guarded_teardown(void **state)
{
    bool good;

    (void)state;
    if (!now.finished) {
        sweep_print_hit(guard_stderr(&now.guard));
    }
    sweep_end();
    good = guard_end(&now.guard);
    if (now.finished) {
        return sweep_is_clean(&now.mark, STDERR_FILENO) && good ? 0 : -1;
    }
    if (now.running && now.test->teardown_func) {
        now.running = false;
        now.test->teardown_func(&now.state);
    }
    return 0;
}

static void oom_begin(void)
{
    const char *on = getenv("TULLE_TEST_OOM");
    const char *seconds = getenv("TULLE_TEST_OOM_SECONDS");

    oom.on = on && on[0] == '1';
    oom.due = test_now() + (seconds ? atoll(seconds) : 60) * 1000000000;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int test_main(const char *file, const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest *copies = calloc(count, sizeof(*copies));
    const char *only = getenv("TULLE_TEST_ONLY");
    size_t taken = 0;
    size_t i;
    int failed;

    if (!copies) {
        return 1;
    }
    sweep_install();
    oom_begin();
    for (i = 0; i < count; i++) {
        if (!only || strstr(tests[i].name, only)) {
            copies[taken++] = (struct CMUnitTest){ tests[i].name, guarded_test, guarded_setup,
                                                   guarded_teardown, (void *)(uintptr_t)&tests[i] };
        }
    }
    failed = _cmocka_run_group_tests(file_name(file), copies, (size_t)taken, NULL, NULL);
    if (oom.on) {
        printf("sweep: %zu call stacks, %zu runs of %zu, %zu lost an allocation\n", oom.planned / 2,
               oom.runs, oom.planned, oom.hits);
    }
    free(copies);
    return failed == 0 ? 0 : 1;
}
