/* SPDX-License-Identifier: Apache-2.0 */

/* Children of a test: they never come back into cmocka, and say by their status
 * what they found. */

#ifndef TESTS_WIRE_CHILD_H
#define TESTS_WIRE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* AddressSanitizer's allocator and ThreadSanitizer's depot of stacks have locks that
 * fork() copies as they are (until GCC 14): under them nobody else may allocate at
 * that moment. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHILD_UNDER_LOAD = 0 };
#else
enum { CHILD_UNDER_LOAD = 1 };
#endif

enum child_end { CHILD_EXIT, CHILD__EXIT };

/* 0: it went well; else CHILD_CHECK() has said why. */
typedef int child_fn(void *user);

#define CHILD_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            child_say(__FILE__, __LINE__, #condition);                                             \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

void child_say(const char *file, int line, const char *text);

/* The child does `work` and leaves. It is killed after a minute. */
pid_t child_start(child_fn *work, void *user, enum child_end end);
/* For a fork() made elsewhere: before it, and first thing in the child. */
void child_prepare(void);
void child_begin(void);
/* Waits for it. */
bool child_is_good(pid_t pid);
void child_wait(pid_t pid); /* and the test fails unless it is */
/* Both. */
void child_do(child_fn *work, void *user);

#endif
