/* SPDX-License-Identifier: Apache-2.0 */

/* Hears from the kernel that something in a folder changed. It may be deaf (no
 * inotify left, network file systems): whoever uses it polls as well. */

#ifndef TULLE_SOURCE_FILE_NOTIFIER_H
#define TULLE_SOURCE_FILE_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

struct notifier {
    int fd;                 /* -1: deaf */
    int watch;              /* -1: nothing is watched */
    uint64_t device, inode; /* of what is watched */
};

void tulle__notifier_init(struct notifier *notifier);
void tulle__notifier_open(struct notifier *notifier);
void tulle__notifier_fini(struct notifier *notifier);
/* Watches the folder `path`, or the folder of the file `path`; again when
 * another one has taken its place. */
void tulle__notifier_follow(struct notifier *notifier, const char *path);
/* Takes all notices; true: there were some. */
bool tulle__notifier_take(struct notifier *notifier);

#endif
