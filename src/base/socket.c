/* SPDX-License-Identifier: Apache-2.0 */

#include "base/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static bool ipv6_read(const char *text, uint16_t port, struct socket_address *out)
{
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    if (inet_pton(AF_INET6, text, &ipv6.sin6_addr) != 1) {
        return false;
    }
    memcpy(&out->storage, &ipv6, sizeof(ipv6));
    out->size = sizeof(ipv6);
    return true;
}

static bool ipv4_read(const char *text, uint16_t port, struct socket_address *out)
{
    struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(port) };

    if (inet_pton(AF_INET, text, &ipv4.sin_addr) != 1) {
        return false;
    }
    memcpy(&out->storage, &ipv4, sizeof(ipv4));
    out->size = sizeof(ipv4);
    return true;
}

bool tulle__socket_address_read(struct str host, struct str port, struct socket_address *out)
{
    bool is_ipv6 = tulle__str_starts(host, STR("[")) && tulle__str_ends(host, STR("]"));
    char text[INET6_ADDRSTRLEN];
    uint64_t number;

    if (is_ipv6) {
        host = (struct str){ host.data + 1, host.size - 2 };
    }
    if (host.size >= sizeof(text) || !tulle__str_to_u64(port, PORT_MAX, &number)) {
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    return is_ipv6 ? ipv6_read(text, (uint16_t)number, out)
                   : ipv4_read(text, (uint16_t)number, out);
}
