/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh that a test scripts: the same library, on a virtual clock, against
 * endpoints that do as they are told and remember what was asked of them.
 *
 *     struct tulle_mock *mock;
 *     struct tulle *mesh;
 *
 *     tulle_mock_new(NULL, &mock);
 *     tulle_mock_add_service(mock, "reviews", 80, TULLE_PROTOCOL_HTTP);
 *     tulle_mock_add_endpoint(mock, "reviews", "10.0.0.1:9080", NULL, 0);
 *     tulle_mock_answer(mock, "10.0.0.1:9080",
 *                       &(struct tulle_mock_answer){ TULLE_MOCK_ANSWER_INIT, .times = 1,
 *                                                    .kind = TULLE_MOCK_REFUSE });
 *     tulle_mock_open(mock, NULL, &mesh);
 *     tulle_get(mesh, "http://reviews/ratings/7", &reply);    refused, and a retry: 200
 *     ...
 *     tulle_mock_check(mock, &text);                          nothing was left over
 *     tulle_close(mesh);
 *     tulle_mock_free(mock);
 *
 * Blocking functions of the mesh turn the clock until they are over; what was
 * started runs when tulle_mock_advance() or tulle_mock_run() is called. All of
 * it happens on the threads that call: a mock has none, and the mock and its
 * meshes are used by one thread at a time.
 *
 * This header is no part of the ABI promise, and tulle.h does not include it:
 * a test is built against the library that it runs with.
 *
 * A whole program, unchanged, runs against a script with `config = "mock:FILE"`
 * where it sets `allow_mock`: real clock, real threads, no network. FILE has
 * Istio's resources and documents of the kind MockEndpoint:
 *
 *     apiVersion: tulle.dev/v1alpha1
 *     kind: MockEndpoint
 *     metadata: {name: reviews-1}
 *     spec:
 *       address: 10.0.0.1:9080     # "*": every endpoint that has no answer of its own
 *       answers:
 *       - {status: 503, times: 2, delay: 20ms}
 *       - prefix: /ratings/
 *         headers: {content-type: application/json}
 *         body: '{"stars": 5}'
 *
 * The fields of an answer are those of struct tulle_mock_answer: kind (ANSWER,
 * HANG, REFUSE, CONNECT_HANG, RESET, RESET_BEFORE, REFUSED_STREAM, BREAK),
 * times, method, path, prefix, status, headers, body, size (of a body of 'x'), trailers,
 * delay, connectDelay, chunk, chunkDelay, breakAt, close. */

#ifndef TULLE_MOCK_H
#define TULLE_MOCK_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/call.h>
#include <tulle/config.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tulle_mock;

struct tulle_mock_options {
    size_t size;       /* set by TULLE_MOCK_OPTIONS_INIT or tulle_mock_options_init() */
    uint64_t seed;     /* of every draw; 0: 42 */
    int64_t start_ns;  /* of the monotonic clock; 0: 1000 s */
    int64_t wall_ns;   /* the wall clock at that moment, since 1970; 0: in the year 2027 */
    int32_t strict;    /* 1: a request that no answer is left for is refused and told by
                        * tulle_mock_check(); 0: it is answered 200 after 1 ms */
    uint32_t keep_max; /* records of each kind that are kept; 0: 10000, TULLE_NONE_COUNT: all */
};                     /* append only */

#define TULLE_MOCK_OPTIONS_INIT .size = sizeof(struct tulle_mock_options)

/* Sets every field to its default. `size` is the caller's sizeof.
 * Thread: any. Errors: none. */
TULLE_API void tulle_mock_options_init(struct tulle_mock_options *options, size_t size);

/* --- the mock and its mesh --- */

/* A mock without services, endpoints or answers.
 *
 * Owns: takes nothing; `options` NULL: defaults.
 * Gives: `*out`, to be freed by tulle_mock_free(). Thread: any.
 * Errors: TULLE_E_USAGE  options are wrong; TULLE_E_NOMEM, TULLE_E_INTERNAL */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_new(const struct tulle_mock_options *options,
                                                         struct tulle_mock **out);

/* Frees a mock; it stays until its last mesh is closed and its last call freed.
 * Texts it lent are gone. NULL does nothing. */
TULLE_API void tulle_mock_free(struct tulle_mock *mock);

