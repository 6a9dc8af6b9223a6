/* SPDX-License-Identifier: Apache-2.0 */

/* A histogram over fixed upper bounds, as Prometheus wants it. One writer;
 * readers may look meanwhile (relaxed atomics). */

#ifndef TULLE_BASE_HISTOGRAM_H
#define TULLE_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 19 };

/* Envoy's default buckets, which Istio's metrics have. */
extern const double tulle__histogram_bounds[HISTOGRAM_BOUNDS];

struct histogram {
    atomic_uint_least64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last: above every bound */
    _Atomic double sum;
};

void tulle__histogram_add(struct histogram *histogram, double value);

#endif
