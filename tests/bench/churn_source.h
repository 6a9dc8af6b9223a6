/* SPDX-License-Identifier: Apache-2.0 */

/* A source of one cluster, of whose endpoints one is replaced at each change, and
 * which times the control steps it is part of. */

#ifndef TESTS_BENCH_CHURN_SOURCE_H
#define TESTS_BENCH_CHURN_SOURCE_H

#include <stdatomic.h>
#include <time.h>

#include "base/rand.h"
#include "seam/source.h"

struct times {
    double *ns;
    size_t count, room;
};

struct source {
    struct draft draft;
    struct endpoint_set *set;
    enum balancer_kind kind;
    size_t count;          /* endpoints that there are */
    size_t *there, *spare; /* numbers of addresses */
    struct rand rand;
    atomic_uint wanted, done;
    bool changed;
    struct timespec began, began_cpu;
    struct times changes, worked, others;
};

extern struct source source;

extern const struct source_type churn_source;

/* Before it is opened: so many endpoints. */
void churn_deal(size_t count);
double churn_since(clockid_t clock, const struct timespec *began);
void churn_fail(const char *what) __attribute__((noreturn));

#endif
