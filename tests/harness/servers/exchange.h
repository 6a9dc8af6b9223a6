/* SPDX-License-Identifier: Apache-2.0 */

/* One request and what is done with it, the same for HTTP/1.1 and HTTP/2. */

#ifndef SERVERS_EXCHANGE_H
#define SERVERS_EXCHANGE_H

#include "conn.h"

struct exchange {
    struct conn *conn;
    struct plan plan;
    struct timer timer;
    struct link held;
    bool begun;
    struct buf method, target, key; /* the key: Idempotency-Key */
    struct buf head;                /* as it came */
    struct buf body;
    struct buf trailers; /* "name: value\n" each */
    size_t got;          /* of the body, when it streams */
    uint64_t count;      /* requests of the server so far */
    void (*answer)(struct exchange *exchange);
};

/* The request is read to its end. */
void exchange_begin(struct exchange *exchange);

/* Answers those that the plan `hold` keeps. */
void exchange_release(struct host *host);

/* The answer is out, or will never be. Makes it ready for the next request. */
void exchange_end(struct exchange *exchange);
void exchange_fini(struct exchange *exchange);

/* The body that the plan asks for. */
void exchange_body(const struct exchange *exchange, struct buf *out);

/* Calls `add` for each header line that every answer, or this plan, carries. */
void exchange_headers(const struct exchange *exchange,
                      void (*add)(void *user, const char *name, const char *value), void *user);

#endif
