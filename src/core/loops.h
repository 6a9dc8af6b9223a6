/* SPDX-License-Identifier: Apache-2.0 */

/* Who runs which loop. A mesh has few loops; a call lives on one of them from
 * start to end. A blocking caller takes a free loop and runs it himself; where
 * none is free he gives his call to the loop with the fewest and sleeps. Who
 * has finished passes the loop on: to a sleeping caller of that loop, or to
 * the loop's own thread (made when an asynchronous call first needs it), or to
 * nobody when there is nothing to do. */

#ifndef TULLE_CORE_LOOPS_H
#define TULLE_CORE_LOOPS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/loop.h"
#include "base/thread.h"
#include "dns/dns.h"
#include "stack/call.h"

struct tulle;

/* A blocking caller, on his own stack. */
struct waiter {
    struct cond cond;
    struct list node; /* in mesh_loop.waiters, while he sleeps */
    bool done;        /* his call is over */
    bool handed;      /* the loop is his now */
};

struct mesh_loop {
    struct loop loop;
    struct call_loop lend;
    struct dns_desk desk;
    struct tulle *mesh;

    /* Guarded by loops.lock. */
    bool worker_turn;
    bool quitting;
    unsigned calls; /* placed here and not over */
    struct list waiters;
    struct thread worker;
    struct cond worker_cond;

    /* Changed under the lock, looked at without. */
    atomic_bool owned;
    atomic_uint_least64_t runner; /* the thread that runs a round; 0: none */
    atomic_uint_least64_t passed; /* rounds begun */

    /* The owner's. */
    struct list here;  /* calls that run, by their node */
    struct list pools; /* loop_pool */
    struct runnable_use *use;
    struct task wake;   /* passes a round, takes the newest mesh */
    struct task drain;  /* pools of peers that are leaving */
    struct task cancel; /* every call: the mesh closes */
    bool closing;       /* and those that come late */
};

struct loops {
    struct mutex lock; /* guards who owns which loop, and how many calls each has */
    struct cond idle;  /* signalled when the last call is over, and the last caller out */
    struct mesh_loop *each;
    size_t count;
    unsigned calls;
    unsigned callers; /* threads of the app that are inside, and may yet touch a loop */
    bool closed;      /* nothing is placed any more */
};

bool tulle__loops_init(struct loops *loops, struct tulle *mesh, size_t count);
void tulle__loops_join(struct loops *loops); /* the workers end; no call is left */
void tulle__loops_fini(struct loops *loops);

/* Chooses the loop for a call and counts it there, and the caller, until he
 * leaves. With a waiter: `*own` says whether the loop is the caller's to run,
 * else he is in its line. Without: the loop's thread exists. NULL: closed
 * (`*closed`), or no thread. */
struct mesh_loop *tulle__loops_place(struct loops *loops, struct waiter *waiter, bool *own,
                                     bool *closed);
void tulle__loops_call_ended(struct mesh_loop *here, struct waiter *waiter);

/* The loop is this thread's: runs it until the waiter's call is over, and passes it on. */
void tulle__loops_run(struct mesh_loop *here, struct waiter *waiter);
/* The loop is another's: sleeps until the call is over or the loop is handed over. */
void tulle__loops_wait(struct mesh_loop *here, struct waiter *waiter);
/* Around what a thread of the app does with a mesh that may be closed meanwhile:
 * that waits for it. Placing a call enters. */
void tulle__loops_enter(struct loops *loops);
void tulle__loops_leave(struct loops *loops);
/* There is something to do: if nobody runs the loop, its thread does (if it has
 * one), else the control step is told. */
void tulle__loops_kick(struct mesh_loop *here);
/* By the control step: runs a free loop for as long as it has something to do now. */
void tulle__loops_visit(struct mesh_loop *here);
/* For the app's own loop: the caller is inside, and owns the loop. False: another does. */
bool tulle__loops_take(struct mesh_loop *here);
void tulle__loops_give(struct mesh_loop *here);
void tulle__loops_round(struct mesh_loop *here); /* what there is to do now */

bool tulle__mesh_loop_post(struct mesh_loop *here, struct task *task); /* and kicks */
struct mesh_loop *
tulle__loops_mine(const struct loops *loops); /* whose callback this is; NULL: none */
/* Waits until no call and no caller is left, or `due`. */
bool tulle__loops_wait_idle(struct loops *loops, int64_t due);
/* The same, for callers alone: nobody runs the loop then. */
bool tulle__loops_wait_alone(struct loops *loops, int64_t due);

#endif
