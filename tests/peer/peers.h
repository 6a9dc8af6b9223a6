/* SPDX-License-Identifier: Apache-2.0 */

/* Real programs at the other end: nginx, nghttpd, Envoy. Each runs in a folder
 * of its own, on a free port of 127.0.0.1, and goes when the test goes. A
 * program that is not installed fails the test (`./dev deps --peers`). */

#ifndef TESTS_PEERS_H
#define TESTS_PEERS_H

#include <stdint.h>

#include "wire/wire.h"

struct peer;

/* A folder, a port, and nothing running yet. */
struct peer *peer_new(void);
void peer_free(struct peer *peer); /* ends it; NULL does nothing */

const char *peer_folder(const struct peer *peer);
uint16_t peer_port(const struct peer *peer);
const char *peer_at(const struct peer *peer); /* "127.0.0.1:34567" */
uint16_t peer_free_port(void);                /* one more */

/* The path of a file in its folder; lives until the next call. */
const char *peer_path(struct peer *peer, const char *name);

/* Runs a program (found on PATH or in /usr/sbin) and waits until its port
 * answers; the last argument is NULL. */
void peer_run(struct peer *peer, const char *program, ...) __attribute__((sentinel));
void peer_signal(struct peer *peer, int signal);

/* What follows a listener's address; its route_config comes next. */
#define PEER_ENVOY_HTTP                                                                            \
    "    filter_chains:\n"                                                                         \
    "    - filters:\n"                                                                             \
    "      - name: http\n"                                                                         \
    "        typed_config:\n"                                                                      \
    "          '@type': type.googleapis.com/envoy.extensions.filters.network."                     \
    "http_connection_manager.v3.HttpConnectionManager\n"                                           \
    "          stat_prefix: shop\n"                                                                \
    "          http_filters:\n"                                                                    \
    "          - name: envoy.filters.http.router\n"                                                \
    "            typed_config: {'@type': "                                                         \
    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"                        \
    "          route_config:\n"

/* Runs the Envoy of `./dev deps --peers`, or of TULLE_ENVOY, on this bootstrap; one worker. */
void peer_run_envoy(struct peer *peer, const char *bootstrap);

/* The same as wire_open(), for any address. */
struct tulle *peer_open(const char *address, int32_t protocol, const char *yaml,
                        const struct tulle_options *options);

#endif
