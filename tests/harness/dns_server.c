/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/dns_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/dns_message.h"
#include "harness/test.h"

enum { NAMES_MAX = 32, UDP_MAX = 1200, TYPE_A = 1, TYPE_AAAA = 28 };

struct name {
    char name[256];
    enum dns_lie lie;
    uint32_t ttl;
    char ipv4[512], ipv6[512];
    unsigned asked;
};

struct dns_server {
    pthread_mutex_t lock; /* guards names and tcp */
    struct name names[NAMES_MAX];
    size_t count;
    unsigned tcp;
    pthread_t thread;
    int udp_fd, tcp_fd, stop_fds[2];
    uint16_t port;
    char address[32];
    struct dns_message reply;
};

static struct name *name_find(struct dns_server *server, const char *text)
{
    for (size_t i = 0; i < server->count; i++) {
        if (strcmp(server->names[i].name, text) == 0) {
            return &server->names[i];
        }
    }
    return NULL;
}

static void add_one(struct dns_message *reply, const char *owner, unsigned type, uint32_t ttl,
                    const char *address)
{
    if (type == TYPE_A) {
        dns_message_a(reply, owner, ttl, address);
    } else {
        dns_message_aaaa(reply, owner, ttl, address);
    }
}

static void add_addresses(struct dns_message *reply, const char *owner, unsigned type, uint32_t ttl,
                          const char *list)
{
    char copy[512], *one, *rest = copy;

    if (list[0] == '*') {
        for (unsigned i = 0; i < strtoul(list + 1, NULL, 10); i++) {
            snprintf(copy, sizeof(copy), "127.1.%u.%u", i / 250, i % 250 + 1);
            add_one(reply, owner, type, ttl, copy);
        }
        return;
    }
    snprintf(copy, sizeof(copy), "%s", list);
    while ((one = strsep(&rest, ",")) && *one) {
        add_one(reply, owner, type, ttl, one);
    }
}

static const char *list_of(const struct name *name, unsigned type)
{
    return type == TYPE_A ? name->ipv4 : type == TYPE_AAAA ? name->ipv6 : "";
}

static void tell_truth(struct dns_message *reply, const struct name *name, unsigned type,
                       const char *owner)
{
    const char *list = list_of(name, type);

    add_addresses(reply, owner, type, name->ttl, list);
    if (!*list && name->lie != DNS_EMPTY) {
        dns_message_soa(reply, name->ttl, name->ttl);
    }
}

static void lie(struct dns_server *server, const struct name *name, unsigned id, const char *asked,
                unsigned type)
{
    struct dns_message *reply = &server->reply;
    enum dns_lie kind = name ? name->lie : DNS_NXDOMAIN;
    static const unsigned codes[] = {
        [DNS_NXDOMAIN] = 3, [DNS_FAILS] = 2, [DNS_REFUSES] = 5, [DNS_EMPTY] = 0
    }; /* the last of the enum */

    dns_message_init(reply, kind == DNS_WRONG_ID ? id + 1 : id, codes[kind],
                     kind == DNS_WRONG_NAME ? "another.test" : asked, type);
    switch (kind) {
    case DNS_TRUTH:
    case DNS_CUT:
    case DNS_WRONG_ID:
    case DNS_WRONG_NAME:
    case DNS_SILENT_6: tell_truth(reply, name, type, NULL); break;
    case DNS_OTHERS: tell_truth(reply, name, type, "evil.test"); break;
    case DNS_LOOP: dns_message_cname(reply, NULL, 1, asked); break;
    case DNS_NXDOMAIN: dns_message_soa(reply, name ? name->ttl : 1, name ? name->ttl : 1); break;
    case DNS_GARBAGE: memset(reply->data + 12, 0xc0, reply->size - 12); break;
    default: break;
    }
}

static bool is_silent(const struct name *name, unsigned type)
{
    return name && (name->lie == DNS_SILENT || (name->lie == DNS_SILENT_6 && type == TYPE_AAAA));
}

/* False: nothing is said. */
static bool answer(struct dns_server *server, const uint8_t *data, size_t size, bool is_tcp)
{
    char asked[256];
    unsigned type, id = size > 2 ? (unsigned)(data[0] << 8 | data[1]) : 0;
    struct name *name;
    bool says;

    if (!dns_question_read(data, size, asked, &type)) {
        return false;
    }
    pthread_mutex_lock(&server->lock);
    name = name_find(server, asked);
    server->tcp += is_tcp;
    if (name) {
        name->asked++;
    }
    says = !is_silent(name, type) && !(is_tcp && name && name->lie == DNS_CUT);
    if (says) {
        lie(server, name, id, asked, type);
    }
    if (says && !is_tcp && (server->reply.size > UDP_MAX || (name && name->lie == DNS_CUT))) {
        dns_message_truncate(&server->reply);
    }
    pthread_mutex_unlock(&server->lock);
    return says;
}

