/* SPDX-License-Identifier: Apache-2.0 */

/* Headers and trailers of a reply: "name NUL value NUL", one behind the other. */

#ifndef TULLE_STACK_LINES_H
#define TULLE_STACK_LINES_H

#include <tulle/call.h>

#include "base/buf.h"

/* The one at `at`; gives where the next one stands. */
const char *tulle__lines_next(const char *at, struct tulle_header *out);
/* The value of the first with this name, whatever its case; NULL: there is none. */
const char *tulle__lines_find(const struct buf *lines, size_t count, const char *name);

#endif
