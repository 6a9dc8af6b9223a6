/* SPDX-License-Identifier: Apache-2.0 */

/* A machine on a bench: one loop of a virtual world, small layers that do one
 * thing each, and a call over any stack of them. */

#ifndef TESTS_UNIT_STACK_MACHINE_H
#define TESTS_UNIT_STACK_MACHINE_H

#include "harness/test.h"
#include "stack/call.h"

struct stats {
    int in_flight, good, bad, timeouts, cancelled, ends;
};

/* What the bottom layer does, call after call. status 0 hangs. */
struct script_reply {
    int status;
    int64_t after; /* 0: from inside on_call */
    int64_t body;  /* the body ends this much later; 0: none */
    bool breaks;   /* ... or breaks off */
};

struct script {
    const struct script_reply *replies;
    size_t next;
    int cut; /* told of a timeout or a cancel */
};

struct bench {
    struct loop loop;
    struct call_loop on;
    struct world world;
    int64_t now;
    struct stack stack;
    struct tulle_call *call;
    int ended;
};

extern const struct layer_type bench_bound;   /* config: int64_t, a limit */
extern const struct layer_type bench_again;   /* config: struct again */
extern const struct layer_type bench_stats;   /* config: struct stats */
extern const struct layer_type bench_script;  /* config: struct script */
extern const struct layer_type bench_naughty; /* cancels from inside on_call */

struct again {
    int max; /* tries in all */
    int64_t backoff;
};

void bench_open(struct bench *bench);
void bench_layer(struct bench *bench, const struct layer_type *type, const void *config);
/* False: no memory for a call. */
bool bench_start(struct bench *bench);
/* Runs the clock on until nothing is due, or `until`. */
void bench_run(struct bench *bench, int64_t until);
void bench_cancel(struct bench *bench);
void bench_close(struct bench *bench);

#endif
