/* SPDX-License-Identifier: Apache-2.0 */

/* What the mesh asks of whoever moves bytes. A transport lives on one loop and
 * is used on that loop alone.
 *
 * Laws:
 * - start(), cancel() and drain() never call back from inside, and may be
 *   called from inside a callback.
 * - An exchange hears: head once (after its header lines), body any number of
 *   times, trailers, end once. After cancel() it hears nothing more.
 * - Both bodies run at once, and each may be paused by who holds the exchange:
 *   more() that gives MORE_LATER is not asked again before resume_send(), body()
 *   that gives BODY_LATER has taken nothing, and is told the same bytes after
 *   resume_receive(). Meanwhile the transport reads no more than a buffer.
 * - Nothing is ever sent twice: every sending is a start(). `end` says how far
 *   it got.
 * - Queueing and limits are the mesh's: the transport opens a connection when
 *   it needs one and the limit of the exchange has room, else it keeps the
 *   exchange in the order of start() until there is. */

#ifndef TULLE_SEAM_TRANSPORT_H
#define TULLE_SEAM_TRANSPORT_H

#include <tulle/error.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "model/cluster.h"

/* Connections of one cluster, over the whole process. */
struct connection_limit {
    atomic_uint open;
    atomic_uint_least64_t opened; /* ever, for metrics */
    atomic_uint waiting;          /* exchanges without room: idle connections are shed at once */
    void (*ref)(struct connection_limit *limit); /* a connection keeps its limit alive */
    void (*unref)(struct connection_limit *limit);
    /* A loop has an exchange that waits for room: whoever has idle connections
     * of this limit on another loop should shed one. From that loop, once for
     * each wait. */
    void (*wanted)(struct connection_limit *limit, struct loop *loop);
    /* A connection was closed: whoever waits on another loop may try again. */
    void (*freed)(struct connection_limit *limit, struct loop *loop);
};

struct pool_spec {
    struct str address; /* "10.0.0.1:9080", "name:9080"; size 0: wherever the URL's own host is */
    enum protocol protocol;
    atomic_uint *open;           /* the endpoint's connections over all pools; NULL: nobody asks */
    void *user;                  /* of the pool: for `drained` */
    void (*drained)(void *user); /* after drain(): the last connection is gone, so is the pool */
};

/* Connections that stand before anybody needs them. */
struct warm_spec {
    unsigned count;        /* to be open at any time */
    uint32_t per_endpoint; /* permille of what is needed to be open; 1000: no more than that */
    int64_t connect_timeout_ns, idle_timeout_ns;
    struct keepalive keepalive;
    struct connection_limit *connections; /* that they count in; NULL: none */
    uint32_t connections_max;
    uint32_t endpoint_connections_max; /* as an exchange's */
};

struct exchange;

/* How an exchange ended. */
struct exchange_end {
    enum tulle_error
        error; /* TULLE_OK, or NETWORK, TLS, PEER, TIMEOUT (connecting), NOMEM, INTERNAL */
    enum tulle_progress progress;
    bool connect_failure; /* no connection came about; Envoy's connect-failure, flag UF */
    bool refused_stream;  /* HTTP/2 REFUSED_STREAM, or a stream above GOAWAY's last */
    bool truncated;       /* the body broke off after the head */
    const char *text;     /* one sentence; lives until end() returns */
};

/* What exchange_events.more gives besides a size; 0: the body is over. */
#define MORE_LATER SIZE_MAX       /* nothing now */
#define MORE_FAIL  (SIZE_MAX - 1) /* the exchange ends with TULLE_E_CANCELLED */

enum body_taken { BODY_TAKEN, BODY_LATER, BODY_TOO_LARGE };

struct exchange_events {
    /* Its first byte may leave now; before all others. Only notes: no verb from inside. */
    void (*sent)(struct exchange *exchange);
    /* One header line, before head(). False: too much; the exchange ends with TULLE_E_TOO_LARGE. */
    bool (*header)(struct exchange *exchange, struct str name, struct str value);
    void (*head)(struct exchange *exchange, int status, bool is_http2);
    enum body_taken (*body)(struct exchange *exchange, const char *data, size_t size);
    /* One trailer line, behind the body. False: as header. NULL: they are dropped. */
    bool (*trailer)(struct exchange *exchange, struct str name, struct str value);
    /* The next of the request's body into `data`, `size` bytes at most. Only for
     * an exchange that streams. */
    size_t (*more)(struct exchange *exchange, char *data, size_t size);
    void (*end)(struct exchange *exchange, const struct exchange_end *end);
};

