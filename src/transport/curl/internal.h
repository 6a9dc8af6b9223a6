/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the libcurl transport share.
 *
 * exchange: the mesh's, one attempt. transfer: ours, one easy handle with what
 * it needs, pooled. connection: one socket from OPENSOCKET to CLOSESOCKET.
 * pool: one peer. lane: one multi handle (one for each generation of the
 * identity; one so far).
 *
 * Whatever libcurl calls runs "inside": there no function of a multi handle
 * may be called, so wishes are noted and done when the outermost call is back. */

#ifndef TULLE_TRANSPORT_CURL_INTERNAL_H
#define TULLE_TRANSPORT_CURL_INTERNAL_H

#include <curl/curl.h>

#include "base/buf.h"
#include "seam/transport.h"

struct curl_transport;

struct lane {
    CURLM *multi;
    struct curl_transport *transport;
    struct timer timer; /* libcurl's own */
};

/* What a connection counts in. */
struct room {
    struct connection_limit *limit; /* NULL: it is not counted */
    uint32_t max;
    uint32_t endpoint_max; /* 0: no limit */
};

enum room_taken { ROOM_TAKEN, ROOM_NONE, ROOM_NOT_AT_ENDPOINT };

enum pool_protocol { POOL_UNKNOWN, POOL_HTTP1, POOL_HTTP2 };

struct pool {
    struct curl_transport *transport;
    struct list node; /* transport->pools, or ->draining */
    enum protocol protocol;
    enum pool_protocol spoken;  /* https: unknown until a reply was seen */
    atomic_uint *endpoint_open; /* pool_spec.open */
    unsigned counted;           /* there, of this pool */
    void *user;
    void (*drained)(void *user);
    bool draining;
    struct curl_slist *connect_to;   /* NULL: where the URL says */
    bool is_address;                 /* connect_to is no name */
    struct list waiting;             /* exchanges, by order */
    struct list waiting_node;        /* transport->waiting_pools, while it has any */
    struct connection_limit *wanted; /* that the first of them has found no room in */
    struct list connections;         /* that are not shut down */
    unsigned transfers;              /* with libcurl now */
    unsigned joinable;               /* connections on which libcurl puts a request */
    unsigned idle;                   /* of them, without one now */
    unsigned claimed;                /* idle ones that a transfer is about to use */
    unsigned connecting;             /* transfers whose connection is not joinable yet */
    unsigned patience;               /* so many of them may keep others waiting */
    unsigned credit;                 /* exchanges that may try although it is full */
    bool full;                       /* libcurl found no room for an exchange */
    unsigned waiting_count;
    unsigned joining;      /* transfers for a shared connection that are on none yet */
    unsigned stream_limit; /* learned: what a connection takes at once; 0: nobody knows */
    unsigned open;         /* connections */
    struct warm_spec warm;
    struct list ahead;      /* connections that libcurl has not been given */
    struct list ahead_node; /* transport->ahead_now, or ->ahead_later */
    unsigned ahead_connecting, ahead_standing;
    unsigned ahead_failures; /* in a row */
    int64_t ahead_due;       /* before this none is opened */
};

/* How a connection is: the peer's end (FIN) comes behind all it had to say, its
 * reset takes the place of that. */
enum bearing { BEARING_LOST, BEARING_ENDED, BEARING_STANDS };

enum ahead { AHEAD_NOT, AHEAD_CONNECTING, AHEAD_STANDING };

struct connection {
    struct watch watch; /* fd -1: closed; freed with the last stream */
    struct curl_transport *transport;
    struct pool *pool;              /* NULL: shut, or closed */
    struct connection_limit *limit; /* NULL: none, or given back */
    struct list in_pool;
    struct list in_idle;     /* transport->idle, longest first */
    struct list in_opened;   /* of the transfer that opened it, until it stands; pool->ahead */
    struct connection *next; /* of the same bucket */
    int64_t key;             /* libcurl's name for it; -1: not known yet */
    uint64_t host;           /* whose requests libcurl puts on it */
    int64_t idle_since;
    int64_t idle_timeout_ns;
    int64_t opened_at;
    struct lifetime lifetime; /* as the last exchange had it */
    uint32_t requests;
    struct keepalive keepalive;
    unsigned wanted; /* what libcurl waits for */
    unsigned streams;
    unsigned capacity;       /* for so many of them; UINT_MAX: not known */
    unsigned paused;         /* of them */
    struct transfer *upload; /* one of them, whose request streams; NULL: none */
    enum ahead ahead;
    bool was_ahead;
    bool joinable;
    bool shut;            /* by us; libcurl holds the descriptor still */
    bool unread;          /* idle HTTP/2 that got frames, for libcurl to look at */
    enum bearing bearing; /* when it was closed */
};

