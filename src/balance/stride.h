/* SPDX-License-Identifier: Apache-2.0 */

/* The numbers of a static stride schedule (gRPC, static_stride_scheduler.cc): the
 * heaviest weighs 65,535, at most ten times the mean, and the lightest at least a
 * tenth of it, so that ten turns find an entry. An entry without a weight (0)
 * weighs the mean of those that have one. */

#ifndef TULLE_BALANCE_STRIDE_H
#define TULLE_BALANCE_STRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STRIDE_MAX = UINT16_MAX };

struct stride {
    double scale;
    double mean, least, most; /* before scaling */
};

/* At least one of `weights` is above 0. */
struct stride tulle__stride_of(const double *weights, size_t count);
uint16_t tulle__stride_weight(const struct stride *stride, double weight);

/* True: in this generation the entry's turn is taken. */
static inline bool stride_takes(uint16_t weight, size_t entry, uint64_t generation)
{
    uint64_t at = ((uint64_t)weight * generation + (uint64_t)entry * (STRIDE_MAX / 2)) % STRIDE_MAX;

    return at >= (uint64_t)STRIDE_MAX - weight;
}

#endif