/* Opens a mesh in the mock, as tulle_open() does: services and texts of the
 * mock are added to `options->config` (a folder or file, watched) and
 * `options->built`. `options->threads` is as TULLE_NONE_COUNT; log and access
 * log go where the options say. Several meshes share endpoints and clock.
 *
 * Owns: takes nothing; `options` NULL: defaults.
 * Gives: `*out`, to be closed by tulle_close().
 * Errors: as tulle_open(); TULLE_E_USAGE also for "mock:FILE" */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_open(struct tulle_mock *mock, const struct tulle_options *options, struct tulle **out);

/* --- time --- */

/* The virtual monotonic clock. */
TULLE_API int64_t tulle_mock_now(const struct tulle_mock *mock);

/* Does what is due now, and takes no time.
 * Calls back: what the meshes call back.
 * Errors: TULLE_E_USAGE  from a callback */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_run(struct tulle_mock *mock);

/* Turns the clock forward by `ns`, through every instant at which something is
 * due, in order.
 * Calls back, Errors: as tulle_mock_run(); TULLE_E_USAGE also for a negative `ns` */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_advance(struct tulle_mock *mock, int64_t ns);

/* --- discovery: what changes is in force on return, except from a callback and
 * while discovery is not fresh --- */

/* Adds a service with resolution STATIC, one port and, so far, no endpoint.
 * `protocol` is an enum tulle_protocol.
 * Errors: TULLE_E_USAGE  host or port is wrong, or the service is there already; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_add_service(struct tulle_mock *mock, const char *host, uint16_t port, int32_t protocol);

/* Removes a service with its endpoints.
 * Errors: TULLE_E_USAGE  there is no such service; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_remove_service(struct tulle_mock *mock,
                                                                    const char *host);

/* Adds an endpoint to a service: "10.0.0.1:9080", "version=v1,zone=a" or NULL;
 * `weight` 0 is 1.
 * Errors: TULLE_E_USAGE  no such service, a bad address or label, or it is there already;
 *   TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_add_endpoint(struct tulle_mock *mock, const char *host, const char *address,
                        const char *labels, uint32_t weight);

/* Removes an endpoint from a service. What it does when it is called stays said.
 * Errors: TULLE_E_USAGE  there is no such endpoint; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_remove_endpoint(struct tulle_mock *mock, const char *host, const char *address);

/* Adds resources as YAML or JSON text, or replaces the text of this name (NULL:
 * removes it). It may hold MockEndpoint documents.
 * Errors: TULLE_E_CONFIG  a mesh is open and something in it is wrong: the log says what;
 *                         what is bad keeps its last good version
 *         TULLE_E_USAGE   no such text to remove; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_yaml(struct tulle_mock *mock, const char *name,
                                                          const char *text);

enum tulle_mock_discovery {
    TULLE_MOCK_FRESH = 0,  /* every change is delivered */
    TULLE_MOCK_STALE = 1,  /* none is, and nothing says so */
    TULLE_MOCK_FAILING = 2 /* none is; each try is an error, logged and counted */
};

/* How discovery does from now on. In the last two what is known stays in force;
 * with TULLE_MOCK_FRESH all that was held back is delivered at once.
 * Errors: TULLE_E_USAGE  no such state; TULLE_E_NOMEM; TULLE_E_CONFIG as tulle_mock_yaml() */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_discovery(struct tulle_mock *mock,
                                                               int32_t state);

/* --- endpoints --- */

enum tulle_mock_kind {
    TULLE_MOCK_ANSWER = 0,         /* answers with `status` after `delay_ns` */
    TULLE_MOCK_HANG = 1,           /* takes the request and never answers */
    TULLE_MOCK_REFUSE = 2,         /* refuses the connection; kept ones are gone */
    TULLE_MOCK_CONNECT_HANG = 3,   /* the connection never comes about */
    TULLE_MOCK_RESET = 4,          /* takes the request and resets after `delay_ns` */
    TULLE_MOCK_RESET_BEFORE = 5,   /* the connection ends before a byte was sent */
    TULLE_MOCK_REFUSED_STREAM = 6, /* HTTP/2's REFUSED_STREAM: not looked at */
    TULLE_MOCK_BREAK = 7           /* the body ends after `break_at` bytes */
};

