/* SPDX-License-Identifier: Apache-2.0 */

/* Peak EWMA of a latency (Finagle, loadbalancer/PeakEwma): a sample above the
 * average replaces it at once, one below it pulls it down by its age; while
 * nothing comes it decays towards 0, so that a slow endpoint is tried again. */

#ifndef TULLE_BASE_EWMA_H
#define TULLE_BASE_EWMA_H

#include <stdatomic.h>
#include <stdint.h>

struct ewma {
    _Atomic double value_ns; /* 0: no sample yet */
    _Atomic int64_t stamp_ns;
};

void tulle__ewma_add(struct ewma *ewma, int64_t sample_ns, int64_t tau_ns, int64_t now);
double tulle__ewma_read(const struct ewma *ewma, int64_t tau_ns, int64_t now); /* writes nothing */

#endif
