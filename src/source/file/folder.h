/* SPDX-License-Identifier: Apache-2.0 */

/* The files that a path names: one, or the .yaml, .yml and .json files of a
 * folder that do not start with a dot. Folders inside are not looked into.
 * Symlinks are followed, so Kubernetes' mounts (a.yaml -> ..data/a.yaml) work. */

#ifndef TULLE_SOURCE_FILE_FOLDER_H
#define TULLE_SOURCE_FILE_FOLDER_H

#include "source/file/resource.h"

enum { FOLDER_FILES_MAX = 10000 };

/* Two looks at a file that give the same signature saw the same content. */
struct signature {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
    int trouble; /* errno of looking; 0: none */
};

struct folder_file {
    struct str name; /* "mesh/a.yaml" */
    struct signature signature;
    struct fingerprint print; /* of its content */
    bool is_whole;            /* was read, and parsed to its end */
    bool is_kept;             /* by the reading under way */
    struct reading reading;
    struct complaints complaints;
    struct arena arena;
};

struct folder {
    const char *path; /* borrowed, without a slash at its end */
    const struct read_options *options;
    struct folder_file **files; /* by name */
    size_t count;
    int trouble;                  /* errno of the path; files stay as they are meanwhile */
    bool too_many;                /* files */
    struct complaints complaints; /* about the path itself */
};

void tulle__folder_init(struct folder *folder, const char *path,
                        const struct read_options *options);
void tulle__folder_fini(struct folder *folder);

/* Does anything look other than at the last reading? No content is read. */
bool tulle__folder_differs(const struct folder *folder);

/* Reads what changed. `doubt`: signatures are not believed (a notice came, and
 * two writes may fall into one tick of the file system's clock). On failure the
 * files are as they were.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__folder_read(struct folder *folder, bool doubt, bool *changed);

#endif
