/* SPDX-License-Identifier: Apache-2.0 */

/* A bad network in front of a server: a TCP proxy on a thread of its own that
 * cuts, stalls, slows and delays what goes through it. A plan holds for the
 * connections that are taken from then on, but for `stalls`, which all heed. */

#ifndef TESTS_HARNESS_PROXY_H
#define TESTS_HARNESS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proxy_end {
    PROXY_FIN,  /* both sides are closed */
    PROXY_RST,  /* the client's side is reset */
    PROXY_STALL /* nothing goes any more, either way; nobody is told */
};

enum { PROXY_NEVER = -1 };

struct proxy_plan {
    int64_t after; /* bytes of what the server sends, over the connection's life, if there is more
                    * to come; PROXY_NEVER */
    enum proxy_end end;
    uint32_t bytes_per_s; /* of what the server sends; 0: as fast as it goes */
    uint32_t delay_ms;    /* of each piece that the server sends */
    uint32_t jitter_ms;   /* the most that is added to it */
};

#define PROXY_PLAIN ((struct proxy_plan){ .after = PROXY_NEVER })

struct proxy;

/* In front of a listener at 127.0.0.1 or thereabouts ("127.0.0.2:8080"). */
struct proxy *proxy_start(const char *behind);
void proxy_stop(struct proxy *proxy); /* NULL does nothing */

const char *proxy_address(const struct proxy *proxy); /* "127.0.0.1:34567" */
void proxy_plan(struct proxy *proxy, struct proxy_plan plan);
/* Nothing goes either way, of any connection, until it is told otherwise. */
void proxy_stalls(struct proxy *proxy, bool stalls);
/* Each client hears the end of what is sent to it, and is read on. */
void proxy_half_close(struct proxy *proxy);
/* Connecting is refused; connections that are there are reset. */
void proxy_refuses(struct proxy *proxy, bool refuses);
/* Connections that were taken so far. */
unsigned proxy_taken(const struct proxy *proxy);
/* Bytes of servers' that went through so far. */
size_t proxy_passed(const struct proxy *proxy);

#endif
