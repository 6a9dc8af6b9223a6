/* SPDX-License-Identifier: Apache-2.0 */

/* What a server says about when to come again. Pure. */

#ifndef TULLE_POLICY_PUSHBACK_H
#define TULLE_POLICY_PUSHBACK_H

#include <stdint.h>

#include "base/str.h"

enum pushback {
    PUSHBACK_NONE,  /* it says nothing, or nothing that can be read */
    PUSHBACK_LEAST, /* not before */
    PUSHBACK_EXACT, /* then */
    PUSHBACK_STOP   /* never */
};

/* The values as they came; size 0: did not come. */
struct pushback_said {
    struct str retry_after;     /* Retry-After: seconds */
    struct str ratelimit_reset; /* X-RateLimit-Reset: when, in seconds since 1970 */
    struct str grpc;            /* grpc-retry-pushback-ms (gRFC A6) */
};

/* `*interval_ns` > 0 with PUSHBACK_LEAST, >= 0 with PUSHBACK_EXACT. */
enum pushback tulle__pushback(const struct pushback_said *said, int64_t wall_ns,
                              int64_t *interval_ns);

#endif
