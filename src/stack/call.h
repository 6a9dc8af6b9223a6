/* SPDX-License-Identifier: Apache-2.0 */

/* A call on its way through the layers: the machine.
 *
 * Laws (tests/unit/stack has a test for each):
 *   1 The driver is one loop. A verb used while it runs is kept and taken up when
 *     the layer returns, so that nothing nests, and a cancel from inside a callback
 *     is safe. The one nearest the top wins.
 *   2 What is over hears nothing more: a layer that is cut cancels what it started.
 *   3 Each on_call is followed by exactly one on_end.
 *   4 Who is cut hears why (timeout, cancelled, lost).
 *   5 A call is freed by its last reference: app, driver, forks.
 *   6 Nothing is retried once the head has gone to the app. */

#ifndef TULLE_STACK_CALL_H
#define TULLE_STACK_CALL_H

#include <tulle/call.h>
#include <tulle/observe.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "balance/picker.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fork.h"
#include "base/loop.h"
#include "route/plan.h"
#include "seam/observer.h"
#include "seam/trace.h"
#include "seam/transport.h"
#include "seam/watcher.h"
#include "stack/layer.h"
#include "stack/stream.h"

struct dns_answer;
struct dns_desk;

/* Whose the end of a call or attempt is. */
enum origin {
    ORIGIN_NONE,      /* it went well, or has not ended */
    ORIGIN_HERE,      /* refused here: never touches an endpoint */
    ORIGIN_CANCELLED, /* the app, or a lost race */
    ORIGIN_TIMEOUT,
    ORIGIN_TRANSPORT,
    ORIGIN_PEER
};

struct outcome {
    enum tulle_error error; /* TULLE_OK: there is a head */
    enum tulle_progress progress;
    enum origin origin;
    int status;     /* of the head; of a failure: what Envoy would have answered */
    unsigned flags; /* enum response_flag */
    bool open;      /* the head is here, the body follows */
    bool connect_failure, refused_stream;
    bool lost;         /* a race: another attempt of its call was first */
    const char *layer; /* who decided; static */
    const char *text;  /* one sentence: static, or in the call */
};

/* Which of the two came first is decided once. */
enum fate {
    FATE_OVER = 1, /* set before `done`: what the app may read is settled */
    FATE_CANCELLED = 2,
    FATE_HEAD = 4 /* of a stream: the reply's head may be read */
};

/* Lines that an attempt may add of its own (policy/head.c). */
enum { HEAD_LINES = 3 };

enum verb { VERB_NONE, VERB_RESUME, VERB_ANSWER, VERB_FINISH };

struct verb_request {
    enum verb verb;
    size_t at;
    struct outcome below; /* how the layers below `at` end */
    struct outcome outcome;
};

/* What a loop lends its calls. Core has one in each of its loops. */
struct call_loop {
    struct loop *loop;
    size_t index;
    struct rand rand;
    struct rand ids; /* of traces: that what is chosen does not hang on them */
    struct transport *transport;
    struct pool *outside; /* of calls to names outside the mesh; opened when first needed */
    struct dns_desk *dns; /* where its calls ask for names */
    const struct log *log;
    const struct observer *observer;
    struct observer_shard *shard;
    /* Core's: the pool of a peer on this loop (NULL: no memory), and a poke of the control step. */
    struct pool *(*pool_of)(struct call_loop *loop, struct peer *peer);
    void (*poke)(struct call_loop *loop);
    /* A task for this loop, from any thread; false: it waits there already. */
    bool (*post)(struct call_loop *loop, struct task *task);
    tulle_access_fn *access; /* NULL: none */
    void *access_user;
    const struct watcher *watcher; /* NULL: none */
    enum trace_format trace;       /* of a trace that starts here; 0: none does */
    tulle_span_fn *span;           /* NULL: none */
    void *span_user;
    struct list probes; /* of policy/probe.c, under way; all zero: there was none yet */
};

/* The reply, as it comes in. */
struct tulle_reply {
    int32_t status;
    bool is_http2;
    struct buf headers; /* name NUL value NUL ... */
    size_t header_count;
    struct buf body;
    struct buf trailers; /* as `headers` */
    size_t trailer_count;
};