static void serve_udp(struct dns_server *server)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    ssize_t size =
        recvfrom(server->udp_fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_size);

    if (size > 0 && answer(server, data, (size_t)size, false)) {
        sendto(server->udp_fd, server->reply.data, server->reply.size, MSG_NOSIGNAL,
               (struct sockaddr *)&from, from_size);
    }
}

static bool receive_all(int fd, uint8_t *data, size_t size)
{
    return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static void serve_tcp(struct dns_server *server)
{
    struct timeval patience = { .tv_sec = 5 };
    uint8_t head[2], data[2048];
    int fd = accept4(server->tcp_fd, NULL, NULL, SOCK_CLOEXEC);
    size_t size;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (receive_all(fd, head, 2)) {
        size = (size_t)(head[0] << 8 | head[1]);
        if (size > sizeof(data) || !receive_all(fd, data, size) ||
            !answer(server, data, size, true)) {
            break;
        }
        head[0] = (uint8_t)(server->reply.size >> 8);
        head[1] = (uint8_t)server->reply.size;
        send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE);
        send(fd, server->reply.data, server->reply.size, MSG_NOSIGNAL);
    }
    close(fd);
}

static void *serve(void *user)
{
    struct dns_server *server = user;
    struct pollfd fds[3] = { { server->udp_fd, POLLIN, 0 },
                             { server->tcp_fd, POLLIN, 0 },
                             { server->stop_fds[0], POLLIN, 0 } };

    while (poll(fds, 3, -1) >= 0 && !fds[2].revents) {
        if (fds[0].revents) {
            serve_udp(server);
        }
        if (fds[1].revents) {
            serve_tcp(server);
        }
    }
    return NULL;
}

static int bound(int type, uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(*port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, size) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The same port for both. */
static void ports_bind(struct dns_server *server)
{
    do {
        server->port = 0;
        server->udp_fd = bound(SOCK_DGRAM, &server->port);
        server->tcp_fd = bound(SOCK_STREAM, &server->port);
        if (server->tcp_fd < 0) {
            close(server->udp_fd);
        }
    } while (server->tcp_fd < 0);
}

struct dns_server *dns_server_start(void)
{
    struct dns_server *server = calloc(1, sizeof(*server));

    assert_non_null(server);
    pthread_mutex_init(&server->lock, NULL);
    ports_bind(server);
    assert_int_equal(listen(server->tcp_fd, 16), 0);
    assert_int_equal(pipe2(server->stop_fds, O_CLOEXEC), 0);
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", server->port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    return server;
}

void dns_server_stop(struct dns_server *server)
{
    assert_int_equal(write(server->stop_fds[1], "x", 1), 1);
    pthread_join(server->thread, NULL);
    close(server->udp_fd);
    close(server->tcp_fd);
    close(server->stop_fds[0]);
    close(server->stop_fds[1]);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t dns_server_port(const struct dns_server *server)
{
    return server->port;
}

const char *dns_server_address(const struct dns_server *server)
{
    return server->address;
}

void dns_server_say(struct dns_server *server, const char *name, enum dns_lie lie_kind,
                    uint32_t ttl, const char *ipv4, const char *ipv6)
{
    struct name *found;

    pthread_mutex_lock(&server->lock);
    found = name_find(server, name);
    if (!found) {
        assert_true(server->count < NAMES_MAX);
        found = &server->names[server->count++];
        snprintf(found->name, sizeof(found->name), "%s", name);
    }
    found->lie = lie_kind;
    found->ttl = ttl;
    snprintf(found->ipv4, sizeof(found->ipv4), "%s", ipv4 ? ipv4 : "");
    snprintf(found->ipv6, sizeof(found->ipv6), "%s", ipv6 ? ipv6 : "");
    pthread_mutex_unlock(&server->lock);
}

unsigned dns_server_asked(struct dns_server *server, const char *name)
{
    struct name *found;
    unsigned asked;

    pthread_mutex_lock(&server->lock);
    found = name_find(server, name);
    asked = found ? found->asked : 0;
    pthread_mutex_unlock(&server->lock);
    return asked;
}

unsigned dns_server_tcp(struct dns_server *server)
{
    unsigned tcp;

    pthread_mutex_lock(&server->lock);
    tcp = server->tcp;
    pthread_mutex_unlock(&server->lock);
    return tcp;
}
