/* SPDX-License-Identifier: Apache-2.0 */

/* Which endpoints have connections ready, and how many on each loop. The control
 * step's alone. */

#ifndef TULLE_CORE_WARMTH_H
#define TULLE_CORE_WARMTH_H

#include <stdbool.h>

#include "base/list.h"
#include "base/table.h"

struct tulle;

struct warmth {
    struct table by_key; /* struct peer_warmth, by its peer */
    struct list all;
    bool stale; /* what clusters want, or whom they may use, has changed */
};

void tulle__warmth_init(struct warmth *warmth);
void tulle__warmth_fini(struct warmth *warmth); /* also of one that is all zero */
void tulle__warmth_step(struct tulle *mesh);

#endif
