/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"

enum { LINKS_MAX = 128, PIECE = 4096, TURN_MS = 1, TICKS_PER_S = 100 };

struct link {
    int client, server; /* -1: not in use, or closed */
    struct proxy_plan plan;
    int64_t passed;      /* bytes of the server's */
    int64_t due;         /* when `piece` may go; 0: there is none */
    int64_t rate_from;   /* since when bytes_per_s counts */
    size_t size;         /* of `piece` */
    bool ended, stalled; /* the server has said all; nothing goes any more */
    char piece[PIECE];
};

struct proxy {
    pthread_t thread;
    pthread_mutex_t lock; /* guards `plan`, `listener` */
    struct proxy_plan plan;
    int listener; /* -1: connecting is refused */
    atomic_bool stop, stalls, refuses, half_closes;
    atomic_uint taken;
    atomic_size_t passed;
    struct sockaddr_in at, behind;
    char address[32];
    struct link links[LINKS_MAX];
};

static void address_read(const char *text, struct sockaddr_in *out)
{
    char host[32];
    unsigned port;

    assert_int_equal(sscanf(text, "%31[0-9.]:%u", host, &port), 2);
    *out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    assert_int_equal(inet_pton(AF_INET, host, &out->sin_addr), 1);
}

static void proxy_listen(struct proxy *proxy)
{
    socklen_t size = sizeof(proxy->at);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&proxy->at, sizeof(proxy->at)), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&proxy->at, &size), 0);
    proxy->listener = fd;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void link_close(struct link *link, bool reset)
{
    struct linger at_once = { .l_onoff = 1 };

    if (reset && link->client >= 0) {
        setsockopt(link->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    close_fd(&link->client);
    close_fd(&link->server);
}

static struct link *link_free(struct proxy *proxy)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (proxy->links[i].client < 0) {
            return &proxy->links[i];
        }
    }
    return NULL;
}

