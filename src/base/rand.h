/* SPDX-License-Identifier: Apache-2.0 */

/* xoshiro256++ (Blackman, Vigna), seeded by splitmix64. One owner each. Not
 * for secrets. */

#ifndef TULLE_BASE_RAND_H
#define TULLE_BASE_RAND_H

#include <stdint.h>

struct rand {
    uint64_t state[4];
};

void tulle__rand_init(struct rand *rand, uint64_t seed);

static inline uint64_t rand_rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t rand_next(struct rand *rand)
{
    uint64_t *s = rand->state;
    uint64_t result = rand_rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rand_rotate(s[3], 45);
    return result;
}

/* Of 64 random bits: uniform in [0, 1). */
static inline double rand_unit(uint64_t random)
{
    return (double)(random >> 11) * 0x1p-53;
}

/* Uniform in [0, n), n > 0 (Lemire's multiply; the bias is below 2^-32 for n < 2^32). */
static inline uint32_t rand_below(struct rand *rand, uint32_t n)
{
    return (uint32_t)(((rand_next(rand) >> 32) * n) >> 32);
}

/* Uniform in [0, n), n > 0, for large n. */
static inline int64_t rand_below_i64(struct rand *rand, int64_t n)
{
    return (int64_t)(rand_next(rand) % (uint64_t)n);
}

#endif
