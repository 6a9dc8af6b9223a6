/* SPDX-License-Identifier: Apache-2.0 */

/* The mesh itself: opening, waiting, closing. */

#ifndef TULLE_MESH_H
#define TULLE_MESH_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/error.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "None", for times and for counts. */
#define TULLE_NONE       INT64_MAX
#define TULLE_NONE_COUNT UINT32_MAX

#define TULLE_MS(n) ((int64_t)(n)*1000000)
#define TULLE_S(n)  ((int64_t)(n)*1000000000)

struct tulle;
struct tulle_config;
struct tulle_access;
struct tulle_span;

enum tulle_level {
    TULLE_LEVEL_ERROR = 1,
    TULLE_LEVEL_WARNING = 2,
    TULLE_LEVEL_INFO = 3,
    TULLE_LEVEL_DEBUG = 4
};

/* A line of the log. `area` is one word ("config", "outlier", "transport"...).
 * Called from any thread, several at once; `area` and `text` live until it
 * returns. Blocking functions of the mesh answer TULLE_E_USAGE from it. */
typedef void tulle_log_fn(void *user, int32_t level, const char *area, const char *text);

/* One finished call. Called on the call's loop (or the blocking caller's
 * thread), once a call, before its completion; `access` lives until it returns.
 * It may start calls, but not blocking ones. */
typedef void tulle_access_fn(void *user, const struct tulle_access *access);

/* One finished attempt, as a span (trace.h). Called on the call's loop, once an
 * attempt; `span` lives until it returns. It may start calls, but not blocking ones. */
typedef void tulle_span_fn(void *user, const struct tulle_span *span);

/* What a mesh does in a child of fork(). The parent's side never notices: the
 * child's first function of the library closes its copies of the descriptors, and
 * else leaves all that it has inherited where it lies. Calls, picks and queues of
 * the parent answer TULLE_E_FORKED, or do nothing; replies and ended calls may
 * still be read, contexts and configurations be used. Nothing is done at fork()
 * itself, nor in a child that never comes here.
 *
 * A child that was forked in a callback may use the library in it, and leave. If it
 * returns instead, the blocking function that it stands in answers TULLE_E_FORKED;
 * on a thread of the library's the thread ends there, and the child with it. */
enum tulle_after_fork {
    TULLE_AFTER_FORK_DEFAULT = 0, /* TULLE_AFTER_FORK_FAIL */
    TULLE_AFTER_FORK_FAIL = 1,    /* every function answers TULLE_E_FORKED */
    TULLE_AFTER_FORK_REOPEN = 2   /* the child's first function of it opens the mesh anew, behind
                                   * the same handle: tulle_open() with the same options, whose
                                   * texts, `built` and relative paths were kept. The parent's
                                   * callbacks and their user words serve there too. Threads that
                                   * come meanwhile wait. When it fails (TULLE_E_CONFIG, say),
                                   * the next function tries again */
};

/* The format in which a trace starts that nobody handed over. Nobody has decided
 * then whether it is sampled: B3 says nothing of it, traceparent says 00. */
enum tulle_trace {
    TULLE_TRACE_DEFAULT = 0,  /* TULLE_TRACE_W3C */
    TULLE_TRACE_W3C = 1,      /* traceparent (W3C Trace Context) */
    TULLE_TRACE_B3 = 2,       /* b3, one header */
    TULLE_TRACE_B3_MULTI = 3, /* x-b3-traceid, x-b3-spanid */
    TULLE_TRACE_OFF = 4       /* no new trace, no new x-request-id; what was handed over goes on */
};

/* What to do with a host that no service of the mesh has. */
enum tulle_outside {
    TULLE_OUTSIDE_DEFAULT = 0, /* TULLE_OUTSIDE_PASS, as Istio's ALLOW_ANY */
    TULLE_OUTSIDE_PASS = 1,    /* call it: no policy but deadline and metrics */
    TULLE_OUTSIDE_REFUSE = 2   /* TULLE_E_REFUSED, as Istio's REGISTRY_ONLY */
};

struct tulle_options {
    size_t size;                /* set by TULLE_OPTIONS_INIT or tulle_options_init() */
    const char *config;         /* a folder or a file of Istio YAML; NULL: none */
    struct tulle_config *built; /* a configuration built in code; NULL: none; borrowed */
    const char *name_space;     /* where short names resolve; NULL: "default" */
    const char *domain;         /* of the cluster; NULL: "cluster.local" */
    const char *const
        *ignore_kinds;        /* kinds to pass over instead of refusing; NULL-ended; NULL: none */
    int32_t open_with_errors; /* 1: open with what is good; 0: any bad resource fails the open */
    int32_t outside;          /* enum tulle_outside */
    uint32_t loops;           /* connection loops; 0: one per core, at least 2; at most 64 */
    int32_t strict_retries;   /* 1: Istio's default retries and nothing more; 0: plus `reset` for
                               * idempotent methods, and requests of which no byte was sent */
    int64_t deadline_ns;      /* of a call that names none; 0: 30 s, TULLE_NONE: none */
    int64_t close_timeout_ns; /* how long tulle_close() waits for calls; 0: 5 s, TULLE_NONE: until
                                 done */
    uint32_t series_max;      /* label sets per metric; 0: 2000, TULLE_NONE_COUNT: no cap */
    int32_t log_level;        /* enum tulle_level, the most that is told; 0: TULLE_LEVEL_WARNING */
    tulle_log_fn *log;        /* NULL: silent */
    void *log_user;
    tulle_access_fn *access; /* NULL: none */
    void *access_user;
    const char *ca_file;  /* PEM roots for https; NULL: the system's */
    const char *workload; /* this program's name in metrics (source_workload); NULL: "unknown" */
    uint32_t threads;     /* 0: a control thread, and one for each loop that asynchronous calls
                           * need; TULLE_NONE_COUNT: none, nothing runs unless the app calls
                           * tulle_run() (one loop) */
    int32_t after_fork;   /* enum tulle_after_fork */
    int32_t trace;        /* enum tulle_trace: what a new trace starts in */
    tulle_span_fn *span;  /* one finished attempt; NULL: none */
    void *span_user;
    int32_t allow_mock;      /* 1: `config` may be "mock:FILE" (mock.h); 0: that is TULLE_E_USAGE */
    const char *dns_servers; /* "127.0.0.1:5353,[::1]:53"; NULL: those of the system */
    const char *locality;    /* where this program runs: "region/zone/subzone"; NULL: unknown, and
                              * no endpoint is nearer than another */
    const char *labels;      /* of this workload, "version=v1,app=front", for failoverPriority;
                              * NULL: none */
    uint32_t peer_index;     /* which of its replicas this process is, from 0, and how many there */
    uint32_t peer_count;     /* are, for subsetting by aperture; 0: unknown, a random one of many */
    int64_t dns_stale_ns;    /* how long the last good addresses of a service's name serve while
                              * look-ups fail; 0 or TULLE_NONE: for ever, as Envoy's */
};                           /* append only */

