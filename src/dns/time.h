/* SPDX-License-Identifier: Apache-2.0 */

/* How long what was learned is believed. Pure. */

#ifndef TULLE_DNS_TIME_H
#define TULLE_DNS_TIME_H

#include "base/rand.h"
#include "seam/resolver.h"

#define DNS_TTL_LEAST    NS_PER_S           /* a TTL of 0 asks once a second, not once a call */
#define DNS_TTL_MOST     (3600 * NS_PER_S)  /* as the cache of c-ares 1.24 (qcache_max_ttl) */
#define DNS_TTL_UNKNOWN  (60 * NS_PER_S)    /* /etc/hosts; Istio's dnsRefreshRate */
#define DNS_DENIAL_MOST  (60 * NS_PER_S)    /* a name that comes is seen as soon as in Istio */
#define DNS_FAILURE_MOST (30 * NS_PER_S)    /* doubling from DNS_TTL_LEAST */
#define DNS_JITTER_MOST  (5 * NS_PER_S)     /* of a tenth of the time, on top of it */
#define DNS_DELAY        (50 * NS_PER_MS)   /* for the other family: RFC 8305 3 */
#define DNS_STALE_WAIT   (1800 * NS_PER_MS) /* then last good addresses do: RFC 8767 5 */
#define DNS_CROWDED      (5 * NS_PER_S)     /* of names outside the mesh, when there are many */
#define DNS_SLEEP        (300 * NS_PER_S)   /* unused, kept for bad times (Envoy's host_ttl) */

int64_t tulle__dns_time_good(int64_t ttl_ns);
/* `failures` in a row, this one counted. */
int64_t tulle__dns_time_bad(enum dns_fault fault, int64_t ttl_ns, unsigned failures);
int64_t tulle__dns_time_jitter(int64_t time_ns, struct rand *rand); /* time_ns or more */

#endif
