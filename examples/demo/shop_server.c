/* SPDX-License-Identifier: Apache-2.0 */

/* One replica of the shop: shop_server NAME VERSION ADDRESS:PORT LATENCY_MS.
 * It answers every GET after LATENCY_MS with who it is, as JSON. Says "ready"
 * on stdout, and goes when the process that started it goes.
 *
 * All answers take equally long, so that those due lie in one queue in the
 * order in which they came, and one timer is enough. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DUE_MAX = 4096, HEAD_MAX = 8192, EVENTS = 128, BACKLOG = 1024 };

struct client {
    int fd;
    bool busy; /* its answer is due */
    bool gone;
    size_t size;
    char head[HEAD_MAX];
};

static struct {
    int epoll, listener;
    int64_t latency_ns;
    char answer[1024];
    size_t answer_size;
    struct {
        struct client *client;
        int64_t at;
    } due[DUE_MAX]; /* a ring */
    size_t first, count;
} shop;

static int64_t now_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* A client whose answer is due is freed when it would have been sent. */
static void client_end(struct client *client)
{
    if (!client->gone) {
        close(client->fd);
        client->gone = true;
    }
    if (!client->busy) {
        free(client);
    }
}

static void client_take(struct client *client)
{
    char *end = memmem(client->head, client->size, "\r\n\r\n", 4);
    size_t used;

    if (client->busy || end == NULL) {
        return;
    }
    if (shop.count == DUE_MAX) {
        client_end(client);
        return;
    }
    used = (size_t)(end - client->head) + 4;
    client->size -= used;
    memmove(client->head, client->head + used, client->size);
    client->busy = true;
    shop.due[(shop.first + shop.count) % DUE_MAX].client = client;
    shop.due[(shop.first + shop.count) % DUE_MAX].at = now_ns() + shop.latency_ns;
    shop.count++;
}

static void client_read(struct client *client)
{
    ssize_t count = recv(client->fd, client->head + client->size, HEAD_MAX - client->size, 0);

    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) {
        client_end(client);
        return;
    }
    client->size += (size_t)count;
    client_take(client);
}

static void shop_accept(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int fd = accept4(shop.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;
    int one = 1;

    if (client == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    client->fd = fd;
    event.data.ptr = client;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    epoll_ctl(shop.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void shop_answer_due(void)
{
    int64_t now = now_ns();

    while (shop.count > 0 && shop.due[shop.first].at <= now) {
        struct client *client = shop.due[shop.first].client;

        shop.first = (shop.first + 1) % DUE_MAX;
        shop.count--;
        client->busy = false;
        if (client->gone || send(client->fd, shop.answer, shop.answer_size, MSG_NOSIGNAL) !=
                                (ssize_t)shop.answer_size) {
            client_end(client);
            continue;
        }
        client_take(client);
    }
}

/* Nanoseconds matter: answers that take 2 ms do not take 3. */
static void shop_wait(struct epoll_event *events, int *count)
{
    struct timespec wait = { 0 };
    int64_t left = shop.count > 0 ? shop.due[shop.first].at - now_ns() : 0;

    wait.tv_sec = left > 0 ? left / 1000000000 : 0;
    wait.tv_nsec = left > 0 ? left % 1000000000 : 0;
    *count = epoll_pwait2(shop.epoll, events, EVENTS, shop.count > 0 ? &wait : NULL, NULL);
}

static void shop_run(void)
{
    struct epoll_event events[EVENTS];
    int count;

    for (;;) {
        shop_wait(events, &count);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                shop_accept();
                continue;
            }
            client_read(events[i].data.ptr);
        }
        shop_answer_due();
    }
}

static bool shop_listen(const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct epoll_event event = { .events = EPOLLIN };
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN];
    int one = 1;

    if (colon == NULL || colon - text >= (ptrdiff_t)sizeof(host)) {
        return false;
    }
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    shop.epoll = epoll_create1(EPOLL_CLOEXEC);
    shop.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(shop.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    return inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
           bind(shop.listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           listen(shop.listener, BACKLOG) == 0 &&
           epoll_ctl(shop.epoll, EPOLL_CTL_ADD, shop.listener, &event) == 0;
}

static void shop_prepare(char **argv)
{
    char body[512];
    int size =
        snprintf(body, sizeof(body), "{\"service\":\"%s\",\"version\":\"%s\",\"address\":\"%s\"}\n",
                 argv[1], argv[2], argv[3]);

    shop.latency_ns = strtol(argv[4], NULL, 10) * 1000000;
    shop.answer_size = (size_t)snprintf(shop.answer, sizeof(shop.answer),
                                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                        "Content-Length: %d\r\n\r\n%s",
                                        size, body);
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (argc != 5) {
        fprintf(stderr, "usage: shop_server NAME VERSION ADDRESS:PORT LATENCY_MS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    shop_prepare(argv);
    if (!shop_listen(argv[3])) {
        fprintf(stderr, "shop_server: cannot listen on %s: %s\n", argv[3], strerror(errno));
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    shop_run();
    return 0;
}
