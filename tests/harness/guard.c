/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/guard.h"

#include <dirent.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* While stderr is away, a sanitizer must still be heard. */
extern void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

int guard_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

static uint64_t environment_hash(void)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    char **variable;
    const char *c;

    for (variable = environ; variable && *variable; variable++) {
        hash = hash * 31 + (uint64_t)(uintptr_t)*variable;
        for (c = *variable; *c; c++) {
            hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

static void output_divert(struct guard *guard)
{
    fflush(stdout);
    fflush(stderr);
    guard->output = memfd_create("output", MFD_CLOEXEC);
    guard->saved[0] = dup(STDOUT_FILENO);
    guard->saved[1] = dup(STDERR_FILENO);
    dup2(guard->output, STDOUT_FILENO);
    dup2(guard->output, STDERR_FILENO);
    if (__sanitizer_set_report_fd) {
        __sanitizer_set_report_fd((void *)(intptr_t)guard->saved[1]);
    }
}

static bool output_restore(struct guard *guard)
{
    char text[2048];
    struct stat stat;
    ssize_t size;

    fflush(stdout);
    fflush(stderr);
    dup2(guard->saved[0], STDOUT_FILENO);
    dup2(guard->saved[1], STDERR_FILENO);
    if (__sanitizer_set_report_fd) {
        __sanitizer_set_report_fd((void *)(intptr_t)STDERR_FILENO);
    }
    close(guard->saved[0]);
    close(guard->saved[1]);
    if (fstat(guard->output, &stat) != 0 || stat.st_size == 0 || guard->allow_output) {
        close(guard->output);
        return true;
    }
    size = pread(guard->output, text, sizeof(text), 0);
    fprintf(stderr, "guard: %lld bytes were written to stdout or stderr:\n%.*s\n",
            (long long)stat.st_size, (int)size, text);
    close(guard->output);
    return false;
}

void guard_begin(struct guard *guard)
{
    int number;

    memset(guard, 0, sizeof(*guard));
    pthread_sigmask(SIG_SETMASK, NULL, &guard->mask);
    for (number = 1; number < GUARD_SIGNALS; number++) {
        sigaction(number, NULL, &guard->actions[number]);
    }
    guard->locale = strdup(setlocale(LC_ALL, NULL));
    guard->environment = environment_hash();
    guard->descriptors = guard_descriptors();
    output_divert(guard);
}

/* glibc adds a flag of its own to whatever it installs. */
static int flags_of(const struct sigaction *action)
{
    enum { RESTORER = 0x04000000 };

    return action->sa_flags & ~RESTORER;
}

static bool signals_are_same(const struct guard *guard)
{
    struct sigaction action;
    sigset_t mask;
    int number;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (number = 1; number < GUARD_SIGNALS; number++) {
        if (sigismember(&mask, number) != sigismember(&guard->mask, number)) {
            fprintf(stderr, "guard: the mask of signal %d was changed\n", number);
            return false;
        }
        if (sigaction(number, NULL, &action) == 0 &&
            (action.sa_handler != guard->actions[number].sa_handler ||
             flags_of(&action) != flags_of(&guard->actions[number]))) {
            fprintf(stderr, "guard: the handler of signal %d was changed\n", number);
            return false;
        }
    }
    return true;
}

bool guard_end(struct guard *guard)
{
    bool good = output_restore(guard);
    int descriptors = guard_descriptors();

    if (!signals_are_same(guard)) {
        good = false;
    }
    if (strcmp(guard->locale, setlocale(LC_ALL, NULL)) != 0) {
        fprintf(stderr, "guard: the locale was changed\n");
        good = false;
    }
    if (guard->environment != environment_hash()) {
        fprintf(stderr, "guard: the environment was changed\n");
        good = false;
    }
    if (descriptors != guard->descriptors && !guard->allow_descriptors) {
        fprintf(stderr, "guard: %d descriptors before, %d after\n", guard->descriptors,
                descriptors);
        good = false;
    }
    free(guard->locale);
    return good;
}

int guard_stderr(const struct guard *guard)
{
    return guard->saved[1];
}
