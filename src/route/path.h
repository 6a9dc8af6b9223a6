/* SPDX-License-Identifier: Apache-2.0 */

/* Normalises the path of a URL as a real sidecar does (route/url.h says how). */

#ifndef TULLE_ROUTE_PATH_H
#define TULLE_ROUTE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* At most this many bytes come out of one that goes in. */
enum { PATH_GROWTH = 3 };

/* Writes to `out`, which has room for PATH_GROWTH * path.size + 2 bytes. `path`
 * holds no control byte, no blank and no byte above 127; it is empty or begins
 * with / or \. Gives the size, at least 1; 0: there is a %00. */
size_t tulle__path_normalise(struct str path, char *out);

#endif
