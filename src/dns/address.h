/* SPDX-License-Identifier: Apache-2.0 */

/* Addresses: which texts are some, which of them can be connected to, in which
 * order they are tried. */

#ifndef TULLE_DNS_ADDRESS_H
#define TULLE_DNS_ADDRESS_H

#include "seam/resolver.h"

enum { DNS_ADDRESS_TEXT = 48, DNS_NAME_MAX = 253 };

/* An IP address, an IPv6 one with or without brackets. False: it is none. */
bool tulle__dns_literal(struct str text, struct dns_address *out);
/* As it stands before a port: "10.0.0.1", "[::1]". */
struct str tulle__dns_address_text(const struct dns_address *address, char out[DNS_ADDRESS_TEXT]);
/* Not: unspecified, multicast, reserved, IPv4 in IPv6. Loopback and link-local
 * are: a name server next door, and a cloud's metadata, live there. */
bool tulle__dns_is_usable(const struct dns_address *address);
bool tulle__dns_is_localhost(struct str host); /* RFC 6761: never asked of anybody */
/* The same for the same addresses in any order. */
uint64_t tulle__dns_set_print(const struct dns_address *addresses, size_t count);
bool tulle__dns_address_equal(const struct dns_address *a, const struct dns_address *b);

#endif
