/* SPDX-License-Identifier: Apache-2.0 */

/* A server that forks its workers beforehand. The master opens the mesh once, and so
 * finds a bad configuration before anyone is forked; each worker's first call opens
 * its own, with the same options, behind the same handle. A worker that dies is
 * replaced. SIGTERM ends them all.
 *
 *     cc prefork.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ http://reviews/ 8080 */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <tulle/tulle.h>
#include <unistd.h>

enum { WORKERS = 4, BACKLOG = 64 };

static int listen_at(const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    printf("listening at 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* One request, whatever it is: what the mesh answers to a GET of `url`. */
static void serve(int fd, struct tulle *mesh, const char *url)
{
    char request[4096], answer[8192];
    struct tulle_reply *reply = NULL;
    enum tulle_error error;
    int size;

    if (read(fd, request, sizeof(request)) <= 0) {
        return;
    }
    error = tulle_get(mesh, url, &reply);
    size = snprintf(answer, sizeof(answer),
                    "HTTP/1.1 %d -\r\nConnection: close\r\nX-Worker: %d\r\n\r\n%.4000s\n",
                    error == TULLE_OK ? tulle_reply_status(reply) : 503, (int)getpid(),
                    error == TULLE_OK ? tulle_reply_body(reply) : tulle_error_text(error));
    tulle_reply_free(reply);
    if (write(fd, answer, (size_t)size) != size) {
        fprintf(stderr, "a client has left\n");
    }
}

/* Until the listener is shut. */
static int work(int listener, struct tulle *mesh, const char *url)
{
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        serve(fd, mesh, url);
        close(fd);
    }
    return tulle_close(mesh) == TULLE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The parent of all workers makes no call itself. */
static void lead(int listener, struct tulle *mesh, const char *url, const sigset_t *signals)
{
    pid_t workers[WORKERS] = { 0 }, pid;
    int number = SIGCHLD;

    while (number == SIGCHLD) {
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
            for (int i = 0; i < WORKERS; i++) {
                workers[i] = workers[i] == pid ? 0 : workers[i];
            }
        }
        for (int i = 0; i < WORKERS; i++) {
            if (workers[i] == 0 && (workers[i] = fork()) == 0) {
                exit(work(listener, mesh, url));
            }
        }
        sigwait(signals, &number);
    }
}

/* True: each worker that was left went well. */
static int end(int listener)
{
    int status, good = 1;

    shutdown(listener, SHUT_RDWR);
    while (wait(&status) > 0) {
        good = good && status == 0;
    }
    return good;
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .after_fork = TULLE_AFTER_FORK_REOPEN };
    struct tulle *mesh;
    sigset_t signals;
    int listener, good;

    options.config = argc > 1 ? argv[1] : "mesh/";
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    listener = listen_at(argc > 3 ? argv[3] : "8080");
    if (listener < 0 || tulle_open(&options, &mesh) != TULLE_OK) {
        return EXIT_FAILURE;
    }
    lead(listener, mesh, argc > 2 ? argv[2] : "http://reviews/", &signals);
    good = end(listener);
    return tulle_close(mesh) == TULLE_OK && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