static void link_take(struct proxy *proxy, int client)
{
    struct link *link = link_free(proxy);
    int one = 1;

    assert_non_null(link);
    atomic_fetch_add(&proxy->taken, 1);
    *link = (struct link){ .client = client, .plan = proxy->plan, .rate_from = test_now() };
    link->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->server < 0 ||
        connect(link->server, (struct sockaddr *)&proxy->behind, sizeof(proxy->behind)) != 0) {
        link_close(link, true);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(link->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(link->server, F_SETFL, O_NONBLOCK);
}

static void take_all(struct proxy *proxy)
{
    int client;

    pthread_mutex_lock(&proxy->lock);
    while (proxy->listener >= 0 &&
           (client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        link_take(proxy, client);
    }
    pthread_mutex_unlock(&proxy->lock);
}

static void link_end(struct link *link)
{
    switch (link->plan.end) {
    case PROXY_FIN: link_close(link, false); return;
    case PROXY_RST: link_close(link, true); return;
    case PROXY_STALL:
    default: link->stalled = true;
    }
}

/* From client to server, as it comes. */
static void link_up(struct link *link)
{
    char piece[PIECE];
    ssize_t size = recv(link->client, piece, sizeof(piece), 0);

    if (size > 0) {
        (void)!send(link->server, piece, (size_t)size, MSG_NOSIGNAL);
        return;
    }
    if (size == 0) {
        link_close(link, false);
    }
}

/* What may be read of the server's at the moment. */
static size_t link_room(const struct link *link)
{
    int64_t room = PIECE;

    if (link->plan.after >= 0 && link->plan.after - link->passed < room) {
        room = link->plan.after - link->passed;
    }
    if (link->plan.bytes_per_s > 0) {
        int64_t allowed = (test_now() - link->rate_from) / (1000000000 / TICKS_PER_S) *
                          (link->plan.bytes_per_s / TICKS_PER_S);

        room = allowed - link->passed < room ? allowed - link->passed : room;
    }
    return room > 0 ? (size_t)room : 0;
}

static void link_read_down(struct link *link)
{
    size_t room = link_room(link);
    ssize_t size = room > 0 ? recv(link->server, link->piece, room, 0) : -1;

    if (size > 0) {
        link->size = (size_t)size;
        link->due = test_now() + ((int64_t)link->plan.delay_ms +
                                  (link->plan.jitter_ms ? rand() % (int)link->plan.jitter_ms : 0)) *
                                     1000000;
    }
    if (size == 0) {
        link_close(link, false);
    }
}

static void link_down(struct proxy *proxy, struct link *link)
{
    char next;

    if (link->size == 0 && !link->ended) {
        link_read_down(link);
    }
    if (link->size > 0 && test_now() >= link->due) {
        /* Counted first: whoever has got them may ask at once. */
        atomic_fetch_add(&proxy->passed, link->size);
        (void)!send(link->client, link->piece, link->size, MSG_NOSIGNAL);
        link->passed += (int64_t)link->size;
        link->size = 0;
    }
    if (link->client >= 0 && link->passed == link->plan.after &&
        recv(link->server, &next, 1, MSG_PEEK) > 0) {
        link_end(link);
    }
}

static void proxy_turn(struct proxy *proxy)
{
    bool refuses = atomic_load(&proxy->refuses);
    bool half_closes = atomic_exchange(&proxy->half_closes, false);

    take_all(proxy);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link *link = &proxy->links[i];

        if (link->client >= 0 && refuses) {
            link_close(link, true);
        }
        if (link->client >= 0 && half_closes) {
            shutdown(link->client, SHUT_WR);
            link->ended = true;
        }
        if (link->client < 0 || link->stalled || atomic_load(&proxy->stalls)) {
            continue;
        }
        link_up(link);
        if (link->client >= 0) {
            link_down(proxy, link);
        }
    }
}

static void *proxy_run(void *user)
{
    struct proxy *proxy = user;

    while (!atomic_load(&proxy->stop)) {
        proxy_turn(proxy);
        poll(NULL, 0, TURN_MS);
    }
    return NULL;
}

struct proxy *proxy_start(const char *behind)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));

    assert_non_null(proxy);
    address_read(behind, &proxy->behind);
    address_read("127.0.0.1:0", &proxy->at);
    proxy->plan = PROXY_PLAIN;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        proxy->links[i].client = proxy->links[i].server = -1;
    }
    proxy_listen(proxy);
    snprintf(proxy->address, sizeof(proxy->address), "127.0.0.1:%u", ntohs(proxy->at.sin_port));
    pthread_mutex_init(&proxy->lock, NULL);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_run, proxy), 0);
    return proxy;
}

void proxy_stop(struct proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    atomic_store(&proxy->stop, true);
    pthread_join(proxy->thread, NULL);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        link_close(&proxy->links[i], false);
    }
    close_fd(&proxy->listener);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

const char *proxy_address(const struct proxy *proxy)
{
    return proxy->address;
}

void proxy_plan(struct proxy *proxy, struct proxy_plan plan)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->plan = plan;
    pthread_mutex_unlock(&proxy->lock);
}

void proxy_stalls(struct proxy *proxy, bool stalls)
{
    atomic_store(&proxy->stalls, stalls);
}

void proxy_half_close(struct proxy *proxy)
{
    atomic_store(&proxy->half_closes, true);
}

void proxy_refuses(struct proxy *proxy, bool refuses)
{
    atomic_store(&proxy->refuses, refuses);
    pthread_mutex_lock(&proxy->lock);
    if (refuses) {
        close_fd(&proxy->listener);
    } else if (proxy->listener < 0) {
        proxy_listen(proxy);
    }
    pthread_mutex_unlock(&proxy->lock);
}

unsigned proxy_taken(const struct proxy *proxy)
{
    return atomic_load(&proxy->taken);
}

size_t proxy_passed(const struct proxy *proxy)
{
    return atomic_load(&proxy->passed);
}
