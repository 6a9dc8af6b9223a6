/* SPDX-License-Identifier: Apache-2.0 */

/* What many.c and many_envoy.c say to sockets. */

#ifndef TESTS_PEER_MANY_NET_H
#define TESTS_PEER_MANY_NET_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "harness/test.h"

static inline void many_no_delay(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static inline void many_send(int fd, const char *text, size_t size)
{
    assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
}

#endif