/* One thing a layer said, for explain. */
struct story_line {
    int64_t at;
    const char *layer; /* static */
    struct str text;
};

/* What is too large to lie in a call: calls are allocated and freed at the rate
 * of the traffic, and below 1 KiB that is cheap. In the call's arena. */
struct scratch {
    _Alignas(max_align_t) unsigned char slots[SLOTS_SIZE];
    int64_t wake[LAYERS_MAX]; /* of the layers that are entered; NEVER: no wake-up */
    char endpoint[64];        /* of the last attempt */
    char text[192];           /* a sentence that is not static */
};

struct tulle_call {
    /* The machine. */
    const struct stack *stack;
    struct call_loop *on;
    size_t depth; /* layers entered and not yet ended */
    struct outcome outcome;
    struct verb_request request;
    atomic_uint refs;
    bool busy, head_sent, done;
    bool failed, explain;
    bool tells;         /* of a fork: a head has come to its top, and is to be told of */
    bool fork_sent;     /* a fork of this attempt may have left */
    uint8_t base;       /* of a fork: the place of its uppermost layer; else 0 */
    struct timer timer; /* for the earliest of the wake-ups */
    struct scratch *scratch;

    /* The request: all in the arena, or borrowed from a blocking caller. */
    struct arena arena;
    struct url url;
    struct str method;
    const struct header_line *headers;
    size_t header_count;
    const char *body;
    size_t body_size;
    size_t body_max;
    int64_t deadline;    /* an instant; NEVER: none */
    bool deadline_asked; /* by the app, or by the request it serves; else it is the default */
    bool retry_off, has_idempotency_key, is_grpc;
    bool has_hash;
    unsigned born; /* fork_generation() */
    uint64_t hash; /* ring hash and Maglev go by it (policy/hash.c) */
    struct str source;

    /* The way: set by core before the first layer. */
    struct plan plan;

    /* The trace. */
    const struct trace_handed *handed; /* by `context`; NULL: none */
    struct call_trace *trace;          /* the trace layer's slot */

    /* The attempt. */
    uint32_t attempts;
    int64_t timeout_at;                     /* when the route's timeout is over; NEVER: none */
    struct header_line *header_room;        /* HEAD_LINES behind `headers`; NULL: none */
    const struct header_line *sent_headers; /* of this attempt: `headers`, and its own */
    size_t sent_header_count;
    uint32_t seen_priorities, tried_priorities; /* a bit each: picked from; to be left out */
    bool any_host;                              /* what was tried is not left out */
    int64_t moved_at;                           /* when last a byte went or came */
    bool on_wire;                               /* a byte of this attempt may have left */
    struct dns_answer *resolved; /* of this attempt's name, a reference; NULL: it has an address */
    struct view *view;           /* of this attempt, or of the last; NULL: none */
    bool trial;                  /* this attempt is the one that tries `view` */
    struct view *tried[TRIED_MAX];
    size_t tried_count;
    struct list held; /* in live_loop.held, while a layer waits there */
    size_t held_at;   /* which layer */

    /* What came of it. */
    struct tulle_reply reply;
    struct stream *stream;               /* in the arena; NULL: both bodies are whole, in memory */
    const struct tulle_failure *failure; /* of a call that failed; in the arena */
    int64_t started_at, attempt_at, connected_at, head_at, ended_at;
    struct buf story;

    /* Of a fork (stack/fork.h). */
    struct tulle_call *parent;                /* a reference; NULL: this is a call of the app */
    void (*replied)(struct tulle_call *fork); /* a head has come to its top */

    /* Core's. */
    void (*handed_over)(struct tulle_call *call, size_t at); /* of a pick; NULL: it is a call */
    void (*ended)(struct tulle_call *call);                  /* once, last, on the loop */
    void (*gone)(struct tulle_call *call); /* before it is freed; NULL: nothing to do */
    struct mesh_loop *mesh_loop;
    tulle_call_done_fn *done_fn;
    void *done_user;
    struct queue_source *events; /* in the arena; NULL: no queue */
    struct task task;            /* starts it on its loop */
    struct task cancel_task;     /* cancels it there */
    struct list node;            /* in the loop's calls */
    struct waiter *waiter;       /* the blocking caller, who sleeps or runs the loop; NULL: none */
    struct runnable_use *use;    /* the mesh as it was when the call started */
    struct tulle_context *context; /* a reference; NULL: none */
    atomic_uint fate;              /* enum fate, set once each */
    atomic_uint pins; /* the call that runs, each task that comes: its loop counts it, so its mesh
                       * stays; 0: the mesh may be gone */
    const struct watcher *watcher; /* hears when it is freed; NULL: none */
};

