/* SPDX-License-Identifier: Apache-2.0 */

/* What every test of ours stands on. A test file is
 *
 *     #include "harness/test.h"
 *
 *     static void the_heap_gives_the_least_key_first(void **state) { ... }
 *
 *     TEST_MAIN(cmocka_unit_test(the_heap_gives_the_least_key_first),
 *               TEST_OOM(the_table_survives_running_out_of_memory))
 *
 * Each test (its setup and teardown included) runs on a counting allocator: a
 * block of the library that is left fails it. So does a byte on stdout or
 * stderr, a descriptor left open, or a change of signal mask, signal handlers,
 * locale or environment. New memory is 0xA5, freed memory 0x5A.
 * TULLE_TEST_STACKS=1 shows where leaked blocks were allocated.
 * TULLE_TEST_ONLY=text runs the tests whose names contain it.
 *
 * The out-of-memory sweep. With TULLE_TEST_OOM=1 each test that was named with
 * TEST_OOM is run again and again; in each run another call stack of an
 * allocation fails, once, and in the next run that allocation and all after it.
 * A run is good if it does not crash, hang or leak, and what failed said
 * TULLE_E_NOMEM (or NULL, or false). Such a test is written for both cases:
 *
 *     static void a_call_is_answered(void **state)
 *     {
 *         struct thing *thing = NULL;
 *
 *         CHECK_OK(thing_new(&thing));        OK, or NOMEM in a sweep: goto done
 *         CHECK_OR_DONE(thing_add(thing, 1)); true, or false in a sweep: goto done
 *         CHECK(thing_count(thing) == 1);     true, unless memory has run out
 *     done:
 *         thing_free(thing);
 *     }
 *
 * What must hold in every run is asserted with cmocka's own assert_*. A setup
 * that runs out of memory cleans up and returns -1; that run then ends there.
 * TULLE_TEST_OOM_SECONDS (60) bounds the sweep of one executable. */

#ifndef TESTS_HARNESS_TEST_H
#define TESTS_HARNESS_TEST_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <tulle/error.h>

#include "base/macros.h"

int test_main(const char *file, const struct CMUnitTest *tests, size_t count);

#define TEST_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                                         \
        return test_main(__FILE__, tests, COUNT_OF(tests));                                        \
    }

extern char test_takes_part; /* its address marks the tests of the sweep */

#define TEST_OOM(test)                       TEST_OOM_WITH(test, NULL, NULL)
#define TEST_OOM_WITH(test, setup, teardown) TEST_OOM_NAMED(#test, test, setup, teardown)
#define TEST_OOM_NAMED(...)                                                                        \
    {                                                                                              \
        __VA_ARGS__, &test_takes_part                                                              \
    }

/* An allocation has failed in this run. */
bool test_oom_hit(void);
/* A sweep is on: worth making a test smaller. */
bool test_oom_on(void);

#define CHECK(condition) assert_true((condition) || test_oom_hit())

#define CHECK_OR_DONE(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            assert_true(test_oom_hit() && "false: " #condition);                                   \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

#define CHECK_OK(expression)                                                                       \
    do {                                                                                           \
        enum tulle_error check_error = (expression);                                               \
        if (check_error == TULLE_E_NOMEM && test_oom_hit()) {                                      \
            goto done;                                                                             \
        }                                                                                          \
        assert_int_equal(check_error, TULLE_OK);                                                   \
    } while (0)

/* For the rest of this test: output, or descriptors, are no fault. */
void test_allow_output(void);
void test_allow_descriptors(void);

/* Puts the counting allocator back, for a test that took it out. */
void test_hook_again(void);

/* Memory of the library that lives now. */
size_t test_memory_blocks(void);
size_t test_memory_bytes(void);
/* Allocations made so far: unchanged means that none was made. */
uint64_t test_allocations(void);

/* A new empty folder, and its removal with all it holds. The path is libc's. */
char *test_folder_new(void);
void test_folder_free(char *folder);
/* Writes (or replaces, by rename) a file in it; `name` may have folders, which are made. */
void test_folder_write(const char *folder, const char *name, const char *text);

int64_t test_now(void); /* CLOCK_MONOTONIC */
/* What this thread has worked, whoever else has the machine. */
int64_t test_worked(void);
/* For tests with real threads and sockets: looks until it is true, every
 * millisecond. False: `timeout_ns` went by. */
bool test_wait_until(bool (*condition)(void *user), void *user, int64_t timeout_ns);
int test_descriptors(void); /* that are open now */

#endif