enum shape { SHAPE_NONE, SHAPE_GET, SHAPE_HEAD, SHAPE_CUSTOM, SHAPE_BODY, SHAPE_STREAM };

/* Directions; and that a reply looks as if it were over. */
enum stream_wish { STREAM_SEND = 1, STREAM_RECEIVE = 2, STREAM_SUSPECT = 4, STREAM_SPEED = 8 };

enum { LINES_INLINE = 16, METHOD_MAX = 64 };

/* Of an HTTP/2 stream that is paced; libcurl's first one, so that nothing changes then. */
enum { WINDOW_SIZE = 64 * 1024 };

struct window {
    int64_t size, come, reduced, taken; /* as nghttp2 keeps them */
    int64_t asked;                      /* by libcurl, last */
};

struct transfer {
    CURL *easy;
    struct curl_transport *transport;
    struct list node;          /* transport->transfers or ->spare or ->cancelled */
    struct exchange *exchange; /* NULL: cancelled, or spare */
    struct pool *pool;
    struct connection *connection; /* that it was sent on */
    struct list opened;            /* connections that it opened, before one stands */
    struct connection_limit *room; /* taken for a connection that is not open yet */
    struct curl_slist *lines;      /* LINES_INLINE or more */
    size_t lines_capacity;
    struct buf texts; /* header lines with no value, as libcurl wants them */
    /* What the handle is set to. */
    struct buf url;
    struct curl_slist *headers, *connect_to;
    struct buf resolve; /* "+host:80:10.0.0.1": what libcurl is told of a name */
    struct curl_slist resolve_line;
    bool resolves;        /* the handle has it */
    bool is_last;         /* of its connection: so the handle says */
    bool goes_to_address; /* there is nothing to look up */
    enum shape shape;
    long connect_timeout_ms;
    long version;
    char *line; /* of the reply: the last one, as it may go on (obs-fold) */
    size_t line_size, line_capacity;
    int status; /* of the reply; 0: none yet */
    bool is_http2;
    bool claimed;    /* an idle connection */
    bool connecting; /* counted in its pool */
    bool joining;    /* the same */
    uint64_t host;   /* of its URL; of those that may share a connection */
    bool sent;       /* it was handed to a connection that stands */
    bool again;      /* libcurl wanted to send it once more */
    bool silent;     /* and had no complaint about the first time */
    bool no_room;    /* libcurl wanted a connection, the limit did not */
    bool no_descriptor;
    bool head;         /* told */
    const char *fault; /* of the reply's head, that libcurl does not mind; NULL: none */
    bool has_length, has_coding;
    uint64_t length;
    bool too_large;
    bool no_memory;
    bool can_stream;          /* the handle has what streams need */
    bool held_up;             /* the request, by the reply's being paused */
    bool trailers_due;        /* of the request */
    unsigned paused, resumed; /* enum stream_wish */
    struct list in_resumed;   /* transport->resumed */
    uint64_t streamed, told;  /* bytes of the request's body, of the reply's */
    enum tulle_error refusal; /* of the request's body, by us; TULLE_OK: none */
    const char *refusal_text;
    bool paced;    /* HTTP/2, with a window that is ours */
    bool telling;  /* what it had kept */
    bool speed;    /* the handle has a limit of speed: so says one its window */
    uint64_t come; /* bytes of the reply's body that the window knows of */
    struct window window;
    struct curl_slist inline_lines[LINES_INLINE];
    char text[CURL_ERROR_SIZE];
};

struct curl_transport {
    struct transport base;
    struct loop *loop;
    const struct log *log;
    char *ca_file;
    struct lane lane;
    struct timer later; /* settles in this round */
    struct timer idle_timer;
    struct timer sweep_timer;
    struct timer patience_timer;
    struct timer ahead_timer;
    struct list ahead_now, ahead_later; /* pools that may want another connection ahead */
    struct list pools;
    struct list draining;      /* pools */
    struct list waiting_pools; /* by the order of their first exchange */
    struct list transfers, spare, cancelled;
    struct list resumed;       /* transfers, to go on when everything settles */
    struct list idle;          /* connections, longest first */
    struct connection **by_fd; /* all that libcurl holds */
    size_t fds;
    struct connection **buckets; /* by key */
    size_t bucket_count, named;
    CURL *sweeper;
    int64_t swept_at;
    uint64_t orders;
    unsigned inside; /* libcurl's calls that are not back yet */
    unsigned spare_count;
    unsigned held;   /* descriptors that are shut, for libcurl to close */
    unsigned unread; /* connections */
    bool closing;
    bool can_http2; /* with prior knowledge */
    bool tells_refusals;
    bool reserved; /* the timers */
};

