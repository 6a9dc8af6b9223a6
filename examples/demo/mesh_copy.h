/* SPDX-License-Identifier: Apache-2.0 */

/* A copy of the shop's YAML that the demo may edit. */

#ifndef DEMO_MESH_COPY_H
#define DEMO_MESH_COPY_H

#include <stdbool.h>

/* The folder of the copy, or NULL: stderr says why. */
const char *mesh_copy_open(void);
void mesh_copy_close(void);

/* Reviews: v1 and v2 get half each; the new file is renamed over the old one. */
bool mesh_copy_shift(void);

#endif
