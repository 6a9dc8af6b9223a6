/* SPDX-License-Identifier: Apache-2.0 */

/* What an answer to a gRPC call says of itself. */

#ifndef TULLE_POLICY_GRPC_H
#define TULLE_POLICY_GRPC_H

#include "stack/call.h"

/* The grpc-status of the head; -1: it has none, or the call is no gRPC call. */
int tulle__grpc_head_status(const struct tulle_call *call);
/* Of the trailers; of the head where these have none. */
int tulle__grpc_status(const struct tulle_call *call);

#endif
