/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SERVERS_LISTENER_H
#define SERVERS_LISTENER_H

#include "host.h"

/* Listens on "127.0.0.2:8080", "[::1]:0" (port 0: the system's choice) and
 * says "listening ADDRESS:PORT" on stdout. False: cannot. */
bool listener_open(struct host *host, const char *address);

/* Stops taking connections out of the queue (they wait), and starts again. */
void listeners_accept(struct host *host, bool accepting);

/* Leaves the address (connecting is refused), and takes it again. False: cannot. */
void listeners_leave(struct host *host);
bool listeners_return(struct host *host);

void listeners_free(struct host *host);

#endif
