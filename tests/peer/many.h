/* SPDX-License-Identifier: Apache-2.0 */

/* One server at many addresses of 127.0.0.0/8, which answers with the address
 * that it was asked at: whoever chose it, chose that. And one who asks an Envoy in
 * front of it, some questions at a time. */

#ifndef TESTS_PEER_MANY_H
#define TESTS_PEER_MANY_H

#include <stddef.h>
#include <stdint.h>

enum { MANY_MAX = 1000, MANY_ADDRESS = 64, MANY_AT_ONCE = 16 };

struct many;

struct many *many_start(void);
void many_stop(struct many *many);
/* "127.40.100.107:3456"; the text of `i` is before that of `i + 1`. */
void many_address(const struct many *many, size_t i, char text[MANY_ADDRESS]);
/* Which one this is the address of. */
size_t many_index(const struct many *many, const char *address);
/* From now on it answers when so many requests wait for their answer. */
void many_hold(struct many *many, unsigned count);

/* An Envoy with clusters of these addresses; a request goes to the cluster that
 * its Host names, by the header x-key where the cluster hashes. */
struct many_cluster {
    const char *name;
    const char *policy;      /* of the cluster: "lb_policy: MAGLEV" */
    const uint32_t *weights; /* `count` of them */
    size_t count;
    int reversed;     /* listed from the last to the first */
    const char *hash; /* of its route: hash_policy; NULL: the header x-key */
};

struct many_envoy;

struct many_envoy *many_envoy_start(const struct many *many, const struct many_cluster *clusters,
                                    size_t count);
void many_envoy_stop(struct many_envoy *envoy);
/* One request: its target and, each with its CRLF, its header lines. */
size_t many_envoy_ask_one(struct many_envoy *envoy, const char *cluster, const char *target,
                          const char *lines);
/* `count` requests at once, at most MANY_AT_ONCE, with the keys "key-<from>" and on:
 * which server each reached. */
void many_envoy_ask(struct many_envoy *envoy, const char *cluster, size_t from, size_t count,
                    size_t *reached);

#endif
