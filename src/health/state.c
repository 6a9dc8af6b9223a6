/* SPDX-License-Identifier: Apache-2.0 */

#include "health/state.h"

#include "base/clock.h"

enum { PERCENT = 100 };

/* Envoy's smallest; two checks never follow each other at once. */
#define WAIT_LEAST NS_PER_MS

/* So long after what could not be done at all, whatever the interval is. */
#define WAIT_NONE NS_PER_S

static enum check_change note_good(struct check_state *state, const struct health_check *check,
                                   bool is_first)
{
    state->bad = 0;
    if (state->is_healthy) {
        return CHANGE_NONE;
    }
    if (!is_first && ++state->good != check->healthy_threshold) {
        return CHANGE_PENDING;
    }
    state->is_healthy = true;
    return CHANGE_MADE;
}

static enum check_change note_bad(struct check_state *state, const struct health_check *check,
                                  enum check_result result)
{
    state->good = 0;
    if (!state->is_healthy) {
        return CHANGE_NONE;
    }
    if (result != CHECK_FAILED && ++state->bad != check->unhealthy_threshold) {
        return CHANGE_PENDING;
    }
    state->is_healthy = false;
    return CHANGE_MADE;
}

/* A change of `is_degraded` makes one of nothing, never of what is pending. */
static enum check_change note_degraded(struct check_state *state, bool is_degraded,
                                       enum check_change change)
{
    if (state->is_degraded == is_degraded) {
        return change;
    }
    state->is_degraded = is_degraded;
    return change == CHANGE_NONE ? CHANGE_MADE : change;
}

enum check_change tulle__check_note(struct check_state *state, const struct health_check *check,
                                    enum check_result result)
{
    bool is_first = !state->is_checked;
    enum check_change change =
        check_is_good(result) ? note_good(state, check, is_first) : note_bad(state, check, result);

    state->is_checked = true;
    return check_is_good(result) ? note_degraded(state, result == CHECK_DEGRADED, change) : change;
}

static int64_t first_of(int64_t set, int64_t otherwise)
{
    return set > 0 ? set : otherwise;
}

static int64_t wait_in_use(const struct health_check *check, bool is_good, bool is_pending)
{
    int64_t unhealthy = first_of(check->unhealthy_ns, check->interval_ns);

    if (is_good) {
        return is_pending ? first_of(check->healthy_edge_ns, check->interval_ns)
                          : check->interval_ns;
    }
    return is_pending ? first_of(check->unhealthy_edge_ns, unhealthy) : unhealthy;
}

static int64_t wait_unused(const struct health_check *check, bool is_good, bool is_pending)
{
    return is_good && !is_pending ? first_of(check->no_traffic_healthy_ns, check->no_traffic_ns)
                                  : check->no_traffic_ns;
}

static int64_t jitter(int64_t most, struct rand *rand)
{
    return most > 0 ? rand_below_i64(rand, most) : 0;
}

static int64_t at_least(int64_t wait)
{
    return wait > WAIT_LEAST ? wait : WAIT_LEAST;
}

int64_t tulle__check_wait(const struct health_check *check, enum check_result result,
                          enum check_change change, bool in_use, struct rand *rand)
{
    bool is_pending = change == CHANGE_PENDING, is_good = check_is_good(result);
    int64_t wait =
        in_use ? wait_in_use(check, is_good, is_pending) : wait_unused(check, is_good, is_pending);

    if (result == CHECK_NONE) {
        wait = check->interval_ns < WAIT_NONE ? check->interval_ns : WAIT_NONE;
    }
    wait += jitter(wait / PERCENT * check->interval_jitter_percent, rand);
    return at_least(wait + jitter(check->interval_jitter_ns, rand));
}

int64_t tulle__check_wait_first(const struct health_check *check, struct rand *rand)
{
    return check->initial_jitter_ns > 0 ? at_least(jitter(check->initial_jitter_ns, rand)) : 0;
}
