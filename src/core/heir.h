/* SPDX-License-Identifier: Apache-2.0 */

/* What stands in for a mesh in a child of fork(): one that the child's first call
 * opens anew, behind the same handle. The inherited one is left where it lies. */

#ifndef TULLE_CORE_HEIR_H
#define TULLE_CORE_HEIR_H

#include <tulle/mesh.h>

struct tulle;
struct heritage; /* the options of a mesh, deeply copied */

/* `*out` is NULL when the options do not ask for TULLE_AFTER_FORK_REOPEN.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__heritage_new(const struct tulle_options *options, struct heritage **out);
void tulle__heritage_free(struct heritage *heritage); /* NULL does nothing */

/* Of an inherited mesh: `*mesh` becomes its heir in this process, which is opened
 * when there is none. Any thread.
 * Errors: TULLE_E_FORKED  it leaves none
 *         TULLE_E_USAGE   from a callback of that opening
 *         any of tulle_open() */
enum tulle_error tulle__heir_of(struct tulle **mesh);

/* tulle_close() of an inherited mesh. */
enum tulle_error tulle__heir_close(struct tulle *mesh);

#endif
