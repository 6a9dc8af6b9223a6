/* SPDX-License-Identifier: Apache-2.0 */

/* The failure record of a call. */

#ifndef TULLE_CORE_FAILURE_H
#define TULLE_CORE_FAILURE_H

#include "stack/call.h"

void tulle__failure_fill(struct tulle_call *call); /* from call->outcome */
/* Of a call that a child of fork() cannot make, or cannot end. Gives back `error`. */
enum tulle_error tulle__failure_of_child(const struct tulle_request *request,
                                         enum tulle_error error);
/* As much as the receiver has room for: to->size says. */
void tulle__failure_copy(struct tulle_failure *to, const struct tulle_failure *from);

#endif
