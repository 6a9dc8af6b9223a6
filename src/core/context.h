/* SPDX-License-Identifier: Apache-2.0 */

/* A call takes the context that its request names, else that of the thread. */

#ifndef TULLE_CORE_CONTEXT_H
#define TULLE_CORE_CONTEXT_H

#include <tulle/trace.h>

#include "stack/call.h"

/* `named` may be NULL. The call has a reference to its end. */
void tulle__context_attach(struct tulle_call *call, struct tulle_context *named);

/* When the request that is served is to be answered: its grpc-timeout and
 * x-envoy-expected-rq-timeout-ms (the smaller), counted from when the context was
 * made; on a virtual clock from its first use. NEVER: nobody said. NULL too. */
int64_t tulle__context_deadline(struct tulle_context *context, const struct world *world);

#endif
