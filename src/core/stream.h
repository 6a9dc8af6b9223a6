/* SPDX-License-Identifier: Apache-2.0 */

/* The app's side of a call that streams, and who is told of what. */

#ifndef TULLE_CORE_STREAM_H
#define TULLE_CORE_STREAM_H

#include "stack/call.h"

/* Gives the call a stream, as the request wants it; `request` NULL: to be waited for.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__stream_open(struct tulle_call *call, const struct tulle_request *request);

/* The call is over, and FATE_OVER is set: who reads hears it, who waits wakes up. On the loop. */
void tulle__stream_over(struct tulle_call *call);

#endif
