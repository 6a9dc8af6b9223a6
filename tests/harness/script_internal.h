/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the scripted transport share.
 *
 * All that happens, happens in the loop's tasks and timers, never inside
 * start(), cancel() or drain(). A flight is one exchange on its way: it waits
 * (in the transport's list, in the order of start()), connects, is sent, is
 * answered. Whatever it tells may cancel it: a flight that is telling something
 * is freed when that returns. */

#ifndef TESTS_HARNESS_SCRIPT_INTERNAL_H
#define TESTS_HARNESS_SCRIPT_INTERNAL_H

#include "harness/script.h"
#include "seam/transport.h"

enum { STREAMS_MAX = 100 };

struct pool {
    struct script_transport *transport;
    struct list node; /* transport->pools */
    char address[64]; /* "": as the URL says */
    bool is_http2;
    bool draining;
    struct list connections;
    unsigned flights;
    void *user;
    void (*drained)(void *user);
};

struct connection {
    struct list in_pool;
    struct list in_idle;   /* transport->idle, longest first */
    struct list in_script; /* script->connections */
    struct pool *pool;
    struct script_endpoint *endpoint;
    struct connection_limit *limit; /* NULL: none */
    struct timer idle_timer;
    int64_t idle_timeout_ns;
    int64_t idle_since;
    unsigned streams;
    bool stands;
    bool closing; /* takes no new stream */
};

enum stage { STAGE_WAITING, STAGE_CONNECTING, STAGE_SENT, STAGE_BODY };

struct flight {
    struct list node; /* transport->waiting, or ->flying */
    struct exchange *exchange;
    struct pool *pool;
    struct connection *connection;
    struct script_endpoint *endpoint;
    struct script_line line;
    struct timer timer;
    enum stage stage;
    size_t told; /* bytes of the body */
    bool wants_room;
    bool telling, cancelled;
    bool killed; /* by the death of its endpoint */
    bool reused;
};

struct script_transport {
    struct transport base;
    struct loop *loop;
    struct script *script;
    struct list pools;
    struct list waiting; /* flights */
    struct list flying;
    struct list idle;   /* connections */
    struct list failed; /* exchanges for which there was no memory */
    struct task task;
};

static inline void script_count(atomic_uint *counter, int by)
{
    atomic_fetch_add_explicit(counter, (unsigned)by, memory_order_relaxed);
}

void script_settle_soon(struct script_transport *transport);

/* script_connection.c */
bool script_room_take(struct connection_limit *limit, uint32_t max);
void script_room_give(struct connection_limit *limit, struct loop *loop);
struct connection *
script_connection_new(struct flight *flight); /* room was taken; NULL: no memory */
void script_connection_free(struct connection *connection);
void script_connection_use(struct connection *connection, struct flight *flight);
void script_connection_release(struct connection *connection); /* a stream has ended */

/* script_flight.c */
void script_flight_fire(struct timer *timer, int64_t now);
void script_flight_send(struct flight *flight);
void script_flight_fail(struct flight *flight, enum tulle_error error, enum tulle_progress progress,
                        const char *text);
void script_flight_detach(struct flight *flight, bool reusable); /* from all lists */
void script_flight_free(struct flight *flight);

#endif
