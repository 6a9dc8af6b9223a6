/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/slow.h"

#include <string.h>

enum { VALUE_BITS = 32, ROUND_BITS = 8 };

void tulle__median_begin(struct median *median, size_t count)
{
    *median = (struct median){ .shift = VALUE_BITS - ROUND_BITS, .rank = (count - 1) / 2 };
}

/* The bits that are known already. */
static uint32_t known_mask(unsigned shift)
{
    return shift + ROUND_BITS >= VALUE_BITS ? 0 : UINT32_MAX << (shift + ROUND_BITS);
}

void tulle__median_show(struct median *median, uint32_t value)
{
    if (((value ^ median->value) & known_mask(median->shift)) == 0) {
        median->bins[(value >> median->shift) & UINT8_MAX]++;
    }
}

void tulle__median_round(struct median *median)
{
    uint32_t bin = 0;

    while (bin < UINT8_MAX && median->rank >= median->bins[bin]) {
        median->rank -= median->bins[bin++];
    }
    median->value |= bin << median->shift;
    median->shift -= ROUND_BITS;
    memset(median->bins, 0, sizeof(median->bins));
}
