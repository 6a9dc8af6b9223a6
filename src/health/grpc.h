/* SPDX-License-Identifier: Apache-2.0 */

/* The two messages of grpc.health.v1.Health/Check, as they go over the wire: a
 * flag, four bytes of length, and one field each (service = 1, a string; status
 * = 1, an enum). Read by hand and not by protobuf-c: the reader keeps a handful of
 * bytes whatever a server sends, allocates nothing, and knows no more of a message
 * than it must, as policy/orca_bytes.c does. */

#ifndef TULLE_HEALTH_GRPC_H
#define TULLE_HEALTH_GRPC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A status behind SERVING, as the protocol has them. */
enum grpc_serving {
    GRPC_UNKNOWN = 0,
    GRPC_SERVING = 1,
    GRPC_NOT_SERVING = 2,
    GRPC_SERVICE_UNKNOWN = 3
};

enum { GRPC_REPLY_MAX = 64 };

/* What came of a reply so far. */
struct grpc_reply {
    unsigned char bytes[GRPC_REPLY_MAX];
    size_t size; /* that came; may be more than are kept */
};

/* The request for `service`, prefixed. False: no memory. */
bool tulle__grpc_health_write(struct buf *out, struct str service);

void tulle__grpc_reply_add(struct grpc_reply *reply, const char *data, size_t size);
/* False: that is no such message. A status that nobody knows is GRPC_UNKNOWN. */
bool tulle__grpc_reply_read(const struct grpc_reply *reply, enum grpc_serving *out);

#endif
