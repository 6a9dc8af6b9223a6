/* SPDX-License-Identifier: Apache-2.0 */

/* A call takes the context that its request names, else that of the thread. */

#ifndef TULLE_CORE_CONTEXT_H
#define TULLE_CORE_CONTEXT_H

#include <tulle/trace.h>

#include "stack/call.h"

/* `named` may be NULL. The call has a reference to its end. */
void tulle__context_attach(struct tulle_call *call, struct tulle_context *named);

#endif
