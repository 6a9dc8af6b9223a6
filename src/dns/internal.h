/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of this folder share. */

#ifndef TULLE_DNS_INTERNAL_H
#define TULLE_DNS_INTERNAL_H

#include "base/rand.h"
#include "base/table.h"
#include "base/thread.h"
#include "dns/dns.h"

enum {
    NAMES_SOFT = 4096, /* beyond it nobody sleeps, and who is unused goes soon */
    NAMES_MOST = 65536,
    OUTSIDE_ADDRESSES = 16 /* of each family, of a name that no cluster holds */
};

struct dns {
    struct loop *loop;
    const struct log *log;
    const struct resolver_type *type;
    struct resolver *resolver;
    void (*changed)(void *user);
    void *user;
    int64_t stale_ns;
    struct rand rand;
    struct task task;            /* looks at `wanted` */
    struct list desks;           /* made before the first answer is asked for */
    struct dns_answer no_memory; /* what is said when an answer cannot be made */
    struct dns_answer too_many;

    struct mutex lock; /* guards all below, and what struct dns_name says */
    struct table names;
    struct list wanted;
    struct dns_stats stats; /* lookups and failures */
};

/* What is known of one family. */
struct dns_half {
    struct resolver_query query;
    struct dns_name *name;
    bool is_ipv6;
    bool pending;
    enum dns_fault fault; /* of the last question */
    int64_t ttl_ns;
    struct dns_address *good; /* the last */
    size_t count;
    bool cut; /* there were more */
};

struct dns_name {
    struct dns *dns;
    struct str host;

    /* Guarded by dns->lock; `answer` is changed on the control step's loop alone. */
    struct dns_answer *answer; /* NULL: none yet */
    struct list wanted;        /* in dns->wanted: a call asked */
    bool used;                 /* since the last look */
    bool asleep;               /* the answer is too old for a call */

    /* The control step's. */
    unsigned holds;
    unsigned failures;         /* in a row */
    bool reserved;             /* the timer */
    bool looking;              /* a look-up is under way */
    bool failing;              /* told to the log */
    int64_t good_at;           /* when it last had a good answer */
    struct timer timer;        /* the next look; while looking: the end of patience */
    struct dns_half halves[2]; /* IPv6, IPv4 */
};

/* answer.c. NULL: no memory. */
struct dns_answer *tulle__dns_answer_new(const struct dns_half halves[2], enum dns_fault fault);

/* name.c: the control step's loop, without the lock. */
void tulle__dns_name_want(struct dns_name *name);    /* looks it up unless it is known */
bool tulle__dns_name_reserve(struct dns_name *name); /* its timer */
void tulle__dns_name_free(struct dns_name *name);    /* nobody can find it any more */
void tulle__dns_wake_desks(struct dns *dns);

#endif
