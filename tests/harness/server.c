/* SPDX-License-Identifier: Apache-2.0 */

/* A server's stdin and stdout are one socket, so that a dead one means an
 * error code and no SIGPIPE. Its journal is a memory file of ours, which
 * outlives it. */

#include "harness/server.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

enum { ARGS_MAX = 32, ANSWER_MAX = 4096, WAIT_MS = 10000, JOURNAL_FD = 3 };

extern char **environ;

struct server {
    char *args[ARGS_MAX];
    size_t arg_count;
    char address[128];
    pid_t pid; /* 0: none */
    bool stopped;
    int control;
    int journal;
    char answer[ANSWER_MAX];
    char *log;
};

static const char *const programs[] = { "http_server", "tls_server" };

static int64_t wait_ns(void)
{
    return (int64_t)WAIT_MS * 1000000;
}

static void add_arg(struct server *server, const char *text)
{
    assert_true(server->arg_count + 1 < ARGS_MAX);
    server->args[server->arg_count++] = strdup(text);
}

/* One line from the server, without its end. */
static void read_line(struct server *server, char *line, size_t size)
{
    int64_t due = test_now() + wait_ns();
    size_t count = 0;

    for (;;) {
        struct pollfd wait = { .fd = server->control, .events = POLLIN };
        int64_t left = (due - test_now()) / 1000000;

        if (left <= 0 || poll(&wait, 1, (int)left) <= 0) {
            fail_msg("server %s: no answer in %d ms", server->address, WAIT_MS);
        }
        if (recv(server->control, line + count, 1, 0) != 1) {
            fail_msg("server %s: is gone", server->address);
        }
        if (line[count] == '\n') {
            line[count] = '\0';
            return;
        }
        assert_true(++count < size);
    }
}

static void server_spawn(struct server *server)
{
    posix_spawn_file_actions_t actions;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, server->journal, JOURNAL_FD);
    if (posix_spawn(&server->pid, server->args[0], &actions, NULL, server->args, environ) != 0) {
        server->pid = 0;
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    server->control = ends[0];
    server->stopped = false;
    if (server->pid == 0) {
        fail_msg("cannot start %s", server->args[0]);
    }
}

static void server_await(struct server *server)
{
    char line[256];

    for (;;) {
        read_line(server, line, sizeof(line));
        if (strcmp(line, "ready") == 0) {
            return;
        }
        assert_int_equal(sscanf(line, "listening %127s", server->address), 1);
    }
}

struct server *server_start(enum server_kind kind, const char *address, ...)
{
    struct server *server = calloc(1, sizeof(*server));
    const char *arg;
    char path[4096];
    va_list args;

    assert_non_null(server);
    server->journal = memfd_create("journal", MFD_CLOEXEC);
    snprintf(server->address, sizeof(server->address), "%s", address);
    snprintf(path, sizeof(path), "%s/tests/harness/servers/%s", TULLE_TEST_BUILD_DIR,
             programs[kind]);
    add_arg(server, path);
    add_arg(server, "--journal-fd=3");
    add_arg(server, "--listen");
    add_arg(server, address);
    va_start(args, address);
    while ((arg = va_arg(args, const char *)) != NULL) {
        add_arg(server, arg);
    }
    va_end(args);
    server_spawn(server);
    server_await(server);
    /* The port that it got is the one it keeps. */
    free(server->args[3]);
    server->args[3] = strdup(server->address);
    return server;
}

static bool is_gone(void *user)
{
    struct server *server = user;
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == server->pid;
}

static int server_reap(struct server *server)
{
    int status = 0;

    waitpid(server->pid, &status, 0);
    close(server->control);
    server->pid = 0;
    server->stopped = false;
    return status;
}

void server_stop(struct server *server)
{
    int status = 0;

    if (server == NULL) {
        return;
    }
    if (server->pid != 0) {
        kill(server->pid, SIGCONT);
        shutdown(server->control, SHUT_WR);
        if (!test_wait_until(is_gone, server, wait_ns())) {
            kill(server->pid, SIGKILL);
        }
        status = server_reap(server);
    }
    close(server->journal);
    for (size_t i = 0; i < server->arg_count; i++) {
        free(server->args[i]);
    }
    free(server->log);
    free(server);
    if (status != 0) {
        fail_msg("the server ended with status %d", status);
    }
}

