/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/inbound.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"

static void *inbound_run(void *user)
{
    struct inbound *inbound = user;
    int fd;

    while ((fd = accept(inbound->listening, NULL, NULL)) >= 0) {
        inbound->handle(inbound->user, fd);
        close(fd);
    }
    return NULL;
}

static int socket_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    return fd;
}

void inbound_start(struct inbound *inbound, void (*handle)(void *user, int fd), void *user)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);

    *inbound = (struct inbound){ .listening = socket_new(), .handle = handle, .user = user };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(inbound->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(inbound->listening, 16), 0);
    getsockname(inbound->listening, (struct sockaddr *)&address, &size);
    snprintf(inbound->address, sizeof(inbound->address), "127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&inbound->thread, NULL, inbound_run, inbound), 0);
}

void inbound_stop(struct inbound *inbound)
{
    shutdown(inbound->listening, SHUT_RDWR);
    pthread_join(inbound->thread, NULL);
    close(inbound->listening);
}

int inbound_connect(const struct inbound *inbound)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);
    int fd = socket_new();

    assert_int_equal(getsockname(inbound->listening, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

bool inbound_read(int fd, char text[INBOUND_TEXT], const char *end)
{
    size_t size = 0;

    text[0] = '\0';
    while (!(end && strstr(text, end)) && size < INBOUND_TEXT - 1) {
        ssize_t got = recv(fd, text + size, INBOUND_TEXT - 1 - size, 0);

        if (got <= 0) {
            return !end;
        }
        size += (size_t)got;
        text[size] = '\0';
    }
    return true;
}

void inbound_write(int fd, const char *text)
{
    size_t size = strlen(text), sent = 0;

    while (sent < size) {
        ssize_t went = send(fd, text + sent, size - sent, MSG_NOSIGNAL);

        if (went <= 0) {
            return;
        }
        sent += (size_t)went;
    }
}

void inbound_answer(int fd, const char *body)
{
    inbound_write(fd, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    inbound_write(fd, body);
}

size_t inbound_headers(char *head, struct tulle_header out[INBOUND_HEADERS])
{
    char *line = strstr(head, "\r\n") + 2;
    size_t count = 0;

    while (*line != '\r' && count < INBOUND_HEADERS) {
        char *end = strstr(line, "\r\n"), *value = strstr(line, ": ");

        *end = *value = '\0';
        out[count++] = (struct tulle_header){ line, value + 2 };
        line = end + 2;
    }
    return count;
}
