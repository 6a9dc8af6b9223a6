/* SPDX-License-Identifier: Apache-2.0 */

/* Full-jitter exponential backoff, as Envoy's code has it
 * (source/common/common/backoff_strategy.cc): the delay before retry n is
 * uniform in [0, min(base * 2^(n-1), max)). */

#ifndef TULLE_BASE_BACKOFF_H
#define TULLE_BASE_BACKOFF_H

#include <stdint.h>

#include "base/rand.h"

/* `retry` counts from 1; base > 0, max >= base. */
int64_t tulle__backoff(int64_t base, int64_t max, uint32_t retry, struct rand *rand);
/* Uniform in [interval, 1.5 interval): its JitteredLowerBoundBackOffStrategy. */
int64_t tulle__backoff_above(int64_t interval, struct rand *rand);

#endif