struct tulle_mock_answer {
    size_t size;        /* set by TULLE_MOCK_ANSWER_INIT or tulle_mock_answer_init() */
    int32_t kind;       /* enum tulle_mock_kind */
    int32_t status;     /* 0: 200 */
    uint32_t times;     /* so often, then what is said next; 0: for ever */
    const char *method; /* answers only this one; NULL: all */
    const char *path;   /* answers only this one, without query; NULL: all */
    const char *prefix; /* answers only paths that begin so; NULL: all */
    const struct tulle_header *headers;
    size_t header_count;
    const void *body; /* NULL: `body_size` times 'x' */
    size_t body_size; /* 0 with a body: up to its NUL */
    const struct tulle_header *trailers;
    size_t trailer_count;
    int64_t delay_ns;   /* from the request to the head; 0: 1 ms, TULLE_NONE: none */
    int64_t connect_ns; /* how long a new connection takes; 0: no time */
    size_t chunk_size;  /* the body comes in pieces of this size; 0: in one */
    int64_t chunk_ns;   /* before each piece; 0: no time */
    size_t break_at;    /* of TULLE_MOCK_BREAK */
    int32_t close;      /* 1: the connection ends with the answer */
};                      /* append only */

#define TULLE_MOCK_ANSWER_INIT .size = sizeof(struct tulle_mock_answer)

/* Sets every field to its default: 200, for ever. `size` is the caller's sizeof.
 * Thread: any. Errors: none. */
TULLE_API void tulle_mock_answer_init(struct tulle_mock_answer *answer, size_t size);

/* What an endpoint does with requests. Of all that was said to it and fits the
 * request, what has `times` left is used, in the order it was said; then what was
 * said last for ever. `address` NULL: of every endpoint, after what is said to it
 * by name.
 *
 * Owns: takes nothing; what `answer` points to is copied.
 * Errors: TULLE_E_USAGE  the answer is wrong; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_answer(struct tulle_mock *mock,
                                                            const char *address,
                                                            const struct tulle_mock_answer *answer);

/* Takes back all that was said to an endpoint and not used (NULL: to all).
 * Errors: none. */
TULLE_API void tulle_mock_unsay(struct tulle_mock *mock, const char *address);

/* An endpoint's process dies: its connections end, new ones are refused; until
 * tulle_mock_revive(). What was said to it stays.
 * Errors: TULLE_E_NOMEM, TULLE_E_USAGE from a callback */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_kill(struct tulle_mock *mock,
                                                          const char *address);

/* It is there again. Errors: none. */
TULLE_API void tulle_mock_revive(struct tulle_mock *mock, const char *address);

/* --- what came of it --- */

/* Whether the test may end: no answer that was said with `times` is left over,
 * no request came that nobody expected (`strict`), every call, reply and pick was
 * freed, no record was cut off by `keep_max`.
 *
 * Gives: `*out`, a line for each thing that is wrong ("" when nothing is), to be
 *   freed by tulle_text_free(); NULL without memory.
 * Errors: TULLE_E_USAGE  something is wrong; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_check(struct tulle_mock *mock, char **out);

/* Forgets what was recorded; the counts below start anew. Errors: none. */
TULLE_API void tulle_mock_forget(struct tulle_mock *mock);

/* A request that an endpoint got. Texts are borrowed until tulle_mock_forget()
 * or tulle_mock_free(). */
struct tulle_mock_request {
    size_t size;          /* set by TULLE_MOCK_REQUEST_INIT */
    const char *endpoint; /* "10.0.0.1:9080" */
    const char *method;
    const char *url;     /* as sent: canonical, absolute */
    const char *headers; /* "Name: value\n", a line each, in the order of the wire */
    const char *body;    /* its first 64 KiB; a NUL follows. Of one that still
                          * streams: borrowed until more of it comes */
    size_t body_size;    /* of all of it */
    int64_t at_ns;       /* when it arrived */
    int32_t reused;      /* 1: over a kept connection */
    int32_t unexpected;  /* 1: no answer was left for it (`strict`) */
};                       /* append only */

#define TULLE_MOCK_REQUEST_INIT .size = sizeof(struct tulle_mock_request)

/* How many requests an endpoint got (NULL: all of them together). */
TULLE_API size_t tulle_mock_requests(const struct tulle_mock *mock, const char *address);

/* The `index`th request of all, in the order of arrival, into `*out`, whose
 * size must be set.
 * Errors: TULLE_E_USAGE  there is no such request, or `out->size` is not set */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_request_at(const struct tulle_mock *mock, size_t index, struct tulle_mock_request *out);

