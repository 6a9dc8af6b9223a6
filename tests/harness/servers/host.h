/* SPDX-License-Identifier: Apache-2.0 */

/* What all connections of a test server share: the loop, the journal, the
 * counts, and the plans for coming requests.
 *
 * The journal is one line for each event, the time in seconds first:
 *     listen ADDRESS               open N PEER           close N
 *     handshake N h2|http/1.1|-    handshake-failed N REASON
 *     request N METHOD TARGET key=KEY body=BYTES
 *     answer N STATUS TARGET       bad N REASON
 * N is the connection. It is written before the answer to which it leads, so
 * that whoever has the answer finds it there. */

#ifndef SERVERS_HOST_H
#define SERVERS_HOST_H

#include <stdint.h>

#include "buf.h"
#include "link.h"
#include "loop.h"
#include "plan.h"

struct protocol;
struct conn;

struct host_counts {
    uint64_t requests; /* read to their end */
    uint64_t answers;
    uint64_t opened, open, open_max;             /* connections */
    uint64_t in_flight, in_flight_max;           /* requests read and not answered */
    uint64_t handshakes, handshakes_failed, bad; /* bad: what could not be read as a request */
};

struct host {
    struct loop loop;
    struct host_counts counts;
    struct plan plan;   /* command `set` */
    struct plan next;   /* command `next` */
    uint64_t next_left; /* requests to which `next` still applies */
    struct buf raw;     /* command `raw` */
    struct link conns;
    struct link held;
    struct link listeners;
    bool accepting;
    uint64_t goaway_every; /* HTTP/2: GOAWAY after that many requests of a connection; 0: never */
    uint32_t streams_max;
    bool quiet; /* requests and answers are not journalled */
    int journal_fd;
    int64_t started;
    struct buf journal;
    /* What a new connection does first: speak a protocol, or TLS. */
    void (*welcome)(struct conn *conn);
};

void host_init(struct host *host);
void host_fini(struct host *host);
void host_note(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));
void host_flush(struct host *host);

/* The plan for a request of this target. */
void host_plan(struct host *host, const char *target, struct plan *plan);

#endif
