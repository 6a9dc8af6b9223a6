/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 32, PATIENCE_S = 30, TEXT_MAX = 4096 };

struct peer {
    char *folder;
    char path[TEXT_MAX];
    char address[32];
    uint16_t port;
    pid_t pid; /* 0: none */
};

static int loopback_socket(uint16_t port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){ .sin_family = AF_INET,
                                     .sin_port = htons(port),
                                     .sin_addr = { htonl(INADDR_LOOPBACK) } };
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

uint16_t peer_free_port(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int fd = loopback_socket(0, &address);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    assert_non_null(peer);
    peer->folder = test_folder_new();
    assert_int_equal(chmod(peer->folder, 0755), 0); /* nginx's workers are nobody */
    peer->port = peer_free_port();
    snprintf(peer->address, sizeof(peer->address), "127.0.0.1:%u", peer->port);
    return peer;
}

static bool is_gone(void *user)
{
    struct peer *peer = user;

    return waitpid(peer->pid, NULL, WNOHANG) == peer->pid;
}

void peer_free(struct peer *peer)
{
    if (!peer) {
        return;
    }
    if (peer->pid != 0) {
        kill(peer->pid, SIGTERM);
        if (!test_wait_until(is_gone, peer, TULLE_S(PATIENCE_S))) {
            kill(peer->pid, SIGKILL);
            waitpid(peer->pid, NULL, 0);
        }
    }
    test_folder_free(peer->folder);
    free(peer);
}

const char *peer_folder(const struct peer *peer)
{
    return peer->folder;
}

uint16_t peer_port(const struct peer *peer)
{
    return peer->port;
}

const char *peer_at(const struct peer *peer)
{
    return peer->address;
}

const char *peer_path(struct peer *peer, const char *name)
{
    snprintf(peer->path, sizeof(peer->path), "%s/%s", peer->folder, name);
    return peer->path;
}

/* In the child: only what may be called after fork(). */
static void peer_become(char **args, int log, pid_t parent)
{
    /* Not SIGKILL, which would leave nginx's workers. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(126);
    }
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execvp(args[0], args);
    _exit(127);
}

static void peer_complain(struct peer *peer, const char *program, const char *what)
{
    char text[TEXT_MAX] = "";
    int log = open(peer_path(peer, "output"), O_RDONLY | O_CLOEXEC);
    ssize_t size = read(log, text, sizeof(text) - 1);

    close(log);
    fail_msg("%s %s (`./dev deps --peers` installs it): %.*s", program, what,
             size > 0 ? (int)size : 0, text);
}

static bool port_answers(void *user)
{
    struct peer *peer = user;
    struct sockaddr_in address;
    int fd = loopback_socket(peer->port, &address);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    if (!connected && is_gone(peer)) {
        peer->pid = 0;
    }
    return connected || peer->pid == 0;
}

void peer_run(struct peer *peer, const char *program, ...)
{
    char *args[ARGS_MAX] = { (char *)(uintptr_t)program };
    int log = open(peer_path(peer, "output"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    va_list list;

    va_start(list, program);
    for (int i = 1; (args[i] = va_arg(list, char *)) != NULL; i++) {
        assert_true(i + 2 < ARGS_MAX);
    }
    va_end(list);
    peer->pid = fork();
    if (peer->pid == 0) {
        peer_become(args, log, parent);
    }
    close(log);
    assert_true(peer->pid > 0);
    if (!test_wait_until(port_answers, peer, TULLE_S(PATIENCE_S))) {
        peer_complain(peer, program, "does not listen");
    }
    if (peer->pid == 0) {
        peer_complain(peer, program, "does not run");
    }
}

void peer_signal(struct peer *peer, int signal)
{
    assert_int_equal(kill(peer->pid, signal), 0);
}

void peer_run_envoy(struct peer *peer, const char *bootstrap)
{
    const char *chosen = getenv("TULLE_ENVOY");
    const char *program = chosen ? chosen : TULLE_TEST_SOURCE_DIR "/.cache/peers/envoy";
    char path[PATH_MAX];

    test_folder_write(peer_folder(peer), "envoy.yaml", bootstrap);
    snprintf(path, sizeof(path), "%s", peer_path(peer, "envoy.yaml"));
    peer_run(peer, program, "-c", path, "--concurrency", "1", "--disable-hot-restart",
             "--file-flush-interval-msec", "50", "-l", "error", NULL);
}

struct tulle *peer_open(const char *address, int32_t protocol, const char *yaml,
                        const struct tulle_options *options)
{
    struct tulle_options all = { TULLE_OPTIONS_INIT };
    uint16_t port = protocol == TULLE_PROTOCOL_HTTPS ? 443 : 80;
    struct tulle_config *config;
    struct tulle *mesh;

    if (options) {
        all = *options;
    }
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "shop", port, protocol), TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(config, "shop", address, NULL, 1), TULLE_OK);
    if (yaml) {
        assert_int_equal(tulle_config_add_yaml(config, "test.yaml", yaml), TULLE_OK);
    }
    all.built = config;
    assert_int_equal(tulle_open(&all, &mesh), TULLE_OK);
    tulle_config_free(config);
    return mesh;
}
