/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/many.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"
#include "peer/many_net.h"

enum { EVENTS = 64, HOLD_MAX = 64, TEXT_MAX = 4096, IN_A_ROW = 150 };

struct connection {
    int fd;
    size_t size;
    char text[TEXT_MAX];
    char address[MANY_ADDRESS];
    struct connection *next; /* of all */
};

struct many {
    uint16_t port;
    int listener, epoll, bell;
    atomic_uint hold;
    pthread_t thread;
    /* The thread's. */
    struct connection *all;
    struct connection *waiting[HOLD_MAX];
    unsigned waiting_count;
};

void many_address(const struct many *many, size_t i, char text[MANY_ADDRESS])
{
    snprintf(text, MANY_ADDRESS, "127.40.%zu.%zu:%u", 100 + i / IN_A_ROW, 100 + i % IN_A_ROW,
             many->port);
}

size_t many_index(const struct many *many, const char *address)
{
    unsigned row, place, port;

    if (sscanf(address, "127.40.%u.%u:%u", &row, &place, &port) != 3 || port != many->port) {
        fail_msg("%s is none of ours", address);
    }
    return (row - 100) * IN_A_ROW + place - 100;
}

void many_hold(struct many *many, unsigned count)
{
    assert_true(count <= HOLD_MAX);
    atomic_store(&many->hold, count);
}

static void watch(struct many *many, int fd, void *whose)
{
    struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = whose } };

    assert_int_equal(epoll_ctl(many->epoll, EPOLL_CTL_ADD, fd, &event), 0);
}

static void connection_accept(struct many *many)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    char host[INET_ADDRSTRLEN];

    assert_non_null(connection);
    connection->fd = accept4(many->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(connection->fd >= 0);
    many_no_delay(connection->fd);
    assert_int_equal(getsockname(connection->fd, (struct sockaddr *)&address, &size), 0);
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
    snprintf(connection->address, sizeof(connection->address), "%s:%u", host, many->port);
    connection->next = many->all;
    many->all = connection;
    watch(many, connection->fd, connection);
}

static void connection_answer(struct connection *connection)
{
    char text[256];
    int size = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(connection->address), connection->address);

    many_send(connection->fd, text, (size_t)size);
}

static void answer_all(struct many *many)
{
    while (many->waiting_count > 0) {
        connection_answer(many->waiting[--many->waiting_count]);
    }
}

static void connection_asked(struct many *many, struct connection *connection)
{
    connection->size = 0;
    many->waiting[many->waiting_count++] = connection;
    if (many->waiting_count >= atomic_load(&many->hold)) {
        answer_all(many);
    }
}

/* One request at a time, without a body; what is closed is freed in the end. */
static void connection_read(struct many *many, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->text + connection->size,
                       sizeof(connection->text) - connection->size - 1, 0);

    if (got <= 0) {
        epoll_ctl(many->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
        return;
    }
    connection->size += (size_t)got;
    connection->text[connection->size] = '\0';
    if (strstr(connection->text, "\r\n\r\n") != NULL) {
        connection_asked(many, connection);
    }
}

static void *many_run(void *user)
{
    struct many *many = user;
    struct epoll_event events[EVENTS];

    for (;;) {
        int count = epoll_wait(many->epoll, events, EVENTS, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &many->bell) {
                return NULL;
            }
            if (events[i].data.ptr == &many->listener) {
                connection_accept(many);
                continue;
            }
            connection_read(many, events[i].data.ptr);
        }
    }
}

/* At every address of the machine: a listener for each of a thousand is more. */
static void many_listen(struct many *many)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_ANY) } };
    socklen_t size = sizeof(address);

    many->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(many->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(many->listener, SOMAXCONN), 0);
    assert_int_equal(getsockname(many->listener, (struct sockaddr *)&address, &size), 0);
    many->port = ntohs(address.sin_port);
}

struct many *many_start(void)
{
    struct many *many = calloc(1, sizeof(*many));

    assert_non_null(many);
    many_listen(many);
    many->epoll = epoll_create1(EPOLL_CLOEXEC);
    many->bell = eventfd(0, EFD_CLOEXEC);
    watch(many, many->listener, &many->listener);
    watch(many, many->bell, &many->bell);
    assert_int_equal(pthread_create(&many->thread, NULL, many_run, many), 0);
    return many;
}

void many_stop(struct many *many)
{
    assert_int_equal(eventfd_write(many->bell, 1), 0);
    pthread_join(many->thread, NULL);
    while (many->all != NULL) {
        struct connection *connection = many->all;

        many->all = connection->next;
        close(connection->fd);
        free(connection);
    }
    close(many->listener);
    close(many->epoll);
    close(many->bell);
    free(many);
}
