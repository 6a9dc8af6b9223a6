/* SPDX-License-Identifier: Apache-2.0 */

/* Pickers in force, and those that were: a picker is freed when every loop has
 * passed a round since it was replaced. */

#ifndef TULLE_CORE_PICKERS_H
#define TULLE_CORE_PICKERS_H

#include "core/mesh.h"

/* Builds the picker of a live cluster anew, if `changed` or if the balancer of
 * its configuration is another. Calls that wait for an endpoint are told.
 * Errors: TULLE_E_NOMEM, and the old one serves on */
enum tulle_error tulle__picker_refresh(struct tulle *mesh, struct cluster_live *live, bool changed);
/* Frees what no loop can still read. Control step only. True: some are left. */
bool tulle__pickers_sweep(struct tulle *mesh);
void tulle__pickers_fini(struct tulle *mesh); /* no loop runs any more */

#endif
