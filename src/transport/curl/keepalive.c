/* SPDX-License-Identifier: Apache-2.0 */

/* What the kernel asks a silent peer. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "transport/curl/internal.h"

static void number_set(int fd, int option, int64_t number)
{
    if (number > 0) {
        setsockopt(fd, IPPROTO_TCP, option, &(int){ (int)number }, sizeof(int));
    }
}

void tulle__connection_keep_alive(const struct connection *connection)
{
    const struct keepalive *keepalive = &connection->keepalive;

    number_set(connection->watch.fd, TCP_KEEPIDLE, keepalive->time_ns / NS_PER_S);
    number_set(connection->watch.fd, TCP_KEEPINTVL, keepalive->interval_ns / NS_PER_S);
    number_set(connection->watch.fd, TCP_KEEPCNT, keepalive->probes);
}
