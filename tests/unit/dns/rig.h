/* SPDX-License-Identifier: Apache-2.0 */

/* Names over a scripted resolver, on a virtual clock, with one desk on the same loop. */

#ifndef TESTS_UNIT_DNS_RIG_H
#define TESTS_UNIT_DNS_RIG_H

#include "dns/dns.h"
#include "harness/script_resolver.h"
#include "harness/test.h"

struct dns_rig {
    struct script script; /* first: the resolver finds it as the world's `user` */
    struct world world;
    int64_t now;
    struct loop loop;
    struct dns *dns;
    struct dns_desk desk;
    struct log log;
    char told[2048];
    unsigned changes;
};

/* A call that waits. */
struct asker {
    struct dns_wait wait;
    struct dns_rig *rig;
    const char *host;
    struct dns_answer *answer; /* a reference */
};

struct dns_rig *dns_rig_new(void); /* NULL: out of memory */
void dns_rig_free(struct dns_rig *rig);
#define rig_name(rig, host, ...)                                                                   \
    script_name_say(&(rig)->script, host, &(struct script_says){ __VA_ARGS__ })
void rig_advance(struct dns_rig *rig, int64_t ns);
unsigned rig_asked(struct dns_rig *rig, const char *host);

void asker_ask(struct dns_rig *rig, struct asker *asker, const char *host);
void asker_leave(struct asker *asker);
/* Asks, leaves: "10.0.0.1,10.0.0.2", "" or "waits". */
const char *rig_text(struct dns_rig *rig, const char *host);

#endif
