/* SPDX-License-Identifier: Apache-2.0 */

/* A server on the loop of its client: it answers the next request with given
 * bytes, whatever they are. */

#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include "base/loop.h"

enum { PEER_CONNECTIONS = 4 };

struct peer_connection {
    struct watch watch; /* fd -1: none */
    struct peer *peer;
    char last[4]; /* bytes of the request */
};

struct peer {
    struct loop *loop;
    struct watch listener;
    char address[32];
    struct peer_connection connections[PEER_CONNECTIONS];
    struct peer_connection *speaker; /* who got the request */
    const char *data;
    size_t size, at, piece;
};

void peer_init(struct peer *peer, struct loop *loop);

/* The answer to the next request, in pieces of so many bytes (0: all at once);
 * what is left of the last one is said now. `data` stays the caller's. */
void peer_say(struct peer *peer, const char *data, size_t size, size_t piece);

/* All of it is said, or nobody wants to hear it. */
bool peer_has_spoken(const struct peer *peer);

/* Closes all its connections. */
void peer_close(struct peer *peer);

#endif
