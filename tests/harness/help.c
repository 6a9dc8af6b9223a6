/* SPDX-License-Identifier: Apache-2.0 */

/* Folders and waiting, for tests that touch the real world. */

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/guard.h"
#include "harness/test.h"

enum { PATH_SIZE = 512 };

static int64_t clock_read(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t test_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t test_worked(void)
{
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

bool test_wait_until(bool (*condition)(void *user), void *user, int64_t timeout_ns)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    int64_t due = test_now() + timeout_ns;

    while (!condition(user)) {
        if (test_now() >= due) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

int test_descriptors(void)
{
    return guard_descriptors();
}

char *test_folder_new(void)
{
    const char *parent = getenv("TMPDIR");
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/tulle-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    (void)stat;
    (void)kind;
    (void)place;
    return remove(path);
}

void test_folder_free(char *folder)
{
    if (folder) {
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(folder);
    }
}

static void make_parents(char *path, size_t from)
{
    char *slash;

    for (slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void test_folder_write(const char *folder, const char *name, const char *text)
{
    char path[PATH_SIZE], draft[PATH_SIZE];
    size_t size = strlen(text);
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(draft, sizeof(draft), "%s/.draft", folder);
    make_parents(path, strlen(folder) + 1);
    file = fopen(draft, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(draft, path), 0);
}
