/* SPDX-License-Identifier: Apache-2.0 */

/* Where a socket connects to. */

#ifndef TULLE_BASE_SOCKET_H
#define TULLE_BASE_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* "10.0.0.1" or "[::1]", and a port. False: it is no address. */
bool tulle__socket_address_read(struct str host, struct str port, struct socket_address *out);

#endif
