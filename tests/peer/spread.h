/* SPDX-License-Identifier: Apache-2.0 */

/* The library and a live Envoy, told of the same endpoints, and what each of them
 * chose. One Envoy has a cluster for each case, and answers for all endpoints
 * itself: each is an address of 127.0.0.0/8 at one port. */

#ifndef TESTS_PEER_SPREAD_H
#define TESTS_PEER_SPREAD_H

#include <stdint.h>

#include "harness/test.h"
#include "model/balancer.h"
#include "model/cluster.h"

enum { SPREAD_GROUPS = 6, SPREAD_HOSTS = 20, SPREAD_PICKS = 6000, SPREAD_STATES = 3 };

struct spread_group {
    uint32_t priority;
    const char *place; /* "region/zone/subzone"; NULL: none */
    uint32_t place_weight;
    uint32_t count, degraded, unhealthy; /* the first ones are */
    uint32_t weight;                     /* of each; 0: 1 */
};

struct spread_case {
    const char *name;
    const char *policy; /* Envoy's: "RANDOM" */
    enum balancer_kind kind;
    enum locality_mode mode;
    uint32_t panic;
    uint32_t routing;     /* percent routed by zones; 0: 100 */
    uint32_t min_cluster; /* 0: 6 */
    bool fail_on_panic;
    bool by_file;              /* Envoy reads the endpoints from a file: spread_envoy_tell() */
    const char *policy_config; /* Envoy's: "round_robin_lb_config: {...}"; NULL: none */
    struct spread_group groups[SPREAD_GROUPS];
};

#define SPREAD_ROUND  "ROUND_ROBIN", BALANCER_ROUND_ROBIN
#define SPREAD_LEAST  "LEAST_REQUEST", BALANCER_LEAST_REQUEST
#define SPREAD_RANDOM "RANDOM", BALANCER_RANDOM

/* Who calls, by place; this process is in "a". Of zone-aware routing. */
enum { SPREAD_CALLERS = 3 };
extern const struct caller_share spread_callers[SPREAD_CALLERS];

/* 0: healthy, 1: degraded, 2: unhealthy. */
static inline uint32_t spread_state(const struct spread_group *group, uint32_t host)
{
    return host < group->degraded ? 1 : host < group->degraded + group->unhealthy ? 2 : 0;
}

/* How often each host was chosen, and how often nobody could be. */
struct spread_choice {
    unsigned hosts[SPREAD_GROUPS][SPREAD_HOSTS];
    unsigned none;
};

/* --- Envoy (spread_config.c, spread_envoy.c) --- */

struct spread_text {
    char *data;
    size_t size;
};

struct spread_text spread_text_new(void);
void spread_text_free(struct spread_text *text);
void spread_add(struct spread_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where an Envoy is: its files, who calls it, who asks it, and its endpoints. */
struct spread_site {
    const char *folder;
    unsigned port, admin, back;
};

/* The whole bootstrap. */
void spread_config(struct spread_text *text, const struct spread_case *cases, size_t count,
                   const struct spread_site *site);
/* What a file says of the endpoints of a case. */
void spread_endpoints(struct spread_text *text, const struct spread_case *test, size_t number,
                      unsigned back);

struct spread_envoy;

struct spread_envoy *spread_envoy_start(const struct spread_case *cases, size_t count);
void spread_envoy_stop(struct spread_envoy *envoy);
/* Other endpoints for a cluster whose endpoints are read from a file. */
void spread_envoy_tell(struct spread_envoy *envoy, const struct spread_case *test, size_t number);
bool spread_envoy_knows(struct spread_envoy *envoy, size_t number, size_t group, uint32_t host);
/* Calls one after the other on one connection, at most a hundred; gives how many of
 * them found nobody. */
unsigned spread_envoy_call(struct spread_envoy *envoy, size_t number, unsigned count);
/* What it chose so far, as its statistics tell. */
void spread_envoy_chose(struct spread_envoy *envoy, const struct spread_case *test, size_t number,
                        struct spread_choice *choice);
/* SPREAD_PICKS calls. `one_by_one`: some are expected to find nobody; after a few
 * replies of its own Envoy closes a connection on which more is asked already. */
void spread_envoy_choose(struct spread_envoy *envoy, const struct spread_case *test, size_t number,
                         bool one_by_one, struct spread_choice *choice);

/* --- the library, and the comparison (spread.c) --- */

/* A cluster of the endpoints of a case, with the defaults for what it does not say. */
struct cluster *spread_cluster(const struct spread_case *test);
/* Counts a pick; `address` is "127.1.<group>.<host + 1>:<port>". */
void spread_count(struct spread_choice *choice, const char *address);

/* Each host's share and, more sharply, those of the states of each group, are the
 * same: p > 0.001 over all `comparisons` of a file. */
void spread_compare(const struct spread_case *test, const struct spread_choice *ours,
                    const struct spread_choice *envoys, size_t comparisons);
unsigned spread_total(const struct spread_choice *choice);

#endif