const char *server_address(const struct server *server)
{
    return server->address;
}

uint16_t server_port(const struct server *server)
{
    return (uint16_t)strtoul(strrchr(server->address, ':') + 1, NULL, 10);
}

const char *server_command(struct server *server, const char *format, ...)
{
    char *line = NULL;
    va_list args;
    int size;

    va_start(args, format);
    size = vasprintf(&line, format, args);
    va_end(args);
    assert_true(size >= 0);
    line[size] = '\n';
    if (send(server->control, line, (size_t)size + 1, MSG_NOSIGNAL) != size + 1) {
        fail_msg("server %s: takes no command", server->address);
    }
    line[size] = '\0';
    read_line(server, server->answer, sizeof(server->answer));
    if (strncmp(server->answer, "ok", 2) != 0) {
        fail_msg("server %s: '%s': %s", server->address, line, server->answer);
    }
    free(line);
    return server->answer + 2 + (server->answer[2] == ' ');
}

uint64_t server_count(struct server *server, const char *name)
{
    const char *text = server_command(server, "counts");
    size_t size = strlen(name);

    while (*text != '\0') {
        if (strncmp(text, name, size) == 0 && text[size] == '=') {
            return strtoull(text + size + 1, NULL, 10);
        }
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    fail_msg("no count is called %s", name);
    return 0;
}

struct count_wait {
    struct server *server;
    const char *name;
    uint64_t value;
};

static bool has_at_least(void *user)
{
    struct count_wait *wait = user;

    return server_count(wait->server, wait->name) >= wait->value;
}

static bool has_exactly(void *user)
{
    struct count_wait *wait = user;

    return server_count(wait->server, wait->name) == wait->value;
}

bool server_wait_count(struct server *server, const char *name, uint64_t least)
{
    struct count_wait wait = { server, name, least };

    return test_wait_until(has_at_least, &wait, wait_ns());
}

bool server_wait_exactly(struct server *server, const char *name, uint64_t value)
{
    struct count_wait wait = { server, name, value };

    return test_wait_until(has_exactly, &wait, wait_ns());
}

const char *server_log(struct server *server)
{
    off_t size;
    ssize_t got;

    if (server->pid != 0 && !server->stopped) {
        server_command(server, "sync");
    }
    size = lseek(server->journal, 0, SEEK_END);
    free(server->log);
    server->log = calloc(1, (size_t)size + 1);
    assert_non_null(server->log);
    got = pread(server->journal, server->log, (size_t)size, 0);
    assert_int_equal(got, size);
    return server->log;
}

size_t server_log_count(struct server *server, const char *pattern)
{
    char *rest = strdup(server_log(server));
    char *place = NULL;
    size_t count = 0;

    for (char *line = strtok_r(rest, "\n", &place); line != NULL;
         line = strtok_r(NULL, "\n", &place)) {
        const char *words = strchr(line, ' ');

        count += words != NULL && fnmatch(pattern, words + 1, 0) == 0;
    }
    free(rest);
    return count;
}

static bool is_stopped(void *user)
{
    struct server *server = user;
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)server->pid, &info, WSTOPPED | WNOHANG) == 0 &&
           info.si_pid == server->pid;
}

void server_kill(struct server *server, int signal)
{
    assert_int_not_equal(server->pid, 0);
    assert_int_equal(kill(server->pid, signal), 0);
    if (signal == SIGSTOP) {
        assert_true(test_wait_until(is_stopped, server, wait_ns()));
        server->stopped = true;
    } else if (signal == SIGCONT) {
        server->stopped = false;
    } else {
        assert_true(test_wait_until(is_gone, server, wait_ns()));
        server_reap(server);
    }
}

void server_restart(struct server *server)
{
    assert_int_equal(server->pid, 0);
    server_spawn(server);
    server_await(server);
}
