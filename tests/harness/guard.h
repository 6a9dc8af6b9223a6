/* SPDX-License-Identifier: Apache-2.0 */

/* What a library must leave as it was, looked at before and after each test. */

#ifndef TESTS_HARNESS_GUARD_H
#define TESTS_HARNESS_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { GUARD_SIGNALS = 65 };

struct guard {
    sigset_t mask;
    struct sigaction actions[GUARD_SIGNALS];
    char *locale;
    uint64_t environment;
    int descriptors;
    int output; /* a memfd in place of stdout and stderr */
    int saved[2];
    bool allow_output, allow_descriptors;
};

void guard_begin(struct guard *guard);
/* True: all is as it was. Else says what is not, on stderr. */
bool guard_end(struct guard *guard);
int guard_stderr(const struct guard *guard); /* the real one, meanwhile */
int guard_descriptors(void);

#endif
