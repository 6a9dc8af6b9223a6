/* SPDX-License-Identifier: Apache-2.0 */

/* What the results of checks come to, and when the next is due: Envoy's
 * HealthCheckerImplBase to the letter (source/extensions/health_checkers/common/
 * health_checker_base_impl.cc, setUnhealthy, handleSuccess, interval). Pure.
 *
 * The first result of an endpoint that nobody has sent to yet decides at once, so
 * does an answer that is a failure; what did not come through, and an answer that
 * may be repeated, count up to the threshold. */

#ifndef TULLE_HEALTH_STATE_H
#define TULLE_HEALTH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"
#include "endpoint/view.h"
#include "model/outlier.h"

enum check_result {
    CHECK_NONE, /* nothing was found out: no memory, no descriptor, no address yet */
    CHECK_PASSED,
    CHECK_DEGRADED,  /* passed, and the endpoint asks for less (x-envoy-degraded) */
    CHECK_FAILED,    /* an answer that says so: unhealthy at once */
    CHECK_RETRIABLE, /* an answer that is a failure up to the threshold */
    CHECK_UNREACHED  /* no connection, reset, timeout: up to the threshold */
};

enum check_change { CHANGE_NONE, CHANGE_PENDING, CHANGE_MADE };

struct check_state {
    bool is_checked; /* there was a result */
    bool is_healthy;
    bool is_degraded;
    uint32_t good, bad; /* in a row, towards the other side */
};

static inline bool check_is_good(enum check_result result)
{
    return result == CHECK_PASSED || result == CHECK_DEGRADED;
}

static inline enum fitness check_fitness(const struct check_state *state)
{
    return !state->is_healthy ? FIT_NOT : state->is_degraded ? FIT_DEGRADED : FIT;
}

/* Not of CHECK_NONE, which is no result. */
enum check_change tulle__check_note(struct check_state *state, const struct health_check *check,
                                    enum check_result result);

/* From the end of a check, which had this result, to the next one. `in_use`: the
 * cluster has had traffic. */
int64_t tulle__check_wait(const struct health_check *check, enum check_result result,
                          enum check_change change, bool in_use, struct rand *rand);

/* From the naming of an endpoint to its first check. */
int64_t tulle__check_wait_first(const struct health_check *check, struct rand *rand);

#endif
