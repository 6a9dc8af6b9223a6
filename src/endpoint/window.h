/* SPDX-License-Identifier: Apache-2.0 */

/* What the kinds of outlier detection that look at a time remember of one
 * endpoint. Made by the control step where such a kind is on, at the first
 * snapshot that wants it; it stays as long as its view, because a call of an
 * older snapshot may still write into it. */

#ifndef TULLE_ENDPOINT_WINDOW_H
#define TULLE_ENDPOINT_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

#include "endpoint/breaker.h"

struct window {
    /* Of this interval: MONITOR_REQUEST and MONITOR_SUCCESS. */
    atomic_uint_least64_t external, local;
    atomic_uint_least64_t latency_us, answers;
    struct breaker breaker;

    /* Of the last interval; the control step's. */
    uint64_t past_external, past_local;
    uint32_t mean_us; /* 0: not known */
    uint32_t slow;    /* intervals in a row */
};

#endif