/* The value of a request's first header of this name (case does not matter),
 * into `*out` (borrowed); NULL when it has none.
 * Errors: TULLE_E_USAGE  there is no such request; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_request_header(struct tulle_mock *mock,
                                                                    size_t index, const char *name,
                                                                    const char **out);

enum tulle_mock_pick_result {
    TULLE_MOCK_PICKED = 0, /* an endpoint */
    TULLE_MOCK_WAITS = 1,  /* none is known yet */
    TULLE_MOCK_NONE = 2    /* all are ejected */
};

/* A decision of a balancer: one for each attempt of a call, and for each pick. */
struct tulle_mock_pick {
    size_t size;          /* set by TULLE_MOCK_PICK_INIT */
    const char *cluster;  /* "outbound|80||reviews.default.svc.cluster.local" */
    const char *endpoint; /* "" when none was picked */
    int32_t result;       /* enum tulle_mock_pick_result */
    uint32_t attempt;     /* of its call; 1: the first */
    int64_t at_ns;
    size_t candidate_count; /* endpoints of the cluster at that moment */
};                          /* append only */

#define TULLE_MOCK_PICK_INIT .size = sizeof(struct tulle_mock_pick)

/* An endpoint as it stood when a pick was made. */
struct tulle_mock_candidate {
    size_t size; /* set by TULLE_MOCK_CANDIDATE_INIT */
    const char *address;
    const char *gate; /* "ready", "trial", "ejected" */
    const char *why;  /* "picked"; "ejected"; "tried already"; "" : another was better or drawn */
    uint32_t weight;
    uint32_t in_flight; /* before this pick */
};                      /* append only */

#define TULLE_MOCK_CANDIDATE_INIT .size = sizeof(struct tulle_mock_candidate)

/* How many picks were made. */
TULLE_API size_t tulle_mock_picks(const struct tulle_mock *mock);

/* The `index`th pick into `*out`, whose size must be set.
 * Errors: TULLE_E_USAGE  there is no such pick, or `out->size` is not set */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_pick_at(const struct tulle_mock *mock, size_t index, struct tulle_mock_pick *out);

/* The `index`th candidate of a pick, in the order of addresses.
 * Errors: TULLE_E_USAGE  there is none, or `out->size` is not set */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_candidate_at(const struct tulle_mock *mock,
                                                                  size_t pick, size_t index,
                                                                  struct tulle_mock_candidate *out);

enum tulle_mock_event_kind {
    TULLE_MOCK_EVENT_PUBLISHED = 1, /* a configuration came into force */
    TULLE_MOCK_EVENT_EJECTED = 2,   /* outlier detection took an endpoint out */
    TULLE_MOCK_EVENT_BACK = 3,      /* it is back */
    TULLE_MOCK_EVENT_CALL = 4       /* a call ended: its access log line */
};

/* Something that happened in a mesh of the mock. */
struct tulle_mock_event {
    size_t size;  /* set by TULLE_MOCK_EVENT_INIT */
    int32_t kind; /* enum tulle_mock_event_kind */
    int64_t at_ns;
    const char *cluster;  /* "" of PUBLISHED, and of a call without a route */
    const char *endpoint; /* "" of PUBLISHED, and of a call without one */
    const char *text;     /* a line for people */
    uint64_t generation;  /* of PUBLISHED: 1, 2, 3... */
    const char *method, *path, *authority, *flags; /* of CALL: as in struct tulle_access */
    int32_t status, error;
    uint32_t attempts;
    int64_t duration_ns;
}; /* append only */

#define TULLE_MOCK_EVENT_INIT .size = sizeof(struct tulle_mock_event)

/* How many events were recorded. */
TULLE_API size_t tulle_mock_events(const struct tulle_mock *mock);

/* The `index`th event into `*out`, whose size must be set.
 * Errors: TULLE_E_USAGE  there is no such event, or `out->size` is not set */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_mock_event_at(const struct tulle_mock *mock, size_t index, struct tulle_mock_event *out);

/* The sum of all metric lines of this name that have these labels, over all
 * open meshes: "tulle_retries_total{cluster=\"...\"}", or the bare name.
 *
 * Gives: `*out`; 0 when there is no such line.
 * Errors: TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_mock_metric(struct tulle_mock *mock,
                                                            const char *selector, double *out);

/* The gate of an endpoint: "ready", "trial", "ejected" (in any cluster); "" when
 * no open mesh knows it. Static text. */
TULLE_API const char *tulle_mock_gate(struct tulle_mock *mock, const char *address);

#ifdef __cplusplus
}
#endif

#endif
