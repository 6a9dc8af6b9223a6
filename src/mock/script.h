/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoints that do as they are told, and remember what was asked of them.
 *
 * Loops share a script (a program that runs against "mock:FILE" has several
 * threads), so all of it is behind one lock, a leaf; what is told to endpoints
 * is copied by whoever tells it and stays until the script ends. */

#ifndef TULLE_MOCK_SCRIPT_H
#define TULLE_MOCK_SCRIPT_H

#include <tulle/call.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "base/thread.h"
#include "seam/transport.h"

/* As enum tulle_mock_kind. */
enum script_kind {
    SCRIPT_ANSWER,
    SCRIPT_HANG,
    SCRIPT_REFUSE,
    SCRIPT_CONNECT_HANG,
    SCRIPT_RESET,
    SCRIPT_RESET_BEFORE,
    SCRIPT_REFUSED_STREAM,
    SCRIPT_BREAK
};

enum { SCRIPT_HEADERS = 8 };

/* Texts stay where they are as long as the script. */
struct script_line {
    enum script_kind kind;
    unsigned times;                      /* then the next line; 0: for ever */
    int status;                          /* 0: 200 */
    int64_t delay_ns;                    /* to the head; 0: 1 ms, NEVER: none */
    int64_t connect_ns;                  /* of a new connection; 0: at once */
    const char *body;                    /* NULL: `body_size` times 'x' */
    size_t body_size;                    /* 0: that of `body` */
    size_t chunk_size;                   /* 0: all in one */
    int64_t chunk_ns;                    /* before each chunk; 0: at once */
    size_t break_at;                     /* of SCRIPT_BREAK */
    bool close;                          /* the connection ends with the answer */
    const char *headers[SCRIPT_HEADERS]; /* "name: value" */
    const char *trailers[SCRIPT_HEADERS];
    const struct tulle_header *header_list; /* besides */
    size_t header_count;
    const struct tulle_header *trailer_list;
    size_t trailer_count;
    /* A request's body that streams is read first, then the rest happens. */
    bool echo;                          /* the head comes at once, and as body what was read */
    size_t take_max;                    /* reads so much of it and no more; 0: all */
    size_t take_size;                   /* at a time; 0: as much as there is */
    int64_t take_ns;                    /* before each time; 0: at once */
    const char *method, *path, *prefix; /* which requests it answers; NULL: all */
    bool unexpected;                    /* set by the script: nobody said what to do */
};

struct script_endpoint {
    struct list node;
    char address[64];
    struct script_line *lines;
    size_t line_count;
    bool dead;
    unsigned open, most_open, opened; /* connections */
    unsigned requests;
    unsigned active, most_active; /* requests under way */
};

struct script_request {
    const char *address; /* its endpoint's */
    char method[16];
    char *url;
    char *headers; /* "Name: value\n"... */
    char *body;    /* its first bytes (script.body_max), and a NUL; NULL: none */
    size_t body_size;
    size_t body_kept;
    char *trailers; /* as headers; NULL: not (yet) */
    int64_t at;
    bool reused;     /* over a kept connection */
    bool unexpected; /* of a strict script */
};

/* Where a script's own memory comes from. What a test says and reads is not
 * what a sweep is about: the harness gives it libc's. */
struct script_memory {
    void *(*resize)(void *ptr, size_t size); /* size 0 frees; NULL: none */
};

struct script {
    struct transport_type type; /* this script's own: tulle__open_in() takes it */
    const struct script_memory *memory;
    struct mutex lock;
    bool strict;     /* a request that no line is left for is refused */
    size_t keep_max; /* requests that are recorded; 0: none */
    size_t body_max; /* bytes that are kept of each body */
    void *user;      /* of whoever made the script */
    struct list endpoints;
    struct script_endpoint *any; /* said to all, after what each was told; NULL: nothing */
    struct list transports;
    unsigned open, most_open; /* connections to all endpoints */
    struct script_request **requests;
    size_t request_count, request_capacity;
    uint64_t request_first; /* the number of the first that is kept */
    size_t requests_cut;    /* not kept: over keep_max, or without memory */
    size_t unexpected;      /* requests */
};

static inline void *script_resize(struct script *script, void *ptr, size_t size)
{
    return script->memory->resize(ptr, size);
}

static inline void script_discard(struct script *script, void *ptr)
{
    if (ptr) {
        (void)script->memory->resize(ptr, 0);
    }
}

/* `memory` NULL: base/alloc. False: no lock. */
bool tulle__script_init(struct script *script, const struct script_memory *memory);
void tulle__script_fini(struct script *script);

/* Finds or makes one. NULL: no memory. */
struct script_endpoint *tulle__script_endpoint(struct script *script, const char *address);
bool tulle__script_knows(struct script *script, const char *address); /* without making one */
/* Of several lines that fit a request, those with times come first, in the
 * order they were said, then what was said last for ever. False: no memory. */
bool tulle__script_say(struct script *script, struct script_endpoint *endpoint,
                       const struct script_line *line);
void tulle__script_unsay(struct script *script, struct script_endpoint *endpoint);
/* `endpoint` of what is said to all. NULL: no memory. */
struct script_endpoint *tulle__script_any(struct script *script);

/* What it does with this request, which uses it up. */
struct script_line tulle__script_next(struct script *script, struct script_endpoint *endpoint,
                                      const struct exchange *exchange);
/* The same without using it up. */
struct script_line tulle__script_peek(struct script *script, struct script_endpoint *endpoint,
                                      const struct exchange *exchange);

/* --- what is counted and remembered; by the transport (script_notes.c) --- */

void tulle__script_note_open(struct script *script, struct script_endpoint *endpoint);
void tulle__script_note_closed(struct script *script, struct script_endpoint *endpoint);
void tulle__script_note_end(struct script *script, struct script_endpoint *endpoint);
/* A request arrived, or (unexpected) was turned away. Gives its number. */
uint64_t tulle__script_note_request(struct script *script, struct script_endpoint *endpoint,
                                    const struct exchange *exchange,
                                    const struct script_request *how);
/* More of its body. */
void tulle__script_note_body(struct script *script, uint64_t number, const char *data, size_t size);
/* Its trailers, once the body is over. */
void tulle__script_note_trailers(struct script *script, uint64_t number,
                                 const struct exchange *exchange);
void tulle__script_forget(struct script *script);

/* What a process that dies does to its connections. Of a script with one
 * thread. */
void tulle__script_kill_connections(struct script *script, const struct script_endpoint *endpoint);

#endif
