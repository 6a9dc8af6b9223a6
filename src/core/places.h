/* SPDX-License-Identifier: Apache-2.0 */

/* Places of the app's code that the log has spoken of: each is told once. */

#ifndef TULLE_CORE_PLACES_H
#define TULLE_CORE_PLACES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/table.h"
#include "base/thread.h"

struct places {
    struct mutex lock; /* guards the rest */
    struct table told;
    struct arena arena;
};

bool tulle__places_init(struct places *places); /* false: no lock */
void tulle__places_fini(struct places *places);
/* True: it is new, and noted. False also without memory, and for the thousandth. */
bool tulle__places_add(struct places *places, struct str place);

#endif
