/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/notifier.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fork.h"

enum { NOTICES_SIZE = 4096 };

void tulle__notifier_init(struct notifier *notifier)
{
    *notifier = (struct notifier){ .fd = -1, .watch = -1 };
}

void tulle__notifier_open(struct notifier *notifier)
{
    notifier->fd = tulle__fork_own(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

void tulle__notifier_fini(struct notifier *notifier)
{
    if (notifier->fd >= 0) {
        tulle__fork_close(notifier->fd);
    }
    notifier->fd = -1;
}

static void watch_put(struct notifier *notifier, const char *path, const struct stat *status)
{
    const uint32_t mask = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM |
                          IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

    if (notifier->watch >= 0) {
        inotify_rm_watch(notifier->fd, notifier->watch);
    }
    notifier->watch = inotify_add_watch(notifier->fd, path, mask);
    notifier->device = status->st_dev;
    notifier->inode = status->st_ino;
}

/* "mesh/a.yaml" to "mesh", "a.yaml" to ".". */
static void folder_of(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash) {
        memcpy(path, ".", 2);
    } else if (slash == path) {
        path[1] = '\0';
    } else {
        *slash = '\0';
    }
}

void tulle__notifier_follow(struct notifier *notifier, const char *path)
{
    char folder[PATH_MAX];
    struct stat status;

    if (notifier->fd < 0 || strlen(path) >= sizeof(folder) || stat(path, &status) != 0) {
        return;
    }
    memcpy(folder, path, strlen(path) + 1);
    if (!S_ISDIR(status.st_mode)) {
        folder_of(folder);
        if (stat(folder, &status) != 0) {
            return;
        }
    }
    bool is_same = notifier->device == status.st_dev && notifier->inode == status.st_ino;
    if (notifier->watch < 0 || !is_same) {
        watch_put(notifier, folder, &status);
    }
}

bool tulle__notifier_take(struct notifier *notifier)
{
    char notices[NOTICES_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;

    while (notifier->fd >= 0) {
        ssize_t size = read(notifier->fd, notices, sizeof(notices));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return any;
        }
        any = true;
    }
    return any;
}
