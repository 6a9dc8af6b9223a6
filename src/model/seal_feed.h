/* SPDX-License-Identifier: Apache-2.0 */

/* Every field is fed to the hash by value, texts and lists with their sizes in
 * front, so that no two contents have one serialisation. Structs are never fed
 * whole: their padding is not content. */

#ifndef TULLE_MODEL_SEAL_FEED_H
#define TULLE_MODEL_SEAL_FEED_H

#define XXH_STATIC_LINKING_ONLY /* the state on the stack: sealing cannot fail */
#include <xxhash.h>

#include "base/str.h"
#include "model/part.h"

static inline void feed_number(XXH3_state_t *state, uint64_t number)
{
    XXH3_128bits_update(state, &number, sizeof(number));
}

static inline void feed_time(XXH3_state_t *state, int64_t time)
{
    feed_number(state, (uint64_t)time);
}

static inline void feed_str(XXH3_state_t *state, struct str text)
{
    feed_number(state, text.size);
    if (text.size > 0) {
        XXH3_128bits_update(state, text.data, text.size);
    }
}

static inline struct fingerprint print_of(const XXH3_state_t *state)
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);

    return (struct fingerprint){ .low = hash.low64, .high = hash.high64 };
}

#endif
