/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the reply to a question for addresses (RFC 1035 4). Pure. */

#ifndef TULLE_DNS_MESSAGE_H
#define TULLE_DNS_MESSAGE_H

#include "seam/resolver.h"

/* More do not fit into a message over TCP (64 KiB, 16 bytes each). */
enum { DNS_ADDRESSES_MAX = 4096 };

/* The usable addresses at the end of the chain of CNAMEs that begins at the
 * question, with the least TTL on the way; without them the TTL of the SOA
 * (RFC 2308 5). `result->addresses` is to be freed by tulle__free(). `failure`
 * is what the code of the reply says; with DNS_OK addresses are looked for. */
void tulle__dns_message_read(const unsigned char *data, size_t size, bool is_ipv6,
                             enum dns_fault failure, struct resolver_result *result);

#endif
