/* SPDX-License-Identifier: Apache-2.0 */

/* Earliest deadline first, as Envoy schedules unequal weights: each entry is due
 * again 1/weight after it was due last, so shares are exact, not drawn. First
 * deadlines are drawn from [0, 1/weight): loops do not all begin with the same
 * endpoint, nor does each new picker.
 *
 * A heap of four children a node, whose siblings share a cache line: seven lines
 * deep at 10,000 entries, of which the upper ones are always warm. Instants are
 * 32.32 fixed point and may wrap. */

#ifndef TULLE_BALANCE_EDF_H
#define TULLE_BALANCE_EDF_H

#include <stddef.h>
#include <stdint.h>

#include "balance/leaf.h"
#include "base/rand.h"

/* 32.32, above 0: the time until entry `i` is due again. */
typedef uint64_t edf_period_fn(const struct leaf *leaf, size_t i, int64_t now);

struct edf;

size_t tulle__edf_size(size_t count);
void tulle__edf_init(struct edf *edf, const struct leaf *leaf, edf_period_fn *period,
                     struct rand *rand);
/* The next in turn that is usable; after a few that are not, any that is.
 * SIZE_MAX: every entry is ejected. */
size_t tulle__edf_choose(struct edf *edf, const struct leaf *leaf, const struct pick *pick,
                         edf_period_fn *period);

static inline uint64_t edf_period(uint64_t load, uint32_t weight)
{
    uint64_t period = (load << 32) / (weight > 0 ? weight : 1);

    return period > 0 ? period : 1;
}

/* The same of what are no whole numbers. */
static inline uint64_t edf_period_real(double load, double weight)
{
    double period = load / weight * 4294967296.0;

    if (!(period < 0x1p62)) {
        return UINT64_C(1) << 62;
    }
    return period > 1 ? (uint64_t)period : 1;
}

#endif
