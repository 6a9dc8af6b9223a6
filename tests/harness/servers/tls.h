/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SERVERS_TLS_H
#define SERVERS_TLS_H

#include <stdbool.h>

struct conn;
struct setup;

/* Reads certificate and key. False: cannot; stderr says why. */
bool tls_init(const struct setup *setup);
void tls_fini(void);

/* A new connection starts with a handshake; then it speaks what ALPN says. */
void tls_welcome(struct conn *conn);

#endif