/* lane.c: driving libcurl from the loop. */
bool tulle__lane_open(struct curl_transport *transport, struct lane *lane);
void tulle__lane_close(struct lane *lane);
bool tulle__lane_add(struct lane *lane, CURL *easy);
void tulle__lane_remove(struct lane *lane, CURL *easy);
void tulle__lane_expire(struct lane *lane);
void tulle__lane_action(struct lane *lane, int fd, unsigned events);
void tulle__lane_collect(struct lane *lane); /* what has ended */

/* connection.c: what libcurl asks of sockets. */
bool tulle__connection_init(struct curl_transport *transport);
void tulle__connection_fini(struct curl_transport *transport);
int tulle__connection_watch(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user);
curl_socket_t tulle__connection_open(void *user, curlsocktype purpose,
                                     struct curl_sockaddr *address);
int tulle__connection_close(void *user, curl_socket_t fd);
int tulle__connection_sockopt(void *user, curl_socket_t fd, curlsocktype purpose);
struct connection *tulle__connection_new(struct curl_transport *transport, int fd);
void tulle__connection_count(struct connection *connection, struct pool *pool,
                             struct connection_limit *limit);
struct ends {
    const char *remote;
    int remote_port, local_port;
};
bool tulle__connection_take(struct transfer *transfer, const struct ends *ends);
void tulle__connection_release(struct transfer *transfer);
void tulle__connection_listen(struct connection *connection);
void tulle__connection_shut(struct connection *connection);
enum bearing tulle__connection_bearing(const struct connection *connection);

/* names.c: from libcurl's name for a connection to ours. */
struct connection *tulle__names_find(const struct curl_transport *transport, int64_t key);
bool tulle__names_add(struct curl_transport *transport, struct connection *connection, int64_t key);
void tulle__names_remove(struct curl_transport *transport, struct connection *connection);

/* keepalive.c: the kernel's probes, where a cluster has numbers for them. */
void tulle__connection_keep_alive(const struct connection *connection);

/* lifetime.c: how many requests a connection takes, and how long. False: no memory. */
bool tulle__lifetime_set_last(struct transfer *transfer, bool is_last);
bool tulle__lifetime_use(struct transfer *transfer);
int64_t tulle__lifetime_due(const struct connection *connection);

/* idle.c: the end of connections that nobody uses. */
bool tulle__idle_init(struct curl_transport *transport);
void tulle__idle_fini(struct curl_transport *transport);
void tulle__idle_add(struct connection *connection);
void tulle__idle_remove(struct connection *connection);
void tulle__idle_ready(struct connection *connection); /* it can be read */
void tulle__idle_sweep_soon(struct curl_transport *transport);
bool tulle__idle_shed(struct curl_transport *transport, const struct connection_limit *limit);

/* room.c: the counts of connections, over all loops: the cluster's, and the endpoint's. */
enum room_taken tulle__room_take(struct pool *pool, const struct room *room);
void tulle__room_give(struct pool *pool, struct connection_limit *limit);
void tulle__room_move(struct pool *from, struct pool *to);

static inline struct room room_of(const struct exchange *exchange)
{
    return (struct room){ exchange->connections, exchange->connections_max,
                          exchange->endpoint_connections_max };
}

/* resolve.c: what a name stands for. */
struct place {
    struct str host; /* brackets and all */
    struct str port; /* "" when none is said */
};
struct place tulle__resolve_place(struct str text); /* "host:port" */
bool tulle__resolve_is_address(struct str place);
struct str tulle__resolve_authority(struct str url);
bool tulle__resolve_set(struct transfer *transfer, const struct pool *pool,
                        const struct exchange *exchange);
int tulle__resolve_start(void *state, void *reserved, void *user);

/* transfer.c */
struct transfer *tulle__transfer_new(struct curl_transport *transport);
void tulle__transfer_free(struct transfer *transfer);
enum tulle_error tulle__transfer_set(struct transfer *transfer, const struct pool *pool,
                                     const struct exchange *exchange);

/* reply.c: what libcurl tells of the reply. */
size_t tulle__reply_header(char *data, size_t size, size_t count, void *user);
size_t tulle__reply_body(char *data, size_t size, size_t count, void *user);

/* window.c: pure. */
void tulle__window_init(struct window *window);
int64_t tulle__window_credit(const struct window *window); /* what may still come */
int64_t tulle__window_ask(struct window *window, int64_t size);
void tulle__window_arrive(struct window *window, int64_t size);
void tulle__window_take(struct window *window, int64_t size);
int64_t tulle__window_choose(const struct window *window, int64_t credit);

