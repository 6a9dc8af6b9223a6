/* SPDX-License-Identifier: Apache-2.0 */

/* A server that holds every answer until it is told to give them all: any
 * number of HTTP/1.1 connections at once, one request on each.
 *
 *   hold_server COUNT    says {"port": N}; says {"held": N} when COUNT requests
 *                        have come; a line on stdin lets all answers go; says
 *                        {"answered": N, "connections": N} and ends when all
 *                        connections were closed */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, FD_MAX = 65536, READ_SIZE = 4096 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello from the shop\n";

struct server {
    int epoll, listener;
    size_t wanted, held, answered, open, opened;
    bool released;
    unsigned char tail[FD_MAX];  /* how much of the request's last CRLFCRLF has come */
    unsigned char waits[FD_MAX]; /* a whole request is here, and no answer was given */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct server *server, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        fail("epoll_ctl");
    }
}

static void say(const char *what, size_t value)
{
    printf("{\"%s\": %zu}\n", what, value);
    fflush(stdout);
}

static void server_listen(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);

    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->epoll < 0 || server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(server->listener, 4096) < 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) < 0) {
        fail("listen");
    }
    watch(server, server->listener);
    watch(server, STDIN_FILENO);
    say("port", ntohs(address.sin_port));
}

static void connection_accept(struct server *server)
{
    int fd;

    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FD_MAX) {
            fail("too many connections");
        }
        server->tail[fd] = server->waits[fd] = 0;
        server->open++;
        server->opened++;
        watch(server, fd);
    }
}

static void connection_answer(struct server *server, int fd)
{
    server->waits[fd] = 0;
    if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(answer) - 1) {
        server->answered++;
    }
}

static void request_is_here(struct server *server, int fd)
{
    server->waits[fd] = 1;
    server->held++;
    if (server->held == server->wanted) {
        say("held", server->held);
    }
    if (server->released) {
        connection_answer(server, fd);
    }
}

static void connection_feed(struct server *server, int fd, char c)
{
    static const char end[] = "\r\n\r\n";
    unsigned char tail = server->tail[fd];

    tail = c == end[tail] ? (unsigned char)(tail + 1) : c == '\r';
    if (tail == sizeof(end) - 1) {
        tail = 0;
        request_is_here(server, fd);
    }
    server->tail[fd] = tail;
}

static void connection_read(struct server *server, int fd)
{
    char data[READ_SIZE];
    ssize_t size = read(fd, data, sizeof(data));

    if (size <= 0) {
        close(fd);
        server->open--;
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        connection_feed(server, fd, data[i]);
    }
}

static void server_release(struct server *server)
{
    char byte;

    if (read(STDIN_FILENO, &byte, 1) <= 0) {
        exit(1);
    }
    server->released = true;
    for (int fd = 0; fd < FD_MAX; fd++) {
        if (server->waits[fd]) {
            connection_answer(server, fd);
        }
    }
}

static void server_round(struct server *server)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(server->epoll, events, EVENTS, -1);

    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;

        if (fd == server->listener) {
            connection_accept(server);
        } else if (fd == STDIN_FILENO) {
            server_release(server);
        } else {
            connection_read(server, fd);
        }
    }
}

int main(int argc, char **argv)
{
    static struct server server;

    if (argc != 2) {
        fprintf(stderr, "usage: hold_server COUNT\n");
        return 2;
    }
    server.wanted = strtoul(argv[1], NULL, 10);
    server_listen(&server);
    while (!server.released || server.open > 0) {
        server_round(&server);
    }
    printf("{\"answered\": %zu, \"connections\": %zu}\n", server.answered, server.opened);
    return 0;
}
