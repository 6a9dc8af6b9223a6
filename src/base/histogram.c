/* SPDX-License-Identifier: Apache-2.0 */

#include "base/histogram.h"

const double tulle__histogram_bounds[HISTOGRAM_BOUNDS] = {
    0.5,  1,    5,     10,    25,    50,     100,    250,     500,     1000,
    2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
};

/* With one writer, load and store are enough: a locked add costs ten times as much. */
void tulle__histogram_add(struct histogram *histogram, double value)
{
    atomic_uint_least64_t *count;
    size_t at = 0;

    while (at < HISTOGRAM_BOUNDS && value > tulle__histogram_bounds[at]) {
        at++;
    }
    count = &histogram->counts[at];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&histogram->sum,
                          atomic_load_explicit(&histogram->sum, memory_order_relaxed) + value,
                          memory_order_relaxed);
}
