/* SPDX-License-Identifier: Apache-2.0 */

/* What the three clocks of a call share: the app's deadline, the route's
 * timeout, the per-try timeout; a cancel is a bound as well. */

#ifndef TULLE_POLICY_BOUND_H
#define TULLE_POLICY_BOUND_H

#include "stack/call.h"

/* How far a call has come that is cut now. One that never reached the wire was
 * not executed; once it did, nobody knows. */
enum tulle_progress tulle__bound_progress(const struct tulle_call *call);

/* Ends all below `at` as timed out. An attempt that was under way hears it as a
 * hung endpoint. */
void tulle__bound_over(struct tulle_call *call, size_t at, unsigned flags, int64_t limit_ns);

#endif
