/* SPDX-License-Identifier: Apache-2.0 */

/* A transport on a loop, without the mesh above it. */

#ifndef TESTS_WIRE_RIG_H
#define TESTS_WIRE_RIG_H

#include "seam/transport.h"

enum rig_moment { RIG_HEADER = 1, RIG_HEAD, RIG_BODY, RIG_END, RIG_MORE, RIG_TRAILER };

struct rig {
    struct loop loop;
    struct transport *transport;
    struct connection_limit limit;
    int limit_refs;
    int wanted, freed;
    int drained;
};

/* What a call does with what it hears; no streams. */
extern const struct exchange_events rig_events;

struct rig_call {
    struct exchange exchange;
    struct rig *rig;
    struct pool *pool;
    char url[256];
    struct header_line lines[24];
    int status;
    bool is_http2;
    int sent;   /* told that its first byte may leave */
    char *body; /* libc's, NUL-terminated */
    size_t body_size;
    size_t body_max;    /* 0: any */
    size_t headers_max; /* 0: any */
    char headers[2048]; /* "name: value\n" each */
    int heads, ends;
    struct exchange_end end;
    char text[512];
    int64_t ended_at;
    enum rig_moment act_at; /* then `act` runs, once */
    void (*act)(struct rig_call *call);
    struct rig_call *other;
};

void rig_init(struct rig *rig, const char *ca_file);
bool rig_try_init(struct rig *rig, const char *ca_file); /* false: no memory */
void rig_fini(struct rig *rig);
struct pool *rig_pool(struct rig *rig, const char *address, enum protocol protocol);

/* A GET of `url` with a connect timeout of 5 s and an idle one of an hour. */
void rig_call_init(struct rig_call *call, struct rig *rig, const char *url);
void rig_call_fini(struct rig_call *call);
void rig_start(struct rig_call *call, struct pool *pool);
/* Runs the loop until `count` calls from `calls` on have ended; fails after 20 s. */
void rig_wait(struct rig *rig, struct rig_call *calls, size_t count);
void rig_run(struct rig *rig, int64_t time_ns);
/* Starts and waits. */
void rig_call(struct rig_call *call, struct rig *rig, struct pool *pool, const char *url);
#endif
