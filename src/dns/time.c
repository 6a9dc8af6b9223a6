/* SPDX-License-Identifier: Apache-2.0 */

/* TTLs are respected (Envoy's respect_dns_ttl, which Istio sets), within
 * bounds. Jitter only adds: who asked before the TTL was over would get the same
 * from the cache of the server in between. */

#include "dns/time.h"

static int64_t within(int64_t time, int64_t least, int64_t most)
{
    return time < least ? least : time > most ? most : time;
}

int64_t tulle__dns_time_good(int64_t ttl_ns)
{
    return within(ttl_ns == NEVER ? DNS_TTL_UNKNOWN : ttl_ns, DNS_TTL_LEAST, DNS_TTL_MOST);
}

int64_t tulle__dns_time_bad(enum dns_fault fault, int64_t ttl_ns, unsigned failures)
{
    unsigned doubled = failures > 6 ? 6 : failures;

    if ((fault == DNS_NO_NAME || fault == DNS_NO_DATA) && ttl_ns != NEVER) {
        return within(ttl_ns, DNS_TTL_LEAST, DNS_DENIAL_MOST);
    }
    return within(DNS_TTL_LEAST << (doubled > 0 ? doubled - 1 : 0), DNS_TTL_LEAST,
                  DNS_FAILURE_MOST);
}

int64_t tulle__dns_time_jitter(int64_t time_ns, struct rand *rand)
{
    int64_t most = within(time_ns / 10, 1, DNS_JITTER_MOST);

    return time_add(time_ns, rand_below_i64(rand, most));
}
