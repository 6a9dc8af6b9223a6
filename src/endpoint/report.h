/* SPDX-License-Identifier: Apache-2.0 */

/* What endpoints say about their own load (ORCA load reports), as the balancers
 * that choose by it read it: one cache line for each peer, written by every loop
 * that hears of it, and there only where a balancer wants it.
 *
 * Two numbers that belong together are floats in one word, so that nobody sees
 * half of a report. */

#ifndef TULLE_ENDPOINT_REPORT_H
#define TULLE_ENDPOINT_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/peer.h"
#include "model/balancer.h"

/* One report. What it does not say is below 0. */
struct load {
    double cpu, application; /* utilization; 1: all that there is, more is possible */
    double qps, eps;         /* requests, and errors, a second */
    double rif;              /* requests in flight: named metric "rif" */
    double latency_ms;       /* of a request that comes now: named metric "latency_ms" */
};

#define LOAD_UNSAID ((struct load){ -1, -1, -1, -1, -1, -1 })

struct load_report {
    _Alignas(64) atomic_uint_least64_t share; /* utilization / qps; errors / qps^2 */
    atomic_int_least64_t shared_at;           /* when the weight was said; NEVER: was not */
    atomic_int_least64_t said_since;          /* since when it is said without a pause */
    atomic_uint_least64_t heat;               /* rif; latency in ns */
    atomic_int_least64_t heated_at;           /* NEVER: was not said */
    atomic_int_least64_t failed_at;           /* NEVER: none has failed */
    _Atomic float failing;                    /* share of failures among the last replies */
    atomic_uint own;                          /* of rif, those of this process */
    atomic_bool lost; /* a connection broke, or none came about, since the last new one */
};

/* What an endpoint is believed to be at. */
struct heat {
    float rif;
    float latency_ns;
    int64_t at;
    bool failing;
};

/* By the control step: from now on reports of this peer are kept. False: no memory. */
bool tulle__peer_want_report(struct peer *peer);

/* From any loop; does nothing where nobody wants reports. */
void tulle__peer_report(struct peer *peer, const struct load *load, int64_t now);
/* A reply came, or failed. Of failures alone no balancer here learns speed. */
void tulle__peer_report_reply(struct peer *peer, bool is_good, int64_t now);
/* A connection broke or did not come about; a new one stands. */
void tulle__peer_report_lost(struct peer *peer);
void tulle__peer_report_back(struct peer *peer);

/* gRFC A58's GetWeight(): 0: there is none (never said, expired, in blackout).
 * By the control step alone: an expired weight starts its blackout anew. */
double tulle__peer_weight(const struct peer *peer, const struct weighted_config *config,
                          int64_t now);

/* The last report's, with what this process has sent since added to its rif. False:
 * none is as young as `age`. */
bool tulle__peer_heat(const struct peer *peer, int64_t age, int64_t now, struct heat *out);
/* More than a quarter of its last replies were failures, and one was lately. */
bool tulle__peer_is_failing(const struct peer *peer, int64_t now);

#endif
