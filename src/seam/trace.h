/* SPDX-License-Identifier: Apache-2.0 */

/* What a call carries on of the request it serves: read by observe/trace.c,
 * written into attempts by policy/trace.c.
 *
 * Each format that came goes on as it came, with its own decision on sampling;
 * none is made from another. All carry one trace id: that of the first of
 * traceparent, b3, x-b3-* which has one (linkerd2-proxy has this order, too). */

#ifndef TULLE_SEAM_TRACE_H
#define TULLE_SEAM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rand.h"
#include "base/str.h"
#include "seam/transport.h"

enum trace_header {
    TRACE_TRACEPARENT,
    TRACE_B3,
    TRACE_B3_TRACE_ID,
    TRACE_B3_SPAN_ID,
    TRACE_B3_PARENT_ID,
    TRACE_B3_SAMPLED,
    TRACE_B3_FLAGS,
    TRACE_TRACESTATE,
    TRACE_REQUEST_ID,
    TRACE_BAGGAGE,
    TRACE_HEADERS /* how many; of a name: none of them */
};

/* Those that say which trace it is, and whether it is recorded. */
#define TRACE_OWN_MASK (((unsigned)1 << TRACE_TRACESTATE) - 1)

enum trace_format {
    TRACE_FORMAT_NONE = 0,
    TRACE_FORMAT_W3C = 1,
    TRACE_FORMAT_B3 = 2,
    TRACE_FORMAT_B3_MULTI = 4
};
enum trace_decision { TRACE_UNDECIDED, TRACE_NOT_SAMPLED, TRACE_SAMPLED, TRACE_DEBUG };

enum {
    TRACE_ID_SIZE = 32,
    TRACE_SPAN_SIZE = 16,
    TRACE_REQUEST_ID_MAX = 512,
    TRACE_STATE_MAX = 512, /* bytes, and members: W3C Trace Context 3.3.1 */
    TRACE_STATE_MEMBERS_MAX = 32,
    TRACE_BAGGAGE_MAX = 8192 /* bytes: W3C Baggage 3.3.2 */
};

struct trace_id {
    uint64_t high, low; /* both 0: none */
};

/* The values as they came; size 0: did not come. */
struct trace_found {
    struct str values[TRACE_HEADERS];
    bool parent_twice; /* two traceparents are none (W3C's test suite) */
};

struct trace {
    unsigned formats; /* enum trace_format, or-ed: what goes on */
    struct trace_id id;
    uint64_t parent;                  /* the span that made this request; 0: none */
    uint8_t w3c_flags;                /* sampled 1, random 2 */
    enum trace_decision b3, multi;    /* of these formats */
    bool b3_is_short, multi_is_short; /* came with 64 bits and go on so */
    struct str state, request_id, baggage;
};

/* A line that goes out, and where in it the attempt's span id is to stand. */
struct trace_line {
    struct header_line header;
    enum trace_header kind;
    size_t span_at; /* 0: the same in every attempt */
};

struct trace_lines {
    size_t count;
    struct trace_line each[TRACE_HEADERS];
};

/* What a context gives to its calls. */
struct trace_handed {
    struct trace_id id; /* none: it came without */
    uint64_t parent;
    int32_t sampled;     /* as tulle_span.sampled */
    bool goes_on;        /* a trace, or a decision on one, came: none is started */
    bool has_request_id; /* among the lines */
    struct trace_lines lines;
};

/* What a call carries: settled once, but for the span id of the attempt. */
struct call_trace {
    struct trace_id id;
    uint64_t parent, span; /* 0: none */
    char *spans[3];        /* where the span id stands in the lines */
    size_t span_count;
    int32_t sampled; /* as tulle_span.sampled */
};

/* --- observe/trace.c --- */

enum trace_header tulle__trace_header(struct str name);
/* Keeps a value, the first of its kind. tracestate and baggage are lists of
 * several lines: observe/trace_list.h puts them together. */
void tulle__trace_find(struct trace_found *found, enum trace_header kind, struct str value);
/* What is malformed is passed over, as the formats say. Borrows from `found`. */
void tulle__trace_parse(const struct trace_found *found, struct trace *out);
/* 1, 0; -1: nobody decided. */
int32_t tulle__trace_sampled(const struct trace *trace);

/* --- observe/trace_write.c --- */

uint64_t tulle__trace_new_span(struct rand *rand);
/* Adds the lines, with span id 0, in memory of the arena. False: no memory. */
bool tulle__trace_lines(struct arena *arena, const struct trace *trace, struct trace_lines *lines);
/* The same of a new trace in this format. */
bool tulle__trace_start(struct arena *arena, struct rand *rand, enum trace_format format,
                        struct trace_id *id, struct trace_lines *lines);
/* An x-request-id as Envoy makes it: a UUID of version 4. */
bool tulle__trace_request_id(struct arena *arena, struct rand *rand, struct trace_lines *lines);
/* 16 lower-case digits, no NUL. */
void tulle__trace_put_hex(uint64_t value, char *out);

#endif
