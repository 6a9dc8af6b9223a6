/* SPDX-License-Identifier: Apache-2.0 */

/* tracestate and baggage are lists that may come in several lines; they go on
 * as one, unchanged where they are within the limits. */

#ifndef TULLE_OBSERVE_TRACE_LIST_H
#define TULLE_OBSERVE_TRACE_LIST_H

#include "base/buf.h"

/* One line more, behind a comma. What is over 32 KiB is left out. False: no memory. */
bool tulle__trace_list_add(struct buf *list, struct str value);

/* What goes on, in place; none if a member is malformed or there are over 32. Over
 * 512 bytes whole members go: those over 128 bytes first, then from the end, as
 * W3C Trace Context 3.3.1.5 wants. */
struct str tulle__tracestate_fit(struct buf *list);

/* Whole members from the start, up to 8192 bytes; none if a byte is no text. */
struct str tulle__baggage_fit(const struct buf *list);

#endif
