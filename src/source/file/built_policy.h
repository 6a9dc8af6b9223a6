/* SPDX-License-Identifier: Apache-2.0 */

/* TrafficPolicies that are set in code, field by field: each target (a host, a
 * port, a subset) has one, and what is set of it is read by the tables that read
 * YAML. Kept are the texts alone. */

#ifndef TULLE_SOURCE_FILE_BUILT_POLICY_H
#define TULLE_SOURCE_FILE_BUILT_POLICY_H

#include "source/file/resource.h"

struct built_setting {
    struct str target; /* "reviews", "reviews:80", "reviews/v1", "reviews:80/v1" */
    struct str path;   /* "balancer.peakEwma.decayTime", "hashPolicy.0.terminal" */
    struct str value;  /* YAML */
};

/* The policy that the settings of one target make: `*resource` lies in the part.
 * NULL: something is wrong with them, which is complained of, or there is no memory
 * (then `complaints->no_memory`). */
struct part *tulle__built_policy_make(const struct built_setting *settings, size_t count,
                                      struct str target, const struct read_options *options,
                                      struct complaints *complaints,
                                      const struct resource **resource);

/* No setting before this one has its target. */
bool tulle__built_target_is_new(const struct built_setting *settings, size_t index);

#endif
