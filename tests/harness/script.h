/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoints that do as they are told, and remember what was asked of them. All
 * of it is libc's memory: a sweep is about the library's. */

#ifndef TESTS_HARNESS_SCRIPT_H
#define TESTS_HARNESS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"

enum script_kind {
    SCRIPT_ANSWER,         /* with `status`, after `delay_ns` */
    SCRIPT_HANG,           /* takes the request and never answers */
    SCRIPT_REFUSE,         /* refuses the connection; kept ones are gone */
    SCRIPT_CONNECT_HANG,   /* the connection never comes about */
    SCRIPT_RESET,          /* takes the request and resets, after `delay_ns` */
    SCRIPT_RESET_BEFORE,   /* the connection ends before a byte was sent */
    SCRIPT_REFUSED_STREAM, /* HTTP/2 REFUSED_STREAM */
    SCRIPT_BREAK           /* the body ends after `break_at` bytes */
};

enum { SCRIPT_HEADERS = 8 };

struct script_line {
    enum script_kind kind;
    unsigned times;                      /* then the next line; 0: for ever */
    int status;                          /* 0: 200 */
    int64_t delay_ns;                    /* to the head; 0: 1 ms */
    int64_t connect_ns;                  /* of a new connection; 0: at once */
    const char *body;                    /* static; NULL: `body_size` times 'x' */
    size_t body_size;                    /* 0: that of `body` */
    size_t chunk_size;                   /* 0: all in one */
    int64_t chunk_ns;                    /* before each chunk; 0: at once */
    size_t break_at;                     /* of SCRIPT_BREAK */
    bool close;                          /* the connection ends with the answer */
    const char *headers[SCRIPT_HEADERS]; /* static; "name: value" */
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
    size_t body_size;
    int64_t at;
    bool reused; /* over a kept connection */
};

struct script {
    struct list endpoints;
    struct list connections;  /* the transport's */
    unsigned open, most_open; /* connections to all endpoints */
    struct script_request *requests;
    size_t request_count, request_capacity;
};

void script_init(struct script *script);
void script_fini(struct script *script);
struct script_endpoint *script_endpoint(struct script *script, const char *address);
/* Also makes one. Of several lines each has its times; what is said for ever
 * gives way to what is said later. */
void script_say(struct script_endpoint *endpoint, const struct script_line *line);
/* What it does next, which uses it up. */
struct script_line script_next(struct script_endpoint *endpoint);
/* The same without using it up. */
struct script_line script_peek(const struct script_endpoint *endpoint);
struct script_request *script_request_new(struct script *script);

/* By script_transport.c: what a process that dies does to its connections. */
void script_kill_connections(struct script *script, const struct script_endpoint *endpoint);

#endif
