/* SPDX-License-Identifier: Apache-2.0 */

/* As Envoy's reset headers (router/reset_header_parser.cc): Retry-After comes
 * first, a date in it is nothing, a time that is past is nothing. gRPC's own word
 * goes before both (gRFC A6): what is no number there means stop. */

#include "policy/pushback.h"

#include "base/clock.h"

#define SECONDS_MOST ((uint64_t)(NEVER / NS_PER_S - 1))

static enum pushback pushback_grpc(struct str value, int64_t *interval_ns)
{
    uint64_t ms;

    if (!tulle__str_to_u64(value, INT32_MAX, &ms)) {
        return PUSHBACK_STOP;
    }
    *interval_ns = (int64_t)ms * NS_PER_MS;
    return PUSHBACK_EXACT;
}

static enum pushback pushback_seconds(uint64_t seconds, int64_t *interval_ns)
{
    if (seconds == 0) {
        return PUSHBACK_NONE;
    }
    *interval_ns = (int64_t)seconds * NS_PER_S;
    return PUSHBACK_LEAST;
}

enum pushback tulle__pushback(const struct pushback_said *said, int64_t wall_ns,
                              int64_t *interval_ns)
{
    uint64_t wall_s = (uint64_t)(wall_ns / NS_PER_S), seconds;

    if (said->grpc.size > 0) {
        return pushback_grpc(tulle__str_trim(said->grpc), interval_ns);
    }
    if (tulle__str_to_u64(tulle__str_trim(said->retry_after), SECONDS_MOST, &seconds) &&
        seconds > 0) {
        return pushback_seconds(seconds, interval_ns);
    }
    if (!tulle__str_to_u64(tulle__str_trim(said->ratelimit_reset), SECONDS_MOST, &seconds)) {
        return PUSHBACK_NONE;
    }
    return pushback_seconds(seconds > wall_s ? seconds - wall_s : 0, interval_ns);
}
