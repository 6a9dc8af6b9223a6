/* SPDX-License-Identifier: Apache-2.0 */

#include "mesh_copy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shop.h"

enum { FILE_MAX = 64 * 1024, PATH_SIZE = PATH_MAX + 64 };

static const char *const files[] = { "front.yaml", "details.yaml", "ratings.yaml", "reviews.yaml" };
static const char draft[] = "reviews.draft";
static char copy[64];

/* From where the program lies upwards: a build folder lies in the tree. */
static bool find_source(char *folder)
{
    char place[PATH_MAX];
    char *slash;

    if (!shop_folder(place, sizeof(place))) {
        return false;
    }
    do {
        snprintf(folder, PATH_SIZE, "%s/examples/demo/mesh/reviews.yaml", place);
        if (access(folder, R_OK) == 0) {
            *strrchr(folder, '/') = '\0';
            return true;
        }
        slash = strrchr(place, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    } while (slash != NULL);
    snprintf(folder, PATH_SIZE, "examples/demo/mesh");
    return access(folder, R_OK) == 0;
}

static bool read_file(const char *folder, const char *name, char text[FILE_MAX])
{
    char path[PATH_SIZE + 64];
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "demo: %s: %s\n", path, strerror(errno));
        return false;
    }
    size = fread(text, 1, FILE_MAX - 1, file);
    text[size] = '\0';
    return fclose(file) == 0;
}

static bool write_file(const char *name, const char *text)
{
    char path[PATH_SIZE];
    FILE *file;
    bool fine;

    snprintf(path, sizeof(path), "%s/%s", copy, name);
    file = fopen(path, "we");
    if (file == NULL) {
        fprintf(stderr, "demo: %s: %s\n", path, strerror(errno));
        return false;
    }
    fine = fputs(text, file) >= 0;
    return fclose(file) == 0 && fine;
}

const char *mesh_copy_open(void)
{
    char source[PATH_SIZE];
    char text[FILE_MAX];

    snprintf(copy, sizeof(copy), "/tmp/tulle-demo-XXXXXX");
    if (!find_source(source) || mkdtemp(copy) == NULL) {
        fprintf(stderr, "demo: cannot find examples/demo/mesh, or copy it to /tmp\n");
        copy[0] = '\0';
        return NULL;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!read_file(source, files[i], text) || !write_file(files[i], text)) {
            return NULL;
        }
    }
    return copy;
}

static void remove_file(const char *name)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", copy, name);
    unlink(path);
}

void mesh_copy_close(void)
{
    if (copy[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        remove_file(files[i]);
    }
    remove_file(draft);
    rmdir(copy);
}

static bool set_weight(char *text, const char *from)
{
    char *place = strstr(text, from);

    if (place == NULL) {
        return false;
    }
    memcpy(place + strlen("weight: "), "50", 2);
    return true;
}

bool mesh_copy_shift(void)
{
    char text[FILE_MAX];
    char from[PATH_SIZE];
    char to[PATH_SIZE];

    if (!read_file(copy, "reviews.yaml", text) || !set_weight(text, "weight: 90") ||
        !set_weight(text, "weight: 10") || !write_file(draft, text)) {
        return false;
    }
    snprintf(from, sizeof(from), "%s/%s", copy, draft);
    snprintf(to, sizeof(to), "%s/reviews.yaml", copy);
    return rename(from, to) == 0;
}
