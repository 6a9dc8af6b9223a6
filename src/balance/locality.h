/* SPDX-License-Identifier: Apache-2.0 */

/* How the calls of one priority are spread over its localities: by their
 * weights, or so that as many as possible stay in the caller's own zone while
 * each endpoint of the service gets as much as any other. Both as in Envoy
 * (HostSetImpl::effectiveLocalityWeight, ZoneAwareLoadBalancerBase). */

#ifndef TULLE_BALANCE_LOCALITY_H
#define TULLE_BALANCE_LOCALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/balancer.h"

/* weight * min(1, factor * usable / hosts); `factor` in permille. */
double tulle__locality_weight(uint32_t weight, uint32_t hosts, uint32_t usable, uint32_t factor);

struct zone {
    uint32_t callers; /* of this service's clients, how many are here */
    uint32_t healthy; /* endpoints */
    bool local;       /* the caller is here */
    double share;     /* made; of all zones: 1 */
};

/* False: calls are not to be spread by zones (the cluster is too small, there is
 * one zone only, or the callers are not known); shares are not made. */
bool tulle__zone_shares(struct zone *zones, size_t count, const struct locality_config *config);

#endif
