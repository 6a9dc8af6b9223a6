/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/murmur.h"

#define SEED UINT64_C(0xc70f6907)
#define MUL  UINT64_C(0xc6a4a7935bd1e995)

static uint64_t shift_mix(uint64_t x)
{
    return x ^ (x >> 47);
}

/* Little-endian. */
static uint64_t load(const char *data, size_t size)
{
    uint64_t word = 0;

    while (size-- > 0) {
        word = word << 8 | (unsigned char)data[size];
    }
    return word;
}

uint64_t tulle__murmur2(struct str text)
{
    uint64_t hash = SEED ^ (text.size * MUL);
    size_t at = 0;

    for (; at + 8 <= text.size; at += 8) {
        hash ^= shift_mix(load(text.data + at, 8) * MUL) * MUL;
        hash *= MUL;
    }
    if (at < text.size) {
        hash ^= load(text.data + at, text.size - at);
        hash *= MUL;
    }
    return shift_mix(shift_mix(hash) * MUL);
}
