/* SPDX-License-Identifier: Apache-2.0 */

/* A name server that lies as it is told: UDP and TCP on a free port of
 * 127.0.0.1, on a thread of this process. */

#ifndef TESTS_HARNESS_DNS_SERVER_H
#define TESTS_HARNESS_DNS_SERVER_H

#include <stdint.h>

enum dns_lie {
    DNS_TRUTH,      /* the addresses; truncated over UDP if they are many */
    DNS_NXDOMAIN,   /* with a SOA */
    DNS_FAILS,      /* SERVFAIL */
    DNS_REFUSES,    /* REFUSED */
    DNS_SILENT,     /* no answer at all */
    DNS_SILENT_6,   /* none to AAAA */
    DNS_WRONG_ID,   /* never the question's */
    DNS_WRONG_NAME, /* answers for another question */
    DNS_OTHERS,     /* the right question, addresses of another name */
    DNS_GARBAGE,
    DNS_LOOP, /* a CNAME to itself */
    DNS_CUT,  /* truncated, and TCP is closed at once */
    DNS_EMPTY /* no address, no SOA */
};

struct dns_server;

struct dns_server *dns_server_start(void);
void dns_server_stop(struct dns_server *server);
uint16_t dns_server_port(const struct dns_server *server);
const char *dns_server_address(const struct dns_server *server); /* "127.0.0.1:34567" */
/* From now on. `ipv4`, `ipv6`: comma-separated or NULL; "*1000": that many made
 * up, from 127.1.0.1 on. A name nobody spoke of is NXDOMAIN. */
void dns_server_say(struct dns_server *server, const char *name, enum dns_lie lie, uint32_t ttl,
                    const char *ipv4, const char *ipv6);
unsigned dns_server_asked(struct dns_server *server,
                          const char *name);        /* questions, both families */
unsigned dns_server_tcp(struct dns_server *server); /* over TCP, in all */

#endif
