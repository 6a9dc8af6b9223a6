/* SPDX-License-Identifier: Apache-2.0 */

/* The world: time, randomness, and whether waiting is real. It comes in as a
 * table, so that tests run on a virtual clock with a seed and never wait. */

#ifndef TULLE_BASE_CLOCK_H
#define TULLE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NEVER     INT64_MAX
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct world {
    int64_t (*now)(void *user);   /* monotonic, ns, > 0 */
    int64_t (*wall)(void *user);  /* since 1970, ns: for logs and certificates */
    uint64_t (*seed)(void *user); /* a new seed each time */
    void *user;
    /* No thread is made and nobody waits: the owner of the virtual clock runs
     * loops and control step by hand. */
    bool is_virtual;
    /* Of a virtual world where blocking functions may turn the clock (NULL: they
     * may not): runs what is due now, or else turns it to what is due next and
     * runs that. False: nothing is, up to `end`, and that is what the clock shows. */
    bool (*advance)(void *user, int64_t end);
    /* The clock is being turned: whoever asks is in a callback. NULL with `advance`. */
    bool (*is_turning)(void *user);
};

/* The real one: CLOCK_MONOTONIC, CLOCK_REALTIME, getrandom(). */
extern const struct world tulle__world;

static inline int64_t world_now(const struct world *world)
{
    return world->now(world->user);
}

/* a + b, NEVER when either is or when it would overflow; b >= 0. */
static inline int64_t time_add(int64_t a, int64_t b)
{
    return a == NEVER || b >= NEVER - a ? NEVER : a + b;
}

#endif
