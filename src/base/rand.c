/* SPDX-License-Identifier: Apache-2.0 */

#include "base/rand.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void tulle__rand_init(struct rand *rand, uint64_t seed)
{
    int i;

    for (i = 0; i < 4; i++) {
        rand->state[i] = splitmix(&seed);
    }
}
