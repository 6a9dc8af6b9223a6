/* SPDX-License-Identifier: Apache-2.0 */

#include "base/clock.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_read(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t real_now(void *user)
{
    (void)user;
    return clock_read(CLOCK_MONOTONIC);
}

static int64_t real_wall(void *user)
{
    (void)user;
    return clock_read(CLOCK_REALTIME);
}

/* Balancing needs seeds that differ, not secrets: a kernel that has no
 * randomness yet must not hold up the program. */
static uint64_t real_seed(void *user)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)real_now(user) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return seed;
}

const struct world tulle__world = {
    .now = real_now,
    .wall = real_wall,
    .seed = real_seed,
};
