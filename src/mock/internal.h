/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the scripted transport share.
 *
 * All that happens, happens in the loop's tasks and timers, never inside
 * start(), cancel() or drain(). A flight is one exchange on its way: it waits
 * (in the transport's list, in the order of start()), connects, is sent, is
 * answered. Whatever it tells may cancel it: a flight that is telling something
 * is freed when that returns. */

#ifndef TULLE_MOCK_INTERNAL_H
#define TULLE_MOCK_INTERNAL_H

#include "mock/script.h"
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
    atomic_uint *endpoint_open; /* pool_spec.open */
    unsigned counted;           /* there, of this pool */
    void *user;
    void (*drained)(void *user);
};

struct connection {
    struct list in_pool;
    struct list in_idle;      /* transport->idle, longest first */
    struct list in_transport; /* transport->connections */
    struct pool *pool;
    struct script_endpoint *endpoint;
    struct connection_limit *limit; /* NULL: none */
    struct timer idle_timer;
    int64_t idle_timeout_ns;
    int64_t idle_since;
    int64_t opened_at;
    struct lifetime lifetime; /* as the last exchange had it */
    uint32_t requests;
    unsigned streams;
    bool stands;
    bool closing; /* takes no new stream */
};

enum stage {
    STAGE_WAITING,
    STAGE_CONNECTING,
    STAGE_TAKE, /* it reads the request's body, which streams */
    STAGE_SENT,
    STAGE_BODY,
    STAGE_ECHO
};

enum { PIECE_SIZE = 4096 };

struct flight {
    struct list node; /* transport->waiting, or ->flying */
    struct exchange *exchange;
    struct pool *pool;
    struct connection *connection;
    struct script_endpoint *endpoint;
    struct script_line line;
    struct timer timer;
    enum stage stage;
    size_t told;            /* bytes of the body */
    uint64_t request;       /* its number in the script */
    char piece[PIECE_SIZE]; /* of the request's body, as it was read last */
    size_t piece_size;
    size_t taken;         /* of it in all */
    bool starved, paused; /* more() said later, body() did */
    bool wants_room;
    bool telling, cancelled;
    bool killed; /* by the death of its endpoint */
    bool reused;
};

struct script_transport {
    struct transport base;
    struct loop *loop;
    struct script *script;
    struct list in_script; /* script->transports */
    struct list connections;
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

void tulle__script_settle_soon(struct script_transport *transport);

/* connection.c */
enum script_room { SCRIPT_ROOM, SCRIPT_NO_ROOM, SCRIPT_NO_ROOM_AT_ENDPOINT };
enum script_room tulle__script_room_take(struct pool *pool, const struct exchange *exchange);
void tulle__script_room_give(struct pool *pool, struct connection_limit *limit);
struct connection *
tulle__script_connection_new(struct flight *flight); /* room was taken; NULL: no memory */
void tulle__script_connection_free(struct connection *connection);
void tulle__script_connection_use(struct connection *connection, struct flight *flight);
void tulle__script_connection_release(struct connection *connection); /* a stream has ended */

/* flight.c */
void tulle__script_flight_fire(struct timer *timer, int64_t now);
void tulle__script_flight_send(struct flight *flight);
void tulle__script_flight_fail(struct flight *flight, enum tulle_error error,
                               enum tulle_progress progress, const char *text);
void tulle__script_flight_detach(struct flight *flight, bool reusable); /* from all lists */
void tulle__script_flight_free(struct flight *flight);
bool tulle__script_flight_lives(
    struct flight *flight); /* after each thing told: false when it is gone */
void tulle__script_flight_answer_soon(struct flight *flight); /* as its line says */
void tulle__script_flight_finish(struct flight *flight);      /* the reply's body is told */

/* body.c */
void tulle__script_body_begin(struct flight *flight);
void tulle__script_body_take(struct flight *flight);
void tulle__script_body_echo(struct flight *flight);
void tulle__script_body_resume_send(struct exchange *exchange);
void tulle__script_body_resume_receive(struct exchange *exchange);

#endif
