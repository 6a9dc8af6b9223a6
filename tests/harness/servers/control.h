/* SPDX-License-Identifier: Apache-2.0 */

/* Commands on stdin, one a line; each is answered by one line on stdout, "ok",
 * "ok WORDS" or "error WORDS". See the README of this folder. */

#ifndef SERVERS_CONTROL_H
#define SERVERS_CONTROL_H

#include "host.h"

struct control {
    struct watch watch;
    struct host *host;
    struct buf in;
};

/* An end of stdin ends the server, unless it was no pipe or socket. */
void control_start(struct control *control, struct host *host);
void control_stop(struct control *control);

#endif
