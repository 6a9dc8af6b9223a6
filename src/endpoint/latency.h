/* SPDX-License-Identifier: Apache-2.0 */

/* What an attempt teaches about the latency of its endpoint. */

#ifndef TULLE_ENDPOINT_LATENCY_H
#define TULLE_ENDPOINT_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ewma.h"
#include "model/balancer.h"

/* `took_ns` from its start to the head of the answer, or to its failure. */
void tulle__latency_learn(struct ewma *latency, const struct balancer_config *config,
                          int64_t took_ns, bool failed, int64_t now);

#endif
