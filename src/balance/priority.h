/* SPDX-License-Identifier: Apache-2.0 */

/* How calls are spread over priorities, and over the healthy and the degraded
 * endpoints of each, as Envoy does it (LoadBalancerBase, priority.rst,
 * panic_threshold.rst, degraded.rst): whole percents, all the way.
 *
 *   health = min(100, factor * healthy / hosts)      and the same for degraded
 *   total  = min(100, sum of all of them)
 *   load   = health * 100 / total, as far as there is load left: the healthy of
 *            all priorities first, then the degraded; what rounding left goes to
 *            the first that has any
 *
 * Only when total is below 100 is a priority in panic, if less than
 * panic_percent of its hosts can be used; all its hosts then are. When all
 * priorities are in panic, load follows the number of hosts. */

#ifndef TULLE_BALANCE_PRIORITY_H
#define TULLE_BALANCE_PRIORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/balancer.h"

enum { PRIORITIES_MAX = 128, LOAD_WHOLE = 100 }; /* Envoy's, both */

struct priority {
    uint32_t hosts, healthy, degraded; /* given */
    uint32_t health, degraded_health;  /* what it could carry, percent */
    uint32_t load, degraded_load;      /* what it is given; of all priorities: 100 */
    bool panic;
};

struct priority_choice {
    size_t priority;
    bool degraded;
};

void tulle__priority_loads(struct priority *priorities, size_t count,
                           const struct locality_config *config);

/* Spreads over those whose bit is not in `tried` (priorities from 31 on share
 * the last bit), as Envoy's previous_priorities does. `percent` is drawn from
 * [0, 100). False: none of them can carry anything. Allocates nothing. */
bool tulle__priority_untried(const struct priority *priorities, size_t count, uint32_t tried,
                             uint32_t percent, struct priority_choice *out);

static inline uint32_t priority_bit(uint32_t priority)
{
    return UINT32_C(1) << (priority < 31 ? priority : 31);
}

#endif