/* A header line as it goes out: "Name: value", with a NUL behind it. */
struct header_line {
    struct str line;
    size_t name_size;
};

/* One attempt on the wire. Lives inside whoever starts it; what it points to
 * is borrowed until end() or cancel(). */
struct exchange {
    const struct exchange_events *events;
    struct str method;
    struct str url; /* canonical, absolute, NUL-terminated; goes out as it is */
    const struct header_line *headers;
    size_t header_count;
    const char *body; /* NULL: none, or it streams */
    size_t body_size;
    bool streams;        /* the body comes by more() */
    int64_t stream_size; /* -1: not known */
    bool paces;          /* body() may give BODY_LATER: little is let in beforehand */
    /* Of a body that streams, read when more() gave 0; sent behind a chunked body.
     * Where they cannot be sent the exchange ends with TULLE_E_INTERNAL. */
    const struct header_line *trailers;
    size_t trailer_count;
    /* "[2001:db8::1],10.0.0.1": where the name is that it goes to (the pool's, else
     * the URL's host), best first. Size 0: that is an address itself. A transport
     * never looks up a name. */
    struct str addresses;
    int64_t connect_timeout_ns;
    int64_t idle_timeout_ns;                    /* of the connection it used, afterwards */
    const struct connection_config *connection; /* of the one it opens, or uses; NULL: default */
    struct connection_limit *connections;       /* NULL: none */
    uint32_t connections_max;                   /* LIMIT_NONE */
    uint32_t endpoint_connections_max;          /* of pool_spec.open; 0: no limit */
    /* Written by the transport. */
    int64_t connected_at; /* when a new connection stood; 0: a kept one */
    void *private;        /* NULL: not started, or over */
    struct list node;     /* the transport's */
    uint64_t order;       /* the transport's: of start() */
};

struct transport;
struct pool;

struct transport_options {
    const struct transport_type *type; /* what is opened; it may be a member of something */
    struct loop *loop;
    const struct log *log;
    const char *ca_file; /* NULL: the system's */
};

struct transport_type {
    const char *name;
    /* NULL: no memory (or no such thing in the library it stands on). */
    struct transport *(*open_transport)(const struct transport_options *options);
    void (*close_transport)(struct transport *transport); /* all exchanges are over or cancelled */
    struct pool *(*open)(struct transport *transport, const struct pool_spec *spec);
    void (*start)(struct pool *pool, struct exchange *exchange);
    void (*cancel)(struct exchange *exchange);
    void (*resume_send)(struct exchange *exchange);    /* more() has something, or is over */
    void (*resume_receive)(struct exchange *exchange); /* body() will take */
    /* From now on; 0 and 1000 end it, and what nobody has used closes. NULL: it opens
     * none ahead. Never at the cost of exchanges: not while one waits for room. */
    void (*warm)(struct pool *pool, const struct warm_spec *spec);
    /* Takes no new exchange; idle connections close now, the others after their exchange. */
    void (*drain)(struct pool *pool);
    /* Closes the idle connection of this limit that is idle longest. False: there is none. */
    bool (*shed)(struct transport *transport, struct connection_limit *limit);
    /* There may be room again: exchanges that wait for `limit` try again. */
    void (*retry)(struct transport *transport, struct connection_limit *limit);
};

/* The first member of every transport. */
struct transport {
    const struct transport_type *type;
    /* Written by its loop, read by metrics. */
    atomic_uint open, idle, active, waiting;
    atomic_uint warm; /* idle, and nothing was sent on them yet */
    atomic_uint_least64_t opened, reused;
    atomic_uint_least64_t warmed, warm_used; /* of `opened`: ahead, and of these that had a use */
};

extern const struct transport_type tulle__curl_transport;

#endif
