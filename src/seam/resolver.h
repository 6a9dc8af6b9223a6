/* SPDX-License-Identifier: Apache-2.0 */

/* What names are asked of whoever knows them. A resolver lives on the control
 * step's loop and is used there alone; it keeps nothing: what is remembered, for
 * how long, and what is done when there is no answer is src/dns/names.h. */

#ifndef TULLE_SEAM_RESOLVER_H
#define TULLE_SEAM_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"

/* Why there is no address. */
enum dns_fault {
    DNS_OK,
    DNS_NO_DATA,  /* the name is there, and has no address of this family */
    DNS_NO_NAME,  /* NXDOMAIN */
    DNS_SERVFAIL, /* SERVFAIL, NOTIMP, FORMERR */
    DNS_REFUSED,  /* REFUSED, or nobody listens at the server's port */
    DNS_TIMEOUT,
    DNS_BAD_REPLY, /* no DNS message, or another one's */
    DNS_UNUSABLE,  /* only addresses that nobody can connect to (0.0.0.0, multicast) */
    DNS_NO_MEMORY,
    DNS_TOO_MANY, /* names are remembered already */
    DNS_FAULTS
};

struct dns_address {
    bool is_ipv6;
    uint8_t bytes[16]; /* of IPv4 the first four; the rest 0 */
};

struct resolver_result {
    enum dns_fault fault;
    const struct dns_address *addresses; /* as they came; borrowed until done() returns */
    size_t count;
    /* For how long it may be believed: of addresses the least TTL on the way to
     * them, of a failure what the SOA says; NEVER: nobody said. */
    int64_t ttl_ns;
};

/* One question. Lives inside whoever asks, until done(). */
struct resolver_query {
    void (*done)(struct resolver_query *query, const struct resolver_result *result);
};

struct resolver_options {
    struct loop *loop;
    const struct log *log;
    const char *servers; /* "127.0.0.1:5353,[::1]:53"; NULL: the system's */
};

struct resolver;

struct resolver_type {
    const char *name;
    /* NULL: no memory, or `servers` is none (told to the log). */
    struct resolver *(*open)(const struct resolver_options *options);
    void (*close)(struct resolver *resolver); /* no done() comes any more */
    /* Asks for the addresses of one family. `host` ends with a NUL, is borrowed
     * until done(), and is no address. done() comes exactly once, and may come
     * from inside. */
    void (*start)(struct resolver *resolver, struct resolver_query *query, struct str host,
                  bool is_ipv6);
};

extern const struct resolver_type tulle__cares_resolver;
/* For worlds without a network: every name has one address, 192.0.2.1. */
extern const struct resolver_type tulle__fixed_resolver;

/* For metrics. */
struct dns_stats {
    uint64_t lookups; /* of a name, both families */
    uint64_t failures[DNS_FAULTS];
    uint64_t good, stale, failed, pending; /* names now; stale: last good in use after a failure */
};

/* "NXDOMAIN"..., and the label `reason` of metrics, "nxdomain"; static. */
const char *tulle__dns_fault_text(enum dns_fault fault);
const char *tulle__dns_fault_label(enum dns_fault fault);

#endif
