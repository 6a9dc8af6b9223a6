/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SERVERS_H1_H
#define SERVERS_H1_H

#include "conn.h"

/* HTTP/1.1, one request at a time; what is pipelined waits. */
extern const struct protocol h1_protocol;

#endif
