/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SERVERS_H2_H
#define SERVERS_H2_H

#include "conn.h"

/* HTTP/2; the frames are nghttp2's. */
extern const struct protocol h2_protocol;

#endif
