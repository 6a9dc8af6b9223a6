/* SPDX-License-Identifier: Apache-2.0 */

/* The names of a mesh and what they resolve to: looked up on the control step's
 * loop, remembered for as long as they may be, read from every loop.
 *
 * A name that a cluster holds is looked up again whenever its time has come. A
 * name outside the mesh is looked up when a call asks, then for as long as
 * calls use it; unused it sleeps (the next call waits for a new answer) and is
 * forgotten. Whatever a look-up fails of, the last good addresses stay. */

#ifndef TULLE_DNS_DNS_H
#define TULLE_DNS_DNS_H

#include <tulle/error.h>

#include <stdatomic.h>

#include "base/list.h"
#include "seam/resolver.h"

/* What a name resolves to. Never changes; any thread may hold a reference. */
struct dns_answer {
    atomic_size_t refs;
    enum dns_fault fault; /* of the last look-up; addresses that are there are the last good */
    size_t count;
    const struct dns_address *addresses; /* IPv6 and IPv4 in turn (RFC 8305 4) */
    struct str text; /* the first of them, "[::1],10.0.0.1", for struct exchange */
    uint64_t print;  /* of the set, in whatever order */
};

struct dns;
struct dns_name;

struct dns_options {
    struct loop *loop; /* the control step's */
    const struct log *log;
    const struct resolver_type *resolver;
    const char *servers; /* for the resolver; NULL: the system's */
    int64_t stale_ns;    /* how long addresses serve that no look-up finds again; NEVER: for ever */
    uint64_t seed;
    /* A name that is held has other addresses, or none for another reason. On
     * the control step's loop; may come from inside tulle__dns_hold(). */
    void (*changed)(void *user);
    void *user;
};

/* Errors: TULLE_E_NOMEM, TULLE_E_USAGE (`servers` is no list of servers) */
enum tulle_error tulle__dns_open(const struct dns_options *options, struct dns **out);
void tulle__dns_close(struct dns *dns); /* NULL does nothing; no desk is used any more */

struct dns_answer *tulle__dns_answer_ref(struct dns_answer *answer);
void tulle__dns_answer_unref(struct dns_answer *answer); /* NULL does nothing */

/* --- on the control step's loop --- */

/* Looks it up from now on. `host` is in lower case and no address. Holding twice
 * needs two releases. NULL: no memory. */
struct dns_name *tulle__dns_hold(struct dns *dns, struct str host);
void tulle__dns_release(struct dns_name *name);
struct dns_answer *tulle__dns_name_answer(struct dns_name *name); /* a reference; NULL: none yet */

/* --- on any loop --- */

/* Where the calls of a loop wait for answers. */
struct dns_desk {
    struct dns *dns;
    struct list node;
    struct list waiting; /* dns_wait; the loop's */
    atomic_uint count;   /* of them */
    struct task task;
    bool (*post)(void *on, struct task *task); /* from any thread, to its loop */
    void *on;
};

/* Lives inside whoever waits. */
struct dns_wait {
    struct list node;                     /* in no list: it does not wait */
    void (*ready)(struct dns_wait *wait); /* ask again; from no other function */
};

void tulle__dns_desk_init(struct dns_desk *desk, struct dns *dns);

/* A reference to the answer; NULL: there is none yet, and `wait` will be told.
 * `host` as in tulle__dns_hold(). */
struct dns_answer *tulle__dns_ask(struct dns_desk *desk, struct dns_wait *wait, struct str host);
void tulle__dns_leave(struct dns_desk *desk, struct dns_wait *wait); /* waits no more, if it did */

/* --- on any thread --- */

void tulle__dns_stats(struct dns *dns, struct dns_stats *out);

#endif
