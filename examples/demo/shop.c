/* SPDX-License-Identifier: Apache-2.0 */

#include "shop.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 5000 };

extern char **environ;

struct replica shop[REPLICAS] = {
    [FRONT_1] = { "front", "v1", "127.77.1.1:9080", "1", 0, REPLICA_RUNS },
    [FRONT_2] = { "front", "v1", "127.77.1.2:9080", "1", 0, REPLICA_RUNS },
    [DETAILS_1] = { "details", "v1", "127.77.2.1:9080", "2", 0, REPLICA_RUNS },
    [RATINGS_1] = { "ratings", "v1", "127.77.3.1:9080", "2", 0, REPLICA_RUNS },
    [RATINGS_2] = { "ratings", "v1", "127.77.3.2:9080", "4", 0, REPLICA_RUNS },
    [REVIEWS_V1_1] = { "reviews", "v1", "127.77.4.1:9080", "3", 0, REPLICA_RUNS },
    [REVIEWS_V1_2] = { "reviews", "v1", "127.77.4.2:9080", "3", 0, REPLICA_RUNS },
    [REVIEWS_V1_3] = { "reviews", "v1", "127.77.4.3:9080", "3", 0, REPLICA_RUNS },
    [REVIEWS_V2_1] = { "reviews", "v2", "127.77.5.1:9080", "5", 0, REPLICA_RUNS },
    [REVIEWS_V2_2] = { "reviews", "v2", "127.77.5.2:9080", "5", 0, REPLICA_RUNS },
};

bool shop_folder(char *folder, size_t size)
{
    ssize_t count = readlink("/proc/self/exe", folder, size - 1);
    char *slash;

    if (count <= 0) {
        return false;
    }
    folder[count] = '\0';
    slash = strrchr(folder, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

static bool is_ready(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char byte;

    return poll(&wait, 1, START_MS) == 1 && read(fd, &byte, 1) == 1;
}

static bool spawn(struct replica *replica, const char *program, int out)
{
    char *args[] = {
        (char *)program,          (char *)replica->service,    (char *)replica->version,
        (char *)replica->address, (char *)replica->latency_ms, NULL
    };
    posix_spawn_file_actions_t actions;
    bool fine;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    fine = posix_spawn(&replica->pid, program, &actions, NULL, args, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return fine;
}

bool shop_start(size_t index)
{
    struct replica *replica = &shop[index];
    char program[PATH_MAX + 32];
    int ends[2];
    bool fine;

    if (!shop_folder(program, PATH_MAX) || pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    strncat(program, "/shop_server", 31);
    fine = spawn(replica, program, ends[1]);
    close(ends[1]);
    fine = fine && is_ready(ends[0]);
    close(ends[0]);
    if (!fine) {
        fprintf(stderr, "demo: %s at %s does not start\n", replica->service, replica->address);
        return false;
    }
    replica->state = REPLICA_RUNS;
    return true;
}

bool shop_open(void)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        if (!shop_start(i)) {
            return false;
        }
    }
    return true;
}

void shop_signal(size_t index, int signal)
{
    struct replica *replica = &shop[index];

    if (replica->pid == 0) {
        return;
    }
    kill(replica->pid, signal);
    if (signal == SIGKILL) {
        waitpid(replica->pid, NULL, 0);
        replica->pid = 0;
        replica->state = REPLICA_KILLED;
        return;
    }
    replica->state = signal == SIGSTOP ? REPLICA_STOPPED : REPLICA_RUNS;
}

void shop_close(void)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        shop_signal(i, SIGKILL);
    }
}

size_t shop_find(const char *address)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        if (strcmp(shop[i].address, address) == 0) {
            return i;
        }
    }
    return REPLICAS;
}
