/* SPDX-License-Identifier: Apache-2.0 */

/* The whole client on the virtual clock: a mesh with all its layers, over a
 * transport whose other end are queues. A server has workers and a line before
 * them; what a client gave up is worked on all the same, because a server seldom
 * hears of it in time. */

#ifndef TESTS_SIM_WHOLE_H
#define TESTS_SIM_WHOLE_H

#include <tulle/tulle.h>

#include "base/list.h"
#include "seam/transport.h"
#include "sim/engine.h"
#include "sim/scenario.h"

struct whole;

struct whole_server {
    size_t index;
    size_t workers, busy;
    size_t line_max; /* over it: 503 at once */
    size_t line_size;
    struct list line; /* jobs */
};

/* A request at a server. */
struct job {
    struct timer timer;
    struct list node;          /* the server's line */
    struct list in_whole;      /* whole->jobs */
    struct exchange *exchange; /* NULL: the client gave it up */
    struct pool *pool;
    struct whole_server *server;
    int64_t takes_ns; /* NEVER: it hangs */
    int status;
    bool working;
};

struct whole_end {
    int64_t began, now;
    enum tulle_error error;
    int32_t status;
    uint32_t attempts;
    bool good; /* an answer below 500 */
    void *user;
};

struct whole {
    struct sim sim; /* first; arrivals and whatever else a model does */
    struct transport_type type;
    struct world world;
    uint64_t seeds;
    struct tulle *mesh;
    struct list jobs;
    struct whole_server *servers;
    size_t server_count;
    uint64_t requests; /* that arrived at all servers */
    int64_t began;
    const struct run *run;
    int64_t deadline_ns; /* of each call */
    void *model;
    /* How long a job takes and what it answers; of one that begins now. */
    void (*serve)(struct whole *whole, struct job *job);
    void (*ended)(struct whole *whole, const struct whole_end *end);
};

/* `mesh` of the run's policy is laid over a service "shop" with so many servers. */
void whole_open(struct whole *whole, const struct run *run, size_t servers);
void whole_close(struct whole *whole);
void whole_run(struct whole *whole, int64_t end);
void whole_call(struct whole *whole, void *user); /* ends in whole->ended() */

/* --- transport.c --- */

extern const struct transport_type sim_transport; /* copied into `type` */
void sim_jobs_discard(struct whole *whole);

#endif