#define TULLE_OPTIONS_INIT .size = sizeof(struct tulle_options)

/* Sets every field to its default, for languages without initialisers.
 * `size` is the caller's sizeof. Thread: any. Errors: none. */
TULLE_API void tulle_options_init(struct tulle_options *options, size_t size);

/* Joins the mesh: reads the configuration, starts the control thread (named
 * "tulle", all signals blocked).
 *
 * Owns: takes nothing; options may go after return (also `built`).
 * Gives: `*out`, to be closed by tulle_close().
 * Thread: any. It reads files: from a callback it holds up that loop.
 * Calls back: the log, from this thread, also with every configuration error.
 * Errors: TULLE_E_USAGE    options are wrong (an unknown field is set, too many loops)
 *         TULLE_E_CONFIG   the configuration has errors; each was logged as
 *                          "file:line:column: resource: what is wrong"
 *         TULLE_E_NOMEM, TULLE_E_INTERNAL (no thread, no descriptor) */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_open(const struct tulle_options *options,
                                                     struct tulle **out);

/* Waits until every source has delivered once, every name in it was looked up once
 * (whether it has an address or not), and the endpoints of every service that has
 * active health checks were asked once (whether they are healthy or not); at most
 * `timeout_ns` (0: 30 s, TULLE_NONE: for ever). Folders and built configurations have
 * delivered when tulle_open() returns; calls to services whose names are not known
 * yet, or whose first checks are under way, wait.
 *
 * Thread: any but a callback of the library's.
 * Errors: TULLE_E_USAGE from a callback, TULLE_E_TIMEOUT, TULLE_E_CLOSED (the mesh was
 *   closed meanwhile) */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_wait_ready(struct tulle *mesh, int64_t timeout_ns);

/* Leaves the mesh: refuses new calls, waits up to `close_timeout_ns` for those
 * in flight, cancels the rest, ends the threads, frees all. Call handles that
 * the app still holds stay readable until they are freed.
 *
 * Owns: takes `mesh`. NULL does nothing.
 * Thread: any but a callback of the library's; no other thread may use `mesh`
 *   in a new function from now on (calls in flight are fine).
 * Calls back: the completions of what is in flight, from their loops.
 * In a child of fork(): closes what TULLE_AFTER_FORK_REOPEN opened there, if anything.
 * Errors: TULLE_E_USAGE from a callback; nothing was done
 *         TULLE_E_FORKED  the child's, with TULLE_AFTER_FORK_FAIL */
TULLE_API enum tulle_error tulle_close(struct tulle *mesh);

/* --- the app's own loop: `options.threads` is TULLE_NONE_COUNT ---
 *
 * One thread runs the mesh: when tulle_fd() is readable, and when tulle_due() has
 * gone by. tulle_call_start(), tulle_call_cancel() and the like are free to all
 * threads, and wake it. A blocking function runs the mesh itself until it is
 * over: call it from that thread, or tulle_run() answers TULLE_E_USAGE meanwhile.
 * tulle/uv.h, tulle/ev.h and tulle/glib.h put a mesh on libuv, libev and GLib. */

/* A descriptor that is readable when tulle_run() has something to do; for
 * poll(), epoll, libuv... It stays the mesh's. -1: the mesh has threads.
 * Thread: any. Errors: none. */
TULLE_API int tulle_fd(const struct tulle *mesh);

/* In how many ns tulle_run() is wanted at the latest though nothing is readable;
 * 0: now, TULLE_NONE: not at all (also where the mesh has threads). Ask anew after
 * each tulle_run(); what changes it otherwise makes the descriptor readable, as
 * does a blocking function on another thread when it is over (until then: TULLE_NONE).
 * Thread: the one that runs the mesh. Errors: none. */
TULLE_API int64_t tulle_due(const struct tulle *mesh);

/* Does what there is to do now, and never waits.
 *
 * Thread: one at a time; not from a callback of the library's.
 * Calls back: completions, events, the log, the access log.
 * Errors: TULLE_E_USAGE  from a callback, the mesh has threads, or another thread runs it */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_run(struct tulle *mesh);

#ifdef __cplusplus
}
#endif

#endif
