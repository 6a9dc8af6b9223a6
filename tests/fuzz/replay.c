/* SPDX-License-Identifier: Apache-2.0 */

/* Runs every file of a folder through a fuzz target, where there is no
 * libFuzzer: in gcc's builds, and under their sanitizers. */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096 };

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly its size: a byte read past the end is seen. */
static int replay_bytes(FILE *file, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    size_t got = data ? fread(data, 1, size, file) : 0;

    if (!data || got != size) {
        free(data);
        return -1;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int replay_file(const char *path)
{
    struct stat stat;
    FILE *file = fopen(path, "rbe");
    int result = -1;

    if (!file) {
        return -1;
    }
    if (fstat(fileno(file), &stat) == 0) {
        result = S_ISREG(stat.st_mode) ? replay_bytes(file, (size_t)stat.st_size) : 0;
    }
    fclose(file);
    return result;
}

static int replay_folder(DIR *folder, const char *name)
{
    char path[PATH_SIZE];
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
        if (replay_file(path) != 0) {
            fprintf(stderr, "cannot read %s\n", path);
            return -1;
        }
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int count;

    if (!folder) {
        fprintf(stderr, "usage: %s corpus-folder\n", argv[0]);
        return 2;
    }
    count = replay_folder(folder, argv[1]);
    closedir(folder);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
