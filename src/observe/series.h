/* SPDX-License-Identifier: Apache-2.0 */

/* A label set of Istio's metrics, and what each loop counted for it. */

#ifndef TULLE_OBSERVE_SERIES_H
#define TULLE_OBSERVE_SERIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/str.h"
#include "seam/observer.h"

/* What a label set says of the destination. */
enum series_kind {
    SERIES_SERVICE,     /* a service of the mesh */
    SERIES_PASSTHROUGH, /* a name outside the mesh, called */
    SERIES_BLACKHOLE,   /* a name outside the mesh, refused */
    SERIES_NO_ROUTE,    /* a service of the mesh, and no route of it took the request */
    SERIES_OTHER        /* everything that got no series of its own */
};

/* What a call is looked up by. */
struct series_key {
    uint64_t hash;
    enum series_kind kind;
    int status;
    unsigned flags;
    bool is_grpc;
    struct str host;
    struct str service, name_space; /* of SERIES_SERVICE */
};

enum series_metric {
    SERIES_DURATION, /* ms; its count is istio_requests_total */
    SERIES_REQUEST_BYTES,
    SERIES_RESPONSE_BYTES,
    SERIES_METRICS
};

/* One loop's half: written there alone, read by anyone. */
struct series_numbers {
    struct histogram of[SERIES_METRICS];
};

/* All but `numbers` never changes once it can be found. */
struct series {
    const struct series *next; /* in its bucket */
    struct series_key key;     /* its texts lie in this block */
    size_t loop_count;
    _Atomic(struct series_numbers *) numbers[]; /* one for each loop; NULL: nothing yet */
};

/* A histogram over all loops, read once, so that its parts agree. */
struct series_total {
    uint64_t counts[HISTOGRAM_BOUNDS + 1];
    uint64_t count; /* sum of counts */
    double sum;
};

/* Borrows the texts of `record`. */
void tulle__series_key(const struct call_record *record, uint64_t seed, struct series_key *out);
bool tulle__series_is(const struct series *series, const struct series_key *key);
int tulle__series_compare(const struct series *a, const struct series *b); /* by their labels */

struct series *tulle__series_new(size_t loop_count,
                                 const struct series_key *key); /* NULL: no memory */
void tulle__series_free(const struct series *series);           /* NULL does nothing */

/* By `loop` alone. NULL: no memory. */
struct series_numbers *tulle__series_numbers(const struct series *series, size_t loop);
void tulle__series_total(const struct series *series, enum series_metric metric,
                         struct series_total *out); /* any thread */

#endif
