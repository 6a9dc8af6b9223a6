/* SPDX-License-Identifier: Apache-2.0 */

#include "listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"

enum { BACKLOG = 4096 };

struct listener {
    struct watch watch; /* fd -1: left */
    struct link link;
    struct host *host;
    struct sockaddr_storage address;
    socklen_t size;
};

/* One connection for each event, and the event is asked for anew: conn_accept()
 * runs rounds of its own, in which listeners have to be silent. */
static void listener_ready(struct watch *watch, uint32_t events)
{
    struct listener *listener = CONTAINER_OF(watch, struct listener, watch);
    struct host *host = listener->host;

    (void)events;
    if (watch->fd < 0 || !host->accepting) {
        return;
    }
    conn_accept(host, watch->fd);
    if (watch->fd >= 0 && host->accepting) {
        loop_change(&host->loop, watch, EPOLLIN | EPOLLONESHOT);
    }
}

static bool address_parse(struct listener *listener, const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&listener->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&listener->address;
    const char *colon = strrchr(text, ':');
    char host[64];

    if (colon == NULL || colon - text >= (ptrdiff_t)sizeof(host)) {
        return false;
    }
    if (text[0] == '[') {
        snprintf(host, sizeof(host), "%.*s", (int)(colon - text - 2), text + 1);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
        listener->size = sizeof(*v6);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    listener->size = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static bool listener_bind(struct listener *listener)
{
    int one = 1;
    int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&listener->address, listener->size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        close(fd);
        return false;
    }
    getsockname(fd, (struct sockaddr *)&listener->address, &listener->size);
    listener->watch.fd = fd;
    loop_add(&listener->host->loop, &listener->watch, EPOLLIN | EPOLLONESHOT);
    return true;
}

static unsigned listener_port(const struct listener *listener)
{
    if (listener->address.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)&listener->address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)(const void *)&listener->address)->sin_port);
}

bool listener_open(struct host *host, const char *address)
{
    struct listener *listener = must_alloc(sizeof(*listener));

    listener->host = host;
    listener->watch = (struct watch){ .fd = -1, .ready = listener_ready };
    link_append(&host->listeners, &listener->link);
    host->accepting = true;
    if (!address_parse(listener, address) || !listener_bind(listener)) {
        fprintf(stderr, "cannot listen on %s\n", address);
        return false;
    }
    printf("listening %.*s:%u\n", (int)(strrchr(address, ':') - address), address,
           listener_port(listener));
    host_note(host, "listen %.*s:%u", (int)(strrchr(address, ':') - address), address,
              listener_port(listener));
    return true;
}

void listeners_accept(struct host *host, bool accepting)
{
    host->accepting = accepting;
    for (struct link *link = host->listeners.next; link != &host->listeners; link = link->next) {
        struct listener *listener = CONTAINER_OF(link, struct listener, link);

        if (listener->watch.fd >= 0) {
            loop_change(&host->loop, &listener->watch,
                        accepting ? (uint32_t)EPOLLIN | EPOLLONESHOT : EPOLLONESHOT);
        }
    }
}

void listeners_leave(struct host *host)
{
    for (struct link *link = host->listeners.next; link != &host->listeners; link = link->next) {
        struct listener *listener = CONTAINER_OF(link, struct listener, link);

        if (listener->watch.fd >= 0) {
            loop_remove(&host->loop, &listener->watch);
            close(listener->watch.fd);
            listener->watch.fd = -1;
        }
    }
}

bool listeners_return(struct host *host)
{
    bool all = true;

    for (struct link *link = host->listeners.next; link != &host->listeners; link = link->next) {
        struct listener *listener = CONTAINER_OF(link, struct listener, link);

        all = (listener->watch.fd >= 0 || listener_bind(listener)) && all;
    }
    return all;
}

void listeners_free(struct host *host)
{
    listeners_leave(host);
    while (!link_is_empty(&host->listeners)) {
        struct listener *listener = CONTAINER_OF(host->listeners.next, struct listener, link);

        link_remove(&listener->link);
        free(listener);
    }
}
