/* SPDX-License-Identifier: Apache-2.0 */

/* A request becomes a call: checked whole before any I/O, copied into the
 * call's arena. */

#ifndef TULLE_CORE_REQUEST_H
#define TULLE_CORE_REQUEST_H

#include "core/mesh.h"

/* One reference, `ended` not yet set. `copies_body`: the app's memory may go.
 * Errors: TULLE_E_USAGE (told to the log, and to request->failure), TULLE_E_NOMEM */
enum tulle_error tulle__call_new(struct tulle *mesh, const struct tulle_request *request,
                                 bool copies_body, struct tulle_call **out);

/* The line of a trailer. Errors: TULLE_E_USAGE  it is no header, or the library's
 *                                TULLE_E_NOMEM */
enum tulle_error tulle__trailer_format(struct arena *arena, const struct tulle_header *trailer,
                                       struct header_line *line);

/* Copies an options struct of any age: what the caller's lacks is zero, what it
 * has more must be zero. False: it is not, or its size is not set. */
bool tulle__options_copy(void *to, size_t to_size, const void *from, size_t from_size);

#endif
