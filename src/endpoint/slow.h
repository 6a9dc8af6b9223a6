/* SPDX-License-Identifier: Apache-2.0 */

/* Who is slow beside his peers? The mean latency of an interval against the
 * median of all means. The mean and not the peak EWMA, because that one jumps to
 * every slow answer and takes intervals to forget it: a single one would be enough.
 *
 * The median is found without sorting, from a few hundred counters: the values
 * are shown four times, and each time eight more of its bits are known. */

#ifndef TULLE_ENDPOINT_SLOW_H
#define TULLE_ENDPOINT_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEDIAN_ROUNDS = 4 };

struct median {
    uint32_t value; /* after the last round: the median; the lower one of an even count */
    unsigned shift; /* of the bits that this round finds */
    size_t rank;    /* of the median among the values that begin with `value` */
    size_t bins[256];
};

void tulle__median_begin(struct median *median, size_t count); /* count > 0 */
void tulle__median_show(struct median *median, uint32_t value);
void tulle__median_round(struct median *median); /* all were shown once more */

/* `factor` in permille. */
static inline bool is_slow(uint32_t mean, uint32_t median, uint32_t factor)
{
    return (uint64_t)mean * 1000 > (uint64_t)median * factor;
}

#endif
