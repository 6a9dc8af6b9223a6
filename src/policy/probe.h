/* SPDX-License-Identifier: Apache-2.0 */

/* Asks endpoints for their load, for Prequal: a GET beside the calls, on the same
 * loop and through the same pool, for which nobody waits. */

#ifndef TULLE_POLICY_PROBE_H
#define TULLE_POLICY_PROBE_H

#include "stack/call.h"

/* For a call that has just picked call->view, as many as its cluster wants. Without
 * memory there are fewer. */
void tulle__probes_send(struct tulle_call *call);
/* Before the loop's transport closes. */
void tulle__probes_cancel(struct call_loop *on);

#endif
