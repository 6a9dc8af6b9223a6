/* SPDX-License-Identifier: Apache-2.0 */

#include "base/backoff.h"

#include "base/clock.h"

int64_t tulle__backoff(int64_t base, int64_t max, uint32_t retry, struct rand *rand)
{
    int64_t limit = base;

    while (--retry > 0 && limit < max) {
        limit = limit > max / 2 ? max : limit * 2;
    }
    return rand_below_i64(rand, limit < max ? limit : max);
}

int64_t tulle__backoff_above(int64_t interval, struct rand *rand)
{
    return time_add(interval, rand_below_i64(rand, interval / 2 + 1));
}
