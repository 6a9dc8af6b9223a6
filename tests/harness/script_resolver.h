/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver of tests: seam/resolver.h out of a script. It finds the script
 * as `user` of its loop's world (whose first member it is). A name nobody spoke
 * of has one address, 192.0.2.1. */

#ifndef TESTS_HARNESS_SCRIPT_RESOLVER_H
#define TESTS_HARNESS_SCRIPT_RESOLVER_H

#include "harness/script.h"
#include "seam/resolver.h"

/* What a name answers from now on. */
struct script_says {
    const char *ipv4, *ipv6;      /* "10.0.0.1,10.0.0.2"; NULL: none of that family */
    enum dns_fault fault, fault6; /* of both families; of IPv6 alone */
    int64_t ttl_ns;               /* 0: 60 s; NEVER: nobody says */
    int64_t delay_ns, delay6_ns;  /* of both, of IPv6 alone; 0: at once; NEVER: never */
};

struct script_name {
    struct list node;
    char host[256];
    struct script_says says;
    char ipv4[32768], ipv6[1024];
    unsigned asked, asked6; /* questions */
};

struct script_name *script_name(struct script *script,
                                const char *host); /* made if it is not there */
void script_name_say(struct script *script, const char *host, const struct script_says *says);

extern const struct resolver_type script_resolver;

#endif