/* --- the life of a call (core) --- */

/* A zeroed call with its arena and one reference. NULL: no memory. */
struct tulle_call *tulle__call_alloc(void);

/* Starts at the top of call->stack. Call it on the loop, outside the driver. */
void tulle__call_run(struct tulle_call *call);
void tulle__call_unref(struct tulle_call *call); /* any thread; the last frees it */
void tulle__call_cancel_here(struct tulle_call *call,
                             const struct outcome *outcome); /* on the loop */

/* The streamed body of the request is whole: layers hear on_request_end(). On the loop. */
void tulle__call_request_end(struct tulle_call *call);

/* --- for layers, on the call's loop --- */

/* Goes on below `at`, after a hold in either direction. */
void tulle__call_resume(struct tulle_call *call, size_t at);
/* Ends everything below `at` with `below` and reports `outcome` upwards. */
void tulle__call_answer(struct tulle_call *call, size_t at, const struct outcome *below,
                        const struct outcome *outcome);
/* Ends everything below `at`, where an answer will come from elsewhere. */
void tulle__call_cut(struct tulle_call *call, size_t at, const struct outcome *outcome);
/* The body is over, or broke off. */
void tulle__call_finish(struct tulle_call *call, size_t at, const struct outcome *outcome);
void tulle__call_wake_at(struct tulle_call *call, size_t at, int64_t due);
/* Gives upwards what tulle__call_refuse() has set, where no on_call is there to return it. */
void tulle__call_answer_refusal(struct tulle_call *call, size_t at);

static inline void *call_slot(struct tulle_call *call, size_t at)
{
    return call->scratch->slots + call->stack->layers[at].slot;
}

static inline const void *call_config(const struct tulle_call *call, size_t at)
{
    return call->stack->layers[at].config;
}

/* Of a call that has a route; in the layers of the attempt tier it always has. */
static inline const struct target *call_target(const struct tulle_call *call)
{
    return call->plan.destination->target;
}

static inline int64_t call_now(const struct tulle_call *call)
{
    return call->on->loop->now;
}

/* False: it was made before fork(), and this is the child. */
static inline bool call_is_here(const struct tulle_call *call)
{
    return call->born == fork_generation();
}

/* The app still writes the request's body. */
static inline bool call_is_uploading(const struct tulle_call *call)
{
    return call->stream && call->stream->sends && !call->stream->request_over;
}

static inline uint64_t call_bytes_sent(const struct tulle_call *call)
{
    return call->stream && call->stream->sends ? call->stream->sent : call->body_size;
}

static inline uint64_t call_bytes_received(const struct tulle_call *call)
{
    return call->stream && call->stream->receives ? call->stream->received : call->reply.body.size;
}

/* Which attempt of its call is next, from 1. */
static inline uint32_t call_next_attempt(const struct tulle_call *call)
{
    return (call->parent ? call->parent->attempts : call->attempts) + 1;
}

/* An attempt begins; forks count theirs with those of their call. */
static inline void call_count_attempt(struct tulle_call *call)
{
    call->attempts = call->parent ? ++call->parent->attempts : call->attempts + 1;
}

/* The first byte of an attempt may leave. */
static inline void call_note_sent(struct tulle_call *call)
{
    call->on_wire = true;
    call->moved_at = call_now(call);
    if (call->parent) {
        call->parent->fork_sent = true;
    }
}

/* Adds to the story, if the call has one. */
void tulle__call_tell(struct tulle_call *call, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the outcome of a refusal made here and returns DOWN_ANSWER. */
enum down tulle__call_refuse(struct tulle_call *call, size_t at, enum tulle_error error, int status,
                             unsigned flags, const char *text);

#endif