/* stream.c: bodies that come and go in pieces. */
size_t tulle__stream_more(char *data, size_t size, size_t count, void *user);
bool tulle__stream_lacks_trailers(const struct transfer *transfer);
int tulle__stream_rewind(void *user, curl_off_t offset, int origin);
int tulle__stream_trailers(struct curl_slist **list, void *user);
/* A piece of the reply was told; what libcurl is to be told of that. */
size_t tulle__stream_taken(struct transfer *transfer, size_t size, enum body_taken taken);
bool tulle__stream_set_speed(struct transfer *transfer, int64_t speed);
void tulle__stream_resume_send(struct exchange *exchange);
void tulle__stream_resume_receive(struct exchange *exchange);
void tulle__stream_suspect(struct transfer *transfer); /* libcurl waits for no more of the reply */
void tulle__stream_forget(struct transfer *transfer);
bool tulle__stream_settle(struct curl_transport *transport); /* true: libcurl has work */

/* outcome.c: pure. */
struct outcome {
    CURLcode code;
    const char *text; /* libcurl's; "" when it said nothing */
    long os_error;
    long sent_bytes;
    struct str url;
    int64_t connect_timeout_ns;
    struct str address; /* of the peer; none: the URL's host */
    bool sent;          /* handed to a connection that stood */
    bool again;         /* libcurl wanted to send it once more */
    bool silent;        /* and had no complaint about the first time */
    bool standing;      /* and the connection it was on stood then */
    bool is_http2;
    bool answered; /* bytes of a reply came */
    bool head;
    const char *fault; /* of the reply's head; NULL: none that we found */
    bool too_large;
    bool no_memory;
    bool no_descriptor;
    enum tulle_error refusal; /* of the request's body, by us */
    const char *refusal_text;
};
enum { OUTCOME_TEXT_SIZE = 384 };
void tulle__outcome_end(const struct outcome *outcome, struct exchange_end *end,
                        char text[OUTCOME_TEXT_SIZE]);

/* pool.c: one peer, and who waits for it. */
struct pool *tulle__pool_open(struct transport *transport, const struct pool_spec *spec);
void tulle__pool_drain(struct pool *pool);
void tulle__pool_free(struct pool *pool);
void tulle__pool_wait(struct pool *pool, struct exchange *exchange);
void tulle__pool_want(struct pool *pool, struct connection_limit *limit);
void tulle__pool_leave(struct pool *pool, struct exchange *exchange); /* waits no more */
bool tulle__pool_may_start(struct pool *pool, struct exchange *exchange, struct transfer *transfer);
void tulle__pool_give_up(struct transfer *transfer); /* its claim, its room */
bool tulle__pool_may_connect(struct transfer *transfer);
void tulle__pool_join(struct transfer *transfer); /* its connection may be shared from now on */
void tulle__pool_end_joining(struct transfer *transfer);
bool tulle__pool_shares(const struct pool *pool);
bool tulle__pool_joins_at_once(const struct pool *pool);      /* a connection that stands */
void tulle__pool_try_again(struct curl_transport *transport); /* there may be room */
void tulle__pool_lose_patience(struct timer *timer, int64_t now);
void tulle__pool_settle(struct curl_transport *transport); /* drained and empty ones go */

/* capacity.c: how many requests a shared connection takes at once. */
bool tulle__capacity_has(const struct pool *pool, uint64_t host); /* for one more */
/* libcurl wants a new connection: those there are are full. True: HTTP/2, for sure. */
bool tulle__capacity_learn(struct pool *pool, uint64_t host);
/* To be on the way at once, for all that wait. */
unsigned tulle__capacity_connections(const struct pool *pool);

/* ahead.c: connections that stand before anybody needs them. */
void tulle__ahead_warm(struct pool *pool, const struct warm_spec *spec);
void tulle__ahead_stop(struct pool *pool);
void tulle__ahead_look(struct pool *pool); /* it may want another */
void tulle__ahead_settle(struct curl_transport *transport);
void tulle__ahead_fire(struct timer *timer, int64_t now);
void tulle__ahead_ready(struct connection *connection);
void tulle__ahead_leave(struct connection *connection);
struct connection *tulle__ahead_take(struct pool *pool); /* NULL: none stands */

/* flow.c: an exchange from start to end. */
void tulle__flow_start(struct pool *pool, struct exchange *exchange);
void tulle__flow_cancel(struct exchange *exchange);
void tulle__flow_finish(struct transfer *transfer, CURLcode code);
void tulle__flow_settle(struct curl_transport *transport); /* what was noted inside */
void tulle__flow_later(struct curl_transport *transport);  /* settles in this round */

#endif
