/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/folder.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/test.h"

static const struct read_options options = { .name_space = "default" };

static void write_files(const char *path, int count)
{
    char name[32];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "f%02d.yaml", i);
        test_folder_write(path, name, "apiVersion: v1\nkind: Service\n");
    }
}

static void only_what_changed_is_parsed_again(void **state)
{
    char *path = test_folder_new();
    struct folder_file *before[5];
    struct folder folder;
    bool changed;

    (void)state;
    tulle__folder_init(&folder, path, &options);
    write_files(path, 5);
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_true(changed);
    assert_int_equal(folder.count, 5);
    memcpy(before, folder.files, sizeof(before));
    assert_false(tulle__folder_differs(&folder));
    test_folder_write(path, "f02.yaml", "apiVersion: v1\nkind: Pod\n");
    CHECK(tulle__folder_differs(&folder));
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_true(changed);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(folder.files[i] == before[i], i != 2);
    }
    assert_true(str_equal(folder.files[2]->reading.ignored_kinds, STR("Pod")));
done:
    tulle__folder_fini(&folder);
    test_folder_free(path);
}

static void files_come_by_name_and_fifos_do_not_block(void **state)
{
    char *path = test_folder_new();
    char fifo[256];
    struct folder folder;
    bool changed;

    (void)state;
    tulle__folder_init(&folder, path, &options);
    test_folder_write(path, "b.yaml", "");
    test_folder_write(path, "a.yml", "");
    snprintf(fifo, sizeof(fifo), "%s/aa.yaml", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_int_equal(folder.count, 2);
    assert_true(tulle__str_ends(folder.files[0]->name, STR("/a.yml")));
    assert_true(folder.files[0]->is_whole);
done:
    tulle__folder_fini(&folder);
    test_folder_free(path);
}

/* Two writes within one tick of the file system's clock, of one size. */
static void in_doubt_contents_are_compared(void **state)
{
    char *path = test_folder_new();
    struct folder folder;
    bool changed;

    (void)state;
    tulle__folder_init(&folder, path, &options);
    test_folder_write(path, "a.yaml", "apiVersion: v1\nkind: Pod\n");
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    test_folder_write(path, "a.yaml", "apiVersion: v1\nkind: Job\n");
    struct folder_file *file = folder.files[0];
    char name[256];
    struct stat status;
    snprintf(name, sizeof(name), "%s/a.yaml", path);
    assert_int_equal(stat(name, &status), 0);
    file->signature.inode = status.st_ino;
    file->signature.modified_ns =
        status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    file->signature.changed_ns =
        status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec;
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_false(changed);
    CHECK_OK(tulle__folder_read(&folder, true, &changed));
    assert_true(changed);
done:
    tulle__folder_fini(&folder);
    test_folder_free(path);
}

static void a_path_that_is_no_file_is_told_once(void **state)
{
    struct folder folder;
    bool changed;

    (void)state;
    tulle__folder_init(&folder, "/dev/null", &options);
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_true(changed);
    CHECK(folder.complaints.count == 1);
    assert_false(tulle__folder_differs(&folder));
    CHECK_OK(tulle__folder_read(&folder, false, &changed));
    assert_false(changed);
done:
    tulle__folder_fini(&folder);
}

TEST_MAIN(TEST_OOM(only_what_changed_is_parsed_again),
          TEST_OOM(files_come_by_name_and_fifos_do_not_block),
          TEST_OOM(in_doubt_contents_are_compared), TEST_OOM(a_path_that_is_no_file_is_told_once))
