/* SPDX-License-Identifier: Apache-2.0 */

/* Clusters of the model, made in code, for the tests of what outlives them. */

#ifndef TESTS_UNIT_ENDPOINT_FIXTURE_H
#define TESTS_UNIT_ENDPOINT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint/live.h"
#include "endpoint/outlier.h"

enum { FIXTURE_LOOPS = 2 };

struct fixture_endpoints {
    size_t from, count;      /* addresses "10.0.<from>:80" and on, of five digits */
    const uint32_t *weights; /* NULL: all 1 */
    void (*shape)(struct endpoint *endpoints); /* what else is to be said of them; NULL: nothing */
};

/* "outbound|80||shop" with Envoy's defaults and outlier detection of Istio's. NULL: no memory. */
struct cluster *fixture_cluster(const struct fixture_endpoints *endpoints);

/* The `i`-th view with a name. */
struct view *fixture_view(const struct cluster_live *live, size_t i);
size_t fixture_named(const struct cluster_live *live);
/* `count` verdicts on a view, from loop 0. The number of ejections. */
int fixture_record(struct cluster_live *live, struct view *view, enum verdict verdict, int count,
                   int64_t now);

#endif
